//! HyperLogLog: counting different elements without keeping them. The value is a string whose
//! bytes are those of stock servers, so it may be read and restored as one. A count that was
//! computed is kept in it, which is a change like others.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::gate::Role;
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::hyperloglog::{self as hll, REGISTERS, Registers};
use crate::keyspace::value::{Value, ValueRef};
use crate::resp::request::Args;

/// The bytes of a value that is an HyperLogLog.
fn bytes_in(value: ValueRef<'_>) -> Result<&[u8], CommandError> {
    match value {
        ValueRef::Str(bytes) if hll::is_one(bytes) => Ok(bytes),
        ValueRef::Shared(bytes) if hll::is_one(bytes) => Ok(bytes),
        ValueRef::Object(_) => Err(CommandError::WrongType),
        _ => Err(NOT_ONE),
    }
}

fn store(ctx: &mut Context<'_>, key: &[u8], bytes: Vec<u8>) {
    if let Some(mut entry) = ctx.find_mut(key) {
        entry.set_value(Value::Buffer(bytes));
        entry.make_raw();
        return;
    }
    ctx.insert(key, Value::Buffer(bytes), None);
    if let Some(mut entry) = ctx.find_mut(key) {
        entry.make_raw();
    }
}

fn pfadd(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, sparse_max) = (args.get(1), ctx.settings.encoding.hll_sparse_max_bytes);
    let places = args.iter().skip(2).map(hll::place_of);
    let dense = match ctx.look(key) {
        Some(entry) => hll::is_dense(bytes_in(entry.value())?),
        None => false,
    };
    let changed = if dense {
        raise_in_place(ctx, key, places)
    } else {
        let old = match ctx.look(key) {
            Some(entry) => Some(bytes_in(entry.value())?.to_vec()),
            None => None,
        };
        let mut changed = old.is_none();
        let mut bytes = old.unwrap_or_else(hll::new);
        for place in places {
            changed |= hll::raise(&mut bytes, place, sparse_max).map_err(corrupt)?;
        }
        if changed {
            hll::invalidate(&mut bytes);
            store(ctx, key, bytes);
        }
        changed
    };
    if changed {
        ctx.propagate(args);
        ctx.notify(Class::String, b"pfadd", key);
    }
    ctx.reply.integer(changed.into());
    Ok(())
}

/// Raises registers of a dense one; whether any was lower.
fn raise_in_place(
    ctx: &mut Context<'_>,
    key: &[u8],
    places: impl Iterator<Item = (usize, u8)>,
) -> bool {
    let Some(mut entry) = ctx.find_mut(key) else { return false };
    let Some(bytes) = entry.bytes_mut(0) else { return false };
    let raised = places.filter(|place| hll::raise_dense(bytes, *place)).count();
    if raised > 0 {
        hll::invalidate(bytes);
    } else {
        entry.unchanged();
    }
    raised > 0
}

