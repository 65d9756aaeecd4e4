//! OBJECT: how a value is kept and how it is used. Looking is no use.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::keyspace::value::ValueRef;
use crate::resp::request::Args;

fn encoding(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (found, reply) = ctx.find_quietly(args.get(2));
    match found {
        Some(entry) => reply.bulk(entry.encoding().as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

fn freq(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let Some(access) = access(ctx, args.get(2)) else { return Ok(()) };
    if !ctx.settings.memory.policy.is_lfu() {
        return Err(NO_FREQUENCY);
    }
    let clock = *ctx.space_of(args.get(2)).0.keys.clock();
    ctx.reply.integer(i64::from(clock.frequency(access)));
    Ok(())
}

fn idle_time(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let Some(access) = access(ctx, args.get(2)) else { return Ok(()) };
    if ctx.settings.memory.policy.is_lfu() {
        return Err(NO_IDLE_TIME);
    }
    let clock = *ctx.space_of(args.get(2)).0.keys.clock();
    ctx.reply.integer((clock.idle_ms(access) / 1000) as i64);
    Ok(())
}

/// The access data of a key; without the key, null is replied.
fn access(ctx: &mut Context<'_>, key: &[u8]) -> Option<u32> {
    let (found, reply) = ctx.find_quietly(key);
    let access = found.map(|entry| entry.access());
    if access.is_none() {
        reply.null();
    }
    access
}

fn ref_count(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let memory = &ctx.settings.memory;
    let by_use = memory.policy.is_lru() || memory.policy.is_lfu();
    let shares_integers = memory.maxmemory == 0 || !by_use;
    let (found, reply) = ctx.find_quietly(args.get(2));
    match found.map(|entry| entry.value()) {
        None => reply.null(),
        Some(ValueRef::Int(0..SHARED_INTEGERS)) if shares_integers => reply.integer(SHARED_COUNT),
        Some(_) => reply.integer(1),
    }
    Ok(())
}

fn help(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.array(HELP.len());
    HELP.iter().for_each(|line| ctx.reply.simple(line));
    Ok(())
}

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Name the form in which the value of <key> is kept.",
    "FREQ <key>",
    "    Tell how often <key> is used, on a logarithmic scale. Needs an LFU policy.",
    "IDLETIME <key>",
    "    Tell the seconds since <key> was last used. Needs a policy other than LFU.",
    "REFCOUNT <key>",
    "    Tell how many keys share the value of <key>, as Redis would.",
    "HELP",
    "    Print this help.",
];

const NO_FREQUENCY: CommandError = CommandError::text(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
     when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const NO_IDLE_TIME: CommandError = CommandError::text(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

/// Stock servers keep the integers below this once for all keys, and tests know it.
const SHARED_INTEGERS: i64 = 10_000;
/// What they answer for such an integer.
const SHARED_COUNT: i64 = i32::MAX as i64;

const KEY_SEEN: &[KeySpec] = &[KeySpec::one(2, KeyFlags::RO)];

const fn subcommand(name: &'static str, run: Handler) -> Spec {
    Spec::new(name, 3, Group::Generic, Scope::Shard(run))
        .flags(Flags::READONLY)
        .categories(Categories::KEYSPACE)
        .keys(KEY_SEEN)
        .tips(&["nondeterministic_output"])
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[Spec::new("object", -2, Group::Generic, Scope::Container)
    .doc("2.2.3", "Depends on subcommand.", "Holds commands that look at how a value is kept.")
    .subcommands(&[
        subcommand("encoding", encoding).doc("2.2.3", "O(1)", "Names the encoding of a value."),
        subcommand("freq", freq).doc("4.0.0", "O(1)", "Tells how often a key is used."),
        subcommand("idletime", idle_time).doc(
            "2.2.3",
            "O(1)",
            "Tells for how long a key was not used.",
        ),
        subcommand("refcount", ref_count).doc(
            "2.2.3",
            "O(1)",
            "Tells how many keys share a value.",
        ),
        Spec::new("help", 2, Group::Generic, Scope::Anywhere(help))
            .flags(Flags::LOADING.with(Flags::STALE))
            .categories(Categories::KEYSPACE)
            .doc("6.2.0", "O(1)", "Explains the subcommands."),
    ])];
