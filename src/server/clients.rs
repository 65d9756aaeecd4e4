//! Clients on one shard's loop: connections come, bytes arrive, replies leave, connections end.

use super::core::{Core, Peer, Row};
use crate::client::connection::{Connection, Outcome, State, Surroundings};
use crate::client::session::Session;
use crate::client::tracking;
use crate::command::client_info::{ClientFlags, ClientInfo, Place};
use crate::net::event::{CloseReason, Received, SendBuffer, SocketId};
use crate::net::socket_options;
use crate::resp::reply::Output;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What a shard's loop keeps about its clients beside their rows.
#[derive(Default)]
pub struct Clients {
    /// Connections that a pause holds back.
    pub paused: Vec<SocketId>,
    /// Connections that monitor.
    pub monitors: Vec<SocketId>,
    /// The row that the cron looks at next.
    pub scanned: usize,
    /// Connections that came while there was no place, until the next round of the cron.
    pub at_limit: Vec<(OwnedFd, bool)>,
    /// When the log last heard of a failed accept.
    pub accept_failure_told: super::admission::FailureTold,
}

/// How bytes flow to and from a client.
#[derive(Default)]
pub struct Flow {
    /// Output bytes with the network.
    pub in_flight: usize,
    /// Its input is not read for now.
    pub stopped: bool,
    /// It will send no more.
    pub ended: bool,
    /// Since when its output is above the soft limit.
    pub over_soft_since: Option<Instant>,
}

impl Row {
    /// The connection, if the row is a client's.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.peer {
            Peer::Client(connection) => Some(connection),
            _ => None,
        }
    }
}

impl Core {
    /// Serves a connection from now on. It is counted in `process.clients` already.
    pub(super) fn adopt(&mut self, fd: OwnedFd, unix: bool) {
        if !unix {
            // A socket that refuses options works without them.
            let _ = socket_options::set_nodelay(&fd, true);
            let seconds = self.shard.tools.settings.network.tcp_keepalive;
            if seconds > 0 {
                let _ = socket_options::set_keepalive(&fd, seconds.unsigned_abs());
            }
        }
        let addresses = self.addresses(&fd, unix);
        let number = fd.as_raw_fd();
        let socket = self.net.adopt(fd);
        let (addr, laddr) = addresses;
        let shard = self.id();
        let place = Place { shard, socket, fd: number, addr, laddr, unix };
        let id = self.process.next_client();
        let info = Arc::new(ClientInfo::new(id, place, self.shard.tools.now_ms));
        self.process.shared.environment.clients.add(Arc::clone(&info));
        self.metrics().total_connections_received.bump();
        let session = Session::new(id, &self.process.shared.environment.acl);
        let connection = Box::new(Connection::new(Arc::clone(&info), session));
        self.insert_row(socket, Peer::Client(connection));
        if let Some(row) = self.row(socket) {
            row.client = Some(info);
        }
    }

    /// The peer's address and ours, as `CLIENT LIST` shows them.
    fn addresses(&self, fd: &OwnedFd, unix: bool) -> (String, String) {
        if unix {
            let path = format!("{}:0", self.shard.tools.settings.network.unixsocket);
            return (path.clone(), path);
        }
        let text = |address: std::io::Result<socket_options::Address>| {
            address.map_or_else(|_| "?:0".to_owned(), |address| address.to_string())
        };
        (text(socket_options::peer_address(fd)), text(socket_options::local_address(fd)))
    }

