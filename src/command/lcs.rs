//! LCS: the longest common subsequence of two strings. One bit of memory a pair of bytes, where
//! the textbook's table takes a number.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::number;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// What is asked about the subsequence.
#[derive(Clone, Copy, Debug, Default)]
struct Question {
    length: bool,
    indexes: bool,
    match_len_min: u64,
    with_match_len: bool,
}

/// A run of equal bytes: where it begins in both strings, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

/// Where the way back through the table of all prefixes goes on.
struct Ways {
    /// For each pair of positions: the longest subsequence without the byte of `a` is longer than
    /// that without the byte of `b`.
    drop_a: Vec<u64>,
    width: usize,
    length: usize,
}

fn lcs(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    // Both are looked up, counted and told of, before either is refused.
    let (a, b) = (text_of(ctx, args.get(1)), text_of(ctx, args.get(2)));
    let (a, b) = (a?, b?);
    let question = Question::parse(args)?;
    check_memory(ctx, a.len(), b.len())?;
    let ways = Ways::new(&a, &b);
    if question.length {
        ctx.reply.integer(ways.length as i64);
        return Ok(());
    }
    let matches = ways.matches(&a, &b);
    if question.indexes {
        question.reply(ctx.reply, &matches, ways.length);
    } else {
        let parts = matches.iter().rev().flat_map(|part| &a[part.a..part.a + part.len]);
        ctx.reply.bulk(&parts.copied().collect::<Vec<u8>>());
    }
    Ok(())
}

/// A copy of the string at `key`, since both are read at once; empty without one.
fn text_of(ctx: &mut Context<'_>, key: &[u8]) -> Result<Vec<u8>, CommandError> {
    let Some(entry) = ctx.find(key) else { return Ok(Vec::new()) };
    let mut digits = itoa::Buffer::new();
    let text = entry.value().as_text(&mut digits).map(<[u8]>::to_vec);
    text.ok_or(CommandError::text("ERR The specified keys must contain string values"))
}

/// Refuses what stock servers refuse: they count four bytes a pair of positions, the empty prefixes
/// included. It bounds the time too.
fn check_memory(ctx: &Context<'_>, a: usize, b: usize) -> CommandResult {
    let max = ctx.settings.clients.proto_max_bulk_len;
    let cells = (a as u128 + 1) * (b as u128 + 1);
    if cells * 4 <= u128::from(max) {
        return Ok(());
    }
    Err(CommandError::text(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    ))
}

impl Question {
    fn parse(args: Args<'_>) -> Result<Question, CommandError> {
        let mut question = Question::default();
        let mut index = 3;
        while let Some(word) = args.at(index) {
            index += 1;
            match word.to_ascii_lowercase().as_slice() {
                b"idx" => question.indexes = true,
                b"len" => question.length = true,
                b"withmatchlen" => question.with_match_len = true,
                b"minmatchlen" => {
                    let text = args.at(index).ok_or(CommandError::Syntax)?;
                    index += 1;
                    let least = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
                    question.match_len_min = u64::try_from(least).unwrap_or(0);
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        if question.length && question.indexes {
            return Err(CommandError::text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(question)
    }

    /// Replies the matches, the last one first, and the length of the whole.
    fn reply(&self, reply: &mut Reply, matches: &[Match], length: usize) {
        reply.map(2);
        reply.bulk(b"matches");
        let long = || matches.iter().filter(|part| part.len as u64 >= self.match_len_min);
        reply.array(long().count());
        for part in long() {
            reply.array(if self.with_match_len { 3 } else { 2 });
            for start in [part.a, part.b] {
                reply.array(2);
                reply.integer(start as i64);
                reply.integer((start + part.len - 1) as i64);
            }
            if self.with_match_len {
                reply.integer(part.len as i64);
            }
        }
        reply.bulk(b"len");
        reply.integer(length as i64);
    }
}

impl Ways {
    /// Compares all prefixes, a row for each byte of `a`.
    fn new(a: &[u8], b: &[u8]) -> Ways {
        let mut drop_a = vec![0_u64; (a.len() * b.len()).div_ceil(64)];
        let mut row = vec![0_u32; b.len() + 1];
        let mut cell = 0;
        for byte in a {
            // `row[j + 1]` is the row before's until it is written; `diagonal` is its left one.
            let mut diagonal = 0;
            for (j, other) in b.iter().enumerate() {
                let above = row[j + 1];
                let left = row[j];
                if byte == other {
                    row[j + 1] = diagonal + 1;
                } else if above > left {
                    drop_a[cell / 64] |= 1 << (cell % 64);
                } else {
                    row[j + 1] = left;
                }
                diagonal = above;
                cell += 1;
            }
        }
        let length = row.last().map_or(0, |length| *length as usize);
        Ways { drop_a, width: b.len(), length }
    }

    /// The runs of equal bytes, from the ends of the strings to their beginnings.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let (mut i, mut j) = (a.len(), b.len());
        let mut matches: Vec<Match> = Vec::new();
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                match matches.last_mut() {
                    Some(run) if run.a == i && run.b == j => {
                        *run = Match { a: i - 1, b: j - 1, len: run.len + 1 };
                    }
                    _ => matches.push(Match { a: i - 1, b: j - 1, len: 1 }),
                }
                (i, j) = (i - 1, j - 1);
            } else {
                let cell = (i - 1) * self.width + (j - 1);
                if self.drop_a[cell / 64] >> (cell % 64) & 1 == 1 { i -= 1 } else { j -= 1 }
            }
        }
        matches
    }
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[Spec::new("lcs", -3, Group::String, Scope::Shard(lcs))
    .flags(Flags::READONLY)
    .categories(Categories::STRING)
    .keys(&[KeySpec::range(1, 1, 1, KeyFlags::READ)])
    .doc(
        "7.0.0",
        "O(N*M) where N and M are the lengths of s1 and s2, respectively",
        "Finds the longest common subsequence of two strings.",
    )];

#[cfg(test)]
mod tests;
