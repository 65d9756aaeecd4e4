//! Streams: the commands on entries. Added entries are streamed with their ids, trimming with what
//! it came to. Runs on the core that holds the key.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use super::streams_access::{
    change, change_unwatched, count, find, integer, reply_entries, reply_id, stream_of,
};
use super::streams_ids::{self, End, NewId};
use super::streams_trim::{TrimOptions, node_limits};
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::entries::{Marks, NodeLimits};
use crate::keyspace::types::stream::id::StreamId;
use crate::keyspace::value::{Object, Value};
use crate::resp::request::{Args, ArgsIter};

/// Names and values among a command's arguments.
#[derive(Clone)]
struct Pairs<'a>(ArgsIter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// What XADD is to do, and what came of it.
struct Addition<'a> {
    options: TrimOptions,
    fields: Pairs<'a>,
    limits: NodeLimits,
}

/// What XADD did.
struct Added {
    id: StreamId,
    trimmed: u64,
    threshold: Option<Vec<u8>>,
}

fn xadd(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = TrimOptions::parse(ctx, args, true)?;
    let Some((wanted, id_at)) = options.id else { return Err(CommandError::arity("xadd")) };
    let words = args.len() - id_at - 1;
    if words < 2 || !words.is_multiple_of(2) {
        return Err(CommandError::arity("xadd"));
    }
    if wanted == NewId::Given(StreamId::MIN) {
        return Err(ZERO_ID);
    }
    let key = args.get(1);
    let (limits, now_ms) = (node_limits(ctx), ctx.now_ms);
    let fields = Pairs(args.slice_from(id_at + 1).iter());
    let addition = Addition { options, fields, limits };
    let found = ctx.find_mut(key).map(|mut entry| {
        let id = next_id(stream_of(entry.value())?, wanted, now_ms)?;
        addition.run(change(&mut entry)?, id)
    });
    let added = match found.transpose()? {
        Some(added) => added,
        None if options.no_make => {
            ctx.reply.null();
            return Ok(());
        }
        None => {
            let mut stream = Stream::default();
            let id = next_id(&stream, wanted, now_ms)?;
            let added = addition.run(&mut stream, id)?;
            ctx.insert(key, Value::Object(Box::new(Object::Stream(stream))), None);
            added
        }
    };
    ctx.notify(Class::Stream, b"xadd", key);
    if added.trimmed > 0 {
        ctx.notify(Class::Stream, b"xtrim", key);
    }
    reply_id(ctx.reply, added.id);
    stream_added(ctx, args, &options, &added);
    Ok(())
}

impl Addition<'_> {
    fn run(&self, stream: &mut Stream, id: StreamId) -> Result<Added, CommandError> {
        stream.entries.append(id, self.fields.clone(), self.limits).map_err(|_| TOO_LARGE)?;
        let trimmed = self.options.trim.map_or(0, |trim| stream.entries.trim(trim));
        let approximate = self.options.approximate_at.is_some();
        let threshold = approximate.then(|| self.options.exact_threshold(stream));
        Ok(Added { id, trimmed, threshold })
    }
}

fn stream_added(ctx: &mut Context<'_>, args: Args<'_>, options: &TrimOptions, added: &Added) {
    match (&added.threshold, options.id) {
        (None, Some((NewId::Given(_), _))) => ctx.propagate(args),
        (threshold, _) => {
            let id = added.id.text();
            let given = matches!(options.id, Some((NewId::Given(_), _)));
            let id = (!given).then(|| id.as_bytes());
            let threshold = threshold.as_deref().unwrap_or_default();
            ctx.propagate_as(&options.exact_words(args, threshold, id));
        }
    }
}

/// The id of the entry to be added.
fn next_id(stream: &Stream, wanted: NewId, now_ms: u64) -> Result<StreamId, CommandError> {
    let last = stream.entries.marks().last_id;
    if last == StreamId::MAX {
        return Err(EXHAUSTED);
    }
    let id = match wanted {
        NewId::Given(id) => id,
        NewId::Now if now_ms > last.ms => StreamId::new(now_ms, 0),
        NewId::Now => last.next().ok_or(EXHAUSTED)?,
        NewId::NextOf(ms) if ms == last.ms => {
            StreamId::new(ms, last.seq.checked_add(1).ok_or(NOT_GREATER)?)
        }
        NewId::NextOf(ms) => StreamId::new(ms, 0),
    };
    if id > last { Ok(id) } else { Err(NOT_GREATER) }
}

