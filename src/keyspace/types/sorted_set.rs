//! A sorted set: members in the order of their scores, those of equal scores in the order of their
//! bytes. Plain data, any core.
//!
//! Places are ranks: whatever range is asked for, by scores or by texts, is first turned into the
//! ranks of its ends. A set begins as a listpack and becomes large when it passes a threshold; it
//! never goes back.

mod index;
mod large;
mod members;
mod small;
mod tree;

/// Ranges of scores and of texts.
pub mod bounds;

use std::fmt;
use std::ops::Range;

use crate::base::number;
use crate::config::settings_groups::Encoding;
use crate::keyspace::digest::Digest;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::types::sorted_set::bounds::{ScoreRange, TextRange};
use crate::keyspace::types::sorted_set::large::Large;
use crate::keyspace::types::sorted_set::small::Small;

/// A sorted set.
#[derive(Clone)]
pub struct SortedSet(Form);

#[derive(Clone, Debug)]
enum Form {
    Small(Small),
    Large(Box<Large>),
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet(Form::Small(Small::default()))
    }
}

/// Members and scores, however they are held.
impl fmt::Debug for SortedSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = out.debug_map();
        self.for_each(&mut |member, score| {
            map.entry(&member.escape_ascii().to_string(), &score);
        });
        map.finish()
    }
}

impl SortedSet {
    /// An empty set in the form that so many members, the longest of so many bytes, will have.
    pub fn for_members(limits: &Encoding, count: usize, longest: usize) -> SortedSet {
        let few = count <= limits.zset_max_listpack_entries;
        if few && longest <= limits.zset_max_listpack_value {
            return SortedSet::default();
        }
        SortedSet(Form::Large(Box::default()))
    }

    /// The set that a file's listpack is.
    ///
    /// # Errors
    /// Whatever keeps it from being one: a member without a score, twice, or out of order.
    pub fn from_pack(pack: ListPack, limits: &Encoding) -> Result<SortedSet, Invalid> {
        let small = Small::from_pack(pack)?;
        let mut longest = 0;
        small.walk(0..small.len(), false, &mut |member, _| longest = longest.max(member.len()));
        let mut set = SortedSet::for_members(limits, small.len(), longest);
        match &mut set.0 {
            Form::Small(empty) => *empty = small,
            Form::Large(large) => small.walk(0..small.len(), false, &mut |member, score| {
                large.add(member, score);
            }),
        }
        Ok(set)
    }

    /// The listpack that the set is, if it is one.
    pub fn pack(&self) -> Option<&ListPack> {
        match &self.0 {
            Form::Small(small) => Some(small.pack()),
            Form::Large(_) => None,
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(small) => small.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Small(small) => small.score(member),
            Form::Large(large) => large.score(member),
        }
    }

    /// A member's rank, counted from the lowest score, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Small(small) => small.rank(member),
            Form::Large(large) => large.rank(member),
        }
    }

    /// Gives a member a score, which is not NaN; the one it had. A score that is equal is not
    /// replaced.
    pub fn add(&mut self, member: &[u8], score: f64, limits: &Encoding) -> Option<f64> {
        debug_assert!(!score.is_nan(), "scores have an order");
        let small = match &mut self.0 {
            Form::Large(large) => return large.add(member, score),
            Form::Small(small) => small,
        };
        let fits = member.len() <= limits.zset_max_listpack_value && small.fits(member);
        let is_full = small.len() >= limits.zset_max_listpack_entries;
        if fits && (!is_full || small.score(member).is_some()) {
            return small.add(member, score);
        }
        let old = small.score(member);
        if old == Some(score) {
            return old;
        }
        self.grow();
        self.add(member, score, limits)
    }

    /// Takes the large form before so many members, the longest of so many bytes, are added, if
    /// they alone pass a threshold; whether they are added or not, as stock servers do.
    pub fn expect(&mut self, limits: &Encoding, count: usize, longest: usize) {
        let many = count > limits.zset_max_listpack_entries;
        if many || longest > limits.zset_max_listpack_value {
            self.grow();
        }
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Small(small) => small.remove(member),
            Form::Large(large) => large.remove(member),
        }
    }

    /// Removes the members of these ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        match &mut self.0 {
            Form::Small(small) => small.remove_ranks(ranks),
            Form::Large(large) => large.remove_ranks(ranks),
        }
    }

    /// The ranks of the members with scores in a range.
    pub fn ranks_of_scores(&self, range: &ScoreRange) -> Range<usize> {
        let start = self.rank_where(|score, _| range.min.is_above(score));
        let end = self.rank_where(|score, _| range.max.reaches(score));
        start..end.max(start)
    }

    /// The ranks of the members with texts in a range, where all have one score.
    pub fn ranks_of_texts(&self, range: &TextRange<'_>) -> Range<usize> {
        let start = self.rank_where(|_, text| range.min.is_above(text));
        let end = self.rank_where(|_, text| range.max.reaches(text));
        start..end.max(start)
    }

    /// Gives the members of these ranks and their scores in order, or backwards.
    pub fn walk(&self, ranks: Range<usize>, backwards: bool, each: &mut dyn FnMut(&[u8], f64)) {
        match &self.0 {
            Form::Small(small) => small.walk(ranks, backwards, each),
            Form::Large(large) => large.walk(ranks, backwards, each),
        }
    }

    /// Gives all members and their scores in order.
    pub fn for_each(&self, each: &mut dyn FnMut(&[u8], f64)) {
        self.walk(0..self.len(), false, each);
    }

    /// Gives members and scores from a cursor on, about `count` of them, and the cursor to go on
    /// with; 0 at the end, which a small set reaches at once.
    pub fn scan(&self, cursor: u64, count: usize, each: &mut dyn FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Small(small) => {
                small.walk(0..small.len(), false, each);
                0
            }
            Form::Large(large) => large.scan(cursor, count, each),
        }
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Small(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// Heap memory owned, in bytes, in constant time.
    pub fn memory(&self) -> usize {
        match &self.0 {
            Form::Small(small) => small.memory(),
            Form::Large(large) => large.memory(),
        }
    }

    /// Takes the value into a digest as DEBUG DIGEST of Redis 7.2 and Valkey does; Redis 7.0 has
    /// 17 digits of scores there.
    pub fn digest(&self, digest: &mut Digest) {
        let mut text = Vec::new();
        self.for_each(&mut |member, score| {
            let mut one = Digest::default();
            one.mix(member);
            text.clear();
            number::append_f64_shortest(&mut text, score);
            one.mix(&text);
            digest.xor(&one.0);
        });
    }

    fn rank_where(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        match &self.0 {
            Form::Small(small) => small.rank_where(before),
            Form::Large(large) => large.rank_where(before),
        }
    }

    fn grow(&mut self) {
        let Form::Small(small) = &self.0 else { return };
        let mut large = Box::<Large>::default();
        small.walk(0..small.len(), false, &mut |member, score| {
            large.add(member, score);
        });
        self.0 = Form::Large(large);
    }

    /// Asserts what always holds.
    #[cfg(test)]
    fn invariants(&self) {
        if let Form::Large(large) = &self.0 {
            large.invariants();
        }
    }
}

#[cfg(test)]
mod tests;
