//! The commands on sorted sets that wait for a member: BZPOPMIN, BZPOPMAX, BZMPOP. Each is its
//! non-blocking sister, tried again when a key changes; what is streamed is what the sister
//! streams.

use crate::command::blocked::Block;
use crate::command::context::Context;
use crate::command::flags::Flags;
use crate::command::key_spec::KeySpec;
use crate::command::lists_blocking::deadline_ms;
use crate::command::sorted_sets::access::row;
use crate::command::sorted_sets::pop::{End, MultiPop, Shape, TAKES, take};
use crate::command::spec::{CommandResult, Spec};
use crate::keyspace::value::Kind;
use crate::resp::request::Args;

fn bzpopmin(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop_waiting(ctx, args, End::Min)
}

fn bzpopmax(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop_waiting(ctx, args, End::Max)
}

fn pop_waiting(ctx: &mut Context<'_>, args: Args<'_>, end: End) -> CommandResult {
    let last = args.len() - 1;
    let deadline = deadline_ms(args.get(last), ctx.now_ms)?;
    for key in (1..last).map(|index| args.get(index)) {
        if ctx.in_hand(key) && take(ctx, key, end, 1, Shape::FlatKeyed)? > 0 {
            ctx.propagate_as(&[end.command(), key]);
            return Ok(());
        }
    }
    if !ctx.wait_for(block((1..last).collect(), deadline)) {
        ctx.reply.null_array();
    }
    Ok(())
}

fn bzmpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    // What is wrong with the other words is told first.
    let asked = MultiPop::parse(args, 2)?;
    let deadline = deadline_ms(args.get(1), ctx.now_ms)?;
    let keys = asked.first_key..asked.first_key + asked.keys;
    if !asked.run(ctx, args)? && !ctx.wait_for(block(keys.collect(), deadline)) {
        ctx.reply.null_array();
    }
    Ok(())
}

fn block(keys: Vec<usize>, deadline_ms: Option<u64>) -> Block {
    let (needs, settled) = (Vec::new(), Vec::new());
    Block { keys, needs, kind: Kind::SortedSet, wakes_on_removal: false, deadline_ms, settled }
}

const POPS: Flags = Flags::WRITE.with(Flags::BLOCKING);
const POPS_FAST: Flags = POPS.with(Flags::FAST);
const KEYS: &[KeySpec] = &[KeySpec::range(1, -2, 1, TAKES)];
const COST: &str = "O(log(N)) where N is the number of members of the set.";

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("bzpopmin", -3, POPS_FAST, KEYS, bzpopmin).doc(
        "5.0.0",
        COST,
        "Takes the member with the lowest score out of the first of several sorted sets that has \
         any, waiting for one.",
    ),
    row("bzpopmax", -3, POPS_FAST, KEYS, bzpopmax).doc(
        "5.0.0",
        COST,
        "Takes the member with the highest score out of the first of several sorted sets that has \
         any, waiting for one.",
    ),
    row("bzmpop", -5, POPS.with(Flags::MOVABLEKEYS), &[KeySpec::counted(2, TAKES)], bzmpop).doc(
        "7.0.0",
        "O(K) + O(M*log(N)) where K is the number of keys, N the number of members of the set and \
         M the number of members taken.",
        "Takes members out of the first of several sorted sets that has any, waiting for one.",
    ),
];
