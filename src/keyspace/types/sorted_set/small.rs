//! A sorted set of few members: a listpack of members, each followed by its score as text, in
//! order. As files have it. Plain data, any core.
//!
//! What always holds: there is a score behind each member; no score is NaN.

use std::ops::Range;

use crate::base::number;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::listpack::{ListPack, Pos};

/// The set.
#[derive(Clone, Debug, Default)]
pub struct Small(ListPack);

/// A member in the pack.
#[derive(Clone, Copy)]
struct Found {
    pos: Pos,
    score: f64,
}

impl Small {
    /// The set in a pack of foreign bytes.
    ///
    /// # Errors
    /// Whatever keeps it from being one: a member without a score, twice, or out of order.
    pub fn from_pack(pack: ListPack) -> Result<Small, Invalid> {
        if !pack.len().is_multiple_of(2) {
            return Err(Invalid("a sorted set has a member without a score"));
        }
        let (mut digits, mut elements) = (itoa::Buffer::new(), pack.iter());
        let mut last: Option<(f64, Vec<u8>)> = None;
        let mut members = ahash::AHashSet::new();
        while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
            let score = match score {
                Element::Int(score) => Some(score as f64),
                Element::Text(text) => number::parse_f64(text),
            };
            let score = score.ok_or(Invalid("a sorted set has a score that is no number"))?;
            let member = member.as_text(&mut digits).to_vec();
            if last.is_some_and(|last| (last.0, last.1.as_slice()) >= (score, &member)) {
                return Err(Invalid("a sorted set has members out of order"));
            }
            if !members.insert(member.clone()) {
                return Err(Invalid("a sorted set has a member twice"));
            }
            last = Some((score, member));
        }
        Ok(Small(pack))
    }

    /// The pack.
    pub fn pack(&self) -> &ListPack {
        &self.0
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|found| found.score)
    }

    /// A member's rank and score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let mut digits = itoa::Buffer::new();
        self.members().enumerate().find_map(|(rank, (element, score))| {
            (element.as_text(&mut digits) == member).then_some((rank, score))
        })
    }

    /// Whether there is room for a member's bytes and those of its score.
    pub fn fits(&self, member: &[u8]) -> bool {
        self.0.fits(member.len() + SCORE_BYTES_MAX)
    }

    /// Gives a member a score; the one it had. A score that is equal is not replaced.
    pub fn add(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.find(member);
        if let Some(old) = old {
            if old.score == score {
                return Some(score);
            }
            self.0.remove(old.pos, 2);
        }
        self.insert(member, score);
        old.map(|old| old.score)
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let found = self.find(member)?;
        self.0.remove(found.pos, 2);
        Some(found.score)
    }

    /// Removes the members of these ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        self.0.delete_range(2 * ranks.start, 2 * ranks.len());
    }

    /// How many members come first of which `before` accepts score and text.
    pub fn rank_where(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        let mut digits = itoa::Buffer::new();
        let accepted =
            |(element, score): &(Element<'_>, f64)| before(*score, element.as_text(&mut digits));
        self.members().take_while(accepted).count()
    }

    /// Gives the members of these ranks in order, or backwards.
    pub fn walk(&self, ranks: Range<usize>, backwards: bool, each: &mut dyn FnMut(&[u8], f64)) {
        let mut digits = itoa::Buffer::new();
        let end = ranks.end.min(self.len());
        if ranks.start >= end {
            return;
        }
        let mut give = |(element, score): (Element<'_>, f64)| {
            each(element.as_text(&mut digits), score);
        };
        if !backwards {
            self.members().skip(ranks.start).take(end - ranks.start).for_each(give);
            return;
        }
        let mut pos = self.0.seek(2 * end as i64 - 1);
        for _ in ranks.start..end {
            let Some(member) = pos.and_then(|score| self.0.prev(score)) else { return };
            let score = pos.map_or(0.0, |score| score_of(self.0.at(score)));
            give((self.0.at(member), score));
            pos = self.0.prev(member);
        }
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    fn members(&self) -> impl Iterator<Item = (Element<'_>, f64)> {
        let mut elements = self.0.iter();
        std::iter::from_fn(move || {
            let member = elements.next()?;
            Some((member, score_of(elements.next()?)))
        })
    }

    fn find(&self, member: &[u8]) -> Option<Found> {
        let pos = self.0.find(member, 1)?;
        let score = self.0.next(pos)?;
        Some(Found { pos, score: score_of(self.0.at(score)) })
    }

    fn insert(&mut self, member: &[u8], score: f64) {
        let mut text = Vec::with_capacity(SCORE_BYTES_MAX);
        // As an integer zero has no sign, and packs hold what is one as one.
        number::append_f64(&mut text, if score == 0.0 { 0.0 } else { score });
        let mut digits = itoa::Buffer::new();
        let mut next = self.0.first();
        while let Some(pos) = next {
            let behind = self.0.next(pos);
            let held = behind.map_or(0.0, |pos| score_of(self.0.at(pos)));
            let is_before =
                held < score || (held == score && self.0.at(pos).as_text(&mut digits) < member);
            if !is_before {
                self.0.insert_before(pos, member);
                self.0.insert_after(pos, &text);
                return;
            }
            next = behind.and_then(|pos| self.0.next(pos));
        }
        self.0.push_back(member);
        self.0.push_back(&text);
    }
}

fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(score) => score as f64,
        // What is in the pack was printed here or read before it was let in.
        Element::Text(text) => number::parse_f64(text).unwrap_or_default(),
    }
}

/// The longest text of a score: a sign, 17 digits, a point, an exponent.
const SCORE_BYTES_MAX: usize = 32;
