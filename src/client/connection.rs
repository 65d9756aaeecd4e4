//! A connection: bytes in, commands run or sent to where their keys are, replies out in order.
//! Runs on its shard's loop. At any time at most one batch of it is under way, and nothing behind
//! that batch runs before it is done, so commands take effect in the order sent.

use super::ahead::{AHEAD_MAX, Ahead, End, Seen};
use super::monitor;
use super::pipeline::{Assembled, Gathering, Pipeline};
use super::session::Session;
use crate::base::ids::{DbIndex, ShardId};
use crate::command::client_info::{ClientFlags, ClientInfo};
use crate::command::flags::Flags;
use crate::command::table::{Command, table};
use crate::net::event::SocketId;
use crate::resp::error::ProtocolError;
use crate::resp::parser::{Limits, RequestParser};
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;
use crate::router::route::ShardSet;
use crate::shard::batch::{Batch, BatchKind};
use crate::shard::execute::{Call, Ran};
use crate::shard::state::Shard;
use bytes::Bytes;
use std::sync::Arc;
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
    /// A big argument is being received into its own memory.
    Receiving,
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
    /// Receive the rest of an argument straight into this memory, `total` bytes in all.
    Bulk {
        /// What of it has come.
        prefix: Vec<u8>,
        /// Its length.
        total: usize,
    },
    /// Close, after what is answered was sent.
    Close,
}

/// A client's connection.
pub struct Connection {
    /// Its place in its shard's table.
    pub key: SocketId,
    /// How others see it.
    pub info: Arc<ClientInfo>,
    /// Its session.
    pub session: Session,
    /// Replies not handed to the network yet.
    pub reply: Reply,
    /// What it does.
    pub state: State,
    pub(super) parser: RequestParser,
    pub(super) query: Vec<u8>,
    query_start: usize,
    pub(super) pipeline: Option<Pipeline>,
    /// Pushes that wait until the pipeline is answered.
    pub(super) pushes: Reply,
    /// The other shard that all its commands of late were for, and how many those were.
    streak: (ShardId, u32),
    /// Somebody monitors.
    pub(super) feeding: bool,
    /// Commands so far, and the number of the last one in the table.
    pub(super) commands: u64,
    pub(super) last_command: u16,
    /// Bytes of the arguments of the last command that went elsewhere.
    pub(super) argument_bytes: usize,
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
    #[expect(clippy::vec_box, reason = "batches travel as boxes, which are kept whole")]
    boxes: Vec<Box<Batch>>,
    ahead: Ahead,
}

/// How the walk over a buffer ended.
struct Walk {
    consumed: usize,
    outcome: Outcome,
    /// Where a big argument begins that is to be received in place, and its length.
    bulk: Option<(usize, usize)>,
}

