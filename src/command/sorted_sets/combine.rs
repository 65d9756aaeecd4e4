//! Several sorted sets at once: ZUNION, ZINTER, ZDIFF, their forms that store, and ZINTERCARD.
//! Sets take part as sorted sets with all scores 1. The sets are gone through one after the other,
//! from the smallest to the largest, so that sums of doubles are those of stock servers.

use ahash::AHashMap;

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::sorted_sets::access::{self, row};
use crate::command::sorted_sets::combine_request::{
    Aggregate, CombineRequest, Keys, Operation, weighted,
};
use crate::command::spec::{CommandResult, Spec};
use crate::keyspace::types::set::Set;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::keyspace::value::{Object, ValueRef};
use crate::resp::request::Args;

type Scores = AHashMap<Box<[u8]>, f64>;

/// A set that takes part.
enum Source<'a> {
    Missing,
    Sorted(&'a SortedSet),
    /// Its members count as having the score 1.
    Plain(&'a Set),
}

impl<'a> Source<'a> {
    fn of(value: ValueRef<'a>) -> Result<Source<'a>, CommandError> {
        match value {
            ValueRef::Object(Object::SortedSet(set)) => Ok(Source::Sorted(set)),
            ValueRef::Object(Object::Set(set)) => Ok(Source::Plain(set)),
            _ => Err(CommandError::WrongType),
        }
    }

    fn find<'c>(ctx: &'c mut Context<'_>, key: &[u8]) -> Result<Source<'c>, CommandError> {
        ctx.find(key).map_or(Ok(Source::Missing), |entry| Source::of(entry.value()))
    }

    /// As `find`, when the key was counted and told of before.
    fn find_again<'c>(ctx: &'c mut Context<'_>, key: &[u8]) -> Result<Source<'c>, CommandError> {
        ctx.look(key).map_or(Ok(Source::Missing), |entry| Source::of(entry.value()))
    }

    fn len(&self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Sorted(set) => set.len(),
            Source::Plain(set) => set.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Sorted(set) => set.score(member),
            Source::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    fn for_each(&self, each: &mut dyn FnMut(&[u8], f64)) {
        match self {
            Source::Missing => {}
            Source::Sorted(set) => set.for_each(each),
            Source::Plain(set) => {
                let mut digits = itoa::Buffer::new();
                set.iter().for_each(|member| each(member.as_text(&mut digits), 1.0));
            }
        }
    }
}

/// Looks all keys up, which checks their types; how many members each has.
fn lengths(ctx: &mut Context<'_>, args: Args<'_>, keys: Keys) -> Result<Vec<usize>, CommandError> {
    (keys.first..keys.end())
        .map(|index| Source::find(ctx, args.get(index)).map(|source| source.len()))
        .collect()
}

/// The indices of the keys, those with fewer members first.
fn by_length(lengths: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|index| lengths[*index]);
    order
}

/// The members of the result and their scores.
fn combine(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    keys: Keys,
    operation: Operation,
    (request, lengths): (&CombineRequest, &[usize]),
) -> Result<Scores, CommandError> {
    let key = |index: usize| args.get(keys.first + index);
    let mut scores = Scores::default();
    let mut order = by_length(lengths);
    if operation == Operation::Difference {
        // The first is what is left; the order of the others says nothing.
        order = (0..keys.count).collect();
    }
    for (round, &index) in order.iter().enumerate() {
        let weight = request.weights[index];
        let source = Source::find_again(ctx, key(index))?;
        if round == 0 {
            source.for_each(&mut |member, score| {
                scores.insert(member.into(), weighted(score, weight));
            });
            continue;
        }
        match operation {
            Operation::Union => unite(&mut scores, &source, weight, request.aggregate),
            Operation::Intersection => scores.retain(|member, score| {
                let other = source.score(member);
                if let Some(other) = other {
                    *score = request.aggregate.combine(*score, weighted(other, weight));
                }
                other.is_some()
            }),
            Operation::Difference => subtract(&mut scores, &source),
        }
        if scores.is_empty() && operation != Operation::Union {
            break;
        }
    }
    Ok(scores)
}

fn unite(scores: &mut Scores, source: &Source<'_>, weight: f64, aggregate: Aggregate) {
    source.for_each(&mut |member, score| {
        let score = weighted(score, weight);
        match scores.get_mut(member) {
            Some(held) => *held = aggregate.combine(*held, score),
            None => {
                scores.insert(member.into(), score);
            }
        }
    });
}

fn subtract(scores: &mut Scores, source: &Source<'_>) {
    if source.len() < scores.len() {
        source.for_each(&mut |member, _| {
            scores.remove(member);
        });
    } else {
        scores.retain(|member, _| source.score(member).is_none());
    }
}

fn sorted(scores: Scores) -> Vec<(Box<[u8]>, f64)> {
    let mut pairs: Vec<(Box<[u8]>, f64)> = scores.into_iter().collect();
    pairs.sort_unstable_by(|one, other| {
        // No score is NaN.
        let scores = one.1.partial_cmp(&other.1).unwrap_or(std::cmp::Ordering::Equal);
        scores.then_with(|| one.0.cmp(&other.0))
    });
    pairs
}

fn reply(ctx: &mut Context<'_>, args: Args<'_>, operation: Operation, name: &str) -> CommandResult {
    let keys = Keys::parse(args, 1, name)?;
    let lengths = lengths(ctx, args, keys)?;
    let request = CombineRequest::parse(args, keys, operation, false)?;
    let scores = combine(ctx, args, keys, operation, (&request, &lengths))?;
    let pairs = sorted(scores);
    access::open_members(ctx.reply, pairs.len(), request.with_scores);
    for (member, score) in &pairs {
        access::reply_member(ctx.reply, member, request.with_scores.then_some(*score));
    }
    Ok(())
}

fn store(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    operation: Operation,
    name: &'static str,
) -> CommandResult {
    let keys = Keys::parse(args, 2, name)?;
    let lengths = lengths(ctx, args, keys)?;
    let request = CombineRequest::parse(args, keys, operation, true)?;
    let scores = combine(ctx, args, keys, operation, (&request, &lengths))?;
    let limits = ctx.settings.encoding;
    let longest = scores.keys().map(|member| member.len()).max().unwrap_or(0);
    let mut set = SortedSet::for_members(&limits, scores.len(), longest);
    for (member, score) in sorted(scores) {
        set.add(&member, score, &limits);
    }
    access::store(ctx, args, set, name.as_bytes());
    Ok(())
}

fn zunion(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply(ctx, args, Operation::Union, "zunion")
}

fn zinter(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply(ctx, args, Operation::Intersection, "zinter")
}

fn zdiff(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply(ctx, args, Operation::Difference, "zdiff")
}

fn zunionstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Union, "zunionstore")
}

