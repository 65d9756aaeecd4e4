//! One shard's state: the keyspace when it is at home, the open run, what waits and what is to be
//! sent. Owned by the shard's loop; everything here happens between two awaits.

use super::batch::Batch;
use super::baton::Baton;
use super::blocked::Served;
use super::cron::Tending;
use super::evict::Evictor;
use super::inbox::{Collected, Inbox};
use super::message::{Message, Sequenced};
use super::shared::Shared;
use super::timing::Untimed;
use crate::base::ids::{ShardId, Ticket};
use crate::command::blocked::{Blocking, Waiter};
use crate::command::publication::Publication;
use crate::command::spaces::Space;
use crate::command::tracking::Changed;
use crate::config::settings::Settings;
use crate::metrics::counters::ShardMetrics;
use crate::net::waker::Waker;
use crate::replication::entry::EntryBuilder;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
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
    /// Commands whose time is not taken yet.
    pub(super) untimed: Untimed,
    /// Nanoseconds from which a command is slow, for the slow log or the latency monitor.
    pub slow_ns: u64,
    /// Lines for clients that monitor, of commands of this run.
    pub feed: Vec<u8>,
    /// Messages and events of this run for subscribers, in the order in which they happened.
    pub published: Vec<Arc<Publication>>,
    /// Keys that changed in this run, for clients that track by prefix.
    pub(super) changed: Changed,
    /// The run changed the data set.
    pub wrote: bool,
    /// Batons to be passed on when the run is sealed.
    pub passing: Vec<(Arc<Baton>, u32)>,
    /// Reads of pipelines that ran at once, each with whether the run had written before it.
    pub reads: Vec<(Arc<Baton>, bool)>,
    /// The moment of the last write to this keyspace, on the clock of writes.
    pub last_write: u64,
    /// What evicting remembers.
    pub evictor: Evictor,
    /// Whether the next command may wait; afterwards whether it asked to.
    pub(super) blocking: Blocking,
    /// Clients served in this run that had waited.
    pub served_waiters: Vec<Served>,
    /// Those whose keyspaces are to be asked for.
    pub attempts: Vec<Arc<Waiter>>,
    settings_version: u64,
    /// The version of the users that clients of this run are held to.
    pub acl_version: u64,
}

/// A shard.
pub struct Shard {
    /// What commands need beside a keyspace.
    pub tools: Tools,
    /// The keyspace; `None` while it is lent.
    pub home: Option<Box<Space>>,
    /// What was received and is not worked on yet.
    pub collected: Collected,
    /// Batches that wait for the keyspace, in order.
    pub deferred: VecDeque<Box<Batch>>,
    /// Parts of pipelines that wait for their stretch.
    pub waiting: Vec<Box<Batch>>,
    pub(super) tending: Tending,
    /// Runs so far that published something for other shards.
    pub(super) published_runs: u64,
    /// Shards that the open run has published to.
    pub(super) told: Vec<ShardId>,
    outbox: Vec<Vec<Message>>,
    inbox: Arc<Inbox>,
}

impl Tools {
    /// The counters of this shard.
    pub fn metrics(&self) -> &ShardMetrics {
        &self.shared.environment.metrics[usize::from(self.id.0)]
    }

    /// Says on the clock of writes when the run's writes happened and how long its reads hold.
    fn date_reads(&mut self) {
        let wrote = std::mem::take(&mut self.wrote);
        if self.shared.placement.shards() == 1 {
            return;
        }
        let before = self.last_write;
        if wrote {
            self.last_write = self.shared.write_clock.fetch_add(1, Ordering::AcqRel) + 1;
        }
        let now = self.shared.write_clock.load(Ordering::Acquire);
        for (baton, wrote_before) in self.reads.drain(..) {
            // A read in a run that wrote belongs to the moment of that run, unless it came first:
            // then it holds until just before.
            let saw = if wrote_before { self.last_write } else { before };
            let holds_until = match (wrote, wrote_before) {
                (false, _) => now,
                (true, true) => self.last_write,
                (true, false) => self.last_write - 1,
            };
            baton.note_reads(saw, holds_until);
        }
    }
}

