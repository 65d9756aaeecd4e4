//! Running commands on the keyspaces in hand, wherever they came from: a connection of this shard,
//! a batch of another, a lease. One place counts, times, refuses and streams.

use super::batch::{Batch, BatchKind};
use super::refuse::{self, Verdict};
use super::state::{Shard, Tools};
use crate::base::ids::ClientId;
use crate::command::blocked::Blocking;
use crate::command::context::{ClientView, Context};
use crate::command::effects::Effects;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::gate::{Gate, Role};
use crate::command::notify::News;
use crate::command::spaces::Spaces;
use crate::command::spec::{ClientVerb, Handler, Scope};
use crate::command::table::Command;
use crate::keyspace::key::Key;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use std::sync::Arc;

/// Whether a command ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Its reply is written.
    Done,
    /// A pause holds it back; nothing happened.
    Postponed,
    /// Its pipeline's turn has not come yet; nothing happened, or some of its commands ran.
    Waiting,
}

/// One command to be run.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Its row.
    pub command: &'static Command,
    /// Its arguments.
    pub args: Args<'a>,
    /// Its only key, where that is known and hashed already.
    pub key: Option<Key<'a>>,
}

/// Runs what a transaction holds besides commands on keys: connection and server commands.
pub trait Beside {
    /// Runs the command at its place in its transaction.
    fn run(&mut self, asked: InUnit<'_>, reply: &mut Reply);
}

/// A command of the connection or the server inside a transaction.
pub struct InUnit<'a> {
    /// The transaction's connection.
    pub connection: SocketId,
    /// What the commands behind it know of the client: its database and protocol may change.
    pub view: &'a mut ClientView,
    /// The command.
    pub command: &'static Command,
    /// Its arguments.
    pub args: Args<'a>,
}

/// For transactions that were found to hold commands on keys only.
pub struct NothingBeside;

impl Beside for NothingBeside {
    fn run(&mut self, asked: InUnit<'_>, _reply: &mut Reply) {
        let name = &asked.command.full_name;
        unreachable!("a transaction with '{name}' was sent away from its connection")
    }
}

impl Shard {
    /// Runs one command on the keyspace at home, which must be there.
    pub fn run_here(&mut self, call: &Call<'_>, view: &ClientView, reply: &mut Reply) -> Ran {
        let space = self.home.as_deref_mut().expect("routed here while the keyspace is at home");
        let mut spaces = Spaces::one(space, self.tools.shared.placement);
        let ran = self.tools.run(&mut spaces, call, view, reply);
        self.tools.serve_ready(&mut spaces);
        ran
    }

    /// Runs a batch on the keyspace at home; `Postponed` if a pause holds back the rest of it.
    pub fn run_batch_here(&mut self, batch: &mut Batch) -> Ran {
        let space = self.home.as_deref_mut().expect("batches wait while the keyspace is away");
        let mut spaces = Spaces::one(space, self.tools.shared.placement);
        self.tools.run_batch(&mut spaces, batch, &mut NothingBeside)
    }
}

impl Tools {
    /// Runs a batch on the keyspaces in hand, from where it stopped if a pause interrupted it.
    pub fn run_batch(
        &mut self,
        spaces: &mut Spaces<'_>,
        batch: &mut Batch,
        beside: &mut dyn Beside,
    ) -> Ran {
        let ran = match batch.kind {
            BatchKind::Commands => self.run_commands(spaces, batch),
            BatchKind::Unit => self.run_unit(spaces, batch, beside),
            BatchKind::Apply => {
                self.apply(spaces, batch);
                Ran::Done
            }
            BatchKind::Watch => {
                watch(spaces, batch, self.now_ms);
                Ran::Done
            }
            BatchKind::Unwatch => {
                unwatch(spaces, batch);
                Ran::Done
            }
            BatchKind::Forget => {
                self.forget_waiter(spaces, batch);
                Ran::Done
            }
            BatchKind::Serve => {
                self.serve_attempted(spaces, batch);
                Ran::Done
            }
        };
        self.timing_ends();
        ran
    }

    fn run_commands(&mut self, spaces: &mut Spaces<'_>, batch: &mut Batch) -> Ran {
        let view = batch.view;
        let piped = batch.baton.is_some();
        while batch.done < batch.len() {
            if piped && !(batch.may_run() && self.may_go_on(batch)) {
                return Ran::Waiting;
            }
            let travels_alone = !piped && batch.len() == 1;
            let command = batch.command(batch.done);
            let (args, reply) = batch.args_and_reply(batch.done);
            let call = Call { command, args, key: None };
            self.blocking = if travels_alone { Blocking::Allowed } else { Blocking::Denied };
            if self.run(spaces, &call, &view, reply) == Ran::Postponed {
                if let Some(baton) = &batch.baton {
                    // What was read before the pause is of another time than what comes after.
                    baton.note_reads(1, 0);
                }
                return Ran::Postponed;
            }
            if let Blocking::Asked(block) = std::mem::take(&mut self.blocking) {
                self.register(spaces, batch, block);
            }
            self.serve_ready(spaces);
            if piped {
                batch.mark_reply();
                self.end_stretch(batch);
            }
            batch.done += 1;
        }
        Ran::Done
    }

