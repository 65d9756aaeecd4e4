//! The link from the master: one connection of shard 0's loop, made anew each second while it
//! fails. Here: connecting, the handshake, loss, timeouts, acknowledgements. What a full
//! resynchronization brings is in `link_transfer`, the stream in `link_stream`, the roles in
//! `role`.
//!
//! Always: while this server is a replica the link has the backlog's writer; every byte in the
//! backlog is dispatched to its shards; `resume` names the history that the data set is in.

use super::core::Core;
use super::link_stream::Streaming;
use super::link_transfer::{LinkNews, Resync};
use crate::base::ids::{ReplId, ReplOffset, ShardId};
use crate::config::settings_groups::MasterAddress;
use crate::net::event::{Received, SendBuffer, SocketId};
use crate::replica::handshake::{HandOver, Handshake, HandshakeError, Introduction, Step};
use crate::replication::backlog::BacklogWriter;
use crate::replication::follow_state::LinkState;
use crate::resp::encode;
use crate::shard::batch::Batch;
use crate::snapshot::job::Label;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The link from the master, on shard 0; at rest on others and on a master.
pub struct MasterLink {
    /// Its socket; `SocketId::NONE` without one.
    pub socket: SocketId,
    /// Whom this server follows; none on a master.
    pub master: Option<MasterAddress>,
    /// The right to append to the backlog, while this server is a replica.
    pub writer: Option<BacklogWriter>,
    /// The history that the data set is in, and the end of it: what PSYNC asks to continue.
    pub(super) resume: Option<(ReplId, ReplOffset)>,
    /// A change of role is under way; orders wait for its end.
    pub(super) role_changes: bool,
    pub(super) orders: VecDeque<Box<Batch>>,
    pub(super) phase: Phase,
    /// When to connect, at the earliest.
    pub(super) next_try: Instant,
    /// Counts connections, so that what threads say about an old one is recognized.
    pub(super) attempt: u64,
    /// Where the stream stood before each question of the master how far this replica is.
    pub(super) getacks: VecDeque<ReplOffset>,
    /// Reading is paused until what was received is worked on.
    pub(super) paused: bool,
    /// The connection was lost a moment ago.
    reconnects: bool,
    out: Vec<u8>,
    last_io: Instant,
    next_ack: Instant,
}

/// What the link does.
pub(super) enum Phase {
    /// It waits for the time to connect.
    Down,
    /// A host's name is looked up by a thread.
    Resolving,
    /// A connection is being made.
    Connecting,
    /// Before the stream.
    Handshake(Box<Handshake>),
    /// A snapshot is received or loaded.
    Resync(Box<Resync>),
    /// The stream flows.
    Streaming(Box<Streaming>),
}

impl Default for MasterLink {
    fn default() -> MasterLink {
        let now = Instant::now();
        MasterLink {
            socket: SocketId::NONE,
            master: None,
            writer: None,
            resume: None,
            role_changes: false,
            orders: VecDeque::new(),
            phase: Phase::Down,
            next_try: now,
            attempt: 0,
            getacks: VecDeque::new(),
            paused: false,
            reconnects: false,
            out: Vec::new(),
            last_io: now,
            next_ack: now,
        }
    }
}

impl Core {
    /// Looks after time: connects, times out, acknowledges. Ten times a second, on shard 0.
    pub(super) fn link_cron(&mut self) {
        if self.link.master.is_none() || self.controller.shutdown.is_some() {
            return;
        }
        let now = self.shard.tools.clock;
        let seconds = self.shard.tools.settings.replication.repl_timeout;
        let timeout = Duration::from_secs(u64::from(seconds));
        let silent = now.saturating_duration_since(self.link.last_io) > timeout;
        match &self.link.phase {
            Phase::Down if now >= self.link.next_try => self.connect_link(),
            Phase::Resolving | Phase::Connecting | Phase::Handshake(_) if silent => {
                crate::warning!("Timeout connecting to the MASTER...");
                self.retry_link();
            }
            Phase::Resync(resync) if silent && resync.is_receiving() && !self.link.paused => {
                crate::warning!(
                    "Timeout receiving bulk data from MASTER... If the problem persists try to \
                     set the 'repl-timeout' parameter in redis.conf to a larger value."
                );
                self.resync_failed(None);
            }
            Phase::Streaming(_) if silent && !self.link.paused => {
                crate::warning!("MASTER timeout: no data nor PING received...");
                self.link_lost();
            }
            Phase::Streaming(_) if now >= self.link.next_ack => self.acknowledge_mark(),
            Phase::Resync(resync) if !resync.is_receiving() && now >= self.link.next_ack => {
                // The master must not take a replica that loads for dead.
                self.link.next_ack = now + ACK_PERIOD;
                self.link.out.push(b'\n');
                self.flush_master_link();
            }
            _ => {}
        }
    }

    /// What is done at the end of each turn: answers GETACK when its position is reached, reads on
    /// when there is room again.
    pub(super) fn acknowledge_reached(&mut self) {
        match &self.link.phase {
            Phase::Streaming(_) => self.follow_marks(),
            Phase::Resync(_) if self.link.paused => self.resume_transfer(),
            _ => {}
        }
    }

