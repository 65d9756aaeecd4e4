//! One shard's loop: a turn is a run. It takes what sockets, other shards and the mail brought,
//! executes, seals the run with one ticket, and only then lets replies and messages leave.

use super::backlog_cron::BacklogCron;
use super::blocked::Blocked;
use super::clients::{Clients, Flow};
use super::controller::Controller;
use super::mail::Mail;
use super::master_link::MasterLink;
use super::process::Process;
use super::replica_links::Links;
use super::subscriptions::Audience;
use super::waits::Wait;
use crate::base::ids::ShardId;
use crate::client::connection::{BatchPool, Connection};
use crate::command::client_info::ClientInfo;
use crate::master::replica_link::ReplicaLink;
use crate::net::event::{Event, ListenerId, SendBuffer, SocketId};
use crate::net::sockets::Net;
use crate::router::lease::{Desk, Ready};
use crate::shard::execute::Ran;
use crate::shard::load::LoadBatch;
use crate::shard::message::Message;
use crate::shard::state::Shard;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What a socket of this shard is.
pub enum Peer {
    /// A client.
    Client(Box<Connection>),
    /// A link to a replica.
    ReplicaLink(Box<ReplicaLink>),
    /// The control socket of a snapshot's child.
    ChildPipe,
    /// Where a signal arrives.
    Signals(super::shutdown::Cause),
}

/// A socket's row.
pub struct Row {
    /// The socket.
    pub socket: SocketId,
    /// What it is.
    pub peer: Peer,
    /// It stands in the list of those with output.
    pub dirty: bool,
    /// Close it when everything is sent.
    pub closing: bool,
    /// The shard it moves to.
    pub moving: Option<ShardId>,
    /// The network is letting go of it.
    pub detaching: bool,
    /// An emptied buffer for the next output.
    pub spare: Vec<u8>,
    /// The client it is or was, in the registry until the row ends.
    pub client: Option<Arc<ClientInfo>>,
    /// How its bytes flow.
    pub flow: Flow,
}

/// A shard's loop.
pub struct Core {
    /// The process.
    pub process: Arc<Process>,
    /// The shard.
    pub shard: Shard,
    /// Its leases.
    pub desk: Desk,
    /// Its sockets.
    pub net: Net,
    /// Its sockets' rows, by index.
    pub rows: Vec<Option<Row>>,
    /// Emptied batches.
    pub pool: BatchPool,
    /// Connections that have more to do in the next turn.
    pub ready: VecDeque<SocketId>,
    /// Connections held back by a pause or by the server.
    pub held: Vec<Box<crate::shard::batch::Batch>>,
    /// What the server does as a whole; idle except on shard 0.
    pub controller: Controller,
    /// What is kept about the clients beside their rows.
    pub clients: Clients,
    /// The link from the master; on shard 0 only.
    pub link: MasterLink,
    /// Its links to replicas.
    pub links: Links,
    /// Its clients that wait for replicas.
    pub waits: Vec<Wait>,
    /// Its clients that wait for keys.
    pub blocked: Blocked,
    pub(super) backlog_cron: BacklogCron,
    /// The version of the users that subscribers were last held to.
    pub acl_version: u64,
    /// Its clients that subscribe.
    pub(super) audience: Audience,
    /// What is listened on, and which of it are unix sockets.
    pub listeners: Vec<(ListenerId, bool)>,
    /// Batches of a load that wait for the keyspace.
    pub(super) waiting_loads: VecDeque<Box<LoadBatch>>,
    pub(super) dirty: Vec<SocketId>,
    events: Vec<Event>,
    granted: Vec<Ready>,
    next_cron: Instant,
    /// When this executor's other tasks were let through.
    others_ran: Instant,
    /// A pipeline's next stretch is this shard's: no parking before it ran.
    again: bool,
    stopping: bool,
}

impl Core {
    /// The loop of one shard.
    pub fn new(process: Arc<Process>, shard: Shard, net: Net) -> Core {
        Core {
            process,
            shard,
            desk: Desk::default(),
            net,
            rows: Vec::new(),
            pool: BatchPool::default(),
            ready: VecDeque::new(),
            held: Vec::new(),
            controller: Controller::default(),
            clients: Clients::default(),
            link: MasterLink::default(),
            links: Links::default(),
            waits: Vec::new(),
            blocked: Blocked::default(),
            backlog_cron: BacklogCron::default(),
            acl_version: 0,
            audience: Audience::default(),
            listeners: Vec::new(),
            waiting_loads: VecDeque::new(),
            dirty: Vec::new(),
            events: Vec::new(),
            granted: Vec::new(),
            next_cron: Instant::now(),
            others_ran: Instant::now(),
            again: false,
            stopping: false,
        }
    }