    /// After a command of a pipeline: if its stretch ends here, the baton is passed on when the run
    /// is sealed.
    fn end_stretch(&mut self, batch: &Batch) {
        let Some(baton) = &batch.baton else { return };
        let (stretch, next) = batch.stretch_and_next();
        if baton.is_reads() {
            if next.is_none() {
                self.reads.push((Arc::clone(baton), self.wrote));
            }
        } else if next != Some(stretch) {
            if self.orders_reads() {
                let mut seen = baton.seen();
                self.served(self.id, &mut seen);
                baton.set_seen(seen);
            }
            self.passing.push((Arc::clone(baton), stretch));
        }
    }

    /// Runs a transaction: nothing if a watched key changed, else every command as one unit.
    fn run_unit(
        &mut self,
        spaces: &mut Spaces<'_>,
        batch: &mut Batch,
        beside: &mut dyn Beside,
    ) -> Ran {
        if let Some(verdict) = self.unit_verdict(spaces, batch) {
            return match verdict {
                Verdict::Postpone => Ran::Postponed,
                Verdict::Refuse(error) => {
                    unwatch(spaces, batch);
                    let error = error.aborting();
                    batch.reply.error_bytes(error.as_bytes());
                    self.count_error(&error);
                    Ran::Done
                }
                Verdict::Run => unreachable!("no verdict means run"),
            };
        }
        let changed = watched_changed(spaces, batch, self.now_ms);
        unwatch(spaces, batch);
        if changed {
            batch.reply.null_array();
            return Ran::Done;
        }
        batch.reply.array(batch.len());
        self.entry.begin_unit();
        for index in 0..batch.len() {
            self.run_queued(spaces, batch, index, beside);
            batch.done += 1;
        }
        self.entry.end_unit();
        self.serve_ready(spaces);
        Ran::Done
    }

    /// Runs one command of a transaction.
    fn run_queued(
        &mut self,
        spaces: &mut Spaces<'_>,
        batch: &mut Batch,
        index: usize,
        beside: &mut dyn Beside,
    ) {
        let command = batch.command(index);
        if let Some((_, error)) = batch.denied.iter().find(|(denied, _)| *denied == index) {
            return self.reject(command, error, &mut batch.reply);
        }
        let (connection, mut view) = (batch.connection, batch.view);
        let (args, reply) = batch.args_and_reply(index);
        match command.spec.scope {
            Scope::Client(ClientVerb::Select) => {
                select(args, &mut view, self.settings.server.databases, reply);
                batch.view = view;
            }
            Scope::Client(_) | Scope::Server(_) | Scope::Container => {
                self.timing_ends();
                let asked = InUnit { connection, view: &mut view, command, args };
                beside.run(asked, reply);
                self.count_call(command, args, view.id);
                batch.view = view;
            }
            Scope::Shard(handler)
            | Scope::Cursor(handler)
            | Scope::AllShards(handler)
            | Scope::Anywhere(handler) => {
                let call = Call { command, args, key: None };
                self.call(spaces, handler, &call, &view, reply);
            }
        }
    }

    /// The gate in hand; without a keyspace, what the process says of role and pause.
    fn gate(&self, spaces: &mut Spaces<'_>) -> Gate {
        spaces.gate().unwrap_or_else(|| self.shared.environment.status.gate())
    }

    /// Whether something forbids the transaction as a whole: the first refused command does.
    fn unit_verdict(&mut self, spaces: &mut Spaces<'_>, batch: &Batch) -> Option<Verdict> {
        let denied = (0..batch.len()).any(|at| batch.command(at).spec.flags.has(Flags::DENYOOM));
        if let Some(error) = self.make_room(spaces, denied, &batch.view) {
            return Some(Verdict::Refuse(error));
        }
        let gate = self.gate(spaces);
        let status = &self.shared.environment.status;
        (0..batch.len())
            .map(|index| batch.command(index))
            .map(|command| refuse::verdict(command, &batch.view, gate, &self.settings, status))
            .find(|verdict| *verdict != Verdict::Run)
    }

    /// Runs one command: refuses, evicts, executes, counts, streams.
    pub fn run(
        &mut self,
        spaces: &mut Spaces<'_>,
        call: &Call<'_>,
        view: &ClientView,
        reply: &mut Reply,
    ) -> Ran {
        let command = call.command;
        let denied = command.spec.flags.has(Flags::DENYOOM);
        if let Some(error) = self.make_room(spaces, denied, view) {
            self.reject(command, &error, reply);
            return Ran::Done;
        }
        let gate = self.gate(spaces);
        let status = &self.shared.environment.status;
        match refuse::verdict(command, view, gate, &self.settings, status) {
            Verdict::Run => {}
            Verdict::Postpone => return Ran::Postponed,
            Verdict::Refuse(error) => {
                self.reject(command, &error, reply);
                return Ran::Done;
            }
        }
        let (Scope::Shard(handler)
        | Scope::Cursor(handler)
        | Scope::AllShards(handler)
        | Scope::Anywhere(handler)) = command.spec.scope
        else {
            unreachable!("'{}' does not run on a keyspace", command.full_name)
        };
        self.call(spaces, handler, call, view, reply);
        Ran::Done
    }

