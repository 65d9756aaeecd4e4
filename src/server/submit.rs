//! Batches on their way: to another shard, into a lease, or run here, and back to their connection.

use super::core::{Core, Peer};
use crate::base::ids::ShardId;
use crate::net::event::SocketId;
use crate::router::lease::Work;
use crate::router::route::{Route, ShardSet};
use crate::shard::batch::{Batch, BatchKind};
use crate::shard::execute::Ran;
use crate::shard::message::Message;

impl Core {
    /// Runs a batch with the keyspaces of `set`, here or where they are.
    pub fn submit(&mut self, batch: Box<Batch>, set: ShardSet) {
        match set.route() {
            Route::One(shard) if !batch.stays => {
                if shard == self.id() {
                    self.shard.deferred.push_back(batch);
                    self.run_deferred();
                } else {
                    self.shard.send(shard, Message::Run(batch));
                }
            }
            Route::Anywhere => self.run_without_keys(batch),
            Route::One(_) | Route::Several(_) => self.desk.ask(set, Work::Batch(batch)),
        }
    }

    /// Runs the parts of a pipeline, each on its shard.
    pub(super) fn spread(&mut self, parts: Vec<(ShardId, Box<Batch>)>) {
        for (shard, batch) in parts {
            if shard == self.id() {
                self.shard.deferred.push_back(batch);
            } else {
                self.shard.send(shard, Message::Run(batch));
            }
        }
        self.run_deferred();
    }

    /// Runs a batch that needs no keyspace.
    fn run_without_keys(&mut self, mut batch: Box<Batch>) {
        let mut beside = super::verbs::InTransaction {
            process: &self.process,
            shard: self.shard.tools.id,
            rows: &mut self.rows,
            subscribers: &mut self.audience.subscribers,
        };
        let tools = &mut self.shard.tools;
        let mut spaces = crate::command::spaces::Spaces::none(tools.shared.placement);
        match tools.run_batch(&mut spaces, &mut batch, &mut beside) {
            Ran::Done => self.batch_done(batch),
            Ran::Postponed => self.hold(batch),
            Ran::Waiting => unreachable!("a pipeline's commands have keys"),
        }
    }

    /// A batch came back: its connection goes on.
    pub(super) fn batch_done(&mut self, mut batch: Box<Batch>) {
        let socket = batch.connection;
        let is_nobodys = matches!(batch.kind, BatchKind::Unwatch if socket == SocketId::NONE)
            || matches!(batch.kind, BatchKind::Forget | BatchKind::Serve);
        if is_nobodys {
            self.pool.give(batch);
            return;
        }
        if let Some(waiter) = batch.waiter.take() {
            return self.begin_wait(waiter, batch);
        }
        let row = self.rows.get_mut(socket.index()).and_then(Option::as_mut);
        if let Some(row) = row.filter(|row| row.socket == socket)
            && let Peer::Client(connection) = &mut row.peer
        {
            if batch.baton.is_some() {
                let outcome = connection.part_done(batch, &mut self.pool);
                self.outcome(socket, outcome);
                return;
            }
            connection.complete(&mut batch);
            self.go_on(socket);
            self.move_if_worthwhile(socket);
        } else {
            // The client is gone; what it watched while the batch was under way is forgotten.
            self.forget_watched(&mut batch);
        }
        self.pool.give(batch);
    }

    fn forget_watched(&mut self, batch: &mut Batch) {
        if batch.kind != BatchKind::Watch || batch.watched.is_empty() {
            return;
        }
        let watched = std::mem::take(&mut batch.watched);
        let mut unwatch = self.pool.take();
        let set = crate::client::multi::unwatch_batch(
            &mut unwatch,
            watched,
            self.shard.tools.shared.placement,
        );
        unwatch.origin = self.id();
        self.submit(unwatch, set);
    }
}