fn pfcount(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let mut registers: Box<Registers> = Box::new([0; REGISTERS]);
    if args.len() > 2 {
        for key in args.iter().skip(1) {
            if let Some(entry) = ctx.find(key) {
                hll::raise_together(bytes_in(entry.value())?, &mut registers).map_err(corrupt)?;
            }
        }
        ctx.reply.integer(hll::estimate(&registers) as i64);
        return Ok(());
    }
    let key = args.get(1);
    let Some(entry) = ctx.find(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let bytes = bytes_in(entry.value())?;
    if let Some(count) = hll::cached(bytes) {
        ctx.reply.integer(count as i64);
        return Ok(());
    }
    hll::raise_to(bytes, &mut registers).map_err(corrupt)?;
    let count = hll::estimate(&registers);
    // A replica computes for itself, and leaves what it holds to its master.
    if ctx.space_of(key).0.gate.role == Role::Master || ctx.is_master_link() {
        if let Some(mut entry) = ctx.find_mut(key)
            && let Some(bytes) = entry.bytes_mut(0)
        {
            hll::cache(bytes, count);
        }
        ctx.propagate(args);
    }
    ctx.reply.integer(count as i64);
    Ok(())
}

fn pfmerge(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (target, sparse_max) = (args.get(1), ctx.settings.encoding.hll_sparse_max_bytes);
    let mut registers: Box<Registers> = Box::new([0; REGISTERS]);
    let mut dense = false;
    let mut merged = None;
    for (index, key) in args.iter().skip(1).enumerate() {
        let Some(entry) = ctx.find(key) else { continue };
        let bytes = bytes_in(entry.value())?;
        dense |= hll::is_dense(bytes);
        hll::raise_together(bytes, &mut registers).map_err(corrupt)?;
        if index == 0 {
            merged = Some(bytes.to_vec());
        }
    }
    let mut merged = merged.unwrap_or_else(hll::new);
    if dense {
        hll::to_dense(&mut merged).map_err(corrupt)?;
    }
    let raised = registers.iter().enumerate().filter(|(_, value)| **value > 0);
    for (index, value) in raised {
        hll::raise(&mut merged, (index, *value), sparse_max).map_err(corrupt)?;
    }
    hll::invalidate(&mut merged);
    store(ctx, target, merged);
    ctx.propagate(args);
    ctx.notify(Class::String, b"pfadd", target);
    ctx.reply.ok();
    Ok(())
}

fn pfdebug(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (verb, key) = (args.get(1), args.get(2));
    let missing = CommandError::text("ERR The specified key does not exist");
    let mut bytes = bytes_in(ctx.look(key).ok_or(missing)?.value())?.to_vec();
    let dense = hll::is_dense(&bytes);
    let to_dense = verb.eq_ignore_ascii_case(b"todense");
    if to_dense || verb.eq_ignore_ascii_case(b"getreg") {
        if !dense {
            hll::to_dense(&mut bytes).map_err(corrupt)?;
            store(ctx, key, bytes.clone());
            ctx.propagate(args);
        }
        if to_dense {
            ctx.reply.integer((!dense).into());
            return Ok(());
        }
        let mut registers: Box<Registers> = Box::new([0; REGISTERS]);
        hll::raise_to(&bytes, &mut registers).map_err(corrupt)?;
        ctx.reply.array(REGISTERS);
        registers.iter().for_each(|value| ctx.reply.integer(i64::from(*value)));
    } else if verb.eq_ignore_ascii_case(b"decode") {
        if dense {
            return Err(CommandError::text("ERR HLL encoding is not sparse"));
        }
        let text = hll::describe(&bytes).map_err(corrupt)?;
        ctx.reply.bulk(&text);
    } else if verb.eq_ignore_ascii_case(b"encoding") {
        ctx.reply.simple(if dense { "dense" } else { "sparse" });
    } else {
        return Err(CommandError::quoting("ERR Unknown PFDEBUG subcommand '", verb, "'"));
    }
    Ok(())
}

/// The tests of the structure run with all others, before a server is built; here is nothing left.
fn pfselftest(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.ok();
    Ok(())
}

fn corrupt(_what: Invalid) -> CommandError {
    CommandError::text("INVALIDOBJ Corrupted HLL object detected")
}

const NOT_ONE: CommandError =
    CommandError::text("WRONGTYPE Key is not a valid HyperLogLog string value.");
const ACCESSED: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS);
const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM);

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Hyperloglog, Scope::Shard(handler))
        .categories(Categories::HYPERLOGLOG)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("pfadd", -2, pfadd)
        .flags(WRITES.with(Flags::FAST))
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))])
        .doc("2.8.9", "O(1) to add every element.", "Adds elements to a HyperLogLog."),
    row("pfcount", -2, pfcount)
        .flags(Flags::READONLY)
        .keys(&[KeySpec::range(1, -1, 1, ACCESSED)])
        .doc(
            "2.8.9",
            "O(1) with a very small average constant time when called with a single key. O(N) \
             with N being the number of keys, and much bigger constant times, when called with \
             multiple keys.",
            "Estimates how many different elements HyperLogLogs have seen.",
        ),
    row("pfmerge", -2, pfmerge)
        .flags(WRITES)
        .keys(&[
            KeySpec::one(1, ACCESSED.with(KeyFlags::INSERT)),
            KeySpec::range(2, -1, 1, KeyFlags::READ),
        ])
        .doc(
            "2.8.9",
            "O(N) to merge N HyperLogLogs, but with high constant times.",
            "Merges HyperLogLogs into one.",
        ),
    row("pfdebug", 3, pfdebug)
        .flags(WRITES.with(Flags::ADMIN))
        .keys(&[KeySpec::one(2, ACCESSED)])
        .doc("2.8.9", "N/A", "Looks into a HyperLogLog."),
    Spec::new("pfselftest", 1, Group::Hyperloglog, Scope::Anywhere(pfselftest))
        .flags(Flags::ADMIN)
        .categories(Categories::HYPERLOGLOG)
        .doc("2.8.9", "N/A", "Tests the HyperLogLogs."),
];

#[cfg(test)]
mod tests;
