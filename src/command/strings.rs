//! Strings: the commands that read and write them whole.

use super::context::Context;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::keyspace::value::{Kind, Value, ValueRef};
use crate::resp::request::Args;

fn get(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let Context { reply, .. } = ctx;
    let _ = reply;
    let found = ctx.find_kind(args.get(1), Kind::String)?;
    let value = found.map(|entry| entry.value());
    match value {
        None => ctx.reply.null(),
        Some(ValueRef::Int(number)) => ctx.reply.bulk_int(number),
        Some(_) => {}
    }
    Ok(())
}

fn set(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    ctx.insert(args.get(1), Value::text(args.get(2)), None);
    ctx.propagate(args);
    ctx.reply.ok();
    Ok(())
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("get", 2, Group::String, Scope::Shard(get))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc("1.0.0", "O(1)", "Returns the string at a key."),
    Spec::new("set", -3, Group::String, Scope::Shard(set))
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .categories(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))])
        .doc("1.0.0", "O(1)", "Stores a string at a key."),
];