/// What became of one command.
pub(super) enum Taken {
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
    /// A connection with a fresh session.
    pub fn new(info: Arc<ClientInfo>, session: Session) -> Connection {
        let version = session.version();
        Connection {
            key: info.place().1,
            info,
            session,
            reply: Reply::new(version),
            pushes: Reply::new(version),
            state: State::Ready,
            parser: RequestParser::new(),
            query: Vec::new(),
            query_start: 0,
            pipeline: None,
            streak: (ShardId(0), 0),
            feeding: false,
            commands: 0,
            last_command: 0,
            argument_bytes: 0,
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

    /// Bytes that the client's unexecuted requests occupy: what was received, what is queued.
    pub fn request_bytes(&self) -> usize {
        let queued = self.session.transaction.as_ref().map_or(0, |open| open.batch.bytes());
        self.query_len() + self.parser.held_bytes() + queued
    }

    /// Keeps bytes from the client for later.
    pub fn keep(&mut self, data: &[u8]) {
        self.query.extend_from_slice(data);
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
        let (kept_end, outcome) = match walk.bulk {
            None => (data.len(), walk.outcome),
            Some((start, total)) => (start, self.expect_bulk(data[start..].to_vec(), total)),
        };
        self.query.extend_from_slice(&data[walk.consumed..kept_end]);
        outcome
    }

    /// Goes on with what is kept.
    pub fn advance(&mut self, around: &mut Surroundings<'_>) -> Outcome {
        if self.state != State::Ready || self.query_len() == 0 {
            return Outcome::Idle;
        }
        let query = std::mem::take(&mut self.query);
        let walk = self.walk(&query[self.query_start..], around);
        self.query = query;
        let outcome = match walk.bulk {
            None => walk.outcome,
            Some((start, total)) => {
                let prefix = self.query.split_off(self.query_start + start);
                self.expect_bulk(prefix, total)
            }
        };
        self.query_start += walk.consumed;
        if self.query_start == self.query.len() {
            self.query.clear();
            self.query.shrink_to(QUERY_KEPT_MAX);
            self.query_start = 0;
        } else if self.query_start >= QUERY_COMPACT_MIN {
            self.query.drain(..self.query_start);
            self.query_start = 0;
        }
        outcome
    }

    /// A big argument is here, received in place: the request goes on behind it.
    pub fn bulk_received(&mut self, bytes: Vec<u8>, around: &mut Surroundings<'_>) -> Outcome {
        debug_assert_eq!(self.state, State::Receiving);
        self.parser.bulk_received(Bytes::from(bytes));
        self.state = State::Ready;
        self.advance(around)
    }

    fn expect_bulk(&mut self, prefix: Vec<u8>, total: usize) -> Outcome {
        self.state = State::Receiving;
        Outcome::Bulk { prefix, total }
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
                self.release_pushes();
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
            BatchKind::Commands => {}
            BatchKind::Unit => self.session.view.db = batch.view.db,
            BatchKind::Watch => {
                self.session.watched.append(&mut batch.watched);
                batch.reply.ok();
            }
            BatchKind::Unwatch | BatchKind::Apply | BatchKind::Forget | BatchKind::Serve => {}
        }
        self.deliver(&mut batch.reply);
        self.release_pushes();
    }

    /// The command waits for a key: what was answered before it need not wait with it.
    pub fn begin_wait(&mut self) {
        debug_assert_eq!(self.state, State::Submitted);
        self.state = State::Held;
        self.release_pushes();
    }

    /// The command that waited is answered by its batch.
    pub fn end_wait(&mut self, batch: &mut Batch) {
        debug_assert_eq!(self.state, State::Held);
        self.state = State::Submitted;
        self.complete(batch);
    }

    /// The command for which the connection was held is answered.
    pub fn answered(&mut self, batch: &mut Batch) {
        self.state = State::Ready;
        self.deliver(&mut batch.reply);
    }

    /// Ends a command that ran elsewhere.
    fn deliver(&mut self, reply: &mut Reply) {
        if !self.session.end_command() {
            self.reply.append(reply);
        }
    }

    /// Chooses the protocol of replies.
    pub fn set_version(&mut self, version: RespVersion) {
        self.session.view.version = version;
        self.reply.version = version;
    }

    /// Walks over the commands in `buf` until one must wait.
    fn walk(&mut self, buf: &[u8], around: &mut Surroundings<'_>) -> Walk {
        let status = &around.shard.tools.shared.environment.status;
        self.feeding = status.monitors.load(Ordering::Relaxed) > 0;
        let mut parser = std::mem::take(&mut self.parser);
        let mut ahead = std::mem::take(&mut around.pool.ahead);
        let mut open = Gathering::default();
        let mut walk = Walk { consumed: 0, outcome: Outcome::Idle, bulk: None };
        if self.session.acl_version != around.shard.tools.acl_version {
            // Whether its user is gone is looked after where all connections are.
            self.session.follow_users(&around.shard.tools.shared.environment.acl);
        }
        let mut budget = COMMANDS_PER_TURN_MAX;
        while walk.consumed < buf.len() {
            if budget < AHEAD_MAX || self.reply.len() > REPLY_BYTES_PER_TURN_MAX {
                walk.outcome = Outcome::More;
                break;
            }
            let limits = self.limits(around.shard);
            let placement = around.shard.tools.shared.placement;
            let end = ahead.fill(&mut parser, buf, walk.consumed, (&limits, placement));
            budget -= ahead.len();
            warm(&ahead, self.session.view.db, around.shard);
            let taken = self.take_seen(&ahead, buf, &mut walk.consumed, (&mut open, around));
            if let Some(stop) = taken {
                parser.reset();
                walk.outcome = stop;
                break;
            }
            match end {
                End::Full => {}
                End::NeedBulk(len) if open.is_empty() => {
                    walk.bulk = Some((walk.consumed + parser.bulk_start(), len));
                    break;
                }
                End::Incomplete | End::NeedBulk(_) => break,
                End::Error(error) if open.is_empty() => {
                    self.protocol_error(&error);
                    walk.outcome = Outcome::Close;
                    walk.consumed = buf.len();
                }
                // The commands before it are answered first; then it is met again.
                End::Error(_) => {
                    parser.reset();
                    break;
                }
            }
        }
        around.shard.tools.timing_ends();
        self.parser = parser;
        around.pool.ahead = ahead;
        if !open.is_empty() {
            walk.outcome = self.send_off(open, around);
        }
        walk
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
        seen: &Seen,
        args: Args<'_>,
        open: &mut Gathering,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if let Some(command) = seen.command {
            self.session.wrote |= command.spec.flags.any(Flags::WRITE | Flags::MAY_REPLICATE);
        }
        if let (Some(command), Some(shard)) = (seen.command, seen.shard)
            && self.session.is_plain()
            && !command.spec.flags.has(Flags::BLOCKING)
            && (!self.session.restricted || self.session.user.check(command, args).is_ok())
        {
            let call = Call { command, args, key: seen.key(args) };
            let taken = self.run_or_send(&call, shard, open, around);
            if matches!(taken, Taken::Next) {
                self.note(command, args, around);
            }
            return taken;
        }
        if !open.is_empty() {
            return Taken::Later;
        }
        around.shard.tools.timing_of(seen.command);
        self.session.begin_command();
        let mark = self.reply.mark();
        let resolved = seen.command.map_or_else(|| table().resolve(args), Ok);
        if self.session.caching {
            let of_client = |command: &&Command| command.full_name.starts_with("client|");
            self.session.keeps_caching = resolved.as_ref().is_ok_and(of_client);
        }
        let taken = match resolved {
            Ok(command) => self.take_other(command, args, around),
            Err(error) => self.refuse(table().meant(args), &error, around),
        };
        if self.session.is_silent() {
            self.reply.truncate(mark);
        }
        if self.state == State::Ready {
            // Else it ends when its answer comes.
            self.session.end_command();
        }
        taken
    }

    /// Notes a command that was taken, for CLIENT LIST and for monitors.
    #[inline]
    pub(super) fn note(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) {
        self.commands += 1;
        self.last_command = command.index;
        if self.feeding {
            self.feed(command, args, around);
        }
    }

    /// Shows a command to monitors.
    #[cold]
    pub(super) fn feed(
        &self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) {
        let tools = &mut around.shard.tools;
        let (db, addr) = (self.session.view.db, self.info.addr.as_str());
        let sender = monitor::Sender { db, addr, unix: self.info.unix };
        monitor::feed(&mut tools.feed, &sender, command, args);
    }

    /// The common case: a command whose keys live on one shard.
    fn run_or_send(
        &mut self,
        call: &Call<'_>,
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
                self.streak.1 = 0;
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

    /// The shard this connection had better be on: all its commands have long been for it, and it
    /// is in the middle of nothing.
    pub fn better_shard(&self) -> Option<ShardId> {
        let settled = self.state == State::Ready
            && self.session.is_plain()
            && self.session.watched.is_empty()
            && self.session.subscriptions.is_none()
            && self.session.tracking.is_none()
            && !self.info.flags().any(ClientFlags::REDIRECTED_TO)
            && !self.session.closing
            && self.query_len() == 0;
        (settled && self.streak.1 >= STREAK_MIN).then_some(self.streak.0)
    }

    /// Sends what was gathered to its shards.
    fn send_off(&mut self, mut open: Gathering, around: &mut Surroundings<'_>) -> Outcome {
        self.state = State::Submitted;
        if let Some((shard, batch)) = open.take_single() {
            let known = if self.streak.0 == shard { self.streak.1 } else { 0 };
            self.streak = (shard, known.saturating_add(batch.len() as u32));
            let mut set = ShardSet::default();
            set.insert(shard);
            return Outcome::Submit(batch, set);
        }
        self.streak.1 = 0;
        let status = &around.shard.tools.shared.environment.status;
        let (pipeline, parts) = open.start(!status.is_replica.load(Ordering::Relaxed));
        self.pipeline = Some(pipeline);
        Outcome::Spread(parts)
    }

    pub(super) fn batch(&self, around: &mut Surroundings<'_>) -> Box<Batch> {
        let mut batch = around.pool.take();
        batch.origin = around.shard.tools.id;
        batch.connection = self.key;
        batch.view = self.session.view;
        batch.seen = self.session.seen;
        batch.reply.version = self.session.version();
        batch
    }

    pub(super) fn count(
        &self,
        command: &'static Command,
        args: Args<'_>,
        around: &mut Surroundings<'_>,
    ) {
        around.shard.tools.count_call(command, args, self.session.view.id);
    }

    fn protocol_error(&mut self, error: &ProtocolError) {
        if matches!(error, ProtocolError::CrossProtocol) {
            // A browser that was made to talk to us must not read what its first lines did.
            self.reply.clear();
        }
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
}

/// Fetches what finding the keys parsed ahead will read, if they live here.
fn warm(ahead: &Ahead, db: DbIndex, shard: &Shard) {
    if ahead.len() > 1
        && let Some(space) = &shard.home
    {
        space.keys.warm(db, ahead.places(shard.tools.id));
    }
}

/// Commands of one connection in one turn of the loop, so that one long pipeline does not hold the
/// others up: 256 take about 0.1 ms.
const COMMANDS_PER_TURN_MAX: usize = 256;
/// Commands for one other shard in a row after which a connection moves there: far more than any
/// few keys of one tag, and repaid within as many again.
const STREAK_MIN: u32 = 64;
/// Argument bytes of one pipeline that is spread over shards.
const PIPELINE_BYTES_MAX: usize = 64 * 1024;
/// Reply bytes after which a connection's further commands wait for the next turn, so that they
/// are on their way before more are made.
const REPLY_BYTES_PER_TURN_MAX: usize = 1 << 20;
/// Kept query bytes are moved to the front when this many were consumed.
const QUERY_COMPACT_MIN: usize = 64 * 1024;
/// An empty query buffer keeps at most this much.
const QUERY_KEPT_MAX: usize = 16 * 1024;
/// Emptied batches kept a shard.
const POOL_MAX: usize = 1024;
