//! Lists: the commands that push, pop and read. Those that change a list inside are in
//! `lists_edit`, those over two lists or several in `lists_move`.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::base::number;
use crate::config::settings_groups::Encoding;
use crate::keyspace::handle::EntryMut;
use crate::keyspace::types::list::{End, List};
use crate::keyspace::value::{Object, Value, ValueRef};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// The list that a value is.
///
/// # Errors
/// `WrongType` if it is none.
pub fn list_of(value: ValueRef<'_>) -> Result<&List, CommandError> {
    match value {
        ValueRef::Object(Object::List(list)) => Ok(list),
        _ => Err(CommandError::WrongType),
    }
}

/// The list of an entry, for changing.
///
/// # Errors
/// `WrongType` if it is none.
pub fn list_mut<'e>(entry: &'e mut EntryMut<'_>) -> Result<&'e mut List, CommandError> {
    list_of(entry.value())?;
    match entry.object_mut() {
        Some(Object::List(list)) => Ok(list),
        _ => Err(CommandError::WrongType),
    }
}

/// The element to store for argument `index`; the received memory itself if it came out of line.
pub fn element(args: Args<'_>, index: usize) -> ValueRef<'_> {
    match args.shared(index) {
        Some(bytes) => ValueRef::Shared(bytes),
        None => ValueRef::Str(args.get(index)),
    }
}

/// Writes an element as a bulk.
pub fn reply_element(reply: &mut Reply, element: ValueRef<'_>) {
    match element {
        ValueRef::Int(number) => reply.bulk_int(number),
        ValueRef::Str(bytes) => reply.bulk(bytes),
        ValueRef::Shared(bytes) => reply.bulk_shared(bytes.clone()),
        ValueRef::Object(_) => unreachable!("a list holds no collections"),
    }
}

/// Takes up to `count` elements from an end, writing each to the reply.
pub fn pop_into(list: &mut List, end: End, count: usize, reply: &mut Reply) {
    let taken = count.min(list.len());
    if taken == 1 {
        if let Some(element) = list.peek(end) {
            reply_element(reply, element);
        }
        list.drop_end(end);
    } else if taken > 1 {
        let (start, towards) = match end {
            End::Left => (0, End::Right),
            End::Right => (list.len() - 1, End::Left),
        };
        list.show(start, taken, towards, |element| reply_element(reply, element));
        let first = if end == End::Left { 0 } else { list.len() - taken };
        list.remove_range(first, taken);
    }
    list.shrink();
}

/// Adds elements to the list at a key, which is made if it is not there; its length.
///
/// # Errors
/// `WrongType` if the key holds something else.
pub fn add<'e>(
    ctx: &mut Context<'_>,
    key: &[u8],
    end: End,
    elements: impl Iterator<Item = ValueRef<'e>> + Clone,
) -> Result<usize, CommandError> {
    let encoding = ctx.settings.encoding;
    if let Some(mut entry) = ctx.find_mut(key) {
        let list = list_mut(&mut entry)?;
        push_all(list, end, elements, &encoding);
        return Ok(list.len());
    }
    let mut list = List::new();
    push_all(&mut list, end, elements, &encoding);
    let len = list.len();
    ctx.insert(key, Value::Object(Box::new(Object::List(list))), None);
    Ok(len)
}

/// Makes elements the list at a key, whatever it held.
pub fn replace<'e>(
    ctx: &mut Context<'_>,
    key: &[u8],
    elements: impl Iterator<Item = ValueRef<'e>> + Clone,
) {
    let mut list = List::new();
    push_all(&mut list, End::Right, elements, &ctx.settings.encoding);
    ctx.insert(key, Value::Object(Box::new(Object::List(list))), None);
}

fn push_all<'e>(
    list: &mut List,
    end: End,
    elements: impl Iterator<Item = ValueRef<'e>> + Clone,
    encoding: &Encoding,
) {
    let (bytes, count) = elements
        .clone()
        .fold((0, 0), |(bytes, count), element| (bytes + text_bytes(element), count + 1));
    list.prepare(bytes, count, encoding);
    elements.for_each(|element| list.push(end, element));
}