fn xtrim(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = TrimOptions::parse(ctx, args, false)?;
    let (trimmed, threshold) = match ctx.find_mut(args.get(1)) {
        None => (0, None),
        Some(mut entry) => {
            let trim = options.trim.ok_or(CommandError::Syntax)?;
            let stream = change_unwatched(&mut entry)?;
            let trimmed = stream.entries.trim(trim);
            let approximate = options.approximate_at.is_some();
            let threshold = approximate.then(|| options.exact_threshold(stream));
            if trimmed > 0 {
                change(&mut entry)?;
            }
            (trimmed, threshold)
        }
    };
    if trimmed > 0 {
        ctx.notify(Class::Stream, b"xtrim", args.get(1));
        match threshold {
            Some(threshold) => ctx.propagate_as(&options.exact_words(args, &threshold, None)),
            None => ctx.propagate(args),
        }
        ctx.effects.changed(trimmed - 1);
    }
    ctx.reply.integer(trimmed.cast_signed());
    Ok(())
}

fn xlen(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (stream, reply) = find(ctx, args.get(1))?;
    reply.integer(stream.map_or(0, |stream| stream.entries.len().cast_signed()));
    Ok(())
}

fn xrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    range(ctx, args, [2, 3])
}

fn xrevrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    range(ctx, args, [3, 2])
}

fn range(ctx: &mut Context<'_>, args: Args<'_>, [from_at, to_at]: [usize; 2]) -> CommandResult {
    let from = streams_ids::parse_end(args.get(from_at), End::From)?;
    let to = streams_ids::parse_end(args.get(to_at), End::To)?;
    let mut wanted = None;
    let mut index = 4;
    while let Some(word) = args.at(index) {
        let value = args.at(index + 1).filter(|_| word.eq_ignore_ascii_case(b"count"));
        wanted = Some(count(value.ok_or(CommandError::Syntax)?)?);
        index += 2;
    }
    let (stream, reply) = find(ctx, args.get(1))?;
    match stream {
        None => reply.empty_array(),
        Some(_) if wanted == Some(0) => reply.null_array(),
        Some(stream) => {
            let (entries, wanted) = (&stream.entries, wanted.unwrap_or(0));
            let range = if from_at < to_at {
                entries.range(from, to)
            } else {
                entries.range_back(from, to)
            };
            reply_entries(reply, range, wanted);
        }
    }
    Ok(())
}

