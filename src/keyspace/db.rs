//! One database of one shard: the shard's slots, made in chunks when first used. Owned by a
//! keyspace; knows nothing of WATCH, epochs or gauges.
//!
//! What always holds: the totals of a chunk are the sums of its slots', those of the database the
//! sums of its chunks', and the memory counted is what the tables and entries own.

use std::ops::RangeInclusive;

use fastrand::Rng;

use crate::base::ids::Slot;
use crate::keyspace::dict::Node;
use crate::keyspace::entry::Entry;
use crate::keyspace::key::Key;
use crate::keyspace::memory::size_class;
use crate::keyspace::scan::Cursor;
use crate::keyspace::table::Leaf;
use crate::keyspace::totals::{DueWalk, ExpiryChange, NEVER, Totals};

/// One database's part on one shard.
pub struct Db {
    first_slot: u16,
    chunks: Box<[Option<Box<Chunk>>]>,
    totals: Totals,
    expiry_sum: u128,
    memory: usize,
}

/// Neighbouring slots, with their sums, so that random choice and expiry skip what they can.
struct Chunk {
    totals: Totals,
    slots: [Node; CHUNK_SLOTS],
}

impl Db {
    /// An empty database over a range of slots.
    pub fn new(slots: &RangeInclusive<u16>) -> Db {
        let chunks: Box<[_]> = (0..slots.len().div_ceil(CHUNK_SLOTS)).map(|_| None).collect();
        let memory = size_class(size_of_val(&*chunks)) + size_class(size_of::<Db>());
        Db { first_slot: *slots.start(), chunks, totals: Totals::EMPTY, expiry_sum: 0, memory }
    }

    /// Keys, expiries and the bound of the next one.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The mean of all expiries in Unix milliseconds; 0 without any.
    pub fn expiry_mean_ms(&self) -> u64 {
        let mean = self.expiry_sum.checked_div(u128::from(self.totals.expires)).unwrap_or(0);
        u64::try_from(mean).expect("a mean of u64s")
    }

    /// Bytes owned by tables and entries.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Finds a key's entry, expired or not.
    pub fn find(&self, key: &Key<'_>) -> Option<&Entry> {
        let (chunk, slot) = self.place(key.slot);
        self.chunks[chunk].as_ref()?.slots[slot].find(key)
    }

    /// Reads what finding these keys reads, level by level for all of them: the loads of one level
    /// do not wait for each other.
    pub fn warm(&self, places: impl Iterator<Item = (Slot, u64)>) {
        let mut leaves: [Option<(&Leaf, u16)>; WARM_MAX] = [None; WARM_MAX];
        let mut count = 0;
        for (slot, hash) in places.take(WARM_MAX) {
            let (chunk, slot) = self.place(slot);
            leaves[count] = self.chunks[chunk].as_ref().map(|chunk| chunk.slots[slot].leaf(hash));
            count += 1;
        }
        // A search branches on what it reads, and a branch foretold wrongly makes the searches
        // behind it wait: so first what they will most likely read, without branches.
        let mut likely = 0usize;
        for (leaf, hash) in leaves.iter().take(count).flatten() {
            likely ^= leaf.read_likely(*hash);
        }
        std::hint::black_box(likely);
        let mut indexes = [0; WARM_MAX];
        for (index, leaf) in indexes.iter_mut().zip(leaves).take(count) {
            *index = leaf.map_or(0, |(leaf, hash)| leaf.lower_bound(hash));
        }
        let mut read = 0u32;
        for (index, leaf) in indexes.iter().zip(leaves).take(count) {
            let entry = leaf.and_then(|(leaf, _)| leaf.entries().get(*index));
            read ^= entry.map_or(0, |entry| entry.meta().access);
        }
        std::hint::black_box(read);
    }

    /// Whether a key of a slot may have an expiry that is over: by bounds alone, which is all that
    /// most commands need to know of expiry.
    pub fn may_hold_expired(&self, slot: Slot, now_ms: u64) -> bool {
        if self.totals.next_expiry >= now_ms {
            return false;
        }
        let (chunk, slot) = self.place(slot);
        let chunk = self.chunks[chunk].as_ref();
        chunk.is_some_and(|chunk| chunk.slots[slot].totals().next_expiry < now_ms)
    }

