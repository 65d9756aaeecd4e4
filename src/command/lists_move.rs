//! Lists: the commands that take from one list and add to another, or take from the first of
//! several that has something.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::lists::{
    add, list_mut, list_of, pop_into, popped, push_event, reply_element, text_bytes,
};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::number;
use crate::keyspace::types::list::End;
use crate::keyspace::value::ValueRef;
use crate::resp::request::Args;

/// From where to where a move goes.
#[derive(Clone, Copy)]
pub struct Move<'a> {
    /// The list it takes from.
    pub from: &'a [u8],
    /// At which end.
    pub from_end: End,
    /// The list it adds to.
    pub to: &'a [u8],
    /// At which end.
    pub to_end: End,
}

/// What LMPOP takes, from its number of keys on.
pub struct PopMany {
    /// The arguments that are keys.
    pub keys: std::ops::Range<usize>,
    /// From which end.
    pub end: End,
    /// How many elements at most.
    pub count: usize,
}

impl PopMany {
    /// Reads the arguments from the number of keys on, which is at `index`.
    ///
    /// # Errors
    /// The texts of stock servers.
    pub fn parse(args: Args<'_>, index: usize) -> Result<PopMany, CommandError> {
        let keys = positive(args.get(index), NUMKEYS)?;
        let first = index + 1;
        let where_at = first.checked_add(keys).filter(|at| *at < args.len());
        let where_at = where_at.ok_or(CommandError::Syntax)?;
        let end = end_of(args.get(where_at))?;
        let (mut count, mut at) = (None, where_at + 1);
        while at < args.len() {
            let value = args.at(at + 1).filter(|_| args.get(at).eq_ignore_ascii_case(b"count"));
            let value = value.filter(|_| count.is_none()).ok_or(CommandError::Syntax)?;
            count = Some(positive(value, COUNT)?);
            at += 2;
        }
        Ok(PopMany { keys: first..where_at, end, count: count.unwrap_or(1) })
    }
}

/// The end that a word names.
///
/// # Errors
/// `Syntax`.
pub fn end_of(word: &[u8]) -> Result<End, CommandError> {
    if word.eq_ignore_ascii_case(b"left") {
        Ok(End::Left)
    } else if word.eq_ignore_ascii_case(b"right") {
        Ok(End::Right)
    } else {
        Err(CommandError::Syntax)
    }
}

fn lmove(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (from_end, to_end) = (end_of(args.get(3))?, end_of(args.get(4))?);
    let asked = Move { from: args.get(1), from_end, to: args.get(2), to_end };
    if move_element(ctx, asked)? {
        ctx.propagate(args);
    } else {
        ctx.reply.null();
    }
    Ok(())
}

fn rpoplpush(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let asked =
        Move { from: args.get(1), from_end: End::Right, to: args.get(2), to_end: End::Left };
    if move_element(ctx, asked)? {
        ctx.propagate(args);
    } else {
        ctx.reply.null();
    }
    Ok(())
}

/// Moves an element and replies it; `false`, and nothing replied, if there is none. The caller
/// streams it.
///
/// # Errors
/// `WrongType` if there is an element but the key it would go to is no list.
pub fn move_element(ctx: &mut Context<'_>, asked: Move<'_>) -> Result<bool, CommandError> {
    let Some(entry) = ctx.find_mut(asked.from) else { return Ok(false) };
    list_of(entry.value())?;
    drop(entry);
    if asked.from == asked.to {
        return rotate(ctx, asked);
    }
    if let Some(entry) = ctx.look(asked.to) {
        list_of(entry.value())?;
    }
    let Some(mut entry) = ctx.find_mut(asked.from) else { return Ok(false) };
    let list = list_mut(&mut entry)?;
    let Some(element) = list.peek(asked.from_end) else { return Ok(false) };
    let moved = Owned::of(element);
    list.drop_end(asked.from_end);
    list.shrink();
    let is_empty = list.is_empty();
    drop(entry);
    add(ctx, asked.to, asked.to_end, std::iter::once(moved.borrowed()))?;
    ctx.notify(Class::List, push_event(asked.to_end), asked.to);
    popped(ctx, asked.from, asked.from_end, is_empty);
    reply_element(ctx.reply, moved.borrowed());
    Ok(true)
}

