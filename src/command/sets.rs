//! Sets: the commands that add, remove and look for members. Writes are streamed as they came;
//! those that changed nothing leave nothing. A set that loses its last member goes away.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::hashes::reply_element;
use super::key_spec::{KeyFlags, KeySpec};
use super::keys_scan::{self, ScanOptions};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::keyspace::types::set::Set;
use crate::keyspace::value::{Object, Value, ValueRef};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// The set that a value is.
///
/// # Errors
/// `WrongType` if it is something else.
pub fn set_in(value: ValueRef<'_>) -> Result<&Set, CommandError> {
    match value {
        ValueRef::Object(Object::Set(set)) => Ok(set),
        _ => Err(CommandError::WrongType),
    }
}

/// Looks a set up for reading, with the reply beside it.
///
/// # Errors
/// `WrongType` if the key holds something else.
pub fn find_set<'c>(
    ctx: &'c mut Context<'_>,
    key: &[u8],
) -> Result<(Option<&'c Set>, &'c mut Reply), CommandError> {
    let (found, reply) = ctx.find_with_reply(key);
    let set = found.map(|entry| set_in(entry.value())).transpose()?;
    Ok((set, reply))
}

/// Stores a new set.
pub fn insert_set(ctx: &mut Context<'_>, key: &[u8], set: Set) {
    ctx.insert(key, Value::Object(Box::new(Object::Set(set))), None);
}

/// Removes members; how many there were. The key goes with the last one.
///
/// # Errors
/// `WrongType` if the key holds something else.
pub fn remove_members<'m>(
    ctx: &mut Context<'_>,
    key: &[u8],
    members: impl Iterator<Item = &'m [u8]>,
) -> Result<usize, CommandError> {
    let (mut removed, mut emptied) = (0, false);
    if let Some(mut entry) = ctx.find_mut(key) {
        set_in(entry.value())?;
        if let Some(Object::Set(set)) = entry.object_mut() {
            removed = members.filter(|member| set.remove(member)).count();
            emptied = set.is_empty();
        }
        if removed == 0 {
            entry.unchanged();
        }
    }
    if removed > 0 {
        ctx.notify(Class::Set, b"srem", key);
    }
    if emptied {
        ctx.remove(key);
        ctx.notify(Class::Generic, b"del", key);
    }
    Ok(removed)
}

/// Adds members; how many were not there.
///
/// # Errors
/// `WrongType` if the key holds something else.
fn add_members(
    ctx: &mut Context<'_>,
    key: &[u8],
    members: Args<'_>,
) -> Result<usize, CommandError> {
    let limits = ctx.settings.encoding;
    let add = |set: &mut Set| members.iter().filter(|member| set.add(member, &limits)).count();
    if let Some(mut entry) = ctx.find_mut(key) {
        set_in(entry.value())?;
        let mut added = 0;
        if let Some(Object::Set(set)) = entry.object_mut() {
            set.expect(members.len(), &limits);
            added = add(set);
        }
        if added == 0 {
            entry.unchanged();
        }
        return Ok(added);
    }
    let mut set = Set::beginning(members.get(0), members.len(), &limits);
    let added = add(&mut set);
    insert_set(ctx, key, set);
    Ok(added)
}

fn sadd(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let added = add_members(ctx, key, args.slice_from(2))?;
    if added > 0 {
        ctx.propagate(args);
        ctx.effects.changed(added as u64 - 1);
        ctx.notify(Class::Set, b"sadd", key);
    }
    ctx.reply.integer(added as i64);
    Ok(())
}

