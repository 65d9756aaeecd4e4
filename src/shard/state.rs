//! One shard's state: the keyspace when it is at home, the open run, what waits and what is to be
//! sent. Owned by the shard's loop; everything here happens between two awaits.

use super::batch::Batch;
use super::inbox::{Collected, Inbox};
use super::message::{Message, Sequenced};
use super::shared::Shared;
use crate::base::ids::{ShardId, Ticket};
use crate::command::spaces::Space;
use crate::config::settings::Settings;
use crate::net::waker::Waker;
use crate::replication::entry::EntryBuilder;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// What a shard's commands need beside a keyspace.
pub struct Tools {
    /// Which shard.
    pub id: ShardId,
    /// What all shards share.
    pub shared: Arc<Shared>,
    /// The directives, as they were when the run began.
    pub settings: Arc<Settings>,
    /// The effects of the open run.
    pub entry: EntryBuilder,
    /// Random numbers.
    pub random: fastrand::Rng,
    /// Wall-clock milliseconds when the run began.
    pub now_ms: u64,
    /// When the last command ended, or the run began: a command's start.
    pub clock: Instant,
    settings_version: u64,
}

/// A shard.
pub struct Shard {
    /// What commands need beside a keyspace.
    pub tools: Tools,
    /// The keyspace; `None` while it is lent.
    pub home: Option<Box<Space>>,
    /// What was received and is not worked on yet.
    pub collected: Collected,
    /// Batches that wait for the keyspace or for the end of a pause, in order.
    pub deferred: VecDeque<Box<Batch>>,
    outbox: Vec<Vec<Message>>,
    inbox: Arc<Inbox>,
}

impl Shard {
    /// The shard `id`, with its keyspace.
    pub fn new(id: ShardId, shared: Arc<Shared>, space: Box<Space>) -> Shard {
        let settings = shared.environment.config.load();
        let settings_version = shared.environment.config.version();
        let shards = usize::from(shared.placement.shards());
        let inbox = Arc::clone(shared.inbox(id));
        let tools = Tools {
            id,
            settings,
            settings_version,
            entry: EntryBuilder::new(),
            random: fastrand::Rng::new(),
            now_ms: crate::base::clock::wall_ms(),
            clock: Instant::now(),
            shared,
        };
        Shard {
            tools,
            home: Some(space),
            collected: Collected::default(),
            deferred: VecDeque::new(),
            outbox: (0..shards).map(|_| Vec::new()).collect(),
            inbox,
        }
    }

    /// Begins a run: reads the clocks, sees new settings, takes what was received.
    /// Returns whether there is anything to do in `collected`.
    pub fn begin_run(&mut self) -> bool {
        self.tools.now_ms = crate::base::clock::wall_ms();
        self.tools.clock = Instant::now();
        let config = &self.tools.shared.environment.config;
        let version = config.version();
        if version != self.tools.settings_version {
            self.tools.settings_version = version;
            self.tools.settings = config.load();
        }
        self.inbox.collect(&mut self.collected);
        !self.collected.messages.is_empty() || !self.collected.sequenced.is_empty()
    }

    /// Whether something was delivered since the run began.
    pub fn has_pending(&self) -> bool {
        self.inbox.has_pending()
    }

    /// Ends a run: its effects become one entry with one ticket. After this, and not before,
    /// replies and messages may leave.
    pub fn seal_run(&mut self) -> Option<Ticket> {
        if self.tools.entry.is_empty() {
            return None;
        }
        Some(self.tools.shared.stream.publish(self.tools.id, &mut self.tools.entry))
    }

    /// Queues a message; it leaves when the run is sealed. Also to this shard itself.
    pub fn send(&mut self, to: ShardId, message: Message) {
        self.outbox[usize::from(to.0)].push(message);
    }

    /// Delivers what was queued. Call after `seal_run`. `wake` is called for each shard that
    /// received something.
    pub fn flush(&mut self, mut wake: impl FnMut(&Arc<Waker>)) {
        debug_assert!(self.tools.entry.is_empty(), "news of writes left before their ticket");
        for (index, messages) in self.outbox.iter_mut().enumerate() {
            if messages.is_empty() {
                continue;
            }
            let inbox = &self.tools.shared.inboxes[index];
            inbox.deliver(self.tools.id, messages);
            if index != usize::from(self.tools.id.0)
                && let Some(waker) = inbox.waker()
            {
                wake(waker);
            }
        }
    }

    /// Grants the leases at the head of the one order, and applies the units there, as long as the
    /// keyspace is at home. Whether units were applied.
    pub fn follow_sequence(&mut self) -> bool {
        let mut applied = false;
        while self.home.is_some() {
            match self.collected.sequenced.pop_front() {
                Some(Sequenced::Lease { coordinator, lease }) => {
                    let Some(space) = self.home.take() else { break };
                    self.send(coordinator, Message::Granted { lease, from: self.tools.id, space });
                }
                Some(Sequenced::Apply { mut batch, through }) => {
                    self.apply_here(&mut batch, through);
                    applied = true;
                }
                None => break,
            }
        }
        applied
    }

    /// The next batch that may run on the keyspace at home: not before this shard shows at least
    /// what the batch's connection has seen.
    pub fn next_deferred(&mut self) -> Option<Box<Batch>> {
        let batch = self.deferred.front()?;
        let may = self.home.is_some() && self.tools.may_serve(batch.seen);
        if may { self.deferred.pop_front() } else { None }
    }
}
