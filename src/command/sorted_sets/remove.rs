//! Members removed from sorted sets: ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.
//! Streamed as they came.

use std::ops::Range;

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::sorted_sets::access::{self, DELETE, row};
use crate::command::sorted_sets::range_request::{score_range, text_range};
use crate::command::spec::{CommandResult, Spec};
use crate::keyspace::types::sorted_set::SortedSet;
use crate::resp::request::Args;

fn zrem(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    remove(ctx, args, b"zrem", &|set| {
        args.iter().skip(2).filter(|member| set.remove(member).is_some()).count()
    })
}

fn zremrangebyrank(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let index = |index| number::parse_i64(args.get(index)).ok_or(CommandError::NotInteger);
    let (start, stop) = (index(2)?, index(3)?);
    remove_range(ctx, args, b"zremrangebyrank", &|set| {
        access::ranks_between(start, stop, set.len())
    })
}

fn zremrangebyscore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let range = score_range(args.get(2), args.get(3))?;
    remove_range(ctx, args, b"zremrangebyscore", &|set| set.ranks_of_scores(&range))
}

fn zremrangebylex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let range = text_range(args.get(2), args.get(3))?;
    remove_range(ctx, args, b"zremrangebylex", &|set| set.ranks_of_texts(&range))
}

fn remove_range(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    event: &[u8],
    ranks: &dyn Fn(&SortedSet) -> Range<usize>,
) -> CommandResult {
    remove(ctx, args, event, &|set| {
        let ranks = ranks(set);
        set.remove_ranks(ranks.clone());
        ranks.len()
    })
}

/// Lets `take` remove members of the set at the first key and replies how many.
fn remove(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    event: &[u8],
    take: &dyn Fn(&mut SortedSet) -> usize,
) -> CommandResult {
    let key = args.get(1);
    let (mut count, mut is_empty) = (0, false);
    if let Some(mut entry) = ctx.find_mut(key) {
        let set = access::sorted_set_mut(&mut entry)?;
        count = take(set);
        is_empty = set.is_empty();
        if count == 0 {
            entry.unchanged();
        }
    }
    if count > 0 {
        ctx.propagate(args);
        ctx.effects.changed(count as u64 - 1);
        access::removed(ctx, key, event, is_empty);
    }
    ctx.reply.integer(count as i64);
    Ok(())
}

const COST: &str = "O(log(N)+M) where N is the number of members of the set and M the number of \
    members removed.";

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("zrem", -3, Flags::WRITE.with(Flags::FAST), DELETE, zrem).doc(
        "1.2.0",
        "O(M*log(N)) where N is the number of members of the set and M the number of members to be \
         removed.",
        "Removes members of a sorted set.",
    ),
    row("zremrangebyrank", 4, Flags::WRITE, DELETE, zremrangebyrank).doc(
        "2.0.0",
        COST,
        "Removes the members of a range of ranks.",
    ),
    row("zremrangebyscore", 4, Flags::WRITE, DELETE, zremrangebyscore).doc(
        "1.2.0",
        COST,
        "Removes the members of a range of scores.",
    ),
    row("zremrangebylex", 4, Flags::WRITE, DELETE, zremrangebylex).doc(
        "2.8.9",
        COST,
        "Removes the members of a range of texts.",
    ),
];
