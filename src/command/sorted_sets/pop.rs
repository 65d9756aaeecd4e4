//! Members taken from the ends of sorted sets: ZPOPMIN, ZPOPMAX, ZMPOP.

use std::ops::Range;

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::sorted_sets::access::{self, row};
use crate::command::spec::{CommandResult, Spec};
use crate::keyspace::types::sorted_set::SortedSet;
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The lowest scores.
    Min,
    /// The highest scores.
    Max,
}

/// How what was taken is replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Members and scores, one after the other.
    Flat,
    /// Pairs, in RESP3 as arrays.
    Pairs,
    /// The key, and pairs as arrays.
    Keyed,
    /// The key, members and scores, one after the other.
    FlatKeyed,
}

impl End {
    /// The word of ZMPOP.
    pub fn parse(word: &[u8]) -> Option<End> {
        match word.to_ascii_lowercase().as_slice() {
            b"min" => Some(End::Min),
            b"max" => Some(End::Max),
            _ => None,
        }
    }

    /// The event of taking, which is also the command's name in lower case.
    pub fn event(self) -> &'static [u8] {
        match self {
            End::Min => b"zpopmin",
            End::Max => b"zpopmax",
        }
    }

    /// The command that takes from it.
    pub fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }
}

/// Takes up to `count` members from an end of the set at `key` and replies them; how many, 0 and no
/// reply if there is no set.
///
/// # Errors
/// `WrongType`.
pub fn take(
    ctx: &mut Context<'_>,
    key: &[u8],
    end: End,
    count: usize,
    shape: Shape,
) -> Result<usize, CommandError> {
    let (len, taken) = {
        let (entry, reply) = ctx.find_mut_with_reply(key);
        let Some(mut entry) = entry else { return Ok(0) };
        let set = access::sorted_set_of(entry.value())?;
        let (len, taken) = (set.len(), count.min(set.len()));
        let ranks = match end {
            End::Min => 0..taken,
            End::Max => len - taken..len,
        };
        let within = match shape {
            Shape::Flat | Shape::Pairs => 0,
            Shape::Keyed => 2,
            Shape::FlatKeyed => 1 + 2 * taken,
        };
        if within > 0 {
            reply.array(within);
            reply.bulk(key);
        }
        reply_taken(reply, set, ranks.clone(), end, shape);
        if taken > 0 {
            access::sorted_set_mut(&mut entry)?.remove_ranks(ranks);
        }
        (len, taken)
    };
    if taken > 0 {
        access::removed(ctx, key, end.event(), taken == len);
    }
    Ok(taken)
}

fn reply_taken(reply: &mut Reply, set: &SortedSet, ranks: Range<usize>, end: End, shape: Shape) {
    let nested = match shape {
        Shape::Flat | Shape::FlatKeyed => false,
        Shape::Pairs => reply.version == RespVersion::V3,
        Shape::Keyed => true,
    };
    let taken = ranks.len();
    if shape != Shape::FlatKeyed {
        reply.array(if nested { taken } else { 2 * taken });
    }
    set.walk(ranks, end == End::Max, &mut |member, score| {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        reply.double(score);
    });
}

fn zpopmin(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Min)
}

fn zpopmax(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Max)
}

fn pop(ctx: &mut Context<'_>, args: Args<'_>, end: End) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let not_positive = CommandError::text("ERR value is out of range, must be positive");
    let (count, shape) = match args.at(2) {
        None => (1, Shape::Flat),
        Some(count) => {
            let count = number::parse_i64(count).filter(|count| *count >= 0).ok_or(not_positive)?;
            (usize::try_from(count).unwrap_or(usize::MAX), Shape::Pairs)
        }
    };
    let mark = ctx.reply.mark();
    let taken = take(ctx, args.get(1), end, count, shape)?;
    if taken == 0 {
        ctx.reply.truncate(mark);
        ctx.reply.empty_array();
    } else {
        ctx.propagate(args);
        ctx.effects.changed(taken as u64 - 1);
    }
    Ok(())
}

/// What ZMPOP is asked.
pub struct MultiPop {
    /// The first key's argument.
    pub first_key: usize,
    /// How many keys there are.
    pub keys: usize,
    /// Which end.
    pub end: End,
    /// How many members.
    pub count: usize,
}

impl MultiPop {
    /// Reads `numkeys key... MIN|MAX [COUNT n]` from argument `at` on.
    ///
    /// # Errors
    /// Counts out of range, words out of place.
    pub fn parse(args: Args<'_>, at: usize) -> Result<MultiPop, CommandError> {
        let positive = |index: usize| {
            let number = number::parse_i64(args.get(index)).filter(|number| *number > 0);
            number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let no_keys = CommandError::text("ERR numkeys should be greater than 0");
        let keys = positive(at).ok_or(no_keys)?;
        let first_key = at + 1;
        let word = first_key.checked_add(keys).and_then(|index| Some((index, args.at(index)?)));
        let (index, word) = word.ok_or(CommandError::Syntax)?;
        let end = End::parse(word).ok_or(CommandError::Syntax)?;
        let count = match args.len() - index - 1 {
            0 => 1,
            2 if args.get(index + 1).eq_ignore_ascii_case(b"count") => {
                let no_count = CommandError::text("ERR count should be greater than 0");
                positive(index + 2).ok_or(no_count)?
            }
            // A count that is wrong is told before words behind it are.
            left if left > 2 && args.get(index + 1).eq_ignore_ascii_case(b"count") => {
                let no_count = CommandError::text("ERR count should be greater than 0");
                positive(index + 2).ok_or(no_count)?;
                return Err(CommandError::Syntax);
            }
            _ => return Err(CommandError::Syntax),
        };
        Ok(MultiPop { first_key, keys, end, count })
    }

    /// Takes from the first of the keys in hand that has members, replies and streams; whether one
    /// had.
    ///
    /// # Errors
    /// `WrongType`.
    pub fn run(&self, ctx: &mut Context<'_>, args: Args<'_>) -> Result<bool, CommandError> {
        for index in self.first_key..self.first_key + self.keys {
            let key = args.get(index);
            if !ctx.in_hand(key) {
                continue;
            }
            let taken = take(ctx, key, self.end, self.count, Shape::Keyed)?;
            if taken > 0 {
                let mut digits = itoa::Buffer::new();
                let count = digits.format(taken).as_bytes();
                ctx.propagate_as(&[self.end.command(), key, count]);
                ctx.effects.changed(taken as u64 - 1);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn zmpop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if !MultiPop::parse(args, 1)?.run(ctx, args)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// What is taken from is read too.
pub const TAKES: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);
const COST: &str = "O(log(N)*M) where N is the number of members of the set and M the number of \
    members taken.";

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("zpopmin", -2, Flags::WRITE.with(Flags::FAST), &[KeySpec::one(1, TAKES)], zpopmin).doc(
        "5.0.0",
        COST,
        "Takes the members with the lowest scores out of a sorted set.",
    ),
    row("zpopmax", -2, Flags::WRITE.with(Flags::FAST), &[KeySpec::one(1, TAKES)], zpopmax).doc(
        "5.0.0",
        COST,
        "Takes the members with the highest scores out of a sorted set.",
    ),
    row(
        "zmpop",
        -4,
        Flags::WRITE.with(Flags::MOVABLEKEYS),
        &[KeySpec::counted(1, TAKES)],
        zmpop,
    )
    .doc(
        "7.0.0",
        "O(K) + O(M*log(N)) where K is the number of keys, N the number of members of the set and \
         M the number of members taken.",
        "Takes members out of the first of several sorted sets that has any.",
    ),
];