impl Shard {
    /// The shard `id`, with its keyspace.
    pub fn new(id: ShardId, shared: Arc<Shared>, space: Box<Space>) -> Shard {
        let settings = shared.environment.config.load();
        let settings_version = shared.environment.config.version();
        let acl_version = shared.environment.acl.version();
        let shards = usize::from(shared.placement.shards());
        let inbox = Arc::clone(shared.inbox(id));
        let tools = Tools {
            id,
            slow_ns: super::slow::threshold_ns(&settings),
            feed: Vec::new(),
            settings,
            settings_version,
            acl_version,
            entry: EntryBuilder::new(),
            random: fastrand::Rng::new(),
            now_ms: crate::base::clock::wall_ms(),
            clock: Instant::now(),
            untimed: Untimed::default(),
            published: Vec::new(),
            changed: Changed::new(),
            wrote: false,
            passing: Vec::new(),
            reads: Vec::new(),
            last_write: 0,
            evictor: Evictor::default(),
            blocking: Blocking::Denied,
            served_waiters: Vec::new(),
            attempts: Vec::new(),
            shared,
        };
        Shard {
            tending: Tending::new(tools.clock),
            tools,
            home: Some(space),
            collected: Collected::default(),
            deferred: VecDeque::new(),
            waiting: Vec::new(),
            published_runs: 0,
            told: Vec::new(),
            outbox: (0..shards).map(|_| Vec::new()).collect(),
            inbox,
        }
    }

    /// Begins a run: reads the clocks, sees new settings, takes what was received.
    /// Returns whether there is anything to do in `collected`.
    pub fn begin_run(&mut self) -> bool {
        self.tools.now_ms = crate::base::clock::wall_ms();
        self.tools.clock = Instant::now();
        self.tools.untimed.begin_run();
        let config = &self.tools.shared.environment.config;
        let version = config.version();
        if version != self.tools.settings_version {
            self.tools.settings_version = version;
            self.tools.settings = config.load();
            self.tools.slow_ns = super::slow::threshold_ns(&self.tools.settings);
        }
        self.tools.acl_version = self.tools.shared.environment.acl.version();
        self.tools.evictor.begin_run();
        if let Some(home) = &mut self.home {
            home.keys.set_clock(self.tools.access_clock());
        }
        // What stands in the one order and waits for the keyspace goes on when that comes home,
        // which is a message.
        self.inbox.collect(&mut self.collected)
    }

    /// Whether something was delivered since the run began.
    pub fn has_pending(&self) -> bool {
        self.inbox.has_pending() || self.tools.shared.deliveries.has(self.tools.id)
    }

    /// Ends a run: its effects become one entry with one ticket. After this, and not before,
    /// replies and messages may leave.
    pub fn seal_run(&mut self) -> Option<Ticket> {
        let tools = &mut self.tools;
        tools.timing_ends();
        let ticket = (!tools.entry.is_empty())
            .then(|| tools.shared.stream.publish(tools.id, &mut tools.entry));
        if ticket.is_some() {
            tools.metrics().tickets.bump();
        }
        tools.date_reads();
        self.end_of_changes();
        ticket
    }

    /// Passes on the batons of the sealed run. `wake` is called for each shard that is next;
    /// whether this shard is next itself somewhere.
    pub fn pass_batons(&mut self, mut wake: impl FnMut(&Arc<Waker>)) -> bool {
        let mut own = false;
        for (baton, stretch) in self.tools.passing.drain(..) {
            match baton.pass(stretch) {
                Some(next) if next == self.tools.id => own = true,
                Some(next) => {
                    self.tools.shared.inbox(next).rouse(&mut wake);
                }
                None => {}
            }
        }
        own
    }

    /// Queues a message; it leaves when the run is sealed. Also to this shard itself.
    pub fn send(&mut self, to: ShardId, message: Message) {
        if to != self.tools.id {
            let metrics = self.tools.metrics();
            match &message {
                Message::Run(batch) => metrics.hops.add(batch.len() as u64),
                Message::Granted { .. } => metrics.leases_granted.bump(),
                _ => {}
            }
            metrics.messages_sent.bump();
        }
        self.outbox[usize::from(to.0)].push(message);
    }

    /// Counts a message from another shard.
    pub fn count_received(&self, message: &Message) {
        let metrics = self.tools.metrics();
        match message {
            Message::Run(batch) => metrics.hops_received.add(batch.len() as u64),
            Message::Granted { from, .. } if *from != self.tools.id => {
                metrics.leases_taken.bump();
            }
            _ => {}
        }
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
        self.end_of_flush(wake);
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
                    self.tools.shared.progress.give_back(batch);
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
