//! Commands of one connection that travel together: to another shard and back, or through a lease.
//! Owned by whoever holds the box; made on the connection's shard and taken back there for reuse.

use super::apply::Seen;
use super::baton::Baton;
use crate::base::ids::{DbIndex, ShardId, Slot};
use crate::command::blocked::Waiter;
use crate::command::context::ClientView;
use crate::command::error::CommandError;
use crate::command::table::Command;
use crate::keyspace::watch::WatchVersion;
use crate::net::event::SocketId;
use crate::resp::reply::{Mark, Reply, RespVersion};
use crate::resp::request::{Args, Span};
use bytes::Bytes;
use std::sync::Arc;

/// How the commands of a batch belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// One after the other, each by itself.
    Commands,
    /// One transaction: `EXEC`.
    Unit,
    /// Units of the master's stream, one after the other; nobody is answered.
    Apply,
    /// Register the watched keys.
    Watch,
    /// Forget the watched keys; no answer is awaited.
    Unwatch,
    /// Forget who waited for keys; no answer is awaited.
    Forget,
    /// Serve who waits for keys, the keyspaces that it needs being in hand; no answer is awaited.
    Serve,
}

/// A key of `WATCH` with what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedKey {
    /// Database.
    pub db: DbIndex,
    /// Key.
    pub key: Box<[u8]>,
    /// Its version when it was watched; `None` before that is known.
    pub version: Option<WatchVersion>,
    /// Its time was over already then.
    pub was_expired: bool,
}

/// One command in a batch.
#[derive(Clone, Copy)]
struct Item {
    command: &'static Command,
    data: (u32, u32),
    spans: (u32, u32),
    big: (u32, u32),
    stretch: u32,
    /// The slot of its only key, where that is known.
    slot: Option<Slot>,
}

