//! Sorted sets, read in order: ZRANGE and its older forms, ZRANGESTORE, ZCOUNT, ZLEXCOUNT.

use crate::command::context::Context;
use crate::command::flags::Flags;
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::sorted_sets::access::{self, READ, READS_FAST, row};
use crate::command::sorted_sets::range_request::{
    Grammar, Order, RangeRequest, score_range, text_range,
};
use crate::command::spec::{CommandResult, Spec};
use crate::keyspace::types::sorted_set::SortedSet;
use crate::resp::request::Args;

fn zrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_range(ctx, args, None)
}

fn zrevrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_range(ctx, args, Some((Order::Rank, true)))
}

fn zrangebyscore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_range(ctx, args, Some((Order::Score, false)))
}

fn zrevrangebyscore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_range(ctx, args, Some((Order::Score, true)))
}

fn zrangebylex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_range(ctx, args, Some((Order::Text, false)))
}

fn zrevrangebylex(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_range(ctx, args, Some((Order::Text, true)))
}

fn reply_range(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    fixed: Option<(Order, bool)>,
) -> CommandResult {
    let grammar = Grammar { fixed, stores: false };
    let request = RangeRequest::parse(args.slice_from(2), grammar)?;
    let (set, reply) = access::find(ctx, args.get(1))?;
    let Some(set) = set else {
        reply.empty_array();
        return Ok(());
    };
    let ranks = request.ranks_in(set);
    access::reply_members(reply, set, ranks, request.backwards, request.with_scores);
    Ok(())
}

fn zrangestore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let grammar = Grammar { fixed: None, stores: true };
    let request = RangeRequest::parse(args.slice_from(3), grammar)?;
    let limits = ctx.settings.encoding;
    let (set, _) = access::find(ctx, args.get(2))?;
    let part = set.map_or_else(SortedSet::default, |set| {
        let (ranks, mut longest) = (request.ranks_in(set), 0);
        set.walk(ranks.clone(), false, &mut |member, _| longest = longest.max(member.len()));
        let mut part = SortedSet::for_members(&limits, ranks.len(), longest);
        set.walk(ranks, false, &mut |member, score| {
            part.add(member, score, &limits);
        });
        part
    });
    access::store(ctx, args, part, b"zrangestore");
    Ok(())
}

fn zcount(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let range = score_range(args.get(2), args.get(3))?;
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply.integer(set.map_or(0, |set| set.ranks_of_scores(&range).len()) as i64);
    Ok(())
}

fn zlexcount(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let range = text_range(args.get(2), args.get(3))?;
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply.integer(set.map_or(0, |set| set.ranks_of_texts(&range).len()) as i64);
    Ok(())
}

const STORES: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)), KeySpec::one(2, KeyFlags::READ)];
const COST: &str = "O(log(N)+M) where N is the number of members of the set and M the number of \
    members returned.";

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("zrange", -4, Flags::READONLY, READ, zrange).doc(
        "1.2.0",
        COST,
        "Returns the members of a range of ranks, scores or texts.",
    ),
    row("zrevrange", -4, Flags::READONLY, READ, zrevrange).doc(
        "1.2.0",
        COST,
        "Returns the members of a range of ranks, counted from the highest score.",
    ),
    row("zrangebyscore", -4, Flags::READONLY, READ, zrangebyscore).doc(
        "1.0.5",
        COST,
        "Returns the members of a range of scores.",
    ),
    row("zrevrangebyscore", -4, Flags::READONLY, READ, zrevrangebyscore).doc(
        "2.2.0",
        COST,
        "Returns the members of a range of scores from the highest down.",
    ),
    row("zrangebylex", -4, Flags::READONLY, READ, zrangebylex).doc(
        "2.8.9",
        COST,
        "Returns the members of a range of texts, all scores being equal.",
    ),
    row("zrevrangebylex", -4, Flags::READONLY, READ, zrevrangebylex).doc(
        "2.8.9",
        COST,
        "Returns the members of a range of texts from the highest down.",
    ),
    row("zrangestore", -5, Flags::WRITE.with(Flags::DENYOOM), STORES, zrangestore).doc(
        "6.2.0",
        COST,
        "Stores the members of a range at another key.",
    ),
    row("zcount", 4, READS_FAST, READ, zcount).doc(
        "2.0.0",
        "O(log(N)) where N is the number of members of the set.",
        "Counts the members of a range of scores.",
    ),
    row("zlexcount", 4, READS_FAST, READ, zlexcount).doc(
        "2.8.9",
        "O(log(N)) where N is the number of members of the set.",
        "Counts the members of a range of texts.",
    ),
];
