//! Hashes: the commands that read and write fields. Writes are streamed as they came; those that
//! changed nothing leave nothing. A hash that loses its last field goes away.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use super::strings::reply_string;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::types::hash::Hash;
use crate::keyspace::value::{Object, Value, ValueRef};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// The hash that a value is.
///
/// # Errors
/// `WrongType` if it is something else.
pub fn hash_in(value: ValueRef<'_>) -> Result<&Hash, CommandError> {
    match value {
        ValueRef::Object(Object::Hash(hash)) => Ok(hash),
        _ => Err(CommandError::WrongType),
    }
}

/// Looks a hash up for reading, with the reply beside it.
///
/// # Errors
/// `WrongType` if the key holds something else.
pub fn find_hash<'c>(
    ctx: &'c mut Context<'_>,
    key: &[u8],
) -> Result<(Option<&'c Hash>, &'c mut Reply), CommandError> {
    let (found, reply) = ctx.find_with_reply(key);
    let hash = found.map(|entry| hash_in(entry.value())).transpose()?;
    Ok((hash, reply))
}

/// Changes the hash at a key, which is made if there is none.
///
/// # Errors
/// `WrongType` if the key holds something else.
pub fn change_hash<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    change: impl FnOnce(&mut Hash) -> T,
) -> Result<T, CommandError> {
    if let Some(mut entry) = ctx.find_mut(key) {
        hash_in(entry.value())?;
        let Some(Object::Hash(hash)) = entry.object_mut() else {
            return Err(CommandError::WrongType);
        };
        return Ok(change(hash));
    }
    let mut hash = Hash::default();
    let result = change(&mut hash);
    ctx.insert(key, Value::Object(Box::new(Object::Hash(hash))), None);
    Ok(result)
}

/// Writes an element as a bulk.
pub fn reply_element(reply: &mut Reply, element: Element<'_>) {
    match element {
        Element::Int(number) => reply.bulk_int(number),
        Element::Text(text) => reply.bulk(text),
    }
}

fn hset(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let added = set_fields(ctx, args, "hset")?;
    ctx.reply.integer(added as i64);
    Ok(())
}

fn hmset(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_fields(ctx, args, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

fn set_fields(ctx: &mut Context<'_>, args: Args<'_>, name: &str) -> Result<usize, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::arity(name));
    }
    let (key, limits) = (args.get(1), ctx.settings.encoding);
    let fields = (args.len() - 2) / 2;
    let longest = args.iter().skip(2).map(<[u8]>::len).max().unwrap_or(0);
    let added = change_hash(ctx, key, |hash| {
        hash.expect(fields, longest, &limits);
        (2..args.len())
            .step_by(2)
            .filter(|field| hash.set(args.get(*field), value_of(args, field + 1), &limits))
            .count()
    })?;
    ctx.propagate(args);
    ctx.effects.changed(fields as u64 - 1);
    ctx.notify(Class::Hash, b"hset", key);
    Ok(added)
}

/// The value to store for an argument: the received memory itself if it came out of line.
fn value_of<'a>(args: Args<'a>, index: usize) -> Value<'a> {
    match args.shared(index) {
        Some(bytes) => Value::Shared(bytes.clone()),
        None => Value::Bytes(args.get(index)),
    }
}

fn hsetnx(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, field, limits) = (args.get(1), args.get(2), ctx.settings.encoding);
    let exists = match ctx.look(key) {
        Some(entry) => hash_in(entry.value())?.contains(field),
        None => false,
    };
    if exists {
        ctx.reply.integer(0);
        return Ok(());
    }
    let longest = field.len().max(args.get(3).len());
    change_hash(ctx, key, |hash| {
        hash.expect(1, longest, &limits);
        hash.set(field, value_of(args, 3), &limits)
    })?;
    ctx.propagate(args);
    ctx.notify(Class::Hash, b"hset", key);
    ctx.reply.integer(1);
    Ok(())
}

fn hget(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply_value(reply, hash.and_then(|hash| hash.get(args.get(2))))
}

fn hmget(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply.array(args.len() - 2);
    for field in args.iter().skip(2) {
        reply_value(reply, hash.and_then(|hash| hash.get(field)))?;
    }
    Ok(())
}

fn reply_value(reply: &mut Reply, value: Option<ValueRef<'_>>) -> CommandResult {
    match value {
        Some(value) => reply_string(reply, value)?,
        None => reply.null(),
    }
    Ok(())
}

fn hgetall(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply.map(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        reply_element(reply, field);
        reply_string(reply, value)?;
    }
    Ok(())
}

