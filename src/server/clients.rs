//! Clients on one shard's loop: connections come, bytes arrive, replies leave, connections end.

use super::core::{Core, Peer, Row};
use super::mail::Mail;
use crate::base::ids::ShardId;
use crate::client::connection::{Connection, Outcome, State, Surroundings};
use crate::client::session::Session;
use crate::net::event::{Received, SendBuffer, SocketId};
use crate::net::socket_options;
use crate::resp::reply::Output;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

impl Core {
    /// A connection was accepted here: it goes to the shard whose turn it is.
    pub(super) fn accepted(&mut self, fd: OwnedFd, unix: bool) {
        let shard = ShardId(self.process.next_shard());
        if shard == self.id() {
            self.adopt(fd, unix);
        } else {
            self.process.post(shard, Mail::Adopt { fd, unix });
        }
    }

    /// Serves a connection from now on.
    pub(super) fn adopt(&mut self, fd: OwnedFd, unix: bool) {
        if !unix {
            // A socket that refuses options works without them.
            let _ = socket_options::set_nodelay(&fd, true);
            let seconds = self.shard.tools.settings.network.tcp_keepalive;
            if seconds > 0 {
                let _ = socket_options::set_keepalive(&fd, seconds.unsigned_abs());
            }
        }
        let socket = self.net.adopt(fd);
        let id = self.process.next_client();
        let authenticated = self.shard.tools.settings.security.requirepass.is_empty();
        let session = Session::new(id, authenticated);
        self.process.clients.fetch_add(1, Ordering::Relaxed);
        self.insert_row(socket, Peer::Client(Box::new(Connection::new(socket, session))));
    }

    /// Bytes from a socket.
    pub(super) fn received(&mut self, socket: SocketId, buffer: &Received) {
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        if row.socket != socket || row.closing {
            return;
        }
        let data = self.net.bytes(buffer);
        let connection = match &mut row.peer {
            Peer::Client(connection) => connection,
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
        };
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        let outcome = connection.receive(data, &mut around);
        self.outcome(socket, outcome);
    }

    /// Lets a connection go on with what it kept.
    pub(super) fn advance(&mut self, socket: SocketId) {
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        if row.socket != socket || row.closing {
            return;
        }
        let Peer::Client(connection) = &mut row.peer else { return };
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        let outcome = connection.advance(&mut around);
        self.outcome(socket, outcome);
    }

    /// Does what a connection wants, until it waits for something.
    pub(super) fn outcome(&mut self, socket: SocketId, outcome: Outcome) {
        self.mark_dirty(socket);
        match outcome {
            Outcome::Idle => {}
            Outcome::More => self.ready.push_back(socket),
            Outcome::Submit(batch, set) => self.submit(batch, set),
            Outcome::Spread(parts) => self.spread(parts),
            Outcome::Upper(batch) => self.upper(socket, batch),
            Outcome::Close => self.close_after_output(socket),
        }
    }

    /// Closes a connection when everything answered so far is sent.
    pub fn close_after_output(&mut self, socket: SocketId) {
        if let Some(row) = self.row(socket) {
            row.closing = true;
            self.mark_dirty(socket);
        }
    }

    /// The peer is gone or closed its side.
    pub(super) fn peer_closed(&mut self, socket: SocketId) {
        if matches!(self.row(socket), Some(Row { peer: Peer::ChildPipe, .. })) {
            self.child_closed();
        }
        self.close(socket);
    }

    /// Closes a connection now.
    pub fn close(&mut self, socket: SocketId) {
        let Some(slot) = self.rows.get_mut(socket.index()) else { return };
        if slot.as_ref().is_none_or(|row| row.socket != socket) {
            return;
        }
        let row = slot.take();
        self.net.close(socket);
        match row.map(|row| row.peer) {
            Some(Peer::Client(mut connection)) => {
                self.process.clients.fetch_sub(1, Ordering::Relaxed);
                self.links.announced.remove(&socket);
                self.forget_wait(socket);
                let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
                if let Some((batch, set)) = connection.abandon(&mut around) {
                    self.submit(batch, set);
                }
            }
            Some(Peer::ReplicaLink(link)) => self.link_closed(socket, &link),
            Some(Peer::ChildPipe | Peer::Signals(_)) | None => {}
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
        let Peer::Client(connection) = &mut row.peer else {
            return self.flush_link(socket);
        };
        if self.net.is_sending(socket) {
            if !connection.reply.is_empty() || row.closing {
                self.net.expect_sent(socket);
            }
            return;
        }
        if connection.reply.is_empty() {
            if row.closing {
                self.close(socket);
            }
            return;
        }
        // Replies wait for a batch under way, so that a pipeline is answered with few sends.
        if connection.state == State::Submitted && connection.reply.len() < CORK_BYTES_MAX {
            return;
        }
        let spare = std::mem::take(&mut row.spare);
        let output = match connection.reply.take(spare) {
            Output::Flat(bytes) => SendBuffer::Flat(bytes),
            Output::Chunks(chunks) => SendBuffer::Chunks(chunks),
        };
        if row.closing {
            self.net.send(socket, output);
        } else {
            self.net.send_unhurried(socket, output);
        }
    }
}

/// Replies are held back below this while the connection waits for another shard.
const CORK_BYTES_MAX: usize = 16 * 1024;
