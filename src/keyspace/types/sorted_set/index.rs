//! Finds the number of a member by its text: an index over hashes that grows one small table at a
//! time. Plain data, any core; knows neither texts nor scores: whoever asks compares.
//!
//! A table holds the numbers whose hashes begin with the same bits, in the order of the 16 bits
//! that follow ("tags"). Tables are split one after the other, in the order of linear hashing:
//! table `i` of `n` holds the hashes whose reversed bits end in `i`. So no insertion moves more
//! than one table, and the order of the hashes, which scans walk, is the same at every size.
//!
//! What always holds: tags of a table are sorted, and as many as its numbers.

use crate::keyspace::memory::size_class;
use crate::keyspace::types::sorted_set::members::Id;

/// The index.
#[derive(Clone, Debug)]
pub struct Index {
    tables: Vec<Table>,
    len: usize,
    /// Bytes of the tables' vectors.
    bytes: usize,
}

#[derive(Clone, Debug, Default)]
struct Table {
    tags: Vec<u16>,
    ids: Vec<Id>,
}

impl Default for Index {
    fn default() -> Index {
        Index { tables: vec![Table::default()], len: 0, bytes: 0 }
    }
}

impl Index {
    /// The number under `hash` that `is_it` accepts.
    pub fn find(&self, hash: u64, is_it: impl Fn(Id) -> bool) -> Option<Id> {
        let (table, depth) = self.place_of(hash);
        let table = &self.tables[table];
        let tag = tag_of(hash, depth);
        let at = table.first_at(tag);
        let found = table.tags[at..].iter().zip(&table.ids[at..]);
        found.take_while(|(held, _)| **held == tag).map(|(_, id)| *id).find(|id| is_it(*id))
    }

    /// Takes in a number that is not there yet. `hash_of` hashes those that are.
    pub fn insert(&mut self, hash: u64, id: Id, hash_of: impl Fn(Id) -> u64) {
        if self.len >= self.tables.len() * TABLE_MEAN {
            self.split(hash_of);
        }
        let (table, depth) = self.place_of(hash);
        let table = &mut self.tables[table];
        let before = table.memory();
        table.insert(tag_of(hash, depth), id);
        self.bytes = self.bytes - before + table.memory();
        self.len += 1;
    }

    /// Lets a number go that stands under `hash`.
    pub fn remove(&mut self, hash: u64, id: Id, hash_of: impl Fn(Id) -> u64) {
        let (table, depth) = self.place_of(hash);
        let table = &mut self.tables[table];
        let before = table.memory();
        let at = table.first_at(tag_of(hash, depth));
        let at = table.ids[at..].iter().position(|held| *held == id).map(|offset| at + offset);
        let at = at.expect("a member is in the index");
        table.tags.remove(at);
        table.ids.remove(at);
        table.fit();
        self.bytes = self.bytes - before + table.memory();
        self.len -= 1;
        if self.tables.len() > 1 && self.len < (self.tables.len() - 1) * TABLE_MEAN / 2 {
            self.merge(hash_of);
        }
    }

    /// Gives every number from the place of `cursor` on, until `count` were given or more stand at
    /// one place, and the place to go on from; 0 at the end. A number that is there from the first
    /// step of a scan to its last is given at least once, however the index grows and shrinks.
    pub fn scan(&self, cursor: u64, count: usize, each: &mut dyn FnMut(Id)) -> u64 {
        let (mut place, mut left) = (cursor & (PLACE_END - 1), count.max(1));
        loop {
            let hash = place << (u64::BITS - PLACE_BITS);
            let (index, depth) = self.place_of(hash);
            let table = &self.tables[index];
            let prefix = prefix_of(hash, depth);
            let mut at = table.first_at(tag_of(hash, depth));
            while left > 0 && at < table.ids.len() {
                let tag = table.tags[at];
                while at < table.ids.len() && table.tags[at] == tag {
                    each(table.ids[at]);
                    left = left.saturating_sub(1);
                    at += 1;
                }
            }
            if let Some(&tag) = table.tags.get(at) {
                return place_at(prefix, depth, u64::from(tag));
            }
            place = place_at(prefix + 1, depth, 0);
            if place >= PLACE_END {
                return 0;
            }
            if left == 0 {
                return place;
            }
        }
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes + size_class(self.tables.capacity() * size_of::<Table>())
    }

    /// The table for a hash, and how many bits of the hash it says.
    fn place_of(&self, hash: u64) -> (usize, u32) {
        let tables = self.tables.len();
        let level = tables.ilog2();
        let reversed = hash.reverse_bits();
        let long = (reversed & ((2 << level) - 1)) as usize;
        // A table that is not there yet: the one it will be split from.
        let table = if long < tables { long } else { long & ((1 << level) - 1) };
        (table, self.depth(table))
    }

    fn depth(&self, table: usize) -> u32 {
        let level = self.tables.len().ilog2();
        let split = self.tables.len() - (1 << level);
        if table < split || table >= 1 << level { level + 1 } else { level }
    }

    fn split(&mut self, hash_of: impl Fn(Id) -> u64) {
        let level = self.tables.len().ilog2();
        let source = self.tables.len() - (1 << level);
        self.tables.push(Table::default());
        self.rehash(source, self.tables.len() - 1, hash_of);
    }

    fn merge(&mut self, hash_of: impl Fn(Id) -> u64) {
        let gone = self.tables.pop().expect("more than one table");
        self.bytes -= gone.memory();
        let level = self.tables.len().ilog2();
        let target = self.tables.len() - (1 << level);
        let mut ids = std::mem::take(&mut self.tables[target]);
        self.bytes -= ids.memory();
        ids.ids.extend(gone.ids);
        self.fill(target, ids.ids, hash_of);
        if self.tables.capacity() > 4 * self.tables.len() {
            self.tables.shrink_to(2 * self.tables.len());
        }
    }

