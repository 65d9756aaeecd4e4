//! What the commands on sorted sets share: the set behind a key, replies of members and scores,
//! what follows a change, and how their rows begin.

use std::ops::Range;

use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::{Categories, Flags};
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::notify::Class;
use crate::command::spec::{Group, Handler, Scope, Spec};
use crate::keyspace::handle::EntryMut;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::keyspace::value::{Object, Value, ValueRef};
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;

/// The sorted set that a value is.
///
/// # Errors
/// `WrongType` if it is none.
pub fn sorted_set_of(value: ValueRef<'_>) -> Result<&SortedSet, CommandError> {
    match value {
        ValueRef::Object(Object::SortedSet(set)) => Ok(set),
        _ => Err(CommandError::WrongType),
    }
}

/// The sorted set of an entry, for changing.
///
/// # Errors
/// `WrongType` if it is none.
pub fn sorted_set_mut<'e>(entry: &'e mut EntryMut<'_>) -> Result<&'e mut SortedSet, CommandError> {
    sorted_set_of(entry.value())?;
    match entry.object_mut() {
        Some(Object::SortedSet(set)) => Ok(set),
        _ => Err(CommandError::WrongType),
    }
}

/// Looks up the sorted set at a key for reading, with the reply beside it; `None` if there is none.
///
/// # Errors
/// `WrongType` if the key holds something else.
pub fn find<'c>(
    ctx: &'c mut Context<'_>,
    key: &[u8],
) -> Result<(Option<&'c SortedSet>, &'c mut Reply), CommandError> {
    let (found, reply) = ctx.find_with_reply(key);
    let set = found.map(|entry| sorted_set_of(entry.value())).transpose()?;
    Ok((set, reply))
}

/// Stores a sorted set under a key, whatever it held.
pub fn insert(ctx: &mut Context<'_>, key: &[u8], set: SortedSet) {
    ctx.insert(key, Value::Object(Box::new(Object::SortedSet(set))), None);
}

/// Tells of members removed from the set at a key by `event`; removes the key if none are left.
pub fn removed(ctx: &mut Context<'_>, key: &[u8], event: &[u8], is_empty: bool) {
    ctx.notify(Class::SortedSet, event, key);
    if is_empty {
        ctx.remove(key);
        ctx.notify(Class::Generic, b"del", key);
    }
}

/// Ends a command that stores a sorted set at its first key: replies how many members it has. None
/// at all remove the key.
pub fn store(ctx: &mut Context<'_>, args: Args<'_>, set: SortedSet, event: &[u8]) {
    let (key, len) = (args.get(1), set.len());
    if len > 0 {
        insert(ctx, key, set);
        ctx.propagate(args);
        ctx.notify(Class::SortedSet, event, key);
    } else if ctx.remove(key) {
        ctx.propagate(args);
        ctx.notify(Class::Generic, b"del", key);
    }
    ctx.reply.integer(len as i64);
}

/// Replies the members of some ranks, with their scores if wanted.
pub fn reply_members(
    reply: &mut Reply,
    set: &SortedSet,
    ranks: Range<usize>,
    backwards: bool,
    with_scores: bool,
) {
    open_members(reply, ranks.len(), with_scores);
    set.walk(ranks, backwards, &mut |member, score| {
        reply_member(reply, member, with_scores.then_some(score));
    });
}

/// The header of a reply of `len` members.
pub fn open_members(reply: &mut Reply, len: usize, with_scores: bool) {
    let flat = with_scores && reply.version == RespVersion::V2;
    reply.array(if flat { 2 * len } else { len });
}

/// One member of that reply, with its score if wanted: a pair in RESP3, two elements before.
pub fn reply_member(reply: &mut Reply, member: &[u8], score: Option<f64>) {
    if score.is_some() && reply.version == RespVersion::V3 {
        reply.array(2);
    }
    reply.bulk(member);
    if let Some(score) = score {
        reply.double(score);
    }
}

/// The ranks between two that may be counted from the end, both included.
pub fn ranks_between(start: i64, stop: i64, len: usize) -> Range<usize> {
    let end = len as i64;
    let from_front = |index: i64| if index < 0 { index.saturating_add(end) } else { index };
    let start = from_front(start).max(0);
    let stop = from_front(stop).min(end - 1);
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

/// A row of this family.
pub const fn row(
    name: &'static str,
    arity: i32,
    flags: Flags,
    keys: &'static [KeySpec],
    handler: Handler,
) -> Spec {
    Spec::new(name, arity, Group::SortedSet, Scope::Shard(handler))
        .categories(Categories::SORTEDSET)
        .flags(flags)
        .keys(keys)
}

/// One key that is read.
pub const READ: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];
/// One key from which is taken.
pub const DELETE: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))];
/// Flags of quick reads.
pub const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
