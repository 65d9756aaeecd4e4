//! The process: what exists once. Shared by all loops; every field is safe from any core.

use super::listeners::Listeners;
use super::mail::MailBox;
use super::persistence_info::PersistenceInfo;
use super::statistics::Statistics;
use crate::base::ids::{ClientId, ReplId};
use crate::master::registry::Registry;
use crate::replication::follow_state::FollowState;
use crate::shard::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// The process.
pub struct Process {
    /// What the shards share.
    pub shared: Arc<Shared>,
    /// By shard.
    pub mailboxes: Vec<MailBox>,
    /// When it started.
    pub started: Instant,
    /// Unix milliseconds when it started.
    pub started_ms: u64,
    /// Its random id, new at each start: INFO's `run_id`.
    pub run_id: ReplId,
    /// The replicas that are attached.
    pub replicas: Registry,
    /// How following a master goes.
    pub follow: Arc<FollowState>,
    /// Rates, memory, and where counting began.
    pub statistics: Statistics,
    /// The sockets it listens on.
    pub listeners: Listeners,
    /// DEBUG PAUSE-CRON: the loops' periodic work rests.
    pub cron_paused: AtomicBool,
    /// What saving and loading are up to.
    pub persistence: PersistenceInfo,
    /// Clients connected now.
    pub clients: AtomicU64,
    last_client: AtomicU64,
    next_shard: AtomicU64,
}

impl Process {
    /// The process around what its shards share.
    pub fn new(shared: Arc<Shared>) -> Process {
        let shards = shared.placement.shards();
        let mut random = [0; 20];
        fastrand::fill(&mut random);
        Process {
            mailboxes: shared.inboxes.iter().map(|_| MailBox::default()).collect(),
            replicas: Registry::new(shared.placement.shards()),
            shared,
            started: Instant::now(),
            started_ms: crate::base::clock::wall_ms(),
            run_id: ReplId::from_random(random),
            follow: Arc::default(),
            statistics: Statistics::new(shards),
            listeners: Listeners::default(),
            cron_paused: AtomicBool::new(false),
            persistence: PersistenceInfo::new(),
            clients: AtomicU64::new(0),
            last_client: AtomicU64::new(0),
            next_shard: AtomicU64::new(0),
        }
    }

    /// The next client's id.
    pub fn next_client(&self) -> ClientId {
        ClientId(self.last_client.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The shard that gets the next connection: each in turn, so bursts spread evenly.
    pub fn next_shard(&self) -> u16 {
        let turn = self.next_shard.fetch_add(1, Ordering::Relaxed);
        (turn % u64::from(self.shared.placement.shards())) as u16
    }
}