    /// Finds an entry for changing anything but its expiry. The second part is the database's byte
    /// count, which the caller keeps true.
    pub fn find_mut(&mut self, key: &Key<'_>) -> Option<(&mut Entry, &mut usize)> {
        let (chunk, slot) = self.place(key.slot);
        let entry = self.chunks[chunk].as_mut()?.slots[slot].find_mut(key)?;
        Some((entry, &mut self.memory))
    }

    /// Adds an entry whose key is not there yet.
    pub fn insert(&mut self, key: &Key<'_>, entry: Entry) {
        let (chunk, slot) = self.place(key.slot);
        let expire = entry.expire();
        self.memory += entry.memory();
        self.totals.add(expire);
        self.expiry_sum += u128::from(expire.unwrap_or(0));
        if self.chunks[chunk].is_none() {
            self.memory += size_class(size_of::<Chunk>());
        }
        let chunk = self.chunks[chunk].get_or_insert_with(Chunk::new);
        chunk.totals.add(expire);
        chunk.slots[slot].insert(key.hash, entry, &mut self.memory);
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &Key<'_>) -> Option<Entry> {
        let (chunk, slot) = self.place(key.slot);
        let chunk = self.chunks[chunk].as_mut()?;
        let entry = chunk.slots[slot].remove(key, &mut self.memory)?;
        let expire = entry.expire();
        self.memory -= entry.memory();
        self.totals.subtract(expire);
        self.expiry_sum -= u128::from(expire.unwrap_or(0));
        chunk.totals.subtract(expire);
        Some(entry)
    }

    /// Follows a change of the expiry of a key that is there.
    pub fn change_expiry(&mut self, key: &Key<'_>, change: ExpiryChange) {
        let (chunk, slot) = self.place(key.slot);
        self.totals.change_expiry(change);
        self.expiry_sum -= u128::from(change.old.unwrap_or(0));
        self.expiry_sum += u128::from(change.new.unwrap_or(0));
        if let Some(chunk) = &mut self.chunks[chunk] {
            chunk.totals.change_expiry(change);
            chunk.slots[slot].change_expiry(key.hash, change);
        }
    }

    /// Keys of one slot.
    pub fn slot_len(&self, slot: Slot) -> u64 {
        let (chunk, slot) = self.place(slot);
        self.chunks[chunk].as_ref().map_or(0, |chunk| chunk.slots[slot].totals().len)
    }

    /// Calls `visit` for all entries, in the order of slots and hashes.
    pub fn for_each(&self, visit: &mut dyn FnMut(&Entry)) {
        for chunk in self.chunks.iter().flatten() {
            chunk.slots.iter().for_each(|node| node.for_each(visit));
        }
    }

    /// Calls `visit` for at least `count` entries from `cursor`, whose slot is ours, on. Where to
    /// go on; `None` when all slots are done.
    pub fn scan(
        &self,
        cursor: Cursor,
        slot: Slot,
        mut count: usize,
        visit: &mut dyn FnMut(&Entry),
    ) -> Option<Cursor> {
        let mut place = cursor.place();
        let (first_chunk, mut first) = self.place(slot);
        for (index, chunk) in self.chunks.iter().enumerate().skip(first_chunk) {
            for (offset, node) in
                chunk.iter().flat_map(|chunk| &chunk.slots).enumerate().skip(first)
            {
                if let Some(place) = node.scan(place, &mut count, visit) {
                    let slot = usize::from(self.first_slot) + index * CHUNK_SLOTS + offset;
                    let slot = u16::try_from(slot).expect("a slot of ours");
                    return Some(Cursor::new(Slot(slot), place));
                }
                place = 0;
            }
            (place, first) = (0, 0);
        }
        None
    }

