//! A connection: bytes in, commands run or sent to where their keys are, replies out in order.
//! Runs on its shard's loop. At any time at most one batch of it is under way, and nothing behind
//! that batch runs before it is done, so commands take effect in the order sent.

use super::ahead::{AHEAD_MAX, Ahead, End, Seen};
use super::pipeline::{Assembled, Gathering, Pipeline};
use super::session::{ReplyMode, Session, Transaction};
use crate::base::ids::{DbIndex, ShardId};
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::gate::Role;
use crate::command::spec::{ClientVerb, Scope};
use crate::command::table::{Command, table};
use crate::keyspace::key::slot_of;
use crate::keyspace::placement::Placement;
use crate::net::event::SocketId;
use crate::resp::error::ProtocolError;
use crate::resp::parser::{Limits, RequestParser};
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::router::route::{self, ShardSet};
use crate::shard::batch::{Batch, BatchKind, WatchedKey};
use crate::shard::execute::{Call, Ran};
use crate::shard::refuse;
use crate::shard::state::Shard;
use bytes::Bytes;
use std::sync::atomic::Ordering;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Reading commands.
    Ready,
    /// A batch is under way; what arrives is kept.
    Submitted,
    /// The server works on a command or holds the connection.
    Held,
}

/// What a connection wants of the server after it went on as far as it could.
pub enum Outcome {
    /// More bytes from the client.
    Idle,
    /// Another turn: it had its share of this one.
    More,
    /// Run this batch with the keyspaces of these shards.
    Submit(Box<Batch>, ShardSet),
    /// Run these parts of a pipeline, each on its shard.
    Spread(Vec<(ShardId, Box<Batch>)>),
    /// Run this one command, which belongs to the server or concerns more than the session.
    Upper(Box<Batch>),
    /// Close, after what is answered was sent.
    Close,
}

/// A client's connection.
pub struct Connection {
    /// Its place in its shard's table.
    pub key: SocketId,
    /// Its session.
    pub session: Session,
    /// Replies not handed to the network yet.
    pub reply: Reply,
    /// What it does.
    pub state: State,
    parser: RequestParser,
    query: Vec<u8>,
    query_start: usize,
    pipeline: Option<Pipeline>,
}

/// Where a connection's commands run: its shard, and boxes for what travels.
pub struct Surroundings<'a> {
    /// The connection's shard.
    pub shard: &'a mut Shard,
    /// Emptied batches for reuse.
    pub pool: &'a mut BatchPool,
}

/// Emptied batches of one shard.
#[derive(Default)]
pub struct BatchPool {
    boxes: Vec<Box<Batch>>,
    ahead: Ahead,
}

/// How the walk over a buffer ended.
struct Walk {
    consumed: usize,
    outcome: Outcome,
}

/// What became of one command.
enum Taken {
    /// Answered or queued: go on.
    Next,
    /// It must wait for the open batch: leave it in the buffer.
    Later,
    /// It was taken; stop with this.
    Stop(Outcome),
}

impl BatchPool {
    /// An empty batch.
    pub fn take(&mut self) -> Box<Batch> {
        self.boxes.pop().unwrap_or_default()
    }

    /// Takes a batch back.
    pub fn give(&mut self, mut batch: Box<Batch>) {
        if self.boxes.len() < POOL_MAX {
            batch.clear();
            self.boxes.push(batch);
        }
    }
}

impl Connection {
    /// A connection at `key` with a fresh session.
    pub fn new(key: SocketId, session: Session) -> Connection {
        let reply = Reply::new(session.version());
        Connection {
            key,
            session,
            reply,
            state: State::Ready,
            parser: RequestParser::new(),
            query: Vec::new(),
            query_start: 0,
            pipeline: None,
        }
    }

    /// Bytes received and not worked on yet.
    pub fn query_len(&self) -> usize {
        self.query.len() - self.query_start
    }

    /// Takes out the bytes received and not worked on: the connection becomes something else.
    pub fn take_query(&mut self) -> Vec<u8> {
        let start = std::mem::take(&mut self.query_start);
        let mut query = std::mem::take(&mut self.query);
        query.drain(..start);
        query
    }