fn xdel(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let Some(mut entry) = ctx.find_mut(args.get(1)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    stream_of(entry.value())?;
    let ids: Vec<StreamId> =
        args.iter().skip(2).map(streams_ids::parse).collect::<Result<_, _>>()?;
    let entries = &mut change_unwatched(&mut entry)?.entries;
    let mut deleted = 0;
    for id in ids {
        if !entries.delete(id) {
            continue;
        }
        deleted += 1;
        let marks = entries.marks_mut();
        marks.max_deleted_id = marks.max_deleted_id.max(id);
    }
    if deleted > 0 {
        entries.renew_first_id();
        change(&mut entry)?;
    }
    drop(entry);
    if deleted > 0 {
        ctx.notify(Class::Stream, b"xdel", args.get(1));
        ctx.propagate(args);
        ctx.effects.changed(deleted - 1);
    }
    ctx.reply.integer(deleted.cast_signed());
    Ok(())
}

/// What XSETID is to set beside the last id.
#[derive(Default)]
struct SetIdOptions {
    entries_added: Option<u64>,
    max_deleted_id: Option<StreamId>,
}

fn xsetid(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let id = streams_ids::parse(args.get(2))?;
    let mut options = SetIdOptions::default();
    let mut index = 3;
    while let Some(word) = args.at(index) {
        let value = args.at(index + 1).ok_or(CommandError::Syntax)?;
        if word.eq_ignore_ascii_case(b"entriesadded") {
            let added = u64::try_from(integer(value)?).map_err(|_| BAD_ADDED)?;
            options.entries_added = Some(added);
        } else if word.eq_ignore_ascii_case(b"maxdeletedid") {
            let deleted = streams_ids::parse(value)?;
            if id < deleted {
                return Err(BELOW_GIVEN_DELETED);
            }
            options.max_deleted_id = Some(deleted);
        } else {
            return Err(CommandError::Syntax);
        }
        index += 2;
    }
    let Some(mut entry) = ctx.find_mut(args.get(1)) else { return Err(CommandError::NoSuchKey) };
    let marks = options.checked(stream_of(entry.value())?, id)?;
    *change_unwatched(&mut entry)?.entries.marks_mut() = marks;
    drop(entry);
    ctx.notify(Class::Stream, b"xsetid", args.get(1));
    ctx.propagate(args);
    ctx.reply.ok();
    Ok(())
}

impl SetIdOptions {
    /// The marks of a stream that is to have this last id.
    fn checked(&self, stream: &Stream, id: StreamId) -> Result<Marks, CommandError> {
        let marks = *stream.entries.marks();
        if id < marks.max_deleted_id {
            return Err(BELOW_DELETED);
        }
        if let Some(last) = stream.entries.last() {
            if id < last.id {
                return Err(BELOW_TOP);
            }
            if self.entries_added.is_some_and(|added| added < stream.entries.len()) {
                return Err(TOO_FEW_ADDED);
            }
        }
        let given = self.max_deleted_id.filter(|id| *id != StreamId::MIN);
        Ok(Marks {
            last_id: id,
            entries_added: self.entries_added.unwrap_or(marks.entries_added),
            max_deleted_id: given.unwrap_or(marks.max_deleted_id),
            ..marks
        })
    }
}

const ZERO_ID: CommandError =
    CommandError::text("ERR The ID specified in XADD must be greater than 0-0");
const NOT_GREATER: CommandError = CommandError::text(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const EXHAUSTED: CommandError = CommandError::text(
    "ERR The stream has exhausted the last possible ID, unable to add more items",
);
const TOO_LARGE: CommandError = CommandError::text("ERR Elements are too large to be stored");
const BAD_ADDED: CommandError = CommandError::text("ERR entries_added must be positive");
const BELOW_GIVEN_DELETED: CommandError = CommandError::text(
    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
);
const BELOW_DELETED: CommandError = CommandError::text(
    "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
);
const BELOW_TOP: CommandError =
    CommandError::text("ERR The ID specified in XSETID is smaller than the target stream top item");
const TOO_FEW_ADDED: CommandError = CommandError::text(
    "ERR The entries_added specified in XSETID is smaller than the target stream length",
);

const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const UPDATES: KeyFlags = KeyFlags::RW.with(KeyFlags::UPDATE);
const DELETES: KeyFlags = KeyFlags::RW.with(KeyFlags::DELETE);

const fn row(name: &'static str, arity: i32, run: Handler) -> Spec {
    Spec::new(name, arity, Group::Stream, Scope::Shard(run)).categories(Categories::STREAM)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("xadd", -5, xadd)
        .flags(WRITES_FAST.with(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, UPDATES)])
        .tips(&["nondeterministic_output"])
        .doc(
            "5.0.0",
            "O(1) to add an entry, O(N) to trim N entries away.",
            "Adds an entry to a stream.",
        ),
    row("xtrim", -4, xtrim)
        .flags(Flags::WRITE)
        .keys(&[KeySpec::one(1, DELETES)])
        .tips(&["nondeterministic_output"])
        .doc(
            "5.0.0",
            "O(N) with N entries removed; whole nodes go at once.",
            "Removes the oldest entries of a stream.",
        ),
    row("xlen", 2, xlen)
        .flags(Flags::READONLY.with(Flags::FAST))
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .doc("5.0.0", "O(1)", "Counts the entries of a stream."),
    row("xrange", -4, xrange).flags(Flags::READONLY).keys(&[KeySpec::one(1, KeyFlags::READ)]).doc(
        "5.0.0",
        RANGE_COST,
        "Returns the entries between two ids.",
    ),
    row("xrevrange", -4, xrevrange)
        .flags(Flags::READONLY)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc("5.0.0", RANGE_COST, "Returns the entries between two ids, the newest first."),
    row("xdel", -3, xdel).flags(WRITES_FAST).keys(&[KeySpec::one(1, DELETES)]).doc(
        "5.0.0",
        "O(1) for each entry.",
        "Removes entries from a stream.",
    ),
    row("xsetid", -3, xsetid)
        .flags(WRITES_FAST.with(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, UPDATES)])
        .doc("5.0.0", "O(1)", "Sets what a stream remembers of ids; for replication."),
];

const RANGE_COST: &str = "O(N) with N entries returned.";

#[cfg(test)]
pub mod tests;
