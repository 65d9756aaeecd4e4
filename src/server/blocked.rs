//! Clients of one shard that wait for keys: from when their command came back without an answer to
//! when one of all that may end the wait does. On the loop of the client's shard; who serves them
//! is the core that holds the keys (`shard::blocked`).
//!
//! What always holds: a client here is held, and its waiter stands in the queues of its keys until
//! it is claimed; whoever claims it here also has it forgotten there.

use super::core::{Core, Peer};
use crate::base::clock;
use crate::command::blocked::Waiter;
use crate::command::gate::Pause;
use crate::command::spaces::Spaces;
use crate::keyspace::key::slot_of;
use crate::net::event::SocketId;
use crate::router::route::ShardSet;
use crate::shard::batch::{Batch, BatchKind};
use crate::shard::blocked::Served;
use crate::shard::message::Message;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The clients of one shard that wait for keys.
#[derive(Default)]
pub struct Blocked {
    clients: HashMap<SocketId, Client, ahash::RandomState>,
    /// Who is overdue when, Unix milliseconds; the second number tells apart those of one moment.
    deadlines: BTreeMap<(u64, u64), SocketId>,
    last: u64,
    /// Answers that overtook their commands, which come back from another shard.
    early: Vec<Served>,
}

/// A client that waits.
struct Client {
    /// Its command, whose reply is still empty.
    batch: Box<Batch>,
    waiter: Arc<Waiter>,
    deadline: Option<(u64, u64)>,
}

impl Blocked {
    fn insert(&mut self, socket: SocketId, waiter: Arc<Waiter>, batch: Box<Batch>) {
        let deadline = waiter.block.deadline_ms.map(|at| self.set_deadline(at, socket));
        self.clients.insert(socket, Client { batch, waiter, deadline });
    }

    fn set_deadline(&mut self, at_ms: u64, socket: SocketId) -> (u64, u64) {
        self.last += 1;
        self.deadlines.insert((at_ms, self.last), socket);
        (at_ms, self.last)
    }

    fn remove(&mut self, socket: SocketId) -> Option<Client> {
        let client = self.clients.remove(&socket)?;
        if let Some(deadline) = client.deadline {
            self.deadlines.remove(&deadline);
        }
        Some(client)
    }

    fn take_early(&mut self, waiter: &Arc<Waiter>) -> Option<Served> {
        let of_waiter = |served: &Served| Arc::ptr_eq(&served.waiter, waiter);
        let place = self.early.iter().position(of_waiter)?;
        Some(self.early.swap_remove(place))
    }

    fn is_of(&self, socket: SocketId, waiter: &Arc<Waiter>) -> bool {
        self.clients.get(&socket).is_some_and(|client| Arc::ptr_eq(&client.waiter, waiter))
    }
}

impl Core {
    /// A command came back that waits for a key: its client is held until it is answered.
    pub(super) fn begin_wait(&mut self, waiter: Arc<Waiter>, batch: Box<Batch>) {
        let socket = batch.connection;
        let ended = match self.row(socket) {
            Some(row) => {
                if let Peer::Client(connection) = &mut row.peer {
                    connection.begin_wait();
                }
                Some(row.flow.ended)
            }
            None => None,
        };
        let Some(ended) = ended else {
            if waiter.claim() {
                self.forget(&waiter);
            }
            return self.pool.give(batch);
        };
        let early = self.blocked.take_early(&waiter);
        self.blocked.insert(socket, waiter, batch);
        self.metrics().blocked_clients.add(1);
        self.mark_blocked(socket, true);
        self.mark_dirty(socket);
        if let Some(served) = early {
            self.waiter_served(served);
        } else if ended {
            // As with stock servers the end of the peer ends the wait.
            self.close(socket);
        }
    }

    /// Ends the waits whose time is over.
    pub(super) fn end_overdue_waits(&mut self) {
        let now_ms = self.shard.tools.now_ms;
        while let Some((&(at, number), &socket)) = self.blocked.deadlines.first_key_value()
            && at <= now_ms
        {
            self.blocked.deadlines.remove(&(at, number));
            let Some(client) = self.blocked.clients.get_mut(&socket) else { continue };
            client.deadline = None;
            if client.waiter.claim() {
                self.end_in_vain(socket);
                continue;
            }
            // It is being served; should that come to nothing, it is overdue still.
            let again = self.blocked.set_deadline(now_ms + 1, socket);
            if let Some(client) = self.blocked.clients.get_mut(&socket) {
                client.deadline = Some(again);
            }
        }
    }

    /// Ends a claimed wait as its timeout does.
    fn end_in_vain(&mut self, socket: SocketId) {
        let Some(mut client) = self.blocked.remove(socket) else { return };
        client.batch.reply.null_array();
        self.shard.tools.count(client.waiter.command);
        self.forget(&client.waiter);
        self.end_wait(socket, client.batch, false);
    }