    /// Spreads the numbers of `source` over it and `other`.
    fn rehash(&mut self, source: usize, other: usize, hash_of: impl Fn(Id) -> u64) {
        let table = std::mem::take(&mut self.tables[source]);
        self.bytes -= table.memory();
        let place = |id: &Id| self.place_of(hash_of(*id)).0 == source;
        let (stay, go): (Vec<Id>, Vec<Id>) = table.ids.iter().partition(|id| place(id));
        self.fill(source, stay, &hash_of);
        self.fill(other, go, &hash_of);
    }

    fn fill(&mut self, index: usize, ids: Vec<Id>, hash_of: impl Fn(Id) -> u64) {
        let depth = self.depth(index);
        let tagged = ids.into_iter().map(|id| (tag_of(hash_of(id), depth), id));
        let mut tagged: Vec<(u16, Id)> = tagged.collect();
        tagged.sort_unstable();
        let room = room_for(tagged.len());
        let mut table = Table { tags: Vec::with_capacity(room), ids: Vec::with_capacity(room) };
        table.tags.extend(tagged.iter().map(|(tag, _)| *tag));
        table.ids.extend(tagged.iter().map(|(_, id)| *id));
        self.bytes += table.memory();
        self.tables[index] = table;
    }
}

impl Table {
    /// The first place whose tag is not below `tag`. Where an even spread would have it is a good
    /// guess.
    fn first_at(&self, tag: u16) -> usize {
        let tags = self.tags.as_slice();
        let mut at = (usize::from(tag) * tags.len()) >> u16::BITS;
        while at > 0 && tags[at - 1] >= tag {
            at -= 1;
        }
        while at < tags.len() && tags[at] < tag {
            at += 1;
        }
        at
    }

    fn insert(&mut self, tag: u16, id: Id) {
        if self.ids.len() == self.ids.capacity() {
            let room = room_for(self.ids.len()) - self.ids.len();
            self.tags.reserve_exact(room);
            self.ids.reserve_exact(room);
        }
        let at = self.first_at(tag);
        self.tags.insert(at, tag);
        self.ids.insert(at, id);
    }

    /// Gives memory back when half of it is idle.
    fn fit(&mut self) {
        let room = room_for(self.ids.len());
        if self.ids.capacity() >= 2 * room {
            self.tags.shrink_to(room);
            self.ids.shrink_to(room);
        }
    }

    fn memory(&self) -> usize {
        let ids = self.ids.capacity() * size_of::<Id>();
        size_class(self.tags.capacity() * size_of::<u16>()) + size_class(ids)
    }
}

/// The first bits of a hash, which its table says.
fn prefix_of(hash: u64, depth: u32) -> u64 {
    if depth == 0 { 0 } else { hash >> (u64::BITS - depth) }
}

/// The bits behind those.
fn tag_of(hash: u64, depth: u32) -> u16 {
    ((hash << depth) >> (u64::BITS - u16::BITS)) as u16
}

/// The place of a tag in the order that scans walk.
fn place_at(prefix: u64, depth: u32, tag: u64) -> u64 {
    ((prefix << u16::BITS) | tag) << (PLACE_BITS - u16::BITS - depth)
}

/// Room for so many numbers and some more: an eighth, at least four.
fn room_for(len: usize) -> usize {
    (len + (len / 8).max(4)).next_multiple_of(4)
}

/// Numbers a table on the average, before one more is made.
const TABLE_MEAN: usize = 192;
/// Bits of a hash that a scan's cursor holds. With 16 for the tag they leave 32 for the tables.
const PLACE_BITS: u32 = 48;
/// Behind the last place.
const PLACE_END: u64 = 1 << PLACE_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(id: Id) -> u64 {
        let mixed = (u64::from(id) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn what_was_inserted_is_found_at_every_size() {
        let mut index = Index::default();
        for id in 0..20_000 {
            assert_eq!(index.find(hash_of(id), |held| held == id), None);
            index.insert(hash_of(id), id, hash_of);
            let old = id / 2;
            assert_eq!(index.find(hash_of(old), |held| held == old), Some(old));
        }
        assert!((0..20_000).all(|id| index.find(hash_of(id), |held| held == id) == Some(id)));
        assert!(index.memory() < 20_000 * 8, "{} bytes", index.memory());
        for id in 0..20_000 {
            index.remove(hash_of(id), id, hash_of);
            assert_eq!(index.find(hash_of(id), |held| held == id), None);
        }
        assert!(index.memory() < 2000, "{} bytes are left", index.memory());
        let held: usize = index.tables.iter().map(Table::memory).sum();
        assert_eq!(index.bytes, held);
    }

    #[test]
    fn a_scan_misses_nothing_while_the_index_changes() {
        for seed in 0..20 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut index = Index::default();
            let mut top = random.u32(1000..10_000);
            (0..top).for_each(|id| index.insert(hash_of(id), id, hash_of));
            // The first 500 stay, others come and go.
            let (mut cursor, mut seen, mut steps) = (0, vec![false; 500], 0);
            let grows = random.bool();
            loop {
                cursor = index.scan(cursor, random.usize(1..30), &mut |id| {
                    if let Some(seen) = seen.get_mut(id as usize) {
                        *seen = true;
                    }
                });
                steps += 1;
                if cursor == 0 {
                    break;
                }
                for _ in 0..random.usize(..100) {
                    if grows {
                        index.insert(hash_of(top), top, hash_of);
                        top += 1;
                    } else if top > 500 {
                        top -= 1;
                        index.remove(hash_of(top), top, hash_of);
                    }
                }
            }
            assert!(seen.iter().all(|seen| *seen), "seed {seed}, {steps} steps");
        }
    }
}
