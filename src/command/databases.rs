//! Whole databases: FLUSHDB, FLUSHALL, SWAPDB. They run with every keyspace in hand, so no client
//! sees a database half emptied or half exchanged.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::ids::DbIndex;
use crate::base::lazy_free;
use crate::base::number;
use crate::resp::request::Args;
use std::sync::atomic::Ordering;

fn flush_db(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let lazily = is_async(ctx, args)?;
    let db = ctx.db;
    let removed = empty(ctx, db, lazily);
    finish_flush(ctx, args, removed);
    Ok(())
}

fn flush_all(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let lazily = is_async(ctx, args)?;
    let databases = ctx.settings.server.databases;
    let removed = (0..databases).map(|db| empty(ctx, DbIndex(db), lazily)).sum();
    finish_flush(ctx, args, removed);
    ctx.environment.status.flushes.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// What ASYNC or SYNC say, or the directive where neither is there.
fn is_async(ctx: &Context<'_>, args: Args<'_>) -> Result<bool, CommandError> {
    match args.len() {
        1 => Ok(ctx.settings.memory.lazyfree_lazy_user_flush),
        2 if args.get(1).eq_ignore_ascii_case(b"async") => Ok(true),
        2 if args.get(1).eq_ignore_ascii_case(b"sync") => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

/// Empties a database on all shards; how many keys it had.
fn empty(ctx: &mut Context<'_>, db: DbIndex, lazily: bool) -> u64 {
    let mut removed = 0;
    for space in ctx.spaces.each() {
        let keys = space.keys.db_len(db);
        removed += keys;
        match space.keys.take_db(db) {
            Some(taken) if lazily && keys >= LAZY_KEYS_MIN => lazy_free::free(taken, keys),
            taken => drop(taken),
        }
    }
    removed
}

/// An empty database is flushed on replicas too: theirs may hold keys of their own.
fn finish_flush(ctx: &mut Context<'_>, args: Args<'_>, removed: u64) {
    ctx.effects.changed(removed);
    ctx.propagate(args);
    ctx.reply.ok();
}

fn swap_db(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let first = index(args.get(1)).ok_or(CommandError::text("ERR invalid first DB index"))?;
    let second = index(args.get(2)).ok_or(CommandError::text("ERR invalid second DB index"))?;
    let databases = ctx.settings.server.databases;
    let known = |number| match u16::try_from(number) {
        Ok(index) if index < databases => Ok(DbIndex(index)),
        _ => Err(CommandError::DbOutOfRange),
    };
    let (first, second) = (known(first)?, known(second)?);
    ctx.spaces.each().for_each(|space| space.keys.swap(first, second));
    ctx.propagate(args);
    ctx.reply.ok();
    Ok(())
}

fn index(text: &[u8]) -> Option<i32> {
    i32::try_from(number::parse_i64(text)?).ok()
}

/// Fewer keys of a shard are freed sooner than handed over.
const LAZY_KEYS_MIN: u64 = 64;

const FLUSH_TIPS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const DANGEROUS: Categories = Categories::KEYSPACE.with(Categories::DANGEROUS);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("flushdb", -1, Group::Server, Scope::AllShards(flush_db))
        .flags(Flags::WRITE)
        .categories(DANGEROUS)
        .tips(FLUSH_TIPS)
        .doc("1.0.0", "O(N) for N keys of the database.", "Empties the database."),
    Spec::new("flushall", -1, Group::Server, Scope::AllShards(flush_all))
        .flags(Flags::WRITE)
        .categories(DANGEROUS)
        .tips(FLUSH_TIPS)
        .doc("1.0.0", "O(N) for N keys of all databases.", "Empties all databases."),
    Spec::new("swapdb", 3, Group::Server, Scope::AllShards(swap_db))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(DANGEROUS)
        .doc(
            "4.0.0",
            "O(N) for N clients that watch or block on keys of either.",
            "Exchanges two databases.",
        ),
];