fn zinterstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Intersection, "zinterstore")
}

fn zdiffstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Operation::Difference, "zdiffstore")
}

fn zintercard(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let keys = Keys::parse(args, 1, "zintercard")?;
    let lengths = lengths(ctx, args, keys)?;
    let limit = match args.len() - keys.end() {
        0 => 0,
        left if left >= 2 && args.get(keys.end()).eq_ignore_ascii_case(b"limit") => {
            let limit = number::parse_i64(args.get(keys.end() + 1)).filter(|limit| *limit >= 0);
            let limit = limit.ok_or(CommandError::text("ERR LIMIT can't be negative"))?;
            if left > 2 {
                return Err(CommandError::Syntax);
            }
            usize::try_from(limit).unwrap_or(usize::MAX)
        }
        _ => return Err(CommandError::Syntax),
    };
    let weights = vec![1.0; keys.count];
    let request = CombineRequest { weights, aggregate: Aggregate::Sum, with_scores: false };
    let scores = combine(ctx, args, keys, Operation::Intersection, (&request, &lengths))?;
    let count = if limit == 0 { scores.len() } else { scores.len().min(limit) };
    ctx.reply.integer(count as i64);
    Ok(())
}

const READS: Flags = Flags::READONLY.with(Flags::MOVABLEKEYS);
const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::MOVABLEKEYS);
const SOURCES: &[KeySpec] = &[KeySpec::counted(1, KeyFlags::READ)];
const STORES: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)), KeySpec::counted(2, KeyFlags::READ)];
const UNION_COST: &str = "O(N)+O(M*log(M)) where N is the sum of the sizes of the sets and M the \
    size of the result.";
const UNION_STORE_COST: &str = "O(N)+O(M log(M)) where N is the sum of the sizes of the sets and M \
    the size of the result.";
const INTERSECTION_COST: &str = "O(N*K)+O(M*log(M)) where N is the size of the smallest set, K the \
    number of sets and M the size of the result.";
const DIFFERENCE_COST: &str = "O(L + (N-K)log(N)) where L is the sum of the sizes of the sets, N \
    the size of the first and K the size of the result.";

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("zunion", -3, READS, SOURCES, zunion).doc(
        "6.2.0",
        UNION_COST,
        "Returns the members of any of several sorted sets.",
    ),
    row("zinter", -3, READS, SOURCES, zinter).doc(
        "6.2.0",
        INTERSECTION_COST,
        "Returns the members of all of several sorted sets.",
    ),
    row("zdiff", -3, READS, SOURCES, zdiff).doc(
        "6.2.0",
        DIFFERENCE_COST,
        "Returns the members of the first of several sorted sets that none of the others has.",
    ),
    row("zunionstore", -4, WRITES, STORES, zunionstore).doc(
        "2.0.0",
        UNION_STORE_COST,
        "Stores the members of any of several sorted sets at a key.",
    ),
    row("zinterstore", -4, WRITES, STORES, zinterstore).doc(
        "2.0.0",
        INTERSECTION_COST,
        "Stores the members of all of several sorted sets at a key.",
    ),
    row("zdiffstore", -4, WRITES, STORES, zdiffstore).doc(
        "6.2.0",
        DIFFERENCE_COST,
        "Stores the members of the first of several sorted sets that none of the others has.",
    ),
    row("zintercard", -3, READS, SOURCES, zintercard).doc(
        "7.0.0",
        "O(N*K) where N is the size of the smallest set and K the number of sets.",
        "Counts the members of all of several sorted sets.",
    ),
];