    /// Takes bytes from the client and goes on. They are parsed where they are; only what cannot
    /// be worked on now is copied.
    pub fn receive(&mut self, data: &[u8], around: &mut Surroundings<'_>) -> Outcome {
        if self.query_len() > 0 || self.state != State::Ready {
            self.query.extend_from_slice(data);
            return self.advance(around);
        }
        let walk = self.walk(data, around);
        self.query.clear();
        self.query_start = 0;
        self.query.extend_from_slice(&data[walk.consumed..]);
        walk.outcome
    }

    /// Goes on with what is kept.
    pub fn advance(&mut self, around: &mut Surroundings<'_>) -> Outcome {
        if self.state != State::Ready || self.query_len() == 0 {
            return Outcome::Idle;
        }
        let query = std::mem::take(&mut self.query);
        let walk = self.walk(&query[self.query_start..], around);
        self.query = query;
        self.query_start += walk.consumed;
        if self.query_start == self.query.len() {
            self.query.clear();
            self.query.shrink_to(QUERY_KEPT_MAX);
            self.query_start = 0;
        } else if self.query_start >= QUERY_COMPACT_MIN {
            self.query.drain(..self.query_start);
            self.query_start = 0;
        }
        walk.outcome
    }

    /// A part of a pipeline came back. When all are there, their replies are the client's next;
    /// reads that saw different moments are run once more.
    pub fn part_done(&mut self, batch: Box<Batch>, pool: &mut BatchPool) -> Outcome {
        let pipeline = self.pipeline.as_mut().expect("parts come back to the pipeline under way");
        if !pipeline.part_done(batch) {
            return Outcome::Idle;
        }
        let pipeline = self.pipeline.take().expect("it is under way");
        self.session.seen = self.session.seen.max(pipeline.seen());
        match pipeline.assemble(&mut self.reply, |batch| pool.give(batch)) {
            Assembled::Complete => {
                self.state = State::Ready;
                Outcome::More
            }
            Assembled::Repeat(again, parts) => {
                self.pipeline = Some(again);
                Outcome::Spread(parts)
            }
        }
    }

    /// A batch came back: its replies are the client's next.
    pub fn complete(&mut self, batch: &mut Batch) {
        debug_assert_eq!(self.state, State::Submitted);
        self.state = State::Ready;
        self.session.seen = batch.seen;
        match batch.kind {
            BatchKind::Commands => self.reply.append(&mut batch.reply),
            BatchKind::Unit => {
                self.session.view.db = batch.view.db;
                self.reply.append(&mut batch.reply);
            }
            BatchKind::Watch => {
                self.session.watched.append(&mut batch.watched);
                self.reply.ok();
            }
            BatchKind::Unwatch | BatchKind::Apply => {}
        }
        self.silence();
    }

    /// The command for which the connection was held is answered.
    pub fn answered(&mut self, batch: &mut Batch) {
        self.state = State::Ready;
        self.reply.append(&mut batch.reply);
        self.silence();
    }

    /// Walks over the commands in `buf` until one must wait.
    fn walk(&mut self, buf: &[u8], around: &mut Surroundings<'_>) -> Walk {
        let mut parser = std::mem::take(&mut self.parser);
        let mut ahead = std::mem::take(&mut around.pool.ahead);
        let mut open = Gathering::default();
        let mut consumed = 0;
        let mut budget = COMMANDS_PER_TURN_MAX;
        let mut outcome = Outcome::Idle;
        while consumed < buf.len() {
            if budget < AHEAD_MAX {
                outcome = Outcome::More;
                break;
            }
            let limits = self.limits(around.shard);
            let placement = around.shard.tools.shared.placement;
            let end = ahead.fill(&mut parser, buf, consumed, (&limits, placement));
            budget -= ahead.len();
            warm(&ahead, self.session.view.db, around.shard);
            let taken = self.take_seen(&ahead, buf, &mut consumed, (&mut open, around));
            if let Some(stop) = taken {
                parser.reset();
                outcome = stop;
                break;
            }
            match end {
                End::Full => {}
                End::Incomplete | End::NeedBulk(_) => break,
                End::Error(error) if open.is_empty() => {
                    self.protocol_error(&error);
                    outcome = Outcome::Close;
                    consumed = buf.len();
                }
                // The commands before it are answered first; then it is met again.
                End::Error(_) => {
                    parser.reset();
                    break;
                }
            }
        }
        self.parser = parser;
        around.pool.ahead = ahead;
        if !open.is_empty() {
            outcome = self.send_off(open, around);
        }
        Walk { consumed, outcome }
    }

