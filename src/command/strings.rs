//! Strings: the commands that read and write them whole. What is streamed says nothing relative:
//! every expiry leaves as `PXAT`, and a write that changed nothing leaves nothing.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use super::strings_options::{Condition, Expiry, GetexOptions, SetOptions, Unit};
use crate::keyspace::value::{Kind, Value, ValueRef};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// Writes a string value as a bulk.
///
/// # Errors
/// `WrongType` if it is no string.
pub fn reply_string(reply: &mut Reply, value: ValueRef<'_>) -> CommandResult {
    match value {
        ValueRef::Int(number) => reply.bulk_int(number),
        ValueRef::Str(bytes) => reply.bulk(bytes),
        ValueRef::Shared(bytes) => reply.bulk_shared(bytes.clone()),
        ValueRef::Object(_) => return Err(CommandError::WrongType),
    }
    Ok(())
}

/// The value to store for argument `index`: an integer if it is written as one; the received memory
/// itself if it came out of line.
pub fn value_of<'a>(args: Args<'a>, index: usize) -> Value<'a> {
    match args.shared(index) {
        Some(bytes) if bytes.len() > INT_DIGITS_MAX => Value::Shared(bytes.clone()),
        _ => Value::text(args.get(index)),
    }
}

fn get(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_found(ctx, args.get(1)).map(|_| ())
}

/// Replies the string at `key`, or null; whether it is there.
fn reply_found(ctx: &mut Context<'_>, key: &[u8]) -> Result<bool, CommandError> {
    let (found, reply) = ctx.find_with_reply(key);
    match found.map(|entry| entry.value()) {
        None => {
            reply.null();
            Ok(false)
        }
        Some(value) => reply_string(reply, value).map(|()| true),
    }
}

fn set(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if args.len() == 3 {
        ctx.insert(args.get(1), value_of(args, 2), None);
        ctx.propagate(args);
        ctx.notify(Class::String, b"set", args.get(1));
        ctx.reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(args)?;
    set_with(ctx, args, &options)
}

fn set_with(ctx: &mut Context<'_>, args: Args<'_>, options: &SetOptions<'_>) -> CommandResult {
    let key = args.get(1);
    let deadline = match &options.expiry {
        Some(expiry) => Some(expiry.deadline_ms(ctx.now_ms, "set")?),
        None => None,
    };
    if options.get {
        reply_found(ctx, key)?;
    }
    // Looking also deletes, and streams the deletion of, what is expired: `KEEPTTL` on a replica
    // must not find the old expiry.
    let old = ctx.look(key).map(|entry| entry.expire());
    let holds = match options.condition {
        None => true,
        Some(Condition::Absent) => old.is_none(),
        Some(Condition::Present) => old.is_some(),
    };
    if !holds {
        if !options.get {
            ctx.reply.null();
        }
        return Ok(());
    }
    if deadline.is_some_and(|at| is_over_already(ctx, at)) {
        delete(ctx, key);
    } else {
        let kept = old.flatten().filter(|_| options.keep_ttl);
        ctx.insert(key, value_of(args, 2), deadline.or(kept));
        propagate_set(ctx, args, options, deadline);
        ctx.notify(Class::String, b"set", key);
        if deadline.is_some() {
            ctx.notify(Class::Generic, b"expire", key);
        }
    }
    if !options.get {
        ctx.reply.ok();
    }
    Ok(())
}

/// Whether an expiry just asked for is over. What the master streams is stored as it is: deleting
/// it is the master's decision.
fn is_over_already(ctx: &Context<'_>, deadline_ms: u64) -> bool {
    deadline_ms <= ctx.now_ms && !ctx.is_master_link()
}

/// Removes a key whose new expiry is over, and streams that if there was one.
fn delete(ctx: &mut Context<'_>, key: &[u8]) {
    if ctx.remove(key) {
        ctx.propagate_as(&[b"DEL", key]);
        ctx.notify(Class::Generic, b"del", key);
    }
}

fn propagate_set(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    options: &SetOptions<'_>,
    deadline: Option<u64>,
) {
    let absolute = |expiry: &Expiry<'_>| expiry.unit == Unit::UnixMilliseconds;
    match deadline {
        Some(_) if options.expiry.as_ref().is_some_and(absolute) => ctx.propagate(args),
        Some(at) => propagate_expiring(ctx, args.get(1), args.get(2), at),
        None if options.get => {
            // Without its reply GET is no part of the effect.
            let is_get = |word: &[u8]| word.eq_ignore_ascii_case(b"get");
            let words: Vec<&[u8]> = args
                .iter()
                .enumerate()
                .filter(|(index, word)| *index < 3 || !is_get(word))
                .map(|(_, word)| word)
                .collect();
            ctx.propagate_as(&words);
        }
        None => ctx.propagate(args),
    }
}

fn propagate_expiring(ctx: &mut Context<'_>, key: &[u8], value: &[u8], at: u64) {
    let mut digits = itoa::Buffer::new();
    ctx.propagate_as(&[b"SET", key, value, b"PXAT", digits.format(at).as_bytes()]);
}

fn setnx(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if ctx.look(args.get(1)).is_some() {
        ctx.reply.integer(0);
        return Ok(());
    }
    ctx.insert(args.get(1), value_of(args, 2), None);
    ctx.propagate(args);
    ctx.notify(Class::String, b"set", args.get(1));
    ctx.reply.integer(1);
    Ok(())
}

fn setex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_expiring(ctx, args, Unit::Seconds, "setex")
}

