//! One hash slot's keys in the order of their hashes: one sorted table, or a tree of them once there
//! are many. Owned by a database; knows neither slots nor databases.
//!
//! A *place* is the highest 48 bits of a key's hash. A table at depth d holds the places that share
//! their first 4·d bits, sorted by the 16 bits after those; they stand in an array of their own, so a
//! search touches two or three lines: the position is guessed from the hash, which is off by a few
//! entries only, and equal hashes are told apart by the keys. No gaps and no tombstones: a table costs
//! little over 10 bytes a key at every count, and SCAN finds its order ready. A table above [`LEAF_MAX`]
//! entries becomes an inner node of 16 tables, so inserting never moves more than one table's worth.
//!
//! What always holds: an inner node's totals are the sums of its children, `next_expiry` is at most
//! the earliest expiry below, and no inner node is empty.

use fastrand::Rng;

use crate::keyspace::entry::Entry;
use crate::keyspace::key::{Key, hash_of};
use crate::keyspace::memory::size_class;
use crate::keyspace::scan::PLACE_BITS;

/// The most keys of one table (but at the depth where the hash ends). 4 KiB of pointers: what an
/// insertion may have to move; the search's first guess is then off by about ten.
pub const LEAF_MAX: usize = 512;

/// "No key expires" as a lower bound of expiries.
pub const NEVER: u64 = u64::MAX;

/// One slot's keys, or a part of them.
pub enum Node {
    /// One sorted table.
    Leaf(Leaf),
    /// 16 nodes, by the next 4 bits of the hash.
    Inner(Box<Inner>),
}

/// One table.
pub struct Leaf {
    hashes: Vec<u16>,
    entries: Vec<Entry>,
    expires: u32,
    next_expiry: u64,
}

/// A node of 16.
pub struct Inner {
    totals: Totals,
    children: [Node; FANOUT],
}

/// What is known of the keys below a node without visiting them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Keys.
    pub len: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// No key below expires before this (Unix ms); [`NEVER`] if none does at all.
    pub next_expiry: u64,
}

/// A walk that collects keys whose time is over.
pub struct DueWalk<'a> {
    /// Keys are due whose expiry is before this (Unix ms).
    pub now_ms: u64,
    /// How many more keys may be collected.
    pub left: usize,
    /// How many more entries may be looked at.
    pub visits_left: usize,
    /// Receives each key.
    pub found: &'a mut dyn FnMut(&[u8]),
}

/// A change of a key's expiry, for the totals above it.
#[derive(Clone, Copy)]
pub struct ExpiryChange {
    /// Before.
    pub old: Option<u64>,
    /// After.
    pub new: Option<u64>,
}

impl Totals {
    /// Of no keys.
    pub const EMPTY: Totals = Totals { len: 0, expires: 0, next_expiry: NEVER };

    /// Adds a key.
    pub fn add(&mut self, expire: Option<u64>) {
        self.len += 1;
        self.change_expiry(ExpiryChange { old: None, new: expire });
    }

    /// Takes a key away.
    pub fn subtract(&mut self, expire: Option<u64>) {
        self.len -= 1;
        self.change_expiry(ExpiryChange { old: expire, new: None });
    }

    /// Follows a change of one key's expiry. The bound only ever sinks here; walks raise it.
    pub fn change_expiry(&mut self, change: ExpiryChange) {
        self.expires -= u64::from(change.old.is_some());
        self.expires += u64::from(change.new.is_some());
        self.next_expiry = match change.new {
            _ if self.expires == 0 => NEVER,
            Some(at) => self.next_expiry.min(at),
            None => self.next_expiry,
        };
    }
}

impl Default for Node {
    fn default() -> Node {
        Node::Leaf(Leaf { hashes: Vec::new(), entries: Vec::new(), expires: 0, next_expiry: NEVER })
    }
}

impl Node {
    /// What is below.
    pub fn totals(&self) -> Totals {
        match self {
            Node::Leaf(leaf) => Totals {
                len: leaf.entries.len() as u64,
                expires: u64::from(leaf.expires),
                next_expiry: leaf.next_expiry,
            },
            Node::Inner(inner) => inner.totals,
        }
    }