    /// Takes the commands parsed ahead, one after the other; what to do if one of them ends the
    /// walk.
    fn take_seen(
        &mut self,
        ahead: &Ahead,
        buf: &[u8],
        consumed: &mut usize,
        (open, around): (&mut Gathering, &mut Surroundings<'_>),
    ) -> Option<Outcome> {
        for index in 0..ahead.len() {
            let seen = ahead.seen(index);
            let args = ahead.args(index, buf);
            let taken =
                if args.is_empty() { Taken::Next } else { self.take(seen, args, open, around) };
            match taken {
                Taken::Next => *consumed = seen.end,
                Taken::Later => return Some(Outcome::Idle),
                Taken::Stop(stop) => {
                    *consumed = seen.end;
                    return Some(stop);
                }
            }
        }
        None
    }

    /// Runs, queues or routes one command.
    fn take(
        &mut self,
        seen: Seen,
        args: Args<'_>,
        open: &mut Gathering,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if let Some(command) = seen.command {
            self.session.wrote |= command.spec.flags.any(Flags::WRITE | Flags::MAY_REPLICATE);
        }
        if let (Some(command), Some(shard)) = (seen.command, seen.shard)
            && self.session.transaction.is_none()
            && self.session.authenticated
            && self.session.reply_mode == ReplyMode::On
        {
            let call = Call { command, args, key: seen.key(args) };
            return self.run_or_send(call, shard, open, around);
        }
        if !open.is_empty() {
            return Taken::Later;
        }
        match table().resolve(args) {
            Ok(command) => self.take_other(command, args, around),
            Err(error) => self.refuse(None, &error, around),
        }
    }

    /// The common case: a command whose keys live on one shard.
    fn run_or_send(
        &mut self,
        call: Call<'_>,
        shard: ShardId,
        open: &mut Gathering,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if open.is_empty()
            && shard == around.shard.tools.id
            && around.shard.home.is_some()
            && around.shard.tools.may_serve(self.session.seen)
        {
            let view = self.session.view;
            if around.shard.run_here(call, &view, &mut self.reply) == Ran::Done {
                around.shard.tools.served(shard, &mut self.session.seen);
                return Taken::Next;
            }
        }
        if open.bytes() > PIPELINE_BYTES_MAX {
            return Taken::Later;
        }
        open.push(shard, call.command, call.args, || self.batch(around));
        Taken::Next
    }

    /// Sends what was gathered to its shards.
    fn send_off(&mut self, mut open: Gathering, around: &mut Surroundings<'_>) -> Outcome {
        self.state = State::Submitted;
        if let Some((shard, batch)) = open.take_single() {
            let mut set = ShardSet::default();
            set.insert(shard);
            return Outcome::Submit(batch, set);
        }
        let status = &around.shard.tools.shared.environment.status;
        let (pipeline, parts) = open.start(!status.is_replica.load(Ordering::Relaxed));
        self.pipeline = Some(pipeline);
        Outcome::Spread(parts)
    }

    /// Everything that is not plainly for one shard: transactions, commands over several shards,
    /// of the connection and of the server.
    fn take_other(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if !self.session.authenticated && !command.spec.flags.has(Flags::NO_AUTH) {
            return self.refuse(Some(command), &NOAUTH, around);
        }
        if let Some(error) = self.refusal_now(command, around) {
            return self.refuse(Some(command), &error, around);
        }
        if self.session.transaction.is_some() && !runs_in_transaction(command) {
            return self.queue(command, args, around);
        }
        match command.spec.scope {
            Scope::Container => {
                let error = CommandError::arity(&command.full_name);
                self.refuse(Some(command), &error, around)
            }
            Scope::Client(verb) => self.client_verb(verb, command, args, around),
            Scope::Server(_) => self.upper(command, args, around),
            Scope::Shard(_) | Scope::Cursor(_) | Scope::AllShards(_) | Scope::Anywhere(_) => {
                let mut set = ShardSet::default();
                route::add_to_set(command, args, around.shard.tools.shared.placement, &mut set);
                let mut batch = self.batch(around);
                batch.push(command, args);
                self.state = State::Submitted;
                Taken::Stop(Outcome::Submit(batch, set))
            }
        }
    }

    fn queue(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if command.spec.flags.has(Flags::NO_MULTI) {
            let error = CommandError::text("ERR Command not allowed inside a transaction");
            return self.refuse(Some(command), &error, around);
        }
        let placement = around.shard.tools.shared.placement;
        if let Some(transaction) = &mut self.session.transaction {
            transaction.push(command, args, placement);
        }
        self.reply.simple("QUEUED");
        self.silence();
        Taken::Next
    }

    fn client_verb(
        &mut self,
        verb: ClientVerb,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        match verb {
            ClientVerb::Multi => {
                if self.session.transaction.is_some() {
                    let error = CommandError::text("ERR MULTI calls can not be nested");
                    return self.refuse_only(command, &error, around);
                }
                let batch = self.batch(around);
                self.session.transaction = Some(Transaction::new(batch));
                self.reply.ok();
            }
            ClientVerb::Exec => return self.exec(command, around),
            ClientVerb::Discard => return self.discard(command, around),
            ClientVerb::Watch => return self.watch(command, args, around),
            ClientVerb::Unwatch => {
                self.reply.ok();
                self.silence();
                return self.forget_watched(around);
            }
            ClientVerb::Select => {
                let databases = around.shard.tools.settings.server.databases;
                match crate::command::connection::database_index(args.get(1), databases) {
                    Ok(db) => {
                        self.session.view.db = db;
                        self.reply.ok();
                    }
                    Err(error) => return self.refuse(Some(command), &error, around),
                }
            }
            ClientVerb::Ping => match args.len() {
                1 => self.reply.simple("PONG"),
                2 => self.reply.bulk(args.get(1)),
                _ => {
                    let error = CommandError::arity(&command.full_name);
                    return self.refuse(Some(command), &error, around);
                }
            },
            ClientVerb::Quit => {
                self.reply.ok();
                return Taken::Stop(Outcome::Close);
            }
            _ => return self.upper(command, args, around),
        }
        self.count(command, around);
        self.silence();
        Taken::Next
    }

    fn exec(&mut self, command: &'static Command, around: &mut Surroundings<'_>) -> Taken {
        let Some(transaction) = self.session.transaction.take() else {
            return self.refuse_only(
                command,
                &CommandError::text("ERR EXEC without MULTI"),
                around,
            );
        };
        if transaction.refused {
            around.pool.give(transaction.batch);
            let _ = self.refuse_only(command, &EXECABORT, around);
            return self.forget_watched(around);
        }
        self.count(command, around);
        let Transaction { mut batch, mut set, .. } = transaction;
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

    fn discard(&mut self, command: &'static Command, around: &mut Surroundings<'_>) -> Taken {
        let Some(transaction) = self.session.transaction.take() else {
            let error = CommandError::text("ERR DISCARD without MULTI");
            return self.refuse_only(command, &error, around);
        };
        around.pool.give(transaction.batch);
        self.reply.ok();
        self.count(command, around);
        self.silence();
        self.forget_watched(around)
    }

    fn watch(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if self.session.transaction.is_some() {
            let error = CommandError::text("ERR WATCH inside MULTI is not allowed");
            return self.refuse_only(command, &error, around);
        }
        self.count(command, around);
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
    fn forget_watched(&mut self, around: &mut Surroundings<'_>) -> Taken {
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

    fn upper(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        let mut batch = self.batch(around);
        batch.push(command, args);
        self.state = State::Held;
        Taken::Stop(Outcome::Upper(batch))
    }

    /// An error that also dooms the open transaction.
    fn refuse(
        &mut self,
        command: Option<&Command>,
        error: &CommandError,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if let Some(transaction) = &mut self.session.transaction {
            transaction.refused = true;
        }
        match command {
            Some(command) => around.shard.tools.reject(command, error, &mut self.reply),
            None => {
                let text = error.to_string();
                around.shard.tools.count_error(&text);
                self.reply.error(&text);
            }
        }
        self.silence();
        Taken::Next
    }

    /// An error of a command that failed by itself: an open transaction goes on.
    fn refuse_only(
        &mut self,
        command: &Command,
        error: &CommandError,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        around.shard.tools.reject(command, error, &mut self.reply);
        self.silence();
        Taken::Next
    }

    /// Why the server's state forbids a command that does not execute on a keyspace now.
    fn refusal_now(&self, command: &Command, around: &Surroundings<'_>) -> Option<CommandError> {
        let tools = &around.shard.tools;
        let status = &tools.shared.environment.status;
        let role =
            if status.is_replica.load(Ordering::Relaxed) { Role::Replica } else { Role::Master };
        let writes = command.spec.flags.has(Flags::WRITE);
        refuse::refusal(command.spec.flags, writes, role, &tools.settings, status)
    }

    fn batch(&self, around: &mut Surroundings<'_>) -> Box<Batch> {
        let mut batch = around.pool.take();
        batch.origin = around.shard.tools.id;
        batch.connection = self.key;
        batch.view = self.session.view;
        batch.seen = self.session.seen;
        batch.reply.version = self.session.version();
        batch
    }

    fn count(&self, command: &Command, around: &mut Surroundings<'_>) {
        around.shard.tools.count(command);
    }

    /// Drops the reply of the command that just ran if the client wants none.
    fn silence(&mut self) {
        match self.session.reply_mode {
            ReplyMode::On => {}
            ReplyMode::Off => self.reply.clear(),
            ReplyMode::SkipNext => self.session.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip => {
                self.reply.clear();
                self.session.reply_mode = ReplyMode::On;
            }
        }
    }

    fn protocol_error(&mut self, error: &ProtocolError) {
        error.reply(&mut self.reply);
        self.session.closing = true;
    }

    fn limits(&self, shard: &Shard) -> Limits {
        Limits {
            bulk_max: shard.tools.settings.clients.proto_max_bulk_len,
            authenticated: self.session.authenticated,
            ..Limits::default()
        }
    }

    /// A big bulk that was received in place: the parser goes on behind it.
    pub fn bulk_received(&mut self, bytes: Bytes) {
        self.parser.bulk_received(bytes);
    }
}

/// Fetches what finding the keys parsed ahead will read, if they live here.
fn warm(ahead: &Ahead, db: DbIndex, shard: &Shard) {
    if ahead.len() > 1
        && let Some(space) = &shard.home
    {
        space.keys.warm(db, ahead.places(shard.tools.id));
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

/// Commands that run at once although a transaction is open.
fn runs_in_transaction(command: &Command) -> bool {
    matches!(
        command.spec.scope,
        Scope::Client(
            ClientVerb::Exec
                | ClientVerb::Discard
                | ClientVerb::Multi
                | ClientVerb::Watch
                | ClientVerb::Quit
                | ClientVerb::Reset
        )
    )
}

const NOAUTH: CommandError = CommandError::text("NOAUTH Authentication required.");
const EXECABORT: CommandError =
    CommandError::text("EXECABORT Transaction discarded because of previous errors.");

/// Commands of one connection in one turn of the loop, so that one long pipeline does not hold the
/// others up: 256 take about 0.1 ms.
const COMMANDS_PER_TURN_MAX: usize = 256;
/// Argument bytes of one pipeline that is spread over shards.
const PIPELINE_BYTES_MAX: usize = 64 * 1024;
/// Kept query bytes are moved to the front when this many were consumed.
const QUERY_COMPACT_MIN: usize = 64 * 1024;
/// An empty query buffer keeps at most this much.
const QUERY_KEPT_MAX: usize = 16 * 1024;
/// Emptied batches kept a shard.
const POOL_MAX: usize = 1024;
