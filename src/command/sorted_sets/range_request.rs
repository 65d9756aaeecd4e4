//! What the commands on ranges are asked: by which order, from where to where, which part of that.
//! Pure.

use std::ops::Range;

use crate::base::number;
use crate::command::error::CommandError;
use crate::command::sorted_sets::access;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::keyspace::types::sorted_set::bounds::{ScoreBound, ScoreRange, TextBound, TextRange};
use crate::resp::request::Args;

/// By what a range goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By ranks.
    Rank,
    /// By scores.
    Score,
    /// By texts.
    Text,
}

/// Which words a command takes.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// Order and direction, if the command's name says them.
    pub fixed: Option<(Order, bool)>,
    /// Whether the members are stored.
    pub stores: bool,
}

/// From where to where.
#[derive(Clone, Copy, Debug)]
pub enum Span<'a> {
    /// Ranks that may be counted from the end.
    Ranks(i64, i64),
    /// Scores.
    Scores(ScoreRange),
    /// Texts.
    Texts(TextRange<'a>),
}

/// A range as it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct RangeRequest<'a> {
    /// From where to where.
    pub span: Span<'a>,
    /// From the highest down.
    pub backwards: bool,
    /// WITHSCORES.
    pub with_scores: bool,
    /// LIMIT: how many are passed over, and how many are taken; all if that is negative.
    limit: (i64, i64),
}

/// The words behind the range.
struct Words {
    order: Order,
    backwards: bool,
    with_scores: bool,
    limit: (i64, i64),
}

impl<'a> RangeRequest<'a> {
    /// Reads the range in the first two of `args` and the words behind it.
    ///
    /// # Errors
    /// Words out of place, ends that are none.
    pub fn parse(args: Args<'a>, grammar: Grammar) -> Result<RangeRequest<'a>, CommandError> {
        let words = Words::parse(args.slice_from(2), grammar)?;
        let Words { order, backwards, with_scores, limit } = words;
        if limit.1 != -1 && order == Order::Rank {
            return Err(CommandError::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && order == Order::Text {
            return Err(CommandError::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (first, second) = (args.get(0), args.get(1));
        let (low, high) = if backwards { (second, first) } else { (first, second) };
        let span = match order {
            Order::Rank => {
                let index = |text| number::parse_i64(text).ok_or(CommandError::NotInteger);
                Span::Ranks(index(first)?, index(second)?)
            }
            Order::Score => Span::Scores(score_range(low, high)?),
            Order::Text => Span::Texts(text_range(low, high)?),
        };
        Ok(RangeRequest { span, backwards, with_scores, limit })
    }

    /// The ranks that are meant in `set`, to be walked in the direction asked for.
    pub fn ranks_in(&self, set: &SortedSet) -> Range<usize> {
        let len = set.len();
        let ranks = match &self.span {
            Span::Ranks(start, stop) => {
                let ranks = access::ranks_between(*start, *stop, len);
                return if self.backwards { len - ranks.end..len - ranks.start } else { ranks };
            }
            Span::Scores(range) => set.ranks_of_scores(range),
            Span::Texts(range) => set.ranks_of_texts(range),
        };
        let Ok(passed) = usize::try_from(self.limit.0) else { return 0..0 };
        let passed = passed.min(ranks.len());
        let taken = usize::try_from(self.limit.1).unwrap_or(usize::MAX).min(ranks.len() - passed);
        if self.backwards {
            ranks.end - passed - taken..ranks.end - passed
        } else {
            ranks.start + passed..ranks.start + passed + taken
        }
    }
}

impl Words {
    fn parse(args: Args<'_>, grammar: Grammar) -> Result<Words, CommandError> {
        let (mut order, mut backwards) = match grammar.fixed {
            Some((order, backwards)) => (Some(order), Some(backwards)),
            None => (None, None),
        };
        let (mut with_scores, mut limit) = (false, (0, -1));
        let mut index = 0;
        while let Some(word) = args.at(index) {
            let left = args.len() - index - 1;
            match word.to_ascii_lowercase().as_slice() {
                b"withscores" if !grammar.stores => with_scores = true,
                b"limit" if left >= 2 => {
                    let number =
                        |index| number::parse_i64(args.get(index)).ok_or(CommandError::NotInteger);
                    limit = (number(index + 1)?, number(index + 2)?);
                    index += 2;
                }
                b"rev" if backwards.is_none() => backwards = Some(true),
                b"byscore" if order.is_none() => order = Some(Order::Score),
                b"bylex" if order.is_none() => order = Some(Order::Text),
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        let (order, backwards) = (order.unwrap_or(Order::Rank), backwards.unwrap_or(false));
        Ok(Words { order, backwards, with_scores, limit })
    }
}

/// The scores from one end to another.
///
/// # Errors
/// Ends that are no numbers.
pub fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CommandError> {
    let parsed = ScoreBound::parse(min).zip(ScoreBound::parse(max));
    let (min, max) = parsed.ok_or(CommandError::text("ERR min or max is not a float"))?;
    Ok(ScoreRange { min, max })
}

/// The texts from one end to another.
///
/// # Errors
/// Ends that do not say whether they belong to the range.
pub fn text_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<TextRange<'a>, CommandError> {
    let parsed = TextBound::parse(min).zip(TextBound::parse(max));
    let invalid = CommandError::text("ERR min or max not valid string range item");
    let (min, max) = parsed.ok_or(invalid)?;
    Ok(TextRange { min, max })
}