    /// Finds a key.
    pub fn find(&self, key: &Key<'_>) -> Option<&Entry> {
        let mut node = self;
        let mut depth = 0;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let index = leaf.find(local(key.hash, depth), key.bytes)?;
                    return Some(&leaf.entries[index]);
                }
                Node::Inner(inner) => node = &inner.children[child(key.hash, depth)],
            }
            depth += 1;
        }
    }

    /// Finds a key for changing its entry. Whoever changes the expiry reports it to `change_expiry`.
    pub fn find_mut(&mut self, key: &Key<'_>) -> Option<&mut Entry> {
        let mut node = self;
        let mut depth = 0;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let index = leaf.find(local(key.hash, depth), key.bytes)?;
                    return Some(&mut leaf.entries[index]);
                }
                Node::Inner(inner) => node = &mut inner.children[child(key.hash, depth)],
            }
            depth += 1;
        }
    }

    /// Adds an entry whose key is not there yet. `memory` follows the tables' bytes.
    pub fn insert(&mut self, hash: u64, entry: Entry, memory: &mut usize) {
        let mut node = self;
        let mut depth = 0;
        loop {
            node.split_if_full(depth, memory);
            match node {
                Node::Leaf(leaf) => return leaf.insert(local(hash, depth), entry, memory),
                Node::Inner(inner) => {
                    inner.totals.add(entry.expire());
                    node = &mut inner.children[child(hash, depth)];
                }
            }
            depth += 1;
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &Key<'_>, memory: &mut usize) -> Option<Entry> {
        self.remove_below(key, 0, memory)
    }

    fn remove_below(&mut self, key: &Key<'_>, depth: u32, memory: &mut usize) -> Option<Entry> {
        match self {
            Node::Leaf(leaf) => leaf.remove(local(key.hash, depth), key.bytes, memory),
            Node::Inner(inner) => {
                let children = &mut inner.children;
                let entry =
                    children[child(key.hash, depth)].remove_below(key, depth + 1, memory)?;
                inner.totals.subtract(entry.expire());
                if inner.totals.len == 0 {
                    *memory -= inner.memory();
                    *self = Node::default();
                }
                Some(entry)
            }
        }
    }

    /// Follows a change of the expiry of the key with this hash.
    pub fn change_expiry(&mut self, hash: u64, change: ExpiryChange) {
        let mut node = self;
        let mut depth = 0;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.change_expiry(change),
                Node::Inner(inner) => {
                    inner.totals.change_expiry(change);
                    node = &mut inner.children[child(hash, depth)];
                }
            }
            depth += 1;
        }
    }

    /// Calls `visit` for all entries in the order of places.
    pub fn for_each(&self, visit: &mut dyn FnMut(&Entry)) {
        match self {
            Node::Leaf(leaf) => leaf.entries.iter().for_each(visit),
            Node::Inner(inner) => inner.children.iter().for_each(|node| node.for_each(visit)),
        }
    }

    /// Calls `visit` for entries from the place `from` on, until `left` of them were seen. Where to
    /// go on; `None` at the end. Entries of one place are never torn apart.
    pub fn scan(&self, from: u64, left: &mut usize, visit: &mut dyn FnMut(&Entry)) -> Option<u64> {
        self.scan_below(Span { start: 0, depth: 0 }, from, left, visit)
    }

    fn scan_below(
        &self,
        span: Span,
        from: u64,
        left: &mut usize,
        visit: &mut dyn FnMut(&Entry),
    ) -> Option<u64> {
        let inner = match self {
            Node::Leaf(leaf) => return leaf.scan(span, from, left, visit),
            Node::Inner(inner) => inner,
        };
        for (index, node) in inner.children.iter().enumerate() {
            let below = span.child(index);
            if below.end() <= from {
                continue;
            }
            let resume = node.scan_below(below, from, left, visit);
            if resume.is_some() {
                return resume;
            }
        }
        None
    }

    /// The `index`th entry in the order of places.
    pub fn nth(&self, mut index: u64) -> Option<&Entry> {
        match self {
            Node::Leaf(leaf) => leaf.entries.get(usize::try_from(index).ok()?),
            Node::Inner(inner) => inner.children.iter().find_map(|node| {
                let len = node.totals().len;
                if index < len {
                    return node.nth(index);
                }
                index -= len;
                None
            }),
        }
    }

    /// One entry with an expiry, of the table that holds the `index`th such entry.
    pub fn volatile(&self, mut index: u64, rng: &mut Rng) -> Option<&Entry> {
        match self {
            Node::Leaf(leaf) => leaf.volatile(rng),
            Node::Inner(inner) => inner.children.iter().find_map(|node| {
                let expires = node.totals().expires;
                if index < expires {
                    return node.volatile(index, rng);
                }
                index -= expires;
                None
            }),
        }
    }

    /// Collects keys whose time is over, visiting only tables that may have some, and raises the
    /// bounds of what was visited whole.
    pub fn due(&mut self, walk: &mut DueWalk<'_>) {
        match self {
            Node::Leaf(leaf) => leaf.due(walk),
            Node::Inner(inner) => {
                let mut bound = NEVER;
                for node in &mut inner.children {
                    if node.totals().next_expiry < walk.now_ms && !walk.is_over() {
                        node.due(walk);
                    }
                    bound = bound.min(node.totals().next_expiry);
                }
                inner.totals.next_expiry = bound;
            }
        }
    }

    /// Heap memory of the tables, without that of the entries.
    pub fn memory(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.memory(),
            Node::Inner(inner) => {
                inner.memory() + inner.children.iter().map(Node::memory).sum::<usize>()
            }
        }
    }

    /// Asserts what always holds, and returns the true totals. Visits everything.
    pub fn invariants(&self) -> Totals {
        self.check(Span { start: 0, depth: 0 })
    }

    fn check(&self, span: Span) -> Totals {
        let mut totals = Totals::EMPTY;
        match self {
            Node::Leaf(leaf) => {
                assert_eq!(leaf.hashes.len(), leaf.entries.len());
                assert!(leaf.hashes.is_sorted());
                for (&hash, entry) in leaf.hashes.iter().zip(&leaf.entries) {
                    let full = hash_of(entry.key());
                    assert_eq!(hash, local(full, span.depth));
                    assert!((span.start..span.end()).contains(&place(full)));
                    totals.add(entry.expire());
                }
                assert!(leaf.entries.len() <= LEAF_MAX || span.depth == DEPTH_MAX);
            }
            Node::Inner(inner) => {
                for (index, node) in inner.children.iter().enumerate() {
                    let below = node.check(span.child(index));
                    totals.len += below.len;
                    totals.expires += below.expires;
                    totals.next_expiry = totals.next_expiry.min(below.next_expiry);
                }
                assert!(totals.len > 0, "an empty inner node");
            }
        }
        let known = self.totals();
        assert_eq!((known.len, known.expires), (totals.len, totals.expires));
        assert!(known.next_expiry <= totals.next_expiry, "a key would miss its expiry");
        totals
    }

    fn split_if_full(&mut self, depth: u32, memory: &mut usize) {
        let Node::Leaf(leaf) = self else { return };
        if leaf.entries.len() < LEAF_MAX || depth == DEPTH_MAX {
            return;
        }
        let totals = Totals {
            len: leaf.entries.len() as u64,
            expires: u64::from(leaf.expires),
            next_expiry: leaf.next_expiry,
        };
        *memory -= leaf.memory();
        let mut inner = Box::new(Inner { totals, children: Default::default() });
        *memory += inner.memory();
        for entry in std::mem::take(&mut leaf.entries) {
            let hash = hash_of(entry.key());
            inner.children[child(hash, depth)].insert_sorted(local(hash, depth + 1), entry, memory);
        }
        *self = Node::Inner(inner);
    }

    fn insert_sorted(&mut self, hash: u16, entry: Entry, memory: &mut usize) {
        if let Node::Leaf(leaf) = self {
            leaf.insert(hash, entry, memory);
        }
    }
}

