//! What all shards share: states and counters, the stream, the inboxes, and the one order of
//! leases. Made once by `server/run`; every field is safe from any core.

use super::apply::Progress;
use super::deliveries::Deliveries;
use super::inbox::Inbox;
use super::message::Sequenced;
use crate::base::ids::ShardId;
use crate::command::environment::Environment;
use crate::keyspace::placement::Placement;
use crate::replication::stream::Stream;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The process as its shards see it.
pub struct Shared {
    /// States and counters that commands see too.
    pub environment: Arc<Environment>,
    /// Which shard owns which slot.
    pub placement: Placement,
    /// The replication stream.
    pub stream: Arc<Stream>,
    /// How far the master's stream is applied.
    pub progress: Progress,
    /// By shard.
    pub inboxes: Vec<Arc<Inbox>>,
    /// Messages for subscribers on other shards.
    pub deliveries: Deliveries,
    /// Runs that wrote, on all shards: the clock by which reads of several shards are compared.
    pub write_clock: AtomicU64,
    /// By shard: it is asked to evict in its next turn.
    pub evict_wanted: Vec<AtomicBool>,
    order: Mutex<()>,
}

/// The right to append to the one order of leases and units. Held while the inboxes of all shards
/// concerned are filled, so that any two shards see any two items in the same order.
pub struct Sequencer<'a> {
    shared: &'a Shared,
    _turn: MutexGuard<'a, ()>,
}

impl Shared {
    /// Shares `environment` and `stream` among the shards of `placement`.
    pub fn new(environment: Arc<Environment>, placement: Placement, stream: Arc<Stream>) -> Shared {
        let shards = placement.shards();
        let inboxes = (0..shards).map(|_| Arc::new(Inbox::new(shards))).collect();
        let progress = Progress::new(placement);
        Shared {
            environment,
            placement,
            stream,
            progress,
            inboxes,
            deliveries: Deliveries::new(shards),
            write_clock: AtomicU64::new(0),
            evict_wanted: (0..shards).map(|_| AtomicBool::new(false)).collect(),
            order: Mutex::new(()),
        }
    }

    /// The inbox of a shard.
    pub fn inbox(&self, shard: ShardId) -> &Arc<Inbox> {
        &self.inboxes[usize::from(shard.0)]
    }

    /// Takes the right to append to the one order.
    pub fn sequencer(&self) -> Sequencer<'_> {
        // A holder that panicked has ended the process.
        let turn = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        Sequencer { shared: self, _turn: turn }
    }
}

impl Sequencer<'_> {
    /// Appends an item for one shard; the caller wakes it afterwards.
    pub fn push(&self, shard: ShardId, item: Sequenced) {
        self.shared.inbox(shard).sequence(item);
    }
}