    /// Bytes from a socket.
    pub(super) fn received(&mut self, socket: SocketId, buffer: &Received) {
        let must_wait = self.all_paused() || self.audience_is_behind();
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        if row.socket != socket || row.closing {
            return;
        }
        let data = self.net.bytes(buffer);
        match &row.peer {
            Peer::Client(_) => {}
            Peer::ReplicaLink(_) => {
                let data = data.to_vec();
                return self.link_received(socket, &data);
            }
            Peer::ChildPipe => {
                let data = data.to_vec();
                return self.child_said(&data);
            }
            Peer::Signals(cause) => {
                let cause = *cause;
                return self.signalled(cause);
            }
        }
        let environment = &self.process.shared.environment;
        let metrics = &environment.metrics[usize::from(self.shard.tools.id.0)];
        metrics.total_net_input_bytes.add(data.len() as u64);
        metrics.total_reads_processed.bump();
        let moving = row.is_moving();
        let waits = must_wait || super::flow::is_choked(row, &self.shard.tools.settings);
        let Peer::Client(connection) = &mut row.peer else { return };
        let numbers = &connection.info.numbers;
        numbers.last_ms.set(self.shard.tools.now_ms);
        numbers.net_in.add(data.len() as u64);
        if moving {
            return connection.keep(data);
        }
        if waits {
            connection.keep(data);
            return self.make_wait(socket);
        }
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        let outcome = connection.receive(data, &mut around);
        let kept = connection.query_len();
        self.outcome(socket, outcome);
        if kept > super::flow::QUERY_WAITING_BYTES_MAX {
            self.bound_query(socket);
        }
    }

    /// A big argument is here whole.
    pub(super) fn received_exact(&mut self, socket: SocketId, bytes: Vec<u8>) {
        let now_ms = self.shard.tools.now_ms;
        self.metrics().total_net_input_bytes.add(bytes.len() as u64);
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        if row.socket != socket || row.closing {
            return;
        }
        let Peer::Client(connection) = &mut row.peer else { return };
        connection.info.numbers.last_ms.set(now_ms);
        connection.info.numbers.net_in.add(bytes.len() as u64);
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        let outcome = connection.bulk_received(bytes, &mut around);
        self.outcome(socket, outcome);
    }

    /// Lets a connection go on with what it kept.
    pub(super) fn advance(&mut self, socket: SocketId) {
        let must_wait = self.all_paused() || self.audience_is_behind();
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        if row.socket != socket || row.closing || row.is_moving() {
            return;
        }
        if must_wait || super::flow::is_choked(row, &self.shard.tools.settings) {
            return self.make_wait(socket);
        }
        let Peer::Client(connection) = &mut row.peer else { return };
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        let outcome = connection.advance(&mut around);
        if row.flow.stopped && connection.query_len() <= super::flow::QUERY_WAITING_BYTES_MAX {
            row.flow.stopped = false;
            self.net.resume(socket);
        }
        self.outcome(socket, outcome);
    }

    /// Does what a connection wants, until it waits for something.
    pub(super) fn outcome(&mut self, socket: SocketId, outcome: Outcome) {
        self.mark_dirty(socket);
        match outcome {
            Outcome::Idle => self.end_if_done(socket),
            Outcome::More => self.ready.push_back(socket),
            Outcome::Submit(batch, set) => self.submit(batch, set),
            Outcome::Spread(parts) => self.spread(parts),
            Outcome::Upper(batch) => self.upper(socket, batch),
            Outcome::Bulk { prefix, total } => self.receive_bulk(socket, prefix, total),
            Outcome::Close => self.close_after_output(socket),
        }
    }

    /// After a command was answered: the connection goes on, or ends if it asked for that.
    pub(super) fn go_on(&mut self, socket: SocketId) {
        let Some(row) = self.row(socket) else { return };
        let ended = row.flow.ended;
        let Some(connection) = row.connection() else { return };
        if connection.session.closing {
            return self.close_after_output(socket);
        }
        if connection.query_len() > 0 || ended {
            self.ready.push_back(socket);
        }
        self.mark_dirty(socket);
    }

    /// Closes a connection when everything answered so far is sent.
    pub fn close_after_output(&mut self, socket: SocketId) {
        if let Some(row) = self.row(socket) {
            row.closing = true;
            self.mark_dirty(socket);
        }
    }

    /// The peer is gone, or says that it will send no more: then what it sent is still answered.
    pub(super) fn peer_closed(&mut self, socket: SocketId, reason: &CloseReason) {
        if matches!(self.row(socket), Some(Row { peer: Peer::ChildPipe, .. })) {
            self.child_closed();
        }
        let is_client = self.row(socket).is_some_and(|row| row.connection().is_some());
        if !is_client || matches!(reason, CloseReason::Error(_)) {
            return self.close(socket);
        }
        let Some(row) = self.row(socket) else { return };
        row.flow.ended = true;
        // The network was letting go of it for another shard: it reports the end instead, and the
        // connection stays to be ended here.
        (row.moving, row.detaching) = (None, false);
        let Some(connection) = row.connection() else { return };
        if connection.info.flags().any(ClientFlags::BLOCKED) {
            return self.close(socket);
        }
        match connection.state {
            // The rest of the argument will never come.
            State::Receiving => self.close_after_output(socket),
            State::Ready => self.advance(socket),
            State::Submitted | State::Held => {}
        }
    }