fn srem(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let removed = remove_members(ctx, args.get(1), args.iter().skip(2))?;
    if removed > 0 {
        ctx.propagate(args);
        ctx.effects.changed(removed as u64 - 1);
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

fn smove(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (source, target, member) = (args.get(1), args.get(2), args.get(3));
    let has = match ctx.look(source) {
        None => {
            ctx.reply.integer(0);
            return Ok(());
        }
        Some(entry) => set_in(entry.value()).map(|set| set.contains(member)),
    }?;
    let in_target = match ctx.look(target) {
        None => false,
        Some(entry) => set_in(entry.value())?.contains(member),
    };
    if has && source != target {
        remove_members(ctx, source, std::iter::once(member))?;
        add_members(ctx, target, args.slice_from(3))?;
        if !in_target {
            ctx.notify(Class::Set, b"sadd", target);
        }
        ctx.propagate(args);
        ctx.effects.changed(u64::from(!in_target));
    }
    ctx.reply.integer(has.into());
    Ok(())
}

fn scard(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = find_set(ctx, args.get(1))?;
    reply.integer(set.map_or(0, Set::len) as i64);
    Ok(())
}

fn sismember(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = find_set(ctx, args.get(1))?;
    reply.integer(set.is_some_and(|set| set.contains(args.get(2))).into());
    Ok(())
}

fn smismember(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = find_set(ctx, args.get(1))?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        reply.integer(set.is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

fn smembers(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = find_set(ctx, args.get(1))?;
    reply.set(set.map_or(0, Set::len));
    set.into_iter().flat_map(Set::iter).for_each(|member| reply_element(reply, member));
    Ok(())
}

fn sscan(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let cursor = keys_scan::cursor(args.get(2))?;
    let mut found = Reply::new(ctx.client.version);
    let (set, reply) = find_set(ctx, args.get(1))?;
    let (mut next, mut len) = (0, 0);
    if let Some(set) = set {
        let options = ScanOptions::parse(args.slice_from(3), false)?;
        let mut digits = itoa::Buffer::new();
        next = set.scan(cursor.0, options.count, &mut |member| {
            if options.matches(member.as_text(&mut digits)) {
                reply_element(&mut found, member);
                len += 1;
            }
        });
    }
    keys_scan::reply_elements(reply, next, len, &mut found);
    Ok(())
}

const READS: Flags = Flags::READONLY;
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const WRITES_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const READ_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];
const SEEN_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Set, Scope::Shard(handler)).categories(Categories::SET)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("sadd", -3, sadd)
        .flags(WRITES_FAST.with(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))])
        .doc(
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is called \
             with multiple arguments.",
            "Adds members to a set.",
        ),
    row("srem", -3, srem)
        .flags(WRITES_FAST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))])
        .doc(
            "1.0.0",
            "O(N) where N is the number of members to be removed.",
            "Removes members of a set, and the set with its last one.",
        ),
    row("smove", 4, smove)
        .flags(WRITES_FAST)
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::RW.with(KeyFlags::INSERT)),
        ])
        .doc("1.0.0", "O(1)", "Moves a member from one set to another."),
    row("scard", 2, scard).flags(READS_FAST).keys(SEEN_KEY).doc(
        "1.0.0",
        "O(1)",
        "Returns the number of members of a set.",
    ),
    row("sismember", 3, sismember).flags(READS_FAST).keys(SEEN_KEY).doc(
        "1.0.0",
        "O(1)",
        "Tells whether a member is in a set.",
    ),
    row("smismember", -3, smismember).flags(READS_FAST).keys(READ_KEY).doc(
        "6.2.0",
        "O(N) where N is the number of elements being checked for membership",
        "Tells of several members whether they are in a set.",
    ),
    row("smembers", 2, smembers)
        .flags(READS)
        .keys(READ_KEY)
        .tips(&["nondeterministic_output_order"])
        .doc("1.0.0", "O(N) where N is the set cardinality.", "Returns all members of a set."),
    row("sscan", -3, sscan).flags(READS).keys(READ_KEY).tips(&["nondeterministic_output"]).doc(
        "2.8.0",
        keys_scan::WALK_COST,
        "Iterates over the members of a set.",
    ),
];

#[cfg(test)]
mod tests;
