//! One hash slot's keys in the order of their hashes: one sorted table, or a tree of them once
//! there are many. Owned by a database; knows neither slots nor databases.
//!
//! A *place* is the highest 36 bits of a key's hash. A table at depth d holds the places that share
//! their first 4·d bits, sorted by the 16 bits after those. A table of [`LEAF_MAX`] entries becomes
//! an inner node of 16 tables, so inserting never moves more than one table's worth.
//!
//! What always holds: an inner node's totals are the sums of its children, `next_expiry` is at most
//! the earliest expiry below, and no inner node is empty.

use fastrand::Rng;

use crate::keyspace::entry::Entry;
use crate::keyspace::key::{Key, hash_of};
use crate::keyspace::memory::size_class;
use crate::keyspace::scan::PLACE_BITS;
use crate::keyspace::table::Leaf;
use crate::keyspace::totals::{DueWalk, ExpiryChange, NEVER, Totals};

/// The most keys of one table (but at the depth where the hash ends). 4 KiB of pointers: what an
/// insertion may have to move; the search's first guess is then off by about ten.
pub const LEAF_MAX: usize = 512;

/// One slot's keys, or a part of them.
pub enum Node {
    /// One sorted table.
    Leaf(Leaf),
    /// 16 nodes, by the next 4 bits of the hash.
    Inner(Box<Inner>),
}

/// A node of 16.
pub struct Inner {
    totals: Totals,
    children: [Node; FANOUT],
}

impl Default for Node {
    fn default() -> Node {
        Node::Leaf(Leaf::default())
    }
}

impl Node {
    /// What is below.
    pub fn totals(&self) -> Totals {
        match self {
            Node::Leaf(leaf) => leaf.totals(),
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
                    return leaf.find(local(key.hash, depth), key.bytes);
                }
                Node::Inner(inner) => node = &inner.children[child(key.hash, depth)],
            }
            depth += 1;
        }
    }

    /// The table that a hash belongs to, and the hash as that table keeps it.
    pub fn leaf(&self, hash: u64) -> (&Leaf, u16) {
        let mut node = self;
        let mut depth = 0;
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, local(hash, depth)),
                Node::Inner(inner) => node = &inner.children[child(hash, depth)],
            }
            depth += 1;
        }
    }

    /// Finds a key for changing its entry. Whoever changes the expiry reports it to
    /// `change_expiry`.
    pub fn find_mut(&mut self, key: &Key<'_>) -> Option<&mut Entry> {
        let mut node = self;
        let mut depth = 0;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    return leaf.find_mut(local(key.hash, depth), key.bytes);
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
                    *memory -= self.memory();
                    *self = Node::default();
                }
                Some(entry)
            }
        }
    }

    /// Removes the `index`th entry in the order of places.
    pub fn remove_nth(&mut self, mut index: u64, memory: &mut usize) -> Option<Entry> {
        let inner = match self {
            Node::Leaf(leaf) => return leaf.remove_at(usize::try_from(index).ok()?, memory),
            Node::Inner(inner) => inner,
        };
        let holds = |node: &&mut Node| {
            let len = node.totals().len;
            let here = index < len;
            if !here {
                index -= len;
            }
            here
        };
        let entry = inner.children.iter_mut().find(holds)?.remove_nth(index, memory)?;
        inner.totals.subtract(entry.expire());
        if inner.totals.len == 0 {
            *memory -= self.memory();
            *self = Node::default();
        }
        Some(entry)
    }

    /// The entries in the order of places.
    pub fn iter(&self) -> Iter<'_> {
        Iter { nodes: vec![std::slice::from_ref(self).iter()], entries: [].iter() }
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
            Node::Leaf(leaf) => leaf.entries().iter().for_each(visit),
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
            Node::Leaf(leaf) => return leaf.scan(span.start, span.leaf_shift(), from, left, visit),
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
            Node::Leaf(leaf) => leaf.entries().get(usize::try_from(index).ok()?),
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
                assert!(leaf.hashes().is_sorted());
                assert_eq!(leaf.hashes().len(), leaf.entries().len());
                for (&hash, entry) in leaf.hashes().iter().zip(leaf.entries()) {
                    let full = hash_of(entry.key());
                    assert_eq!(hash, local(full, span.depth));
                    assert!((span.start..span.end()).contains(&place(full)));
                    totals.add(entry.expire());
                }
                assert!(leaf.entries().len() <= LEAF_MAX || span.depth == DEPTH_MAX);
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
        if leaf.entries().len() < LEAF_MAX || depth == DEPTH_MAX {
            return;
        }
        *memory -= leaf.memory();
        let mut inner = Box::new(Inner { totals: leaf.totals(), children: Default::default() });
        *memory += inner.memory();
        for entry in std::mem::take(leaf).into_entries() {
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

impl Inner {
    fn memory(&self) -> usize {
        size_class(size_of::<Inner>())
    }
}

/// Walks the entries below a node.
#[derive(Clone)]
pub struct Iter<'a> {
    /// What is left at each depth.
    nodes: Vec<std::slice::Iter<'a, Node>>,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(entry);
            }
            match self.nodes.last_mut()?.next() {
                None => drop(self.nodes.pop()),
                Some(Node::Leaf(leaf)) => self.entries = leaf.entries().iter(),
                Some(Node::Inner(inner)) => self.nodes.push(inner.children.iter()),
            }
        }
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

const _: () = assert!(FANOUT == 1 << FANOUT_BITS && size_of::<Node>() == 64);