    /// A key chosen uniformly.
    pub fn random(&self, rng: &mut Rng) -> Option<&Entry> {
        let index = random_below(self.totals.len, rng)?;
        let (chunk, rest) = pick(self.chunks(), index, |chunk| chunk.totals.len)?;
        let (node, rest) = pick(&chunk.slots, rest, |node| node.totals().len)?;
        node.nth(rest)
    }

    /// A key with an expiry, chosen nearly uniformly.
    pub fn random_volatile(&self, rng: &mut Rng) -> Option<&Entry> {
        let index = random_below(self.totals.expires, rng)?;
        let (chunk, rest) = pick(self.chunks(), index, |chunk| chunk.totals.expires)?;
        let (node, rest) = pick(&chunk.slots, rest, |node| node.totals().expires)?;
        node.volatile(rest, rng)
    }

    /// Collects keys whose time is over; see [`DueWalk`].
    pub fn due(&mut self, walk: &mut DueWalk<'_>) {
        if self.totals.next_expiry >= walk.now_ms {
            return;
        }
        let mut bound = NEVER;
        for chunk in self.chunks.iter_mut().flatten() {
            if chunk.totals.next_expiry < walk.now_ms && !walk.is_over() {
                chunk.due(walk);
            }
            bound = bound.min(chunk.totals.next_expiry);
        }
        self.totals.next_expiry = bound;
    }

    /// Asserts what always holds. Visits everything: for tests.
    pub fn invariants(&self) {
        let mut sum = Totals::EMPTY;
        let mut memory = size_class(size_of_val(&*self.chunks)) + size_class(size_of::<Db>());
        for chunk in self.chunks.iter().flatten() {
            let mut below = Totals::EMPTY;
            for node in &chunk.slots {
                let totals = node.invariants();
                below.len += totals.len;
                below.expires += totals.expires;
                below.next_expiry = below.next_expiry.min(totals.next_expiry);
                memory += node.memory();
            }
            assert_eq!((chunk.totals.len, chunk.totals.expires), (below.len, below.expires));
            assert!(chunk.totals.next_expiry <= below.next_expiry);
            assert!(self.totals.next_expiry <= below.next_expiry);
            memory += size_class(size_of::<Chunk>());
            sum.len += below.len;
            sum.expires += below.expires;
        }
        let mut expiry_sum = 0;
        self.for_each(&mut |entry| {
            memory += entry.memory();
            expiry_sum += u128::from(entry.expire().unwrap_or(0));
        });
        assert_eq!((self.totals.len, self.totals.expires), (sum.len, sum.expires));
        assert_eq!((self.memory, self.expiry_sum), (memory, expiry_sum));
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().flatten().map(|chunk| &**chunk)
    }

    fn place(&self, slot: Slot) -> (usize, usize) {
        let index = usize::from(slot.0 - self.first_slot);
        (index / CHUNK_SLOTS, index % CHUNK_SLOTS)
    }
}

impl Chunk {
    fn new() -> Box<Chunk> {
        let slots = std::array::from_fn(|_| Node::default());
        Box::new(Chunk { totals: Totals::EMPTY, slots })
    }

    fn due(&mut self, walk: &mut DueWalk<'_>) {
        let mut bound = NEVER;
        for node in &mut self.slots {
            if node.totals().next_expiry < walk.now_ms && !walk.is_over() {
                node.due(walk);
            }
            bound = bound.min(node.totals().next_expiry);
        }
        self.totals.next_expiry = bound;
    }
}

/// The part that holds the `index`th of what `size` counts, and the index inside it.
fn pick<'a, T: 'a>(
    parts: impl IntoIterator<Item = &'a T>,
    mut index: u64,
    size: impl Fn(&T) -> u64,
) -> Option<(&'a T, u64)> {
    for part in parts {
        let size = size(part);
        if index < size {
            return Some((part, index));
        }
        index -= size;
    }
    None
}

fn random_below(len: u64, rng: &mut Rng) -> Option<u64> {
    (len > 0).then(|| rng.u64(..len))
}

/// Keys warmed at the same time: about the loads that a core has under way at once.
pub const WARM_MAX: usize = 16;

/// Slots of a chunk: 4 KiB, what a database with one key costs.
const CHUNK_SLOTS: usize = 64;