fn hkeys(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply.array(hash.map_or(0, Hash::len));
    let fields = hash.into_iter().flat_map(Hash::iter).map(|(field, _)| field);
    fields.for_each(|field| reply_element(reply, field));
    Ok(())
}

fn hvals(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply.array(hash.map_or(0, Hash::len));
    let mut values = hash.into_iter().flat_map(Hash::iter).map(|(_, value)| value);
    values.try_for_each(|value| reply_string(reply, value))
}

fn hlen(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply.integer(hash.map_or(0, Hash::len) as i64);
    Ok(())
}

fn hstrlen(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    let value = hash.and_then(|hash| hash.get(args.get(2)));
    reply.integer(value.and_then(|value| value.text_len()).unwrap_or(0) as i64);
    Ok(())
}

fn hexists(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    reply.integer(hash.is_some_and(|hash| hash.contains(args.get(2))).into());
    Ok(())
}

fn hdel(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let (mut removed, mut emptied) = (0, false);
    if let Some(mut entry) = ctx.find_mut(key) {
        hash_in(entry.value())?;
        if let Some(Object::Hash(hash)) = entry.object_mut() {
            removed = args.iter().skip(2).filter(|field| hash.remove(field)).count();
            emptied = hash.is_empty();
        }
        if removed == 0 {
            entry.unchanged();
        }
    }
    if removed > 0 {
        ctx.propagate(args);
        ctx.effects.changed(removed as u64 - 1);
        ctx.notify(Class::Hash, b"hdel", key);
    }
    if emptied {
        ctx.remove(key);
        ctx.notify(Class::Generic, b"del", key);
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST);
const READS: Flags = Flags::READONLY;
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const READ_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];
const SEEN_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))];
const INSERTED_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))];
const DELETED_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))];
const WHOLE_COST: &str = "O(N) where N is the size of the hash.";
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Hash, Scope::Shard(handler)).categories(Categories::HASH)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("hset", -4, hset).flags(WRITES).keys(UPDATED_KEY).doc(
        "2.0.0",
        "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command \
         is called with multiple field/value pairs.",
        "Sets fields of a hash.",
    ),
    row("hmset", -4, hmset).flags(WRITES).keys(UPDATED_KEY).doc(
        "2.0.0",
        "O(N) where N is the number of fields being set.",
        "Sets several fields of a hash.",
    ),
    row("hsetnx", 4, hsetnx).flags(WRITES).keys(INSERTED_KEY).doc(
        "2.0.0",
        "O(1)",
        "Sets a field of a hash if it does not exist yet.",
    ),
    row("hget", 3, hget).flags(READS_FAST).keys(READ_KEY).doc(
        "2.0.0",
        "O(1)",
        "Returns the value of a field.",
    ),
    row("hmget", -3, hmget).flags(READS_FAST).keys(READ_KEY).doc(
        "2.0.0",
        "O(N) where N is the number of fields being requested.",
        "Returns the values of several fields.",
    ),
    row("hgetall", 2, hgetall).flags(READS).keys(READ_KEY).tips(ANY_ORDER).doc(
        "2.0.0",
        WHOLE_COST,
        "Returns all fields and values of a hash.",
    ),
    row("hkeys", 2, hkeys).flags(READS).keys(READ_KEY).tips(ANY_ORDER).doc(
        "2.0.0",
        WHOLE_COST,
        "Returns all fields of a hash.",
    ),
    row("hvals", 2, hvals).flags(READS).keys(READ_KEY).tips(ANY_ORDER).doc(
        "2.0.0",
        WHOLE_COST,
        "Returns all values of a hash.",
    ),
    row("hlen", 2, hlen).flags(READS_FAST).keys(SEEN_KEY).doc(
        "2.0.0",
        "O(1)",
        "Returns the number of fields of a hash.",
    ),
    row("hstrlen", 3, hstrlen).flags(READS_FAST).keys(SEEN_KEY).doc(
        "3.2.0",
        "O(1)",
        "Returns the length of a field's value.",
    ),
    row("hexists", 3, hexists).flags(READS_FAST).keys(SEEN_KEY).doc(
        "2.0.0",
        "O(1)",
        "Tells whether a field exists.",
    ),
    row("hdel", -3, hdel).flags(Flags::WRITE.with(Flags::FAST)).keys(DELETED_KEY).doc(
        "2.0.0",
        "O(N) where N is the number of fields to be removed.",
        "Removes fields of a hash, and the hash with its last one.",
    ),
];

#[cfg(test)]
mod tests;