fn psetex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_expiring(ctx, args, Unit::Milliseconds, "psetex")
}

fn set_expiring(ctx: &mut Context<'_>, args: Args<'_>, unit: Unit, name: &str) -> CommandResult {
    let at = Expiry { unit, text: args.get(2) }.deadline_ms(ctx.now_ms, name)?;
    ctx.insert(args.get(1), value_of(args, 3), Some(at));
    propagate_expiring(ctx, args.get(1), args.get(3), at);
    ctx.notify(Class::String, b"set", args.get(1));
    ctx.notify(Class::Generic, b"expire", args.get(1));
    ctx.reply.ok();
    Ok(())
}

fn getset(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    reply_found(ctx, key)?;
    ctx.insert(key, value_of(args, 2), None);
    ctx.propagate_as(&[b"SET", key, args.get(2)]);
    ctx.notify(Class::String, b"set", key);
    Ok(())
}

fn getdel(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if reply_found(ctx, args.get(1))? {
        delete(ctx, args.get(1));
    }
    Ok(())
}

fn getex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = GetexOptions::parse(args)?;
    let key = args.get(1);
    if !reply_found(ctx, key)? {
        return Ok(());
    }
    if let Some(expiry) = options.expiry {
        let at = expiry.deadline_ms(ctx.now_ms, "getex")?;
        if is_over_already(ctx, at) {
            delete(ctx, key);
        } else {
            ctx.set_expire(key, Some(at));
            let mut digits = itoa::Buffer::new();
            ctx.propagate_as(&[b"PEXPIREAT", key, digits.format(at).as_bytes()]);
            ctx.notify(Class::Generic, b"expire", key);
        }
    } else if options.persist && ctx.look(key).is_some_and(|entry| entry.expire().is_some()) {
        ctx.set_expire(key, None);
        ctx.propagate_as(&[b"PERSIST", key]);
        ctx.notify(Class::Generic, b"persist", key);
    }
    Ok(())
}

fn mget(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.array(args.len() - 1);
    for key in args.iter().skip(1) {
        match ctx.find_with_reply(key) {
            (Some(entry), reply) if entry.kind() == Kind::String => {
                reply_string(reply, entry.value())?;
            }
            (_, reply) => reply.null(),
        }
    }
    Ok(())
}

fn mset(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    check_pairs(args, "mset")?;
    set_pairs(ctx, args);
    ctx.reply.ok();
    Ok(())
}

fn msetnx(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    check_pairs(args, "msetnx")?;
    for key in args.iter().skip(1).step_by(2) {
        if ctx.look(key).is_some() {
            ctx.reply.integer(0);
            return Ok(());
        }
    }
    set_pairs(ctx, args);
    ctx.reply.integer(1);
    Ok(())
}

