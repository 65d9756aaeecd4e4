//! What the loops of the shards hand each other beside commands: connections, orders, news. Rare;
//! each shard has one box, filled from any core.

use super::link_transfer::LinkNews;
use super::listeners::Door;
use super::moving::Moved;
use super::process::Process;
use crate::base::ids::ShardId;
use crate::command::client_info::ClientInfo;
use crate::command::tracking::Invalidation;
use crate::net::event::SocketId;
use crate::shard::apply::Seen;
use crate::shard::batch::Batch;
use crate::snapshot::wanted::{LinkAddress, News, Wanted};
use bytes::Bytes;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

/// One piece of mail.
pub enum Mail {
    /// A connection that was accepted for this shard.
    Adopt {
        /// The connection.
        fd: OwnedFd,
        /// It came over a unix socket.
        unix: bool,
    },
    /// An order to the controller; to shard 0.
    Order(Box<Batch>),
    /// An order was carried out: the answer for a connection of this shard.
    Answered(Box<Batch>),
    /// Close this connection, as `CLIENT KILL` asks.
    Kill(Arc<ClientInfo>),
    /// End the wait of the client at this socket, as `CLIENT UNBLOCK` asks.
    Unblock {
        /// The client's socket.
        socket: SocketId,
        /// With an error instead of what would be said at its timeout.
        with_error: bool,
    },
    /// A connection moves to this shard.
    Moved(Box<Moved>),
    /// Begin, extend or end a pause; to shard 0.
    Pause(super::pause::Change),
    /// A pause ended: what it held back goes on.
    Resume,
    /// News of changed keys for a client that moved to this shard.
    Invalidate(Box<(Invalidation, Seen)>),
    /// What was published is delivered: who waits for that goes on.
    Heard,
    /// Lines for this shard's monitors.
    Monitored(Bytes),
    /// What threads that work for the link from the master have to tell; to shard 0.
    Link(LinkNews),
    /// A link to a replica wants a snapshot; to shard 0.
    SnapshotWanted(Box<Wanted>),
    /// A link that wanted a snapshot is gone; to shard 0. What is being sent to it is cut short.
    SnapshotUnwanted(LinkAddress),
    /// What becomes of the snapshot that the link at this socket wants; to the link's shard.
    SnapshotNews {
        /// The link's socket.
        socket: SocketId,
        /// What the desk tells it.
        news: News,
    },
    /// A replica acknowledged something; to shards whose clients wait for that.
    Acknowledged,
    /// A master hands its role over to this server with this PSYNC; to shard 0.
    Promote(Box<Batch>),
    /// This server is the master that a PSYNC asked for; to the shard of its connection.
    Promoted(Box<Batch>),
    /// Close all links to replicas: the history they follow is no longer ours.
    DropLinks,
    /// Listen on these instead of the TCP sockets listened on so far; to shard 0.
    Relisten(Vec<Door>),
    /// Stop the loop: the process is ending.
    Stop,
}

/// A shard's box.
#[derive(Default)]
pub struct MailBox {
    waiting: Mutex<Vec<Mail>>,
}

impl MailBox {
    /// Takes all mail, in order.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, mail: Mail) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
    }
}

impl Process {
    /// Sends mail to a shard from any thread and wakes it.
    pub fn post(&self, to: ShardId, mail: Mail) {
        self.mailboxes[usize::from(to.0)].put(mail);
        self.shared.inbox(to).rouse(|waker| waker.wake_thread());
    }
}