/// What an element counts for in the bound of a flat list: integers count nothing, as in stock
/// servers.
pub fn text_bytes(element: ValueRef<'_>) -> usize {
    match element {
        ValueRef::Str(bytes) => bytes.len(),
        ValueRef::Shared(bytes) => bytes.len(),
        ValueRef::Int(_) | ValueRef::Object(_) => 0,
    }
}

fn lpush(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Left)
}

fn rpush(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Right)
}

fn push(ctx: &mut Context<'_>, args: Args<'_>, end: End) -> CommandResult {
    let elements = (2..args.len()).map(|index| element(args, index));
    let len = add(ctx, args.get(1), end, elements)?;
    ctx.propagate(args);
    ctx.notify(Class::List, push_event(end), args.get(1));
    ctx.effects.changed(args.len() as u64 - 3);
    ctx.reply.integer(len as i64);
    Ok(())
}

fn lpushx(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    push_existing(ctx, args, End::Left)
}

fn rpushx(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    push_existing(ctx, args, End::Right)
}

fn push_existing(ctx: &mut Context<'_>, args: Args<'_>, end: End) -> CommandResult {
    if ctx.look(args.get(1)).is_none() {
        ctx.reply.integer(0);
        return Ok(());
    }
    push(ctx, args, end)
}

fn lpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Left, "lpop")
}

fn rpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Right, "rpop")
}

fn pop(ctx: &mut Context<'_>, args: Args<'_>, end: End, name: &str) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::arity(name));
    }
    let count = match args.at(2) {
        Some(text) => Some(count_of(text)?),
        None => None,
    };
    let key = args.get(1);
    let (taken, is_empty) = match ctx.find_mut_with_reply(key) {
        (None, reply) => {
            if count.is_some() {
                reply.null_array()
            } else {
                reply.null()
            }
            return Ok(());
        }
        (Some(entry), reply) => pop_found(entry, count, end, reply)?,
    };
    if taken == 0 {
        return Ok(());
    }
    popped(ctx, key, end, is_empty);
    ctx.propagate(args);
    ctx.effects.changed(taken as u64 - 1);
    Ok(())
}

/// Ends a pop: tells of it, and removes the key if nothing is left.
pub fn popped(ctx: &mut Context<'_>, key: &[u8], end: End, is_empty: bool) {
    let event: &[u8] = if end == End::Left { b"lpop" } else { b"rpop" };
    ctx.notify(Class::List, event, key);
    if is_empty {
        remove_empty(ctx, key);
    }
}

/// Removes a list without elements, and tells of it.
pub fn remove_empty(ctx: &mut Context<'_>, key: &[u8]) {
    ctx.remove(key);
    ctx.notify(Class::Generic, b"del", key);
}

/// The event of a push.
pub fn push_event(end: End) -> &'static [u8] {
    match end {
        End::Left => b"lpush",
        End::Right => b"rpush",
    }
}

/// Takes elements from a list and replies them; how many, and whether none is left.
fn pop_found(
    mut entry: EntryMut<'_>,
    count: Option<usize>,
    end: End,
    reply: &mut Reply,
) -> Result<(usize, bool), CommandError> {
    let len = list_of(entry.value())?.len();
    let taken = count.unwrap_or(1).min(len);
    if count.is_some() {
        reply.array(taken);
    }
    if taken > 0 {
        pop_into(list_mut(&mut entry)?, end, taken, reply);
    }
    Ok((taken, taken == len))
}

fn count_of(text: &[u8]) -> Result<usize, CommandError> {
    let count = number::parse_i64(text).and_then(|count| usize::try_from(count).ok());
    count.ok_or(NOT_POSITIVE)
}

fn llen(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let len = match ctx.find(args.get(1)) {
        Some(entry) => list_of(entry.value())?.len(),
        None => 0,
    };
    ctx.reply.integer(len as i64);
    Ok(())
}