    pub(super) fn call(
        &mut self,
        spaces: &mut Spaces<'_>,
        handler: Handler,
        call: &Call<'_>,
        view: &ClientView,
        reply: &mut Reply,
    ) {
        let Call { command, args, key } = *call;
        self.timing_of(Some(command));
        let gate = spaces.gate().unwrap_or_default();
        let environment = &self.shared.environment;
        let shard = usize::from(self.id.0);
        let metrics = &environment.metrics[shard];
        let mark = reply.mark();
        let is_tracked = environment.tracking.is_on();
        if is_tracked {
            self.begin_tracked(spaces, view.id);
        }
        let mut context = Context {
            spaces: spaces.reborrow(),
            key,
            reply,
            effects: Effects::new(&mut self.entry, gate.streaming && gate.role == Role::Master),
            news: News::new(&self.settings, &environment.subscriptions, &mut self.published),
            client: *view,
            db: view.db,
            now_ms: self.now_ms,
            settings: &self.settings,
            environment,
            metrics,
            random: &mut self.random,
            blocking: std::mem::take(&mut self.blocking),
        };
        let result = handler(&mut context, args);
        self.blocking = context.blocking;
        let changes = context.effects.finish();
        if changes > 0 {
            metrics.changes.add(changes);
            self.wrote = true;
        }
        if let Err(error) = result {
            reply.truncate(mark);
            reply.error_bytes(error.as_bytes());
            environment.count_error(self.id, error.as_bytes());
            environment.command_stats[shard].failed(command.index);
        }
        if is_tracked {
            let reader = view.tracks.then_some(view.id);
            self.end_tracked(spaces, (command, args), reader);
        }
        // One that waits is counted when the wait is over.
        if !matches!(self.blocking, Blocking::Asked(_)) {
            self.ended_in_group(command, args, view.id);
        }
    }

    /// Counts a command that ran elsewhere than on a keyspace.
    pub fn count(&mut self, command: &'static Command) {
        self.ended(command, Args::new(&[], &[], &[]), ClientId(0));
    }

    /// As `count`, for a command of a client: it may enter the slow log.
    pub fn count_call(&mut self, command: &'static Command, args: Args<'_>, client: ClientId) {
        self.ended(command, args, client);
    }

    /// Answers an error to a command that ran elsewhere than on a keyspace and failed.
    pub fn fail(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        error: &CommandError,
        reply: &mut Reply,
    ) {
        reply.error_bytes(error.as_bytes());
        self.count_error(error);
        self.shared.environment.command_stats[usize::from(self.id.0)].failed(command.index);
        self.ended(command, args, ClientId(0));
    }

    /// Counts an error reply of this shard.
    pub fn count_error(&self, error: &CommandError) {
        self.shared.environment.count_error(self.id, error.as_bytes());
    }

    /// Answers an error to a command that does not run.
    pub fn reject(&self, command: &Command, error: &CommandError, reply: &mut Reply) {
        let environment = &self.shared.environment;
        let shard = usize::from(self.id.0);
        reply.error_bytes(error.as_bytes());
        self.count_error(error);
        environment.command_stats[shard].rejected(command.index);
    }
}

/// Runs `SELECT` inside a transaction or a batch of the master's stream.
pub(super) fn select(args: Args<'_>, view: &mut ClientView, databases: u16, reply: &mut Reply) {
    match crate::command::connection::database_index(args.get(1), databases) {
        Ok(db) => {
            view.db = db;
            reply.ok();
        }
        Err(error) => reply.error_bytes(error.as_bytes()),
    }
}

fn watch(spaces: &mut Spaces<'_>, batch: &mut Batch, now_ms: u64) {
    for watched in &mut batch.watched {
        let key = crate::keyspace::key::Key::new(&watched.key);
        let keys = &mut spaces.of(key.slot).keys;
        watched.version = Some(keys.watch(watched.db, &key));
        watched.was_expired = keys.is_expired(watched.db, &key, now_ms);
    }
}

fn unwatch(spaces: &mut Spaces<'_>, batch: &Batch) {
    for watched in &batch.watched {
        let key = crate::keyspace::key::Key::new(&watched.key);
        spaces.of(key.slot).keys.unwatch(watched.db, &key);
    }
}

fn watched_changed(spaces: &mut Spaces<'_>, batch: &Batch, now_ms: u64) -> bool {
    batch.watched.iter().any(|watched| {
        let key = crate::keyspace::key::Key::new(&watched.key);
        let keys = &spaces.of(key.slot).keys;
        keys.watch_version(watched.db, &key) != watched.version
            || (!watched.was_expired && keys.is_expired(watched.db, &key, now_ms))
    })
}
