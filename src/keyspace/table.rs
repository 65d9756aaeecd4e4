//! Some hundred entries of one slot in the order of 16 bits of their hashes. Owned by a node of
//! `dict`.
//!
//! The hashes stand in an array of their own, so a search touches two or three lines: it begins
//! where an even spread would have the hash, walks the few places it is off, and tells equal hashes
//! apart by the keys. No gaps and no tombstones: a table costs little over 10 bytes a key at every
//! count, and SCAN finds its order ready.
//!
//! What always holds: both arrays are equally long and sorted by hash, `expires` counts the entries
//! with an expiry, and none of them expires before `next_expiry`.

use fastrand::Rng;

use crate::keyspace::entry::Entry;
use crate::keyspace::memory::size_class;
use crate::keyspace::totals::{DueWalk, ExpiryChange, NEVER, Totals};

/// One table.
pub struct Leaf {
    hashes: Vec<u16>,
    entries: Vec<Entry>,
    expires: u32,
    next_expiry: u64,
}

impl Default for Leaf {
    fn default() -> Leaf {
        Leaf { hashes: Vec::new(), entries: Vec::new(), expires: 0, next_expiry: NEVER }
    }
}

impl Leaf {
    /// The hashes, in ascending order.
    pub fn hashes(&self) -> &[u16] {
        &self.hashes
    }

    /// The entries, in the order of their hashes.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries, the table being given up.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// What is known of them all.
    pub fn totals(&self) -> Totals {
        Totals {
            len: self.entries.len() as u64,
            expires: u64::from(self.expires),
            next_expiry: self.next_expiry,
        }
    }

    /// Finds a key by its hash here and its bytes.
    pub fn find(&self, hash: u16, key: &[u8]) -> Option<&Entry> {
        Some(&self.entries[self.index_of(hash, key)?])
    }

    /// Finds a key's entry for changing it.
    pub fn find_mut(&mut self, hash: u16, key: &[u8]) -> Option<&mut Entry> {
        let index = self.index_of(hash, key)?;
        Some(&mut self.entries[index])
    }

