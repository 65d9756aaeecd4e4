//! Commands parsed ahead of the one that runs: so that what their keys need from memory can be
//! fetched for all of them at the same time. One a connection's walk, on its shard.

use crate::base::ids::{ShardId, Slot};
use crate::command::table::{Command, Recent};
use crate::keyspace::key::{Key, hash_of, slot_of};
use crate::keyspace::placement::Placement;
use crate::resp::error::ProtocolError;
use crate::resp::parser::{Limits, RequestParser, Step};
use crate::resp::request::{Args, Span};
use crate::router::route::{self, Route};
use bytes::Bytes;

/// Parsed commands, in order.
#[derive(Default)]
pub struct Ahead {
    seen: Vec<Seen>,
    recent: Recent,
    spans: Vec<Span>,
    big: Vec<Bytes>,
}

/// One parsed command.
#[derive(Clone, Copy)]
pub struct Seen {
    /// Where it begins in the buffer.
    start: usize,
    /// One past its end.
    pub end: usize,
    spans: (u32, u32),
    big: (u32, u32),
    /// Its row; `None` if there is none or its number of arguments is wrong.
    pub command: Option<&'static Command>,
    /// The shard of all its keys, if they have one in common.
    pub shard: Option<ShardId>,
    key: Option<(Slot, u64)>,
}

/// Why no more was parsed.
#[derive(Debug)]
pub enum End {
    /// Enough is.
    Full,
    /// A command is not complete. The parser goes on with it.
    Incomplete,
    /// A bulk of this many bytes is to be received in place.
    NeedBulk(usize),
    /// What follows is no request.
    Error(ProtocolError),
}

impl Ahead {
    /// Parses commands from `start` of `buf` on, up to a bound.
    pub fn fill(
        &mut self,
        parser: &mut RequestParser,
        buf: &[u8],
        start: usize,
        rules: (&Limits, Placement),
    ) -> End {
        let (limits, placement) = rules;
        self.seen.clear();
        self.spans.clear();
        self.big.clear();
        let mut start = start;
        while self.seen.len() < AHEAD_MAX {
            if start == buf.len() {
                return End::Full;
            }
            match parser.step(&buf[start..], limits) {
                Ok(Step::Command { consumed }) => {
                    self.push(parser.args(&buf[start..]), start, start + consumed, placement);
                    start += consumed;
                }
                Ok(Step::Incomplete) => return End::Incomplete,
                Ok(Step::NeedBulk { len }) => return End::NeedBulk(len),
                Err(error) => return End::Error(error),
            }
        }
        End::Full
    }

    fn push(&mut self, args: Args<'_>, start: usize, end: usize, placement: Placement) {
        let (_, spans, big) = args.parts();
        let (spans_start, big_start) = (self.spans.len() as u32, self.big.len() as u32);
        self.spans.extend_from_slice(spans);
        self.big.extend_from_slice(big);
        let command = if args.is_empty() { None } else { self.recent.resolve(args).ok() };
        let (shard, key) = command.map_or((None, None), |row| place(row, args, placement));
        self.seen.push(Seen {
            start,
            end,
            spans: (spans_start, self.spans.len() as u32),
            big: (big_start, self.big.len() as u32),
            command,
            shard,
            key,
        });
    }

    /// The number of commands.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing was parsed.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The command at `index`.
    pub fn seen(&self, index: usize) -> &Seen {
        &self.seen[index]
    }

    /// Its arguments, in the buffer it was parsed from.
    pub fn args<'a>(&'a self, index: usize, buf: &'a [u8]) -> Args<'a> {
        let seen = &self.seen[index];
        let range = |pair: (u32, u32)| pair.0 as usize..pair.1 as usize;
        Args::new(
            &buf[seen.start..seen.end],
            &self.spans[range(seen.spans)],
            &self.big[range(seen.big)],
        )
    }

    /// The place of each single key that lives on `shard`.
    pub fn places(&self, shard: ShardId) -> impl Iterator<Item = (Slot, u64)> {
        self.seen.iter().filter(move |seen| seen.shard == Some(shard)).filter_map(|seen| seen.key)
    }
}

impl Seen {
    /// The key of a command that has one, hashed already.
    pub fn key<'a>(&self, args: Args<'a>) -> Option<Key<'a>> {
        let (slot, hash) = self.key?;
        let index = self.command?.spec.single_key()?;
        Some(Key { bytes: args.get(index), slot, hash })
    }
}

/// The shard of a command's keys, and the place of its key if it has just one.
fn place(
    command: &Command,
    args: Args<'_>,
    placement: Placement,
) -> (Option<ShardId>, Option<(Slot, u64)>) {
    if let Some(index) = command.spec.single_key()
        && index < args.len()
    {
        let key = args.get(index);
        let slot = slot_of(key);
        return (Some(placement.shard_of(slot)), Some((slot, hash_of(key))));
    }
    match route::route(command, args, placement) {
        Route::One(shard) => (Some(shard), None),
        _ => (None, None),
    }
}

/// Commands parsed ahead at most: as many keys as a core can fetch at the same time.
pub const AHEAD_MAX: usize = 16;