    /// Tells the master how far this replica is.
    pub(super) fn acknowledge_mark(&mut self) {
        let mark = self.shard.tools.shared.progress.marks.raise();
        self.acknowledge(mark);
    }

    /// Tells the master that everything through `offset` is applied.
    pub(super) fn acknowledge(&mut self, offset: ReplOffset) {
        let Phase::Streaming(streaming) = &self.link.phase else { return };
        self.link.next_ack = self.shard.tools.clock + ACK_PERIOD;
        if !streaming.acknowledges {
            return;
        }
        let offset = offset.0.to_string();
        encode::command(&mut self.link.out, &[b"REPLCONF", b"ACK", offset.as_bytes()]);
        self.flush_master_link();
    }

    pub(super) fn connect_link(&mut self) {
        let loading = &self.shard.tools.shared.environment.status.loading;
        let Some(master) = self.link.master.clone() else { return };
        if loading.load(Ordering::Relaxed) {
            // The data set of the start comes first: it says what may be resumed.
            return;
        }
        let (host, port) = (&master.host, master.port);
        let verb = if self.link.reconnects { "Reconnecting" } else { "Connecting" };
        crate::notice!("{verb} to MASTER {host}:{port}");
        self.link.reconnects = false;
        self.link.attempt += 1;
        self.link.last_io = self.shard.tools.clock;
        self.process.follow.set_state(LinkState::Connecting);
        if let Ok(address) = host.parse::<IpAddr>() {
            self.connect_to(SocketAddr::new(address, port));
            return;
        }
        // A name server may take its time; the loop does not wait for it.
        self.link.phase = Phase::Resolving;
        let (process, attempt) = (Arc::clone(&self.process), self.link.attempt);
        std::thread::spawn(move || {
            let found = (&master.host[..], master.port).to_socket_addrs();
            let address = found.map_err(|error| error.to_string()).and_then(|mut found| {
                found.next().ok_or_else(|| "the name has no address".to_owned())
            });
            let news = LinkNews::Resolved { attempt, address };
            process.post(ShardId(0), super::mail::Mail::Link(news));
        });
    }

    /// The data set of the start is in, and is this history's state: a replica asks its master to
    /// continue there, and its own replicas may ask it. With every keyspace in hand.
    pub(super) fn history_loaded(&mut self, label: Label) {
        self.adopt_history(label.id, label.offset);
        self.link.resume = Some((label.id, label.offset));
        if let (Some(db), Some(writer)) = (label.selected, &self.link.writer) {
            // The stream goes on without a SELECT.
            self.shard.tools.shared.stream.note_selected(writer, db);
        }
    }

    pub(super) fn connect_to(&mut self, address: SocketAddr) {
        let source = self.shard.tools.settings.network.bind_source_addr.parse::<IpAddr>().ok();
        match self.net.connect(address, source) {
            Ok(socket) => {
                self.link.socket = socket;
                self.link.phase = Phase::Connecting;
                crate::notice!("MASTER <-> REPLICA sync started");
            }
            Err(error) => {
                crate::warning!("Unable to connect to MASTER: {error}");
                self.retry_link();
            }
        }
    }

    /// An outgoing connection stands.
    pub(super) fn link_connected(&mut self, socket: SocketId) {
        if socket != self.link.socket {
            return;
        }
        crate::notice!("Non blocking connect for SYNC fired the event.");
        let settings = &self.shard.tools.settings;
        let announced = settings.replication.replica_announce_port;
        let introduction = Introduction {
            user: settings.replication.masteruser.clone(),
            password: settings.replication.masterauth.clone(),
            listening_port: if announced != 0 { announced } else { settings.network.port },
            announce_ip: settings.replication.replica_announce_ip.clone(),
            resume: self.link.resume,
            hand_over: self.hand_over_request(),
        };
        self.link.last_io = self.shard.tools.clock;
        self.process.follow.set_state(LinkState::Handshake);
        let handshake = Handshake::begin(introduction, &mut self.link.out);
        self.link.phase = Phase::Handshake(Box::new(handshake));
        self.flush_master_link();
    }

    /// An outgoing connection was refused.
    pub(super) fn link_refused(&mut self, socket: SocketId, error: &io::Error) {
        if socket != self.link.socket {
            return;
        }
        self.link.socket = SocketId::NONE;
        crate::warning!("Error condition on socket for SYNC: {error}");
        self.retry_link();
    }

    /// Bytes from the master.
    pub(super) fn master_received(&mut self, buffer: &Received) {
        self.link.last_io = self.shard.tools.clock;
        self.process.follow.last_io_ms.store(self.shard.tools.now_ms, Ordering::Relaxed);
        let data = self.net.bytes(buffer);
        let metrics = self.shard.tools.metrics();
        metrics.total_net_repl_input_bytes.add(data.len() as u64);
        if let Phase::Streaming(streaming) = &mut self.link.phase {
            streaming.units.feed(data);
            self.stream_units();
            return;
        }
        let data = data.to_vec();
        match std::mem::replace(&mut self.link.phase, Phase::Down) {
            Phase::Handshake(handshake) => self.shake_hands(handshake, &data),
            Phase::Resync(resync) => {
                self.link.phase = Phase::Resync(resync);
                self.receive_transfer(&data);
            }
            other => self.link.phase = other,
        }
    }