    /// Which shard.
    pub fn id(&self) -> ShardId {
        self.shard.tools.id
    }

    /// Runs until the process stops.
    ///
    /// # Errors
    /// What the ring answered; nothing can be served after that.
    pub async fn run(mut self) -> io::Result<()> {
        self.follow_at_start();
        while !self.stopping {
            let idle = self.turn()?;
            if idle {
                self.park().await?;
            } else if self.others_are_due() {
                // Other tasks of this executor run; they do not touch this loop's state.
                // By a timer: only an executor without runnable tasks looks at its files.
                glommio::timer::sleep(Duration::ZERO).await;
            }
        }
        // The process ends: freeing the data key by key would only take time.
        std::mem::forget(self.shard.home.take());
        Ok(())
    }

    /// Whether a busy loop should let this executor's other tasks run now.
    fn others_are_due(&mut self) -> bool {
        let period = if self.reads_file() { FILE_PERIOD } else { CRON_PERIOD };
        let clock = self.shard.tools.clock;
        let due = clock.saturating_duration_since(self.others_ran) >= period;
        if due {
            self.others_ran = clock;
        }
        due
    }

    /// One turn; whether there was nothing to do.
    fn turn(&mut self) -> io::Result<bool> {
        let mut events = std::mem::take(&mut self.events);
        self.net.turn(&mut events)?;
        // Before the messages: those of the same runs are then there too.
        let told = self.take_deliveries();
        let received = self.shard.begin_run();
        self.follow_users();
        let began = self.shard.tools.clock;
        let mut idle = events.is_empty() && !received && self.ready.is_empty();
        idle &= told == 0;
        for event in events.drain(..) {
            self.event(event);
        }
        self.events = events;
        self.work_on_messages();
        self.tell_deliveries(told);
        self.run_postponed_subscriptions();
        for mail in self.process.mailboxes[usize::from(self.id().0)].take() {
            idle = false;
            self.mail(mail);
        }
        self.end_waits_for_audience();
        for _ in 0..self.ready.len() {
            if let Some(socket) = self.ready.pop_front() {
                self.advance(socket);
            }
        }
        self.end_pauses();
        self.failover_turn();
        idle &= !self.load_turn();
        self.cron();
        self.acknowledge_reached();
        self.end_overdue_waits();
        self.serve_at_home();
        self.finish_run();
        self.count_turn(began, !idle);
        let waits = self.shard.waits_for_an_instant();
        let waits = waits || self.has_postponed_subscriptions() || self.has_deliveries();
        Ok(idle && self.ready.is_empty() && !self.again && !waits)
    }

    /// Ends the run: one ticket, then everything leaves.
    fn finish_run(&mut self) {
        self.deliver_served();
        let net = &mut self.net;
        self.desk.start_next(&mut self.shard, |waker| net.wake(waker));
        self.shard.seal_run();
        self.spread_published();
        self.merge_stream();
        let net = &mut self.net;
        self.again = self.shard.pass_batons(|waker| net.wake(waker));
        self.shard.flush(|waker| net.wake(waker));
        self.spread_feed();
        self.settle_waits();
        if self.shard.tools.shared.stream.needs_merge() {
            // Replicas were asked for acknowledgements.
            self.merge_stream();
        }
        self.flush_links();
        self.flush_output();
    }

    /// Merges what is published, and wakes the shards whose links it concerns.
    fn merge_stream(&mut self) {
        let stream = &self.shard.tools.shared.stream;
        if stream.merge().is_none() {
            return;
        }
        let own = self.shard.tools.id;
        for linked in stream.shards_with_links().filter(|linked| *linked != own) {
            // Marked, so that one that is about to park looks again.
            self.shard.tools.shared.inbox(linked).rouse(|waker| self.net.wake(waker));
        }
    }

