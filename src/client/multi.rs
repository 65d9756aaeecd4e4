//! Transactions of a connection: queueing, EXEC, DISCARD, and the watched keys. On the connection's
//! shard; what is queued travels to the keyspaces as one batch.

use super::connection::{Connection, Outcome, State, Surroundings, Taken};
use super::session::Transaction;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::table::Command;
use crate::keyspace::key::slot_of;
use crate::keyspace::placement::Placement;
use crate::net::event::SocketId;
use crate::resp::request::Args;
use crate::router::route::ShardSet;
use crate::shard::batch::{Batch, BatchKind, WatchedKey};

impl Connection {
    /// Queues a command of the open transaction.
    pub(super) fn queue(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if command.spec.flags.has(Flags::NO_MULTI) {
            return self.refuse(Some(command), &NOT_IN_MULTI, around);
        }
        let placement = around.shard.tools.shared.placement;
        if let Some(transaction) = &mut self.session.transaction {
            transaction.push(command, args, placement);
        }
        self.reply.simple("QUEUED");
        Taken::Next
    }

    /// Runs the open transaction.
    pub(super) fn exec(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        let Some(transaction) = self.session.transaction.take() else {
            return self.refuse_only(command, &EXEC_WITHOUT_MULTI, around);
        };
        if transaction.refused {
            self.session.transaction = Some(transaction);
            return self.abort(command, &EXECABORT, around);
        }
        if self.feeding {
            for index in 0..transaction.batch.len() {
                let queued = transaction.batch.command(index);
                self.feed(queued, transaction.batch.args(index), around);
            }
            self.feed(command, args, around);
        }
        self.count(command, args, around);
        let denied = self.denied_now(&transaction.batch, around);
        let Transaction { mut batch, mut set, .. } = transaction;
        batch.denied = denied;
        let placement = around.shard.tools.shared.placement;
        batch.kind = BatchKind::Unit;
        batch.view = self.session.view;
        batch.seen = self.session.seen;
        batch.reply.version = self.session.version();
        batch.stays = transaction.stays;
        batch.watched = std::mem::take(&mut self.session.watched);
        for watched in &batch.watched {
            set.insert(placement.shard_of(slot_of(&watched.key)));
        }
        self.state = State::Submitted;
        Taken::Stop(Outcome::Submit(batch, set))
    }

    /// Which queued commands the user may no longer run.
    fn denied_now(&self, batch: &Batch, around: &Surroundings<'_>) -> Vec<(usize, CommandError)> {
        if !self.session.restricted {
            return Vec::new();
        }
        let check = |index: usize| {
            let (command, args) = (batch.command(index), batch.args(index));
            let denied = self.session.user.check(command, args).err()?;
            self.note_denied(denied, command, args, around);
            Some((index, denied.error_in_exec()))
        };
        (0..batch.len()).filter_map(check).collect()
    }

    /// Drops the open transaction, if there is one, and what is watched: EXEC was refused.
    pub(super) fn abort(
        &mut self,
        exec: &Command,
        error: &CommandError,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        let _ = self.refuse_only(exec, error, around);
        if let Some(transaction) = self.session.transaction.take() {
            around.pool.give(transaction.batch);
        }
        self.forget_watched(around)
    }

    /// Drops the open transaction.
    pub(super) fn discard(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        let Some(transaction) = self.session.transaction.take() else {
            return self.refuse_only(command, &DISCARD_WITHOUT_MULTI, around);
        };
        around.pool.give(transaction.batch);
        self.reply.ok();
        self.count(command, args, around);
        self.forget_watched(around)
    }

    /// Watches keys on their shards.
    pub(super) fn watch(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        self.count(command, args, around);
        let mut batch = self.batch(around);
        batch.kind = BatchKind::Watch;
        let placement = around.shard.tools.shared.placement;
        let mut set = ShardSet::default();
        let db = self.session.view.db;
        for key in args.iter().skip(1) {
            let known = |watched: &WatchedKey| watched.db == db && *watched.key == *key;
            if self.session.watched.iter().any(known) || batch.watched.iter().any(known) {
                continue;
            }
            set.insert(placement.shard_of(slot_of(key)));
            batch.watched.push(WatchedKey {
                db,
                key: key.into(),
                version: None,
                was_expired: false,
            });
        }
        self.state = State::Submitted;
        Taken::Stop(Outcome::Submit(batch, set))
    }

    /// Forgets the watched keys on their shards.
    pub(super) fn forget_watched(&mut self, around: &mut Surroundings<'_>) -> Taken {
        if self.session.watched.is_empty() {
            return Taken::Next;
        }
        let mut batch = self.batch(around);
        let placement = around.shard.tools.shared.placement;
        let watched = std::mem::take(&mut self.session.watched);
        let set = unwatch_batch(&mut batch, watched, placement);
        self.state = State::Submitted;
        Taken::Stop(Outcome::Submit(batch, set))
    }

    /// The client is gone. What remains to be done for it: its watched keys to be forgotten.
    pub fn abandon(&mut self, around: &mut Surroundings<'_>) -> Option<(Box<Batch>, ShardSet)> {
        if self.session.watched.is_empty() {
            return None;
        }
        let mut batch = self.batch(around);
        batch.connection = SocketId::NONE;
        let watched = std::mem::take(&mut self.session.watched);
        let set = unwatch_batch(&mut batch, watched, around.shard.tools.shared.placement);
        Some((batch, set))
    }
}

/// Makes `batch` forget watched keys; the shards they are on.
pub fn unwatch_batch(
    batch: &mut Batch,
    watched: Vec<WatchedKey>,
    placement: Placement,
) -> ShardSet {
    batch.kind = BatchKind::Unwatch;
    let mut set = ShardSet::default();
    for key in &watched {
        set.insert(placement.shard_of(slot_of(&key.key)));
    }
    batch.watched = watched;
    set
}

const NOT_IN_MULTI: CommandError =
    CommandError::text("ERR Command not allowed inside a transaction");
const EXEC_WITHOUT_MULTI: CommandError = CommandError::text("ERR EXEC without MULTI");
const DISCARD_WITHOUT_MULTI: CommandError = CommandError::text("ERR DISCARD without MULTI");
const EXECABORT: CommandError =
    CommandError::text("EXECABORT Transaction discarded because of previous errors.");