    fn shake_hands(&mut self, mut handshake: Box<Handshake>, data: &[u8]) {
        let mut input = data;
        let step = handshake.receive(&mut input, &mut self.link.out);
        self.flush_master_link();
        match step {
            Ok(Step::Waiting) => self.link.phase = Phase::Handshake(handshake),
            Ok(Step::Continue { id }) => {
                self.continue_stream(id, input);
                self.failover_done();
            }
            Ok(Step::FullResync { id, offset }) => {
                self.begin_resync(id, offset, input);
                self.failover_done();
            }
            Err(HandshakeError::NoHandOver(_)) => {
                self.abort_failover("Failover target rejected psync request", None);
            }
            Err(error) => {
                crate::warning!("{error}");
                self.retry_link();
            }
        }
    }

    fn hand_over_request(&self) -> Option<HandOver> {
        let failover = self.controller.failover.as_ref().filter(|_| self.hands_over())?;
        Some(if failover.asked { HandOver::AskAgain } else { HandOver::Ask })
    }

    /// The master ended the connection, or it broke.
    pub(super) fn link_lost(&mut self) {
        match &mut self.link.phase {
            Phase::Streaming(_) => {
                crate::notice!("Connection with master lost.");
                self.drop_link();
                self.link.next_try = self.shard.tools.clock;
                self.link.reconnects = true;
            }
            Phase::Resync(resync) if !resync.is_receiving() => {
                // What was received is whole: it is loaded, and the stream resumed behind it.
                resync.lost = true;
                self.close_socket();
            }
            Phase::Resync(_) => {
                crate::warning!("I/O error trying to sync with MASTER: connection lost");
                self.resync_failed(None);
            }
            _ => {
                crate::warning!("Error condition on socket for SYNC: connection lost");
                self.retry_link();
            }
        }
    }

    /// Ends the connection; what the data set is a state of is remembered.
    pub(super) fn drop_link(&mut self) {
        match std::mem::replace(&mut self.link.phase, Phase::Down) {
            Phase::Streaming(streaming) => {
                crate::notice!("Caching the disconnected master state.");
                let writer = self.link.writer.as_ref().expect("a replica's link has it");
                let id = self.shard.tools.shared.stream.history().id;
                self.link.resume = streaming.acknowledges.then(|| (id, writer.end()));
                let down_since = &self.process.follow.down_since_ms;
                down_since.store(self.shard.tools.now_ms, Ordering::Relaxed);
            }
            Phase::Resync(resync) => self.give_up_resync(*resync),
            Phase::Handshake(handshake) if handshake.has_asked() => {
                if let Some(failover) = &mut self.controller.failover {
                    failover.asked = true;
                }
            }
            _ => {}
        }
        self.link.getacks.clear();
        let shared = &self.shard.tools.shared;
        shared.progress.set_awaited(false);
        shared.environment.status.link_down.store(true, Ordering::SeqCst);
        self.process.follow.set_state(LinkState::Connect);
        self.close_socket();
    }

    /// Takes nothing more from the master while the process ends; what came is kept.
    pub(super) fn rest_link(&mut self) {
        if matches!(self.link.phase, Phase::Streaming(_)) {
            self.drop_link();
            self.link.next_try = self.shard.tools.clock;
        }
    }

    /// Ends the connection and tries again in a second; while a failover holds up writes, at the
    /// next round of the cron.
    pub(super) fn retry_link(&mut self) {
        self.drop_link();
        let pause = if self.hands_over() { Duration::ZERO } else { RETRY_PERIOD };
        self.link.next_try = self.shard.tools.clock + pause;
    }

    fn close_socket(&mut self) {
        let socket = std::mem::replace(&mut self.link.socket, SocketId::NONE);
        if socket != SocketId::NONE {
            self.net.close(socket);
        }
        self.link.paused = false;
        self.link.out.clear();
    }

    /// Stops reading until `resume_link`.
    pub(super) fn pause_link(&mut self) {
        if !self.link.paused && self.link.socket != SocketId::NONE {
            self.link.paused = true;
            self.net.pause(self.link.socket);
        }
    }

    /// Reads on.
    pub(super) fn resume_link(&mut self) {
        if std::mem::take(&mut self.link.paused) {
            self.link.last_io = self.shard.tools.clock;
            self.net.resume(self.link.socket);
        }
    }

    /// Sends what is to be sent, one send at a time.
    pub(super) fn flush_master_link(&mut self) {
        let socket = self.link.socket;
        if socket == SocketId::NONE || self.link.out.is_empty() || self.net.is_sending(socket) {
            return;
        }
        let out = std::mem::take(&mut self.link.out);
        self.net.send(socket, SendBuffer::Flat(out));
    }
}

/// How often a master is told how far its replica is, as stock.
const ACK_PERIOD: Duration = Duration::from_secs(1);
/// How often a connection is tried, as stock.
const RETRY_PERIOD: Duration = Duration::from_secs(1);