/// Commands that travel.
pub struct Batch {
    /// The shard of the connection.
    pub origin: ShardId,
    /// The connection.
    pub connection: SocketId,
    /// What the commands must know of the client. `EXEC` may change the database in it.
    pub view: ClientView,
    /// What the connection has seen of the master's stream; on a replica of several shards.
    pub seen: Seen,
    /// How the commands belong together.
    pub kind: BatchKind,
    /// Keys to watch, or watched and to be compared.
    pub watched: Vec<WatchedKey>,
    /// The replies, one a command, in order.
    pub reply: Reply,
    /// The command did not run to its end: it waits for a key. Or whom this batch is about.
    pub waiter: Option<Arc<Waiter>>,
    /// The transaction holds commands of the connection or the server: it runs on its shard.
    pub stays: bool,
    /// Commands of a transaction that its user may no longer run, and what they are answered.
    pub denied: Vec<(usize, CommandError)>,
    /// Commands already executed; more than 0 while a pause holds the rest back.
    pub done: usize,
    /// Which part of its pipeline it is.
    pub part: u16,
    /// The order it shares with the other parts of its pipeline.
    pub baton: Option<Arc<Baton>>,
    /// The end of each reply, to take them apart; of pipelines only.
    marks: Vec<Mark>,
    data: Vec<u8>,
    spans: Vec<Span>,
    big: Vec<Bytes>,
    items: Vec<Item>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch {
            origin: ShardId(0),
            connection: SocketId::NONE,
            view: ClientView::internal(),
            seen: Seen::default(),
            kind: BatchKind::Commands,
            watched: Vec::new(),
            reply: Reply::new(RespVersion::V2),
            waiter: None,
            stays: false,
            denied: Vec::new(),
            done: 0,
            part: 0,
            baton: None,
            marks: Vec::new(),
            data: Vec::new(),
            spans: Vec::new(),
            big: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Empties it for reuse; what it allocated stays, within a bound.
    pub fn clear(&mut self) {
        // Work that belongs to no connection must not come back to the last one.
        self.connection = SocketId::NONE;
        self.kind = BatchKind::Commands;
        self.watched.clear();
        self.denied.clear();
        self.reply.clear();
        self.done = 0;
        self.waiter = None;
        self.stays = false;
        self.baton = None;
        self.marks.clear();
        self.spans.clear();
        self.big.clear();
        self.items.clear();
        self.data.clear();
        self.data.shrink_to(BYTES_KEPT_MAX);
    }

    /// Adds a command with a copy of its arguments (bulks received in place are shared).
    pub fn push(&mut self, command: &'static Command, args: Args<'_>) {
        self.add(command, args, (0, None));
    }

    /// As `push`, for a command whose only key is in this slot.
    pub fn push_placed(&mut self, command: &'static Command, args: Args<'_>, slot: Option<Slot>) {
        self.add(command, args, (0, slot));
    }

    /// As `push`, for a command in this stretch of its pipeline.
    pub fn push_in_stretch(&mut self, command: &'static Command, args: Args<'_>, stretch: u32) {
        self.add(command, args, (stretch, None));
    }

    fn add(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        (stretch, slot): (u32, Option<Slot>),
    ) {
        let (data_start, spans_start, big_start) =
            (self.data.len() as u32, self.spans.len() as u32, self.big.len() as u32);
        for index in 0..args.len() {
            if let Some(shared) = args.shared(index) {
                let index = self.big.len() - big_start as usize;
                self.spans.push(Span::out_of_line(index).expect("arguments are fewer than 2^32"));
                self.big.push(shared.clone());
            } else {
                let bytes = args.get(index);
                let start = self.data.len() as u32 - data_start;
                self.data.extend_from_slice(bytes);
                self.spans.push(Span { start, end: start + bytes.len() as u32 });
            }
        }
        self.items.push(Item {
            command,
            data: (data_start, self.data.len() as u32),
            spans: (spans_start, self.spans.len() as u32),
            big: (big_start, self.big.len() as u32),
            stretch,
            slot,
        });
    }

    /// Makes it part number `part` of a pipeline.
    pub fn join(&mut self, baton: Arc<Baton>, part: u16) {
        self.baton = Some(baton);
        self.part = part;
    }

    /// The stretch of the command at `index`.
    pub fn stretch(&self, index: usize) -> u32 {
        self.items[index].stretch
    }

    /// The stretch of the next command, and of the one behind it if there is one.
    pub fn stretch_and_next(&self) -> (u32, Option<u32>) {
        let stretch = |index: usize| self.items.get(index).map(|item| item.stretch);
        (stretch(self.done).unwrap_or_default(), stretch(self.done + 1))
    }

    /// Whether the next command may run as far as its pipeline is concerned.
    pub fn may_run(&self) -> bool {
        let Some(baton) = &self.baton else { return true };
        baton.is_reads() || baton.reached(self.stretch_and_next().0)
    }

    /// Notes where the reply of the command that ran last ends.
    pub fn mark_reply(&mut self) {
        self.marks.push(self.reply.mark());
    }

    /// Copies the reply of command `index` behind `reply`.
    pub fn copy_reply(&self, index: usize, reply: &mut Reply) {
        let from = if index == 0 { Mark::default() } else { self.marks[index - 1] };
        reply.append_part(&self.reply, from, self.marks[index]);
    }

    /// Back to how it was before it ran.
    pub fn rewind(&mut self) {
        self.done = 0;
        self.baton = None;
        self.marks.clear();
        self.reply.clear();
    }

    /// The number of commands.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of arguments held, in-place bulks included.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.big.iter().map(Bytes::len).sum::<usize>()
    }

    /// The command at `index`.
    pub fn command(&self, index: usize) -> &'static Command {
        self.items[index].command
    }

    /// The slot and the bytes of its only key, where they are known.
    pub fn placed_key(&self, index: usize) -> Option<(Slot, &[u8])> {
        let slot = self.items[index].slot?;
        let at = self.items[index].command.spec.single_key()?;
        Some((slot, self.args(index).get(at)))
    }

    /// Its arguments.
    pub fn args(&self, index: usize) -> Args<'_> {
        self.items[index].args(&self.data, &self.spans, &self.big)
    }

    /// The arguments at `index` beside the reply, so that a handler can read one and write the
    /// other.
    pub fn args_and_reply(&mut self, index: usize) -> (Args<'_>, &mut Reply) {
        let args = self.items[index].args(&self.data, &self.spans, &self.big);
        (args, &mut self.reply)
    }
}

impl Item {
    fn args<'a>(&self, data: &'a [u8], spans: &'a [Span], big: &'a [Bytes]) -> Args<'a> {
        let range = |pair: (u32, u32)| pair.0 as usize..pair.1 as usize;
        Args::new(&data[range(self.data)], &spans[range(self.spans)], &big[range(self.big)])
    }
}

impl Default for Batch {
    fn default() -> Batch {
        Batch::new()
    }
}

/// An emptied batch keeps at most this many bytes of argument space for the next use.
const BYTES_KEPT_MAX: usize = 64 * 1024;
