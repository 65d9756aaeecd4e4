//! Connections follow their keys: one whose commands have long been for one other shard is handed
//! to that shard, where they need no hop. It moves between two commands, with its session, its
//! unsent replies and what it received; its descriptor stays the same, so the client notices
//! nothing.

use super::clients::Flow;
use super::core::{Core, Peer, Row};
use super::mail::Mail;
use crate::client::connection::{Connection, State};
use crate::command::client_info::ClientInfo;
use crate::net::event::SocketId;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A connection on its way to another shard.
pub struct Moved {
    fd: OwnedFd,
    connection: Box<Connection>,
    ended: bool,
}

impl Core {
    /// After a connection's batch came back: it begins to move if that is worth it now.
    pub(super) fn move_if_worthwhile(&mut self, socket: SocketId) {
        if !is_useful(self) || self.all_paused() || self.links.announced.contains_key(&socket) {
            return;
        }
        let Some(row) = self.row(socket) else { return };
        let settled = !row.closing && !row.flow.ended && !row.flow.stopped && row.moving.is_none();
        let Some(connection) = row.connection() else { return };
        if let Some(shard) = connection.better_shard()
            && settled
        {
            row.moving = Some(shard);
            self.mark_dirty(socket);
        }
    }

    /// Lets go of a moving connection once its output is with the network. What arrives from now
    /// on is kept for the other shard.
    pub(super) fn detach_if_moving(&mut self, socket: SocketId) {
        let Some(row) = self.row(socket) else { return };
        if row.moving.is_none() || row.detaching || row.closing {
            return;
        }
        let better = row.connection().and_then(|connection| connection.better_shard());
        if better.is_some() {
            row.detaching = true;
            self.net.detach(socket);
        } else {
            // It went on with something meanwhile.
            row.moving = None;
        }
    }

    /// The network has let go: the connection leaves for its shard.
    pub(super) fn detached(&mut self, socket: SocketId, fd: OwnedFd) {
        let Some(slot) = self.rows.get_mut(socket.index()) else { return };
        let Some(row) = slot.take_if(|row| row.socket == socket) else { return };
        let (Some(target), Peer::Client(connection)) = (row.moving, row.peer) else {
            unreachable!("only moving clients are detached")
        };
        debug_assert_eq!(connection.state, State::Ready);
        let clients = &self.process.shared.environment.clients;
        clients.move_to(target, &connection.info);
        let moved = Moved { fd, connection, ended: row.flow.ended };
        self.process.post(target, Mail::Moved(Box::new(moved)));
    }

    /// A connection arrives from another shard.
    pub(super) fn arrive(&mut self, moved: Moved) {
        let Moved { fd, mut connection, ended } = moved;
        let socket = self.net.adopt(fd);
        connection.key = socket;
        connection.info.set_place(self.id(), socket);
        let info = Arc::clone(&connection.info);
        self.insert_row(socket, Peer::Client(connection));
        if let Some(row) = self.row(socket) {
            row.client = Some(Arc::clone(&info));
            row.flow = Flow { ended, ..Flow::default() };
        }
        if info.is_killed() {
            return self.close(socket);
        }
        self.ready.push_back(socket);
        self.mark_dirty(socket);
    }

    /// Closes a client by order of another, wherever it is by now.
    pub(super) fn close_killed(&mut self, info: Arc<ClientInfo>) {
        let (shard, socket) = info.place();
        if shard == self.id() {
            // One that is still on its way is closed when it arrives.
            self.close(socket);
        } else {
            self.process.post(shard, Mail::Kill(info));
        }
    }
}

impl Row {
    /// Whether it must not be worked on: it is on its way to another shard.
    pub fn is_moving(&self) -> bool {
        self.detaching
    }
}

/// Whether connections move at all: not with one shard, and not on a replica, where a connection's
/// reads are ordered by what it has seen on each shard.
fn is_useful(core: &Core) -> bool {
    let shared = &core.shard.tools.shared;
    let is_replica = shared.environment.status.is_replica.load(Ordering::Relaxed);
    shared.placement.shards() > 1 && !is_replica
}
