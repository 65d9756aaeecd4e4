//! Keys whatever they hold: whether they are there, of which type, and their removal.

use super::context::{Context, free};
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::resp::request::Args;

fn del(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let lazily = ctx.settings.memory.lazyfree_lazy_user_del;
    remove_keys(ctx, args, lazily);
    Ok(())
}

fn unlink(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    remove_keys(ctx, args, true);
    Ok(())
}

fn remove_keys(ctx: &mut Context<'_>, args: Args<'_>, lazily: bool) {
    let mut removed = 0;
    let db = ctx.db;
    for key in args.iter().skip(1) {
        if let Some(entry) = ctx.take_in(db, key) {
            free(entry, lazily);
            ctx.notify(Class::Generic, b"del", key);
            removed += 1;
        }
    }
    if removed > 0 {
        ctx.effects.push_args(db, args);
        ctx.effects.changed(removed);
    }
    ctx.reply.integer(removed as i64);
}

fn exists(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let keys = args.iter().skip(1);
    let found = keys.filter(|key| ctx.find_untouched(key).0.is_some()).count();
    ctx.reply.integer(found as i64);
    Ok(())
}

fn touch(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let touched = args.iter().skip(1).filter(|key| ctx.touch(key)).count();
    ctx.reply.integer(touched as i64);
    Ok(())
}

fn kind(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (found, reply) = ctx.find_untouched(args.get(1));
    reply.simple(found.map_or("none", |entry| entry.kind().name()));
    Ok(())
}

const KEYS_REMOVED: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RM.with(KeyFlags::DELETE))];
const KEYS_SEEN: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RO)];
const SUMMED: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("del", -2, Group::Generic, Scope::Shard(del))
        .flags(Flags::WRITE)
        .categories(Categories::KEYSPACE)
        .keys(KEYS_REMOVED)
        .tips(SUMMED)
        .doc("1.0.0", "O(N) for N keys, and O(M) for a collection of M elements.", "Removes keys."),
    Spec::new("unlink", -2, Group::Generic, Scope::Shard(unlink))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(KEYS_REMOVED)
        .tips(SUMMED)
        .doc(
            "4.0.0",
            "O(1) for each key; large values are freed on another thread.",
            "Removes keys and frees their values in the background.",
        ),
    Spec::new("exists", -2, Group::Generic, Scope::Shard(exists))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(KEYS_SEEN)
        .tips(SUMMED)
        .doc("1.0.0", "O(N) for N keys.", "Counts how many of the keys named exist."),
    Spec::new("touch", -2, Group::Generic, Scope::Shard(touch))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(KEYS_SEEN)
        .tips(SUMMED)
        .doc("3.2.1", "O(N) for N keys.", "Marks keys as used now and counts those that exist."),
    Spec::new("type", 2, Group::Generic, Scope::Shard(kind))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .doc("1.0.0", "O(1)", "Names the type of the value at a key."),
];

#[cfg(test)]
mod tests;