fn rotate(ctx: &mut Context<'_>, asked: Move<'_>) -> Result<bool, CommandError> {
    let encoding = ctx.settings.encoding;
    let Some(mut entry) = ctx.find_mut(asked.from) else { return Ok(false) };
    let list = list_mut(&mut entry)?;
    let Some(element) = list.peek(asked.from_end) else { return Ok(false) };
    let moved = Owned::of(element);
    list.drop_end(asked.from_end);
    list.prepare(text_bytes(moved.borrowed()), 1, &encoding);
    list.push(asked.to_end, moved.borrowed());
    list.shrink();
    drop(entry);
    reply_element(ctx.reply, moved.borrowed());
    ctx.notify(Class::List, push_event(asked.to_end), asked.to);
    popped(ctx, asked.from, asked.from_end, false);
    Ok(true)
}

/// An element on its way between two lists.
enum Owned {
    Int(i64),
    Text(Vec<u8>),
    Shared(bytes::Bytes),
}

impl Owned {
    fn of(element: ValueRef<'_>) -> Owned {
        match element {
            ValueRef::Int(number) => Owned::Int(number),
            ValueRef::Str(text) => Owned::Text(text.to_vec()),
            ValueRef::Shared(text) => Owned::Shared(text.clone()),
            ValueRef::Object(_) => unreachable!("a list holds no collections"),
        }
    }

    fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Owned::Int(number) => ValueRef::Int(*number),
            Owned::Text(text) => ValueRef::Str(text),
            Owned::Shared(text) => ValueRef::Shared(text),
        }
    }
}

fn lmpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let asked = PopMany::parse(args, 1)?;
    for index in asked.keys.clone() {
        if pop_many(ctx, args.get(index), &asked)? {
            return Ok(());
        }
    }
    ctx.reply.null_array();
    Ok(())
}

/// Takes elements from one key, replies and streams that; `false`, and nothing replied, if there
/// is none.
///
/// # Errors
/// `WrongType` if the key is no list.
pub fn pop_many(ctx: &mut Context<'_>, key: &[u8], asked: &PopMany) -> Result<bool, CommandError> {
    let (taken, is_empty) = match ctx.find_mut_with_reply(key) {
        (None, _) => return Ok(false),
        (Some(mut entry), reply) => {
            let list = list_mut(&mut entry)?;
            let taken = asked.count.min(list.len());
            reply.array(2);
            reply.bulk(key);
            reply.array(taken);
            pop_into(list, asked.end, taken, reply);
            (taken, list.is_empty())
        }
    };
    popped(ctx, key, asked.end, is_empty);
    let mut digits = itoa::Buffer::new();
    ctx.propagate_as(&[pop_name(asked.end), key, digits.format(taken).as_bytes()]);
    ctx.effects.changed(taken as u64 - 1);
    Ok(true)
}

/// The command that takes from an end.
pub fn pop_name(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LPOP",
        End::Right => b"RPOP",
    }
}

fn positive(text: &[u8], error: CommandError) -> Result<usize, CommandError> {
    let number = number::parse_i64(text).filter(|number| *number > 0);
    number.and_then(|number| usize::try_from(number).ok()).ok_or(error)
}

const NUMKEYS: CommandError = CommandError::text("ERR numkeys should be greater than 0");
const COUNT: CommandError = CommandError::text("ERR count should be greater than 0");

/// What is done with a key that is popped from.
pub const POPPED: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);
/// The keys of a move.
pub const MOVED: &[KeySpec] =
    &[KeySpec::one(1, POPPED), KeySpec::one(2, KeyFlags::RW.with(KeyFlags::INSERT))];
const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("lmove", 5, Group::List, Scope::Shard(lmove))
        .flags(WRITES)
        .categories(Categories::LIST)
        .keys(MOVED)
        .doc("6.2.0", "O(1)", "Takes an element from a list and adds it to another."),
    Spec::new("rpoplpush", 3, Group::List, Scope::Shard(rpoplpush))
        .flags(WRITES)
        .categories(Categories::LIST)
        .keys(MOVED)
        .doc(
            "1.2.0",
            "O(1)",
            "Takes an element from the tail of a list and adds it to the head of another.",
        ),
    Spec::new("lmpop", -4, Group::List, Scope::Shard(lmpop))
        .flags(Flags::WRITE.with(Flags::MOVABLEKEYS))
        .categories(Categories::LIST)
        .keys(&[KeySpec::counted(1, POPPED)])
        .doc(
            "7.0.0",
            "O(N+M) where N is the number of keys and M the number of elements taken.",
            "Takes elements from the first of several lists that is not empty.",
        ),
];