    fn work_on_messages(&mut self) {
        let mut messages = std::mem::take(&mut self.shard.collected.messages);
        self.shard.tools.metrics().inbox_len.set(messages.len() as u64);
        for message in messages.drain(..) {
            self.shard.count_received(&message);
            match message {
                Message::Run(batch) => self.shard.deferred.push_back(batch),
                Message::Done(batch) => self.batch_done(batch),
                Message::Granted { lease, from, space } => self.lease_granted(lease, from, space),
                Message::Served(served) => self.waiter_served(*served),
                Message::Attempt(waiter) => self.attempt(&waiter),
                Message::Load(batch) => self.waiting_loads.push_back(batch),
                Message::Loaded(loaded) => self.batch_loaded(loaded),
                Message::Returned(space) => {
                    assert!(self.shard.home.is_none(), "a keyspace came home twice");
                    self.shard.home = Some(space);
                    // Whoever held it may have written: its reads are dated from now on.
                    let clock = &self.shard.tools.shared.write_clock;
                    self.shard.tools.last_write = clock.load(Ordering::Acquire);
                }
            }
        }
        self.shard.collected.messages = messages;
        // Leases overtake queued commands, but a master's stream full of them must not starve
        // those: what was queued runs each time the keyspace comes home.
        self.run_waiting();
        self.run_deferred();
        if self.shard.follow_sequence() {
            self.wake_master_link();
        }
        self.load_batches();
        self.run_waiting();
        self.run_deferred();
    }

    /// Runs the batches that waited for the keyspace, while it is at home.
    pub(super) fn run_deferred(&mut self) {
        while let Some(mut batch) = self.shard.next_deferred() {
            match self.shard.run_batch_here(&mut batch) {
                Ran::Done => {
                    let shard = self.id();
                    self.shard.tools.served(shard, &mut batch.seen);
                    self.send_done(batch);
                }
                Ran::Postponed => self.hold(batch),
                Ran::Waiting => self.shard.waiting.push(batch),
            }
        }
    }

    /// Lets the parts of pipelines run whose stretch has come.
    fn run_waiting(&mut self) {
        let mut index = 0;
        while index < self.shard.waiting.len() {
            if self.shard.waiting[index].may_run() {
                let batch = self.shard.waiting.swap_remove(index);
                self.shard.deferred.push_back(batch);
            } else {
                index += 1;
            }
        }
    }

    fn lease_granted(
        &mut self,
        lease: crate::shard::message::LeaseId,
        from: ShardId,
        space: Box<crate::command::spaces::Space>,
    ) {
        if !self.desk.granted(lease, from, space) {
            return;
        }
        let mut granted = std::mem::take(&mut self.granted);
        let mut beside = super::verbs::InTransaction {
            process: &self.process,
            shard: self.shard.tools.id,
            rows: &mut self.rows,
            subscribers: &mut self.audience.subscribers,
        };
        self.desk.run_complete(lease, &mut self.shard, &mut beside, &mut granted);
        for ready in granted.drain(..) {
            match ready {
                Ready::Done(batch) => self.batch_done(batch),
                Ready::Postponed(batch) => self.hold(batch),
                Ready::Server(key, hand) => self.leased(key, hand),
                Ready::Applied => self.wake_master_link(),
            }
        }
        self.granted = granted;
    }

    /// A batch that ran here goes back to its connection's shard.
    fn send_done(&mut self, batch: Box<crate::shard::batch::Batch>) {
        // Reads that ran at once are compared by when they happened, which is known when the run is
        // sealed: so they take the way of a message even to this shard itself.
        let dated_later = batch.baton.as_ref().is_some_and(|baton| baton.is_reads());
        if batch.origin == self.id() && !dated_later {
            self.batch_done(batch);
        } else {
            self.shard.send(batch.origin, Message::Done(batch));
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Accepted { listener, fd } => {
                let unix = self.listeners.contains(&(listener, true));
                self.accepted(fd, unix);
            }
            Event::AcceptFailed { error, .. } => self.accept_failed(&error),
            Event::Received { socket, buffer } if socket == self.link.socket => {
                self.master_received(&buffer);
                self.net.release(buffer);
            }
            Event::Received { socket, buffer } => {
                self.received(socket, &buffer);
                self.net.release(buffer);
            }
            Event::Sent { socket, .. } if socket == self.link.socket => self.flush_master_link(),
            Event::Sent { socket, buffer } => self.sent(socket, buffer),
            Event::Closed { socket, .. } if socket == self.link.socket => self.link_lost(),
            Event::Closed { socket, reason } => self.peer_closed(socket, &reason),
            Event::ReceivedExact { socket, bytes } => self.received_exact(socket, bytes),
            Event::Connected { socket } => self.link_connected(socket),
            Event::ConnectFailed { socket, error } => self.link_refused(socket, &error),
            Event::Detached { socket, fd } => self.detached(socket, fd),
            Event::Woken => {}
        }
    }

    fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Adopt { fd, unix } => self.adopt(fd, unix),
            Mail::Order(batch) => self.order(batch),
            Mail::Answered(batch) => self.answered(batch),
            Mail::Kill(info) => self.close_killed(info),
            Mail::Unblock { socket, with_error } => {
                self.unblock_wait(socket, with_error);
                self.unblock(socket, with_error);
            }
            Mail::Moved(moved) => self.arrive(*moved),
            Mail::Pause(change) => self.change_pause(change),
            Mail::Resume => self.resume(),
            Mail::Monitored(lines) => self.show_monitors(&lines),
            Mail::Invalidate(told) => self.invalidate(&told.0, told.1),
            Mail::Link(news) => self.link_news(news),
            Mail::Relisten(doors) => self.relisten(doors),
            Mail::SnapshotWanted(wanted) => self.snapshot_wanted(*wanted),
            Mail::SnapshotUnwanted(link) => self.snapshot_unwanted(link),
            Mail::SnapshotNews { socket, news } => self.snapshot_news(socket, news),
            // The waits are looked at in each turn.
            Mail::Acknowledged | Mail::Heard => {}
            Mail::Promote(batch) => self.promote_for(batch),
            Mail::Promoted(batch) => self.promoted(batch),
            Mail::DropLinks => self.drop_links(),
            Mail::Stop => self.stopping = true,
        }
    }

    fn cron(&mut self) {
        self.shard.tend();
        if self.shard.tools.clock < self.next_cron {
            return;
        }
        self.next_cron = self.shard.tools.clock + CRON_PERIOD;
        self.statistics_cron();
        if self.cron_is_paused() {
            return;
        }
        self.clients_cron();
        self.decide_at_limit();
        self.link_cron();
        self.snapshot_cron();
        self.links_cron();
        if self.id() == ShardId(0) {
            self.backlog_cron();
        }
    }

    async fn park(&mut self) -> io::Result<()> {
        self.shard.tools.metrics().parks.bump();
        let until = self.next_cron.min(self.shard.tend_at());
        let until = self.load_resumes_at().map_or(until, |at| at.min(until));
        let now = Instant::now();
        let left = until.saturating_duration_since(now).min(self.until_wait_ends(now));
        let left = left.min(self.until_blocked_ends());
        let left = left.min(self.pause_left());
        let may_ring_park = !self.reads_file();
        let shard = &self.shard;
        self.net.park(left, may_ring_park, &|| shard.has_pending()).await
    }

    /// A row by its socket; `None` if the socket is gone.
    pub fn row(&mut self, socket: SocketId) -> Option<&mut Row> {
        let row = self.rows.get_mut(socket.index())?.as_mut()?;
        (row.socket == socket).then_some(row)
    }

    /// Puts a row in the table.
    pub fn insert_row(&mut self, socket: SocketId, peer: Peer) {
        let index = socket.index();
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, || None);
        }
        self.rows[index] = Some(Row {
            socket,
            peer,
            dirty: false,
            closing: false,
            moving: None,
            detaching: false,
            spare: Vec::new(),
            client: None,
            flow: Flow::default(),
        });
    }

    fn sent(&mut self, socket: SocketId, buffer: SendBuffer) {
        let Some(row) = self.row(socket) else { return };
        if let SendBuffer::Flat(bytes) = buffer
            && bytes.capacity() <= SPARE_BYTES_MAX
        {
            row.spare = bytes;
        }
        self.output_sent(socket);
        self.mark_dirty(socket);
    }

    /// Notes that a connection may have output.
    pub fn mark_dirty(&mut self, socket: SocketId) {
        let Some(row) = self.rows.get_mut(socket.index()).and_then(Option::as_mut) else { return };
        if row.socket == socket && !row.dirty {
            row.dirty = true;
            self.dirty.push(socket);
        }
    }
}

/// How often the loop looks after time: expiry, timeouts, statistics.
const CRON_PERIOD: Duration = Duration::from_millis(100);
/// How soon a busy loop lets file I/O through.
const FILE_PERIOD: Duration = Duration::from_millis(1);
/// A connection keeps an output buffer of at most this size for reuse.
const SPARE_BYTES_MAX: usize = 64 * 1024;