    /// Ends a connection whose peer sends no more, once all it sent is worked on.
    fn end_if_done(&mut self, socket: SocketId) {
        let Some(row) = self.row(socket) else { return };
        let ended = row.flow.ended;
        let Some(connection) = row.connection() else { return };
        let (ready, silent) = (connection.state == State::Ready, connection.reply.is_empty());
        if ended && ready && silent && !self.net.is_sending(socket) {
            self.close(socket);
        } else if ended && ready {
            self.close_after_output(socket);
        }
    }

    /// Closes a connection now.
    pub fn close(&mut self, socket: SocketId) {
        let Some(slot) = self.rows.get_mut(socket.index()) else { return };
        if slot.as_ref().is_none_or(|row| row.socket != socket) {
            return;
        }
        self.stop_listening(socket);
        let Some(row) = self.rows[socket.index()].take() else { return };
        self.net.close(socket);
        if let Some(info) = row.client {
            self.process.shared.environment.clients.remove(&info);
        }
        let mut connection = match row.peer {
            Peer::Client(connection) => connection,
            Peer::ReplicaLink(link) => return self.link_closed(socket, &link),
            Peer::ChildPipe | Peer::Signals(_) => return,
        };
        tracking::end(&mut connection, &self.process.shared.environment);
        self.process.clients.fetch_sub(1, Ordering::Relaxed);
        self.links.announced.remove(&socket);
        self.forget_wait(socket);
        self.forget_blocked(socket);
        if connection.session.monitoring {
            self.stop_monitoring(socket);
        }
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        if let Some((batch, set)) = connection.abandon(&mut around) {
            self.submit(batch, set);
        }
    }

    /// Hands what was answered to the network: one send a connection a turn.
    pub(super) fn flush_output(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for socket in dirty.drain(..) {
            self.flush_one(socket);
        }
        // Closing a connection may have marked others; they stay for the next turn.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
    }

    fn flush_one(&mut self, socket: SocketId) {
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        if row.socket != socket {
            return;
        }
        row.dirty = false;
        if row.is_moving() {
            return;
        }
        let Peer::Client(connection) = &mut row.peer else {
            return self.flush_link(socket);
        };
        if self.net.is_sending(socket) {
            if !connection.reply.is_empty() || row.closing {
                self.net.expect_sent(socket);
            }
            connection.publish(super::flow::shown(row.flow.in_flight));
            self.detach_if_moving(socket);
            return self.bound_output(socket);
        }
        if connection.reply.is_empty() {
            connection.publish(0);
            if row.closing {
                self.close(socket);
            } else {
                self.detach_if_moving(socket);
            }
            return;
        }
        // Replies wait for a batch under way, so that a pipeline is answered with few sends.
        // Messages for a subscriber do not wait.
        let corks =
            connection.state == State::Submitted && connection.session.subscriptions.is_none();
        if corks && connection.reply.len() < CORK_BYTES_MAX {
            return;
        }
        let length = connection.reply.len();
        let spare = std::mem::take(&mut row.spare);
        let output = match connection.reply.take(spare) {
            Output::Flat(bytes) => SendBuffer::Flat(bytes),
            Output::Chunks(chunks) => SendBuffer::Chunks(chunks),
        };
        row.flow.in_flight = length;
        connection.info.numbers.net_out.add(length as u64);
        connection.publish(super::flow::shown(length));
        if row.closing {
            self.net.send(socket, output);
        } else {
            self.net.send_unhurried(socket, output);
        }
        let metrics = self.metrics();
        metrics.total_net_output_bytes.add(length as u64);
        metrics.total_writes_processed.bump();
        self.detach_if_moving(socket);
        if length > super::flow::OUTPUT_LOOKED_AT_BYTES {
            self.bound_output(socket);
        }
    }
}

/// Replies are held back below this while the connection waits for another shard.
const CORK_BYTES_MAX: usize = 16 * 1024;
