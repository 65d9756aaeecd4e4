//! Sorted sets, read by member or whole: ZCARD, ZSCORE, ZMSCORE, ZRANK and ZREVRANK, ZRANDMEMBER,
//! ZSCAN.

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::keys_scan::{ScanOptions, cursor};
use crate::command::sorted_sets::access::{self, READ, READS_FAST, row};
use crate::command::spec::{CommandResult, Spec};
use crate::keyspace::types::sorted_set::SortedSet;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

fn zcard(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply.integer(set.map_or(0, SortedSet::len) as i64);
    Ok(())
}

fn zscore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply_score(reply, set.and_then(|set| set.score(args.get(2))));
    Ok(())
}

fn zmscore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        reply_score(reply, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

fn reply_score(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

fn zrank(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_rank(ctx, args, false)
}

fn zrevrank(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_rank(ctx, args, true)
}

fn reply_rank(ctx: &mut Context<'_>, args: Args<'_>, backwards: bool) -> CommandResult {
    if args.len() > 4 {
        return Err(CommandError::arity(if backwards { "zrevrank" } else { "zrank" }));
    }
    let with_score = match args.at(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"withscore") => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    let (set, reply) = access::find(ctx, args.get(1))?;
    let found = set.and_then(|set| set.rank(args.get(2)).map(|found| (set.len(), found)));
    match found {
        None if with_score => reply.null_array(),
        None => reply.null(),
        Some((len, (rank, score))) => {
            if with_score {
                reply.array(2);
            }
            reply.integer(if backwards { len - 1 - rank } else { rank } as i64);
            if with_score {
                reply.double(score);
            }
        }
    }
    Ok(())
}

fn zrandmember(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let Some(count) = args.at(2) else {
        let rank = ctx.random.f64();
        let (set, reply) = access::find(ctx, args.get(1))?;
        match set {
            None => reply.null(),
            Some(set) => {
                // The product is below the length: the factor is below 1.
                let rank = ((rank * set.len() as f64) as usize).min(set.len() - 1);
                set.walk(rank..rank + 1, false, &mut |member, _| reply.bulk(member));
            }
        }
        return Ok(());
    };
    let count = number::parse_i64(count).ok_or(CommandError::NotInteger)?;
    if count == i64::MIN {
        let text = "ERR value is out of range, value must between -9223372036854775807 and \
                    9223372036854775807";
        return Err(CommandError::text(text));
    }
    let with_scores = match args.at(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"withscores") && args.len() == 4 => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    let too_many = with_scores && count.unsigned_abs() > i64::MAX as u64 / 2;
    if too_many || count < -REPEATED_MAX {
        return Err(CommandError::text("ERR value is out of range"));
    }
    let mut random = ctx.random.fork();
    let (set, reply) = access::find(ctx, args.get(1))?;
    match set {
        Some(set) if count != 0 => {
            let ranks = random_ranks(set.len(), count, &mut random);
            access::open_members(reply, ranks.len(), with_scores);
            for rank in ranks {
                set.walk(rank..rank + 1, false, &mut |member, score| {
                    access::reply_member(reply, member, with_scores.then_some(score));
                });
            }
        }
        _ => reply.empty_array(),
    }
    Ok(())
}

/// Ranks chosen at random: `count` different ones, at most all; or, if it is negative, as many, in
/// which one may stand several times.
fn random_ranks(len: usize, count: i64, random: &mut fastrand::Rng) -> Vec<usize> {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return (0..wanted).map(|_| random.usize(..len)).collect();
    }
    if wanted >= len {
        // Stock servers give all of them from the highest down.
        return (0..len).rev().collect();
    }
    if wanted > len / 3 {
        let mut all: Vec<usize> = (0..len).collect();
        for index in 0..wanted {
            all.swap(index, random.usize(index..len));
        }
        all.truncate(wanted);
        return all;
    }
    let mut chosen = ahash::AHashSet::with_capacity(wanted);
    let mut ranks = Vec::with_capacity(wanted);
    while ranks.len() < wanted {
        let rank = random.usize(..len);
        if chosen.insert(rank) {
            ranks.push(rank);
        }
    }
    ranks
}

fn zscan(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let cursor = cursor(args.get(2))?;
    let version = ctx.client.version;
    let (set, reply) = access::find(ctx, args.get(1))?;
    let Some(set) = set else {
        reply.array(2);
        reply.bulk(b"0");
        reply.empty_array();
        return Ok(());
    };
    let options = ScanOptions::parse(args.slice_from(3), false)?;
    let (mut bulks, mut len, mut text) = (Reply::new(version), 0, Vec::new());
    let is_small = set.pack().is_some();
    let next = set.scan(cursor.0, options.count, &mut |member, score| {
        if options.matches(member) {
            text.clear();
            // Stock servers spell scores in two ways here.
            if is_small {
                number::append_f64(&mut text, score);
            } else {
                number::append_f64_17(&mut text, score);
            }
            bulks.bulk(member);
            bulks.bulk(&text);
            len += 2;
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(len);
    reply.append(&mut bulks);
    Ok(())
}

/// The most members, repetitions included, that are replied at once: a reply of gigabytes would
/// keep all other clients waiting.
const REPEATED_MAX: i64 = 1 << 26;

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("zcard", 2, READS_FAST, &[KeySpec::one(1, KeyFlags::RO)], zcard).doc(
        "1.2.0",
        "O(1)",
        "Counts the members of a sorted set.",
    ),
    row("zscore", 3, READS_FAST, READ, zscore).doc(
        "1.2.0",
        "O(1)",
        "Returns the score of a member.",
    ),
    row("zmscore", -3, READS_FAST, READ, zmscore).doc(
        "6.2.0",
        "O(N) where N is the number of members asked for.",
        "Returns the scores of several members.",
    ),
    row("zrank", -3, READS_FAST, READ, zrank).doc(
        "2.0.0",
        "O(log(N))",
        "Returns the rank of a member, the lowest score's being 0.",
    ),
    row("zrevrank", -3, READS_FAST, READ, zrevrank).doc(
        "2.0.0",
        "O(log(N))",
        "Returns the rank of a member, the highest score's being 0.",
    ),
    row("zrandmember", -2, Flags::READONLY, READ, zrandmember)
        .tips(&["nondeterministic_output"])
        .doc(
            "6.2.0",
            "O(N) where N is the number of members returned.",
            "Returns members chosen at random.",
        ),
    row("zscan", -3, Flags::READONLY, READ, zscan).tips(&["nondeterministic_output"]).doc(
        "2.8.0",
        "O(1) for every call, O(N) for a whole iteration over N members.",
        "Iterates over the members of a sorted set and their scores.",
    ),
];