impl Leaf {
    /// The first index whose hash is not below `hash`.
    fn lower_bound(&self, hash: u16) -> usize {
        let hashes = &self.hashes[..];
        let mut index = (usize::from(hash) * hashes.len()) >> u16::BITS;
        while index > 0 && hashes[index - 1] >= hash {
            index -= 1;
        }
        while index < hashes.len() && hashes[index] < hash {
            index += 1;
        }
        index
    }

    fn find(&self, hash: u16, key: &[u8]) -> Option<usize> {
        let mut index = self.lower_bound(hash);
        while *self.hashes.get(index)? == hash {
            if self.entries[index].key() == key {
                return Some(index);
            }
            index += 1;
        }
        None
    }

    fn insert(&mut self, hash: u16, entry: Entry, memory: &mut usize) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            // Tables grow by quarters, in step with the allocator's sizes.
            let more = size_class((len + 1) * ENTRY) / ENTRY - len;
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

    fn remove(&mut self, hash: u16, key: &[u8], memory: &mut usize) -> Option<Entry> {
        let index = self.find(hash, key)?;
        self.hashes.remove(index);
        let entry = self.entries.remove(index);
        self.change_expiry(ExpiryChange { old: entry.expire(), new: None });
        let len = self.entries.len();
        if len <= self.entries.capacity() / 2 {
            // Half empty: shrink, but leave room, so that one insertion does not undo it.
            let capacity = size_class((len + len / 4) * ENTRY) / ENTRY;
            *memory -= self.memory();
            self.entries.shrink_to(capacity);
            self.hashes.shrink_to(capacity);
            *memory += self.memory();
        }
        Some(entry)
    }

