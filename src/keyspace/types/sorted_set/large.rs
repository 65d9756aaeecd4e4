//! A sorted set of any size: members, found by an index and ordered by a tree. Plain data, any
//! core.
//!
//! What always holds: members, index and tree hold the same numbers.

use std::ops::Range;

use crate::keyspace::key::hash_of;
use crate::keyspace::memory::size_class;
use crate::keyspace::types::sorted_set::index::Index;
use crate::keyspace::types::sorted_set::members::{Id, Members};
use crate::keyspace::types::sorted_set::tree::{Entry, Tree};

/// The set.
#[derive(Clone, Debug, Default)]
pub struct Large {
    members: Members,
    index: Index,
    tree: Tree,
}

impl Large {
    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|id| self.members.score(id))
    }

    /// A member's rank and score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.tree.rank(self.before(score, member)), score))
    }

    /// Gives a member a score; the one it had. A score that is equal is not replaced.
    pub fn add(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = hash_of(member);
        let found = self.index.find(hash, |id| self.members.text(id) == member);
        let Some(id) = found else {
            let id = self.members.insert(member, score);
            let members = &self.members;
            self.index.insert(hash, id, |id| hash_of(members.text(id)));
            self.place(Entry { score, id }, member);
            return None;
        };
        let old = self.members.score(id);
        if old != score {
            let rank = self.tree.rank(self.before(old, member));
            let removed = self.tree.remove(rank);
            debug_assert_eq!(removed.map(|entry| entry.id), Some(id));
            self.members.set_score(id, score);
            self.place(Entry { score, id }, member);
        }
        Some(old)
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = hash_of(member);
        let id = self.index.find(hash, |id| self.members.text(id) == member)?;
        let score = self.members.score(id);
        let rank = self.tree.rank(self.before(score, member));
        let removed = self.tree.remove(rank);
        debug_assert_eq!(removed.map(|entry| entry.id), Some(id));
        self.forget(hash, id);
        Some(score)
    }

    /// Removes the members of these ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        for _ in ranks.clone() {
            let Some(entry) = self.tree.remove(ranks.start) else { return };
            self.forget(hash_of(self.members.text(entry.id)), entry.id);
        }
    }

    /// How many members come first of which `before` accepts score and text; it must accept none
    /// behind one that it refuses.
    pub fn rank_where(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        self.tree.rank(|entry| before(entry.score, self.members.text(entry.id)))
    }

    /// Gives the members of these ranks in order, or backwards.
    pub fn walk(&self, ranks: Range<usize>, backwards: bool, each: &mut dyn FnMut(&[u8], f64)) {
        let members = &self.members;
        self.tree.walk(ranks, backwards, &mut |entry| each(members.text(entry.id), entry.score));
    }

    /// Gives members as [`Index::scan`] does; the cursor to go on with, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, each: &mut dyn FnMut(&[u8], f64)) -> u64 {
        let members = &self.members;
        self.index.scan(cursor, count, &mut |id| each(members.text(id), members.score(id)))
    }

    /// Heap memory owned, this struct's own bytes included.
    pub fn memory(&self) -> usize {
        let own = size_class(size_of::<Large>());
        own + self.members.memory() + self.index.memory() + self.tree.memory()
    }

    fn find(&self, member: &[u8]) -> Option<Id> {
        self.index.find(hash_of(member), |id| self.members.text(id) == member)
    }

    /// What comes before a member with this score.
    fn before(&self, score: f64, member: &[u8]) -> impl Fn(Entry) -> bool {
        let members = &self.members;
        move |entry| {
            entry.score < score || (entry.score == score && members.text(entry.id) < member)
        }
    }

    fn place(&mut self, entry: Entry, member: &[u8]) {
        let Large { members, tree, .. } = self;
        tree.insert(entry, |other| {
            other.score < entry.score
                || (other.score == entry.score && members.text(other.id) < member)
        });
    }

    fn forget(&mut self, hash: u64, id: Id) {
        let members = &self.members;
        self.index.remove(hash, id, |id| hash_of(members.text(id)));
        self.members.remove(id);
    }

    /// Asserts what always holds.
    #[cfg(test)]
    pub fn invariants(&self) {
        assert_eq!(self.members.len(), self.tree.len());
        self.tree.invariants(|one, other| {
            let key = |entry: Entry| (entry.score, self.members.text(entry.id));
            key(one) < key(other)
        });
    }
}