    /// Adds an entry whose key is not there yet. `memory` follows the table's bytes.
    pub fn insert(&mut self, hash: u16, entry: Entry, memory: &mut usize) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            // Tables grow by quarters, in step with the allocator's sizes.
            let more = capacity_class(len + 1) - len;
            *memory -= self.memory();
            self.entries.reserve_exact(more);
            self.hashes.reserve_exact(more);
            *memory += self.memory();
        }
        self.change_expiry(ExpiryChange { old: None, new: entry.expire() });
        let index = self.lower_bound(hash);
        self.hashes.insert(index, hash);
        self.entries.insert(index, entry);
    }

    /// Removes a key.
    pub fn remove(&mut self, hash: u16, key: &[u8], memory: &mut usize) -> Option<Entry> {
        self.remove_at(self.index_of(hash, key)?, memory)
    }

    /// Removes the `index`th entry.
    pub fn remove_at(&mut self, index: usize, memory: &mut usize) -> Option<Entry> {
        if index >= self.entries.len() {
            return None;
        }
        self.hashes.remove(index);
        let entry = self.entries.remove(index);
        self.change_expiry(ExpiryChange { old: entry.expire(), new: None });
        let len = self.entries.len();
        // Room for some more stays, so that one insertion does not undo it.
        let capacity = capacity_class(len + len / 4 + 1);
        if len <= self.entries.capacity() / 2 && capacity < self.entries.capacity() {
            *memory -= self.memory();
            self.entries.shrink_to(capacity);
            self.hashes.shrink_to(capacity);
            *memory += self.memory();
        }
        Some(entry)
    }

    /// Follows a change of the expiry of one of the entries.
    pub fn change_expiry(&mut self, change: ExpiryChange) {
        let mut totals = self.totals();
        totals.change_expiry(change);
        self.expires = u32::try_from(totals.expires).expect("a table is far smaller");
        self.next_expiry = totals.next_expiry;
    }

    /// Calls `visit` for entries from the place `from` on, until `left` of them were seen; where to
    /// go on, or `None` at the end. `start` and `shift` make places of the hashes here. Entries of
    /// one hash are never torn apart.
    pub fn scan(
        &self,
        start: u64,
        shift: u32,
        from: u64,
        left: &mut usize,
        visit: &mut dyn FnMut(&Entry),
    ) -> Option<u64> {
        // A place inside one of our steps (the tree was deeper before) begins that step again.
        let first = u16::try_from(from.saturating_sub(start) >> shift)
            .expect("the walk visits only nodes that end behind `from`");
        let mut last = None;
        for index in self.lower_bound(first)..self.entries.len() {
            let hash = self.hashes[index];
            if *left == 0 && last != Some(hash) {
                return Some(start + (u64::from(hash) << shift));
            }
            visit(&self.entries[index]);
            *left = left.saturating_sub(1);
            last = Some(hash);
        }
        None
    }

    /// An entry with an expiry: some tries at random, then the first from a random index on.
    pub fn volatile(&self, rng: &mut Rng) -> Option<&Entry> {
        let len = self.entries.len();
        if self.expires == 0 {
            return None;
        }
        for _ in 0..VOLATILE_TRIES {
            let entry = &self.entries[rng.usize(..len)];
            if entry.expire().is_some() {
                return Some(entry);
            }
        }
        let (before, after) = self.entries.split_at(rng.usize(..len));
        after.iter().chain(before).find(|entry| entry.expire().is_some())
    }

    /// Reports the entries whose time is over, and makes the bound exact.
    pub fn due(&mut self, walk: &mut DueWalk<'_>) {
        walk.visits_left = walk.visits_left.saturating_sub(self.entries.len());
        let mut bound = NEVER;
        for entry in &self.entries {
            let Some(at) = entry.expire() else { continue };
            bound = bound.min(at);
            if at < walk.now_ms && walk.left > 0 {
                (walk.found)(entry.key());
                walk.left -= 1;
            }
        }
        self.next_expiry = bound;
    }

    /// Heap memory of the table, without that of the entries.
    pub fn memory(&self) -> usize {
        size_class(self.entries.capacity() * ENTRY)
            + size_class(self.hashes.capacity() * size_of::<u16>())
    }

    /// Reads the places where a hash and its entry most likely stand; what is read means nothing.
    pub fn read_likely(&self, hash: u16) -> usize {
        let index = self.likely(hash);
        let entry = self.entries.get(index).map_or(0, Entry::address);
        entry ^ usize::from(self.hashes.get(index).copied().unwrap_or_default())
    }

    /// Where an even spread has a hash.
    fn likely(&self, hash: u16) -> usize {
        (usize::from(hash) * self.hashes.len()) >> u16::BITS
    }

    /// The first index whose hash is not below `hash`.
    pub fn lower_bound(&self, hash: u16) -> usize {
        let mut index = self.likely(hash);
        let hashes = &self.hashes[..];
        while index > 0 && hashes[index - 1] >= hash {
            index -= 1;
        }
        while index < hashes.len() && hashes[index] < hash {
            index += 1;
        }
        index
    }

    fn index_of(&self, hash: u16, key: &[u8]) -> Option<usize> {
        let mut index = self.lower_bound(hash);
        while *self.hashes.get(index)? == hash {
            if self.entries[index].key() == key {
                return Some(index);
            }
            index += 1;
        }
        None
    }
}

/// How many entries a table makes room for, to hold `len`: steps of a quarter or less, in step with
/// the allocator's sizes.
fn capacity_class(len: usize) -> usize {
    size_class(len * ENTRY) / ENTRY
}

const ENTRY: usize = size_of::<Entry>();
/// With a tenth of the keys having an expiry, four of five choices end within these.
const VOLATILE_TRIES: usize = 16;
