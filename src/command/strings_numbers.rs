//! Strings as numbers: INCR and its kin, INCRBYFLOAT. The integer commands are streamed as they
//! came; a float sum is streamed as its result, so that no replica computes with other digits.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::base::long_double::LongDouble;
use crate::base::number;
use crate::keyspace::value::{Value, ValueRef};
use crate::resp::request::Args;

fn incr(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, 1)
}

fn decr(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, -1)
}

fn incrby(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let by = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    add(ctx, args, by)
}

fn decrby(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let by = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let negated = by.checked_neg().ok_or(CommandError::text("ERR decrement would overflow"))?;
    add(ctx, args, negated)
}

fn add(ctx: &mut Context<'_>, args: Args<'_>, by: i64) -> CommandResult {
    let key = args.get(1);
    let sum = if let Some(mut entry) = ctx.find_mut(key) {
        let old = match entry.value() {
            ValueRef::Object(_) => return Err(CommandError::WrongType),
            value => value.as_int().ok_or(CommandError::NotInteger)?,
        };
        let overflow = CommandError::text("ERR increment or decrement would overflow");
        let sum = old.checked_add(by).ok_or(overflow)?;
        entry.set_int(sum);
        sum
    } else {
        ctx.insert(key, Value::Int(by), None);
        by
    };
    ctx.propagate(args);
    ctx.notify(Class::String, b"incrby", key);
    ctx.reply.integer(sum);
    Ok(())
}

fn incrbyfloat(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let infinite = CommandError::text("ERR increment would produce NaN or Infinity");
    let by = LongDouble::parse(args.get(2)).ok_or(CommandError::NotFloat);
    let text = if let Some(mut entry) = ctx.find_mut(key) {
        let mut digits = itoa::Buffer::new();
        let value = entry.value();
        let old = value.as_text(&mut digits).ok_or(CommandError::WrongType)?;
        let old = LongDouble::parse(old).ok_or(CommandError::NotFloat)?;
        let text = old.plus(by?).ok_or(infinite)?.text();
        entry.set_value(Value::Bytes(&text));
        text
    } else {
        let text = LongDouble::from_i64(0).plus(by?).ok_or(infinite)?.text();
        ctx.insert(key, Value::Bytes(&text), None);
        text
    };
    ctx.propagate_as(&[b"SET", key, &text, b"KEEPTTL"]);
    ctx.notify(Class::String, b"incrbyfloat", key);
    ctx.reply.bulk(&text);
    Ok(())
}

const KEYS: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))];

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::String, Scope::Shard(handler))
        .flags(Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST))
        .categories(Categories::STRING)
        .keys(KEYS)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("incr", 2, incr).doc("1.0.0", "O(1)", "Adds one to the integer at a key."),
    row("decr", 2, decr).doc("1.0.0", "O(1)", "Takes one from the integer at a key."),
    row("incrby", 3, incrby).doc("1.0.0", "O(1)", "Adds to the integer at a key."),
    row("decrby", 3, decrby).doc("1.0.0", "O(1)", "Takes from the integer at a key."),
    row("incrbyfloat", 3, incrbyfloat).doc(
        "2.6.0",
        "O(1)",
        "Adds to the floating point number at a key.",
    ),
];

#[cfg(test)]
mod tests;