    /// Ends a client's wait, as `CLIENT UNBLOCK` asks.
    pub(super) fn unblock(&mut self, socket: SocketId, with_error: bool) {
        let Some(client) = self.blocked.clients.get(&socket) else { return };
        if !client.waiter.claim() {
            return;
        }
        if !with_error {
            return self.end_in_vain(socket);
        }
        let Some(mut client) = self.blocked.remove(socket) else { return };
        client.batch.reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
        self.shard.tools.count(client.waiter.command);
        self.forget(&client.waiter);
        self.end_wait(socket, client.batch, false);
    }

    /// A client is gone: it waits no more.
    pub(super) fn forget_blocked(&mut self, socket: SocketId) {
        self.blocked.early.retain(|served| served.waiter.connection != socket);
        let Some(client) = self.blocked.remove(socket) else { return };
        self.metrics().blocked_clients.sub(1);
        if client.waiter.claim() {
            self.forget(&client.waiter);
        }
        self.pool.give(client.batch);
    }

    /// Somebody who held the keys served a client of this shard.
    pub(super) fn waiter_served(&mut self, served: Served) {
        let socket = served.waiter.connection;
        if !self.blocked.is_of(socket, &served.waiter) && self.row(socket).is_some() {
            // Its command is on its way from another shard than this answer.
            return self.blocked.early.push(served);
        }
        let Served { waiter, mut reply, seen, is_left, closes } = served;
        if is_left {
            self.forget(&waiter);
        }
        // One that is gone went while the answer was on its way.
        let Some(mut client) = self.blocked.remove(socket) else { return };
        client.batch.reply.append(&mut reply);
        client.batch.seen = client.batch.seen.max(seen);
        self.end_wait(socket, client.batch, closes);
    }

    /// Answers a client that waited; it goes on with what it sent meanwhile, or ends.
    fn end_wait(&mut self, socket: SocketId, mut batch: Box<Batch>, closes: bool) {
        self.metrics().blocked_clients.sub(1);
        self.mark_blocked(socket, false);
        if let Some(row) = self.row(socket)
            && let Peer::Client(connection) = &mut row.peer
        {
            connection.end_wait(&mut batch);
            connection.session.closing |= closes;
            self.go_on(socket);
        }
        self.pool.give(batch);
    }

    /// What a client of this shard waits for is there: the keyspaces that it needs are asked for.
    pub(super) fn attempt(&mut self, waiter: &Arc<Waiter>) {
        let placement = self.shard.tools.shared.placement;
        let mut set = ShardSet::default();
        for key in waiter.keys().chain(waiter.needs()) {
            set.insert(placement.shard_of(slot_of(key)));
        }
        let batch = self.batch_about(BatchKind::Serve, waiter);
        self.submit(batch, set);
    }

    /// Takes one who waits no more out of the queues of its keys.
    fn forget(&mut self, waiter: &Arc<Waiter>) {
        let placement = self.shard.tools.shared.placement;
        let mut shards = ShardSet::default();
        for key in waiter.keys() {
            shards.insert(placement.shard_of(slot_of(key)));
        }
        // Each by itself: nothing about it needs several at one moment.
        for shard in shards.iter() {
            let batch = self.batch_about(BatchKind::Forget, waiter);
            let mut set = ShardSet::default();
            set.insert(shard);
            self.submit(batch, set);
        }
    }

    fn batch_about(&mut self, kind: BatchKind, waiter: &Arc<Waiter>) -> Box<Batch> {
        let mut batch = self.pool.take();
        batch.origin = self.id();
        batch.kind = kind;
        batch.waiter = Some(Arc::clone(waiter));
        batch
    }

    /// Serves what was left to be served: by a pause that is over, or by whoever held the keyspace.
    pub(super) fn serve_at_home(&mut self) {
        let Some(space) = self.shard.home.as_deref_mut() else { return };
        if space.keys.has_ready() && space.gate.pause == Pause::Off {
            let placement = self.shard.tools.shared.placement;
            self.shard.tools.serve_ready(&mut Spaces::one(space, placement));
            self.shard.tools.timing_ends();
        }
    }

    /// Hands the answers of this run to the shards of the clients that waited.
    pub(super) fn deliver_served(&mut self) {
        // Delivering may serve more of them here.
        while !self.shard.tools.served_waiters.is_empty() || !self.shard.tools.attempts.is_empty() {
            self.deliver_once();
        }
    }

    fn deliver_once(&mut self) {
        for served in std::mem::take(&mut self.shard.tools.served_waiters) {
            match served.waiter.origin {
                shard if shard == self.id() => self.waiter_served(served),
                shard => self.shard.send(shard, Message::Served(Box::new(served))),
            }
        }
        for waiter in std::mem::take(&mut self.shard.tools.attempts) {
            match waiter.origin {
                shard if shard == self.id() => self.attempt(&waiter),
                shard => self.shard.send(shard, Message::Attempt(waiter)),
            }
        }
    }

    /// How long the loop may park for the clients that wait.
    pub(super) fn until_blocked_ends(&self) -> Duration {
        let Some((&(at_ms, _), _)) = self.blocked.deadlines.first_key_value() else {
            return Duration::MAX;
        };
        Duration::from_millis(at_ms.saturating_sub(clock::wall_ms()))
    }
}