fn lindex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (found, reply) = ctx.find_with_reply(args.get(1));
    let Some(entry) = found else {
        reply.null();
        return Ok(());
    };
    let list = list_of(entry.value())?;
    let index = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let shown = forward(index, list.len())
        .and_then(|index| list.with(index, |element| reply_element(reply, element)));
    if shown.is_none() {
        reply.null();
    }
    Ok(())
}

fn lrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let start = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let stop = number::parse_i64(args.get(3)).ok_or(CommandError::NotInteger)?;
    let (found, reply) = ctx.find_with_reply(args.get(1));
    let Some(entry) = found else {
        reply.empty_array();
        return Ok(());
    };
    let list = list_of(entry.value())?;
    let (start, count) = span(start, stop, list.len());
    reply.array(count);
    list.show(start, count, End::Right, |element| reply_element(reply, element));
    Ok(())
}

/// An index that may be counted from the end, counted from the front; `None` if it is outside.
pub fn forward(index: i64, len: usize) -> Option<usize> {
    let forward = match usize::try_from(index) {
        Ok(index) => index,
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    (forward < len).then_some(forward)
}

/// The elements between two indexes that may be counted from the end, both included: the first and
/// how many.
pub fn span(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_front = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let start = from_front(start).max(0);
    let stop = from_front(stop).min(len - 1);
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}

const NOT_POSITIVE: CommandError =
    CommandError::text("ERR value is out of range, must be positive");

/// A row of lists with one key.
pub const fn row(
    name: &'static str,
    arity: i32,
    flags: Flags,
    key: &'static [KeySpec],
    handler: Handler,
) -> Spec {
    Spec::new(name, arity, Group::List, Scope::Shard(handler))
        .categories(Categories::LIST)
        .flags(flags)
        .keys(key)
}

const PUSHED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))];
const POPPED: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE))];
const READ: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];
const PUSHES: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST);
const POPS: Flags = Flags::WRITE.with(Flags::FAST);
const PUSH_COST: &str = "O(1) for each element, O(N) for N of them.";
const POP_COST: &str = "O(N) where N is the number of elements taken.";

/// The rows of this family.
pub const ROWS: &[Spec] =
    &[
        row("lpush", -3, PUSHES, PUSHED, lpush).doc(
            "1.0.0",
            PUSH_COST,
            "Adds elements at the head of a list, which is made if it is not there.",
        ),
        row("rpush", -3, PUSHES, PUSHED, rpush).doc(
            "1.0.0",
            PUSH_COST,
            "Adds elements at the tail of a list, which is made if it is not there.",
        ),
        row("lpushx", -3, PUSHES, PUSHED, lpushx).doc(
            "2.2.0",
            PUSH_COST,
            "Adds elements at the head of a list that exists.",
        ),
        row("rpushx", -3, PUSHES, PUSHED, rpushx).doc(
            "2.2.0",
            PUSH_COST,
            "Adds elements at the tail of a list that exists.",
        ),
        row("lpop", -2, POPS, POPPED, lpop).doc(
            "1.0.0",
            POP_COST,
            "Takes elements from the head of a list.",
        ),
        row("rpop", -2, POPS, POPPED, rpop).doc(
            "1.0.0",
            POP_COST,
            "Takes elements from the tail of a list.",
        ),
        row("llen", 2, Flags::READONLY.with(Flags::FAST), &[KeySpec::one(1, KeyFlags::RO)], llen)
            .doc("1.0.0", "O(1)", "Returns the length of a list."),
        row("lindex", 3, Flags::READONLY, READ, lindex).doc(
            "1.0.0",
            "O(N) where N is the number of elements between the element and the nearer end.",
            "Returns an element of a list by its index.",
        ),
        row("lrange", 4, Flags::READONLY, READ, lrange).doc(
            "1.0.0",
            "O(S+N) where S is the distance from an end to the first element and N the number of \
         elements returned.",
            "Returns the elements of a list between two indexes.",
        ),
    ];

#[cfg(test)]
mod tests;