fn check_pairs(args: Args<'_>, name: &str) -> CommandResult {
    if args.len().is_multiple_of(2) { Err(CommandError::arity(name)) } else { Ok(()) }
}

fn set_pairs(ctx: &mut Context<'_>, args: Args<'_>) {
    for index in (1..args.len()).step_by(2) {
        ctx.insert(args.get(index), value_of(args, index + 1), None);
        ctx.notify(Class::String, b"set", args.get(index));
    }
    ctx.propagate(args);
    // One change is counted with the command, one more for each further pair.
    ctx.effects.changed((args.len() as u64 - 1) / 2 - 1);
}

const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM);
const READS_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const CHANGES: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE);
const OVERWRITES: KeyFlags = KeyFlags::OW.with(KeyFlags::UPDATE);
const INSERTS: KeyFlags = KeyFlags::OW.with(KeyFlags::INSERT);

const fn row(name: &'static str, arity: i32, handler: super::spec::Handler) -> Spec {
    Spec::new(name, arity, Group::String, Scope::Shard(handler)).categories(Categories::STRING)
}

/// The rows of this family.
pub const ROWS: &[Spec] =
    &[
        row("get", 2, get).flags(READS_FAST).keys(&[KeySpec::one(1, KeyFlags::READ)]).doc(
            "1.0.0",
            "O(1)",
            "Returns the string at a key.",
        ),
        row("set", -3, set)
            .flags(WRITES)
            .keys(&[KeySpec::one(1, CHANGES.with(KeyFlags::VARIABLE))])
            .doc("1.0.0", "O(1)", "Stores a string at a key, whatever it held."),
        row("setnx", 3, setnx)
            .flags(WRITES.with(Flags::FAST))
            .keys(&[KeySpec::one(1, INSERTS)])
            .doc("1.0.0", "O(1)", "Stores a string at a key that does not exist yet."),
        row("setex", 4, setex).flags(WRITES).keys(&[KeySpec::one(1, OVERWRITES)]).doc(
            "2.0.0",
            "O(1)",
            "Stores a string that expires after some seconds.",
        ),
        row("psetex", 4, psetex).flags(WRITES).keys(&[KeySpec::one(1, OVERWRITES)]).doc(
            "2.6.0",
            "O(1)",
            "Stores a string that expires after some milliseconds.",
        ),
        row("getset", 3, getset)
            .flags(WRITES.with(Flags::FAST))
            .keys(&[KeySpec::one(1, CHANGES)])
            .doc("1.0.0", "O(1)", "Stores a string and returns the one before."),
        row("getdel", 2, getdel)
            .flags(Flags::WRITE.with(Flags::FAST))
            .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE))])
            .doc("6.2.0", "O(1)", "Returns the string at a key and deletes the key."),
        row("getex", -2, getex)
            .flags(Flags::WRITE.with(Flags::FAST))
            .keys(&[KeySpec::one(1, CHANGES)])
            .doc("6.2.0", "O(1)", "Returns the string at a key and changes its expiry."),
        row("mget", -2, mget)
            .flags(READS_FAST)
            .keys(&[KeySpec::range(1, -1, 1, KeyFlags::READ)])
            .doc(
                "1.0.0",
                "O(N) where N is the number of keys to retrieve.",
                "Returns the strings at several keys.",
            )
            .tips(&["request_policy:multi_shard"]),
        row("mset", -3, mset)
            .flags(WRITES)
            .keys(&[KeySpec::range(1, -1, 2, OVERWRITES)])
            .doc("1.0.1", PAIRS_COST, "Stores strings at several keys at once.")
            .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
        row("msetnx", -3, msetnx).flags(WRITES).keys(&[KeySpec::range(1, -1, 2, INSERTS)]).doc(
            "1.0.1",
            PAIRS_COST,
            "Stores strings at several keys if none of them exists.",
        ),
    ];

const PAIRS_COST: &str = "O(N) where N is the number of keys to set.";

/// The longest integer, with its sign: what is longer is text.
const INT_DIGITS_MAX: usize = 20;

#[cfg(test)]
pub mod tests;