    fn change_expiry(&mut self, change: ExpiryChange) {
        let mut totals =
            Totals { len: 0, expires: u64::from(self.expires), next_expiry: self.next_expiry };
        totals.change_expiry(change);
        self.expires = u32::try_from(totals.expires).expect("a table is far smaller");
        self.next_expiry = totals.next_expiry;
    }

    fn scan(
        &self,
        span: Span,
        from: u64,
        left: &mut usize,
        visit: &mut dyn FnMut(&Entry),
    ) -> Option<u64> {
        let shift = span.leaf_shift();
        // A place inside one of our steps (the tree was deeper before) begins that step again.
        let first = u16::try_from(from.saturating_sub(span.start) >> shift)
            .expect("the walk visits only nodes that end behind `from`");
        let mut last = None;
        for index in self.lower_bound(first)..self.entries.len() {
            let hash = self.hashes[index];
            if *left == 0 && last != Some(hash) {
                return Some(span.start + (u64::from(hash) << shift));
            }
            visit(&self.entries[index]);
            *left = left.saturating_sub(1);
            last = Some(hash);
        }
        None
    }

    /// Some tries at random, then the first from a random index on.
    fn volatile(&self, rng: &mut Rng) -> Option<&Entry> {
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

    fn due(&mut self, walk: &mut DueWalk<'_>) {
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

    fn memory(&self) -> usize {
        size_class(self.entries.capacity() * ENTRY)
            + size_class(self.hashes.capacity() * size_of::<u16>())
    }
}

impl Inner {
    fn memory(&self) -> usize {
        size_class(size_of::<Inner>())
    }
}

impl DueWalk<'_> {
    /// Whether the budget is used up.
    pub fn is_over(&self) -> bool {
        self.left == 0 || self.visits_left == 0
    }
}

/// The places a node covers.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    depth: u32,
}

impl Span {
    fn child(self, index: usize) -> Span {
        let depth = self.depth + 1;
        let start = self.start + ((index as u64) << (PLACE_BITS - FANOUT_BITS * depth));
        Span { start, depth }
    }

    fn end(self) -> u64 {
        self.start + (1 << (PLACE_BITS - FANOUT_BITS * self.depth))
    }

    /// How far left a table's 16 bits stand in a place.
    fn leaf_shift(self) -> u32 {
        PLACE_BITS - u16::BITS - FANOUT_BITS * self.depth
    }
}

/// The place of a hash.
fn place(hash: u64) -> u64 {
    hash >> (u64::BITS - PLACE_BITS)
}

/// The 16 bits that order a table at `depth`.
fn local(hash: u64, depth: u32) -> u16 {
    ((hash << (FANOUT_BITS * depth)) >> (u64::BITS - u16::BITS)) as u16
}

/// The child of an inner node at `depth`.
fn child(hash: u64, depth: u32) -> usize {
    (hash << (FANOUT_BITS * depth) >> (u64::BITS - FANOUT_BITS)) as usize
}

const FANOUT: usize = 16;
const FANOUT_BITS: u32 = 4;
/// Where a table's 16 bits are the last of a place: tables there no longer split.
const DEPTH_MAX: u32 = (PLACE_BITS - u16::BITS) / FANOUT_BITS;
const ENTRY: usize = size_of::<Entry>();
const VOLATILE_TRIES: usize = 16;

const _: () = assert!(FANOUT == 1 << FANOUT_BITS && size_of::<Node>() == 64);
