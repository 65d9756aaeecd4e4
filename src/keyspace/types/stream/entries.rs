//! A stream's entries: nodes in the order of their first ids, and what is remembered of entries
//! that are gone. Plain data, any core.
//!
//! What always holds: ids ascend from node to node and within each; `length` counts the live
//! entries; `last_id` is no smaller than any of theirs; `memory` is the sum over the nodes. A node
//! may be left without live entries (exact trimming up to an id that was deleted leaves such a
//! one, as stock servers do).

use std::collections::{BTreeMap, btree_map};

use crate::keyspace::types::stream::id::StreamId;
use crate::keyspace::types::stream::node::{Entry, Node, Walk};

/// The entries.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    nodes: BTreeMap<StreamId, Node>,
    memory: usize,
    length: u64,
    marks: Marks,
}

/// What a stream remembers beside its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The greatest id ever given out.
    pub last_id: StreamId,
    /// The first live entry's id; zero without entries.
    pub first_id: StreamId,
    /// The greatest id that XDEL removed; zero if none.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// How large nodes grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// `stream-node-max-bytes`; 0 is no limit.
    pub bytes: usize,
    /// `stream-node-max-entries`; 0 is no limit.
    pub entries: i64,
}

/// What trimming keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many of the newest entries.
    Newest(u64),
    /// The entries from this id on.
    From(StreamId),
}

/// How to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What to keep.
    pub keep: Keep,
    /// Remove whole nodes only.
    pub approximate: bool,
    /// Look at no more entries than these; 0 is no limit.
    pub limit: u64,
}

/// Names and values of more bytes than a node may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Live entries between two ids, in one direction.
pub struct Range<'a> {
    nodes: btree_map::Range<'a, StreamId, Node>,
    walk: Option<Walk<'a>>,
    from: StreamId,
    to: StreamId,
    backwards: bool,
}

impl Entries {
    /// Entries that were read from elsewhere: nodes by their first ids, in ascending order.
    pub fn of_nodes(nodes: BTreeMap<StreamId, Node>, marks: Marks) -> Entries {
        let memory = nodes.values().map(node_memory).sum();
        let length = nodes.values().map(Node::live).sum();
        Entries { nodes, memory, length, marks }
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// What is remembered beside the entries.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The same to be changed (XSETID).
    pub fn marks_mut(&mut self) -> &mut Marks {
        &mut self.marks
    }

    /// The nodes by their first ids.
    pub fn nodes(&self) -> &BTreeMap<StreamId, Node> {
        &self.nodes
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Adds an entry whose id is greater than the last one.
    ///
    /// # Errors
    /// [`TooLarge`], and nothing is added.
    pub fn append<'f, F>(
        &mut self,
        id: StreamId,
        fields: F,
        limits: NodeLimits,
    ) -> Result<(), TooLarge>
    where
        F: Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    {
        debug_assert!(id > self.marks.last_id, "ids ascend");
        let bytes = fields.clone().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > NODE_BYTES_MAX {
            return Err(TooLarge);
        }
        match self.nodes.last_entry().filter(|last| has_room(last.get(), bytes, limits)) {
            Some(mut last) => {
                let first_id = *last.key();
                let node = last.get_mut();
                let before = node.memory();
                node.append(first_id, id, fields);
                self.memory = self.memory - before + node.memory();
            }
            None => {
                let mut node = Node::new(fields.clone().map(|(name, _)| name));
                node.append(id, id, fields);
                self.memory += node_memory(&node);
                self.nodes.insert(id, node);
            }
        }
        self.length += 1;
        self.marks.entries_added = self.marks.entries_added.saturating_add(1);
        self.marks.last_id = id;
        if self.length == 1 {
            self.marks.first_id = id;
        }
        Ok(())
    }

    /// The entry of this id.
    pub fn find(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The live entries from one id to another.
    pub fn range(&self, from: StreamId, to: StreamId) -> Range<'_> {
        // The first id may be inside the node that begins before it.
        let start = self.nodes.range(..=from).next_back().map_or(from, |(first_id, _)| *first_id);
        self.range_of(start, from, to, false)
    }

    /// The live entries from `to` down to `from`.
    pub fn range_back(&self, from: StreamId, to: StreamId) -> Range<'_> {
        let start = self.nodes.range(..=from).next_back().map_or(from, |(first_id, _)| *first_id);
        self.range_of(start, from, to, true)
    }

    fn range_of(
        &self,
        start: StreamId,
        from: StreamId,
        to: StreamId,
        backwards: bool,
    ) -> Range<'_> {
        let nodes = self.nodes.range(start..=to.max(start));
        Range { nodes, walk: None, from, to, backwards }
    }

    /// The first entry.
    pub fn first(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry.
    pub fn last(&self) -> Option<Entry<'_>> {
        self.range_back(StreamId::MIN, StreamId::MAX).next()
    }

    /// Removes an entry; whether it was there. What is remembered of deletions is XDEL's to keep.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((&first_id, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let mut walk = node.walk(first_id);
        let Some(entry) = walk.find(|entry| entry.id >= id) else { return false };
        if entry.id != id || entry.is_deleted() {
            return false;
        }
        let place = entry.place();
        if node.live() == 1 {
            self.remove_node(first_id);
        } else {
            let before = node.memory();
            node.delete(&[place]);
            self.memory = self.memory - before + node.memory();
        }
        self.length -= 1;
        true
    }

    /// Looks anew for the first entry's id.
    pub fn renew_first_id(&mut self) {
        self.marks.first_id = self.first().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// How many entries of the stream's history are before an id and at it; `None` if that cannot
    /// be told without counting.
    pub fn read_up_to(&self, id: StreamId) -> Option<u64> {
        let (marks, len) = (&self.marks, self.length);
        if marks.entries_added == 0 {
            return Some(0);
        }
        if (len == 0 && id <= marks.last_id) || id == marks.last_id {
            return Some(marks.entries_added);
        }
        let gaps = marks.max_deleted_id != StreamId::MIN && marks.max_deleted_id >= marks.first_id;
        if id > marks.last_id || gaps || id > marks.first_id {
            return None;
        }
        let before_first = marks.entries_added.checked_sub(len)?;
        Some(if id == marks.first_id { before_first + 1 } else { before_first })
    }

    /// Whether XDEL may have left gaps from an id on.
    pub fn has_gaps_after(&self, id: StreamId) -> bool {
        let deleted = self.marks.max_deleted_id;
        let inside = deleted != StreamId::MIN && deleted >= self.marks.first_id;
        self.length > 0 && inside && deleted >= id
    }

    /// Removes entries from the oldest on; how many.
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let mut removed = 0;
        while let Some((&first_id, node)) = self.nodes.first_key_value() {
            if let Keep::Newest(length) = trim.keep
                && self.length <= length
            {
                break;
            }
            let live = node.live();
            if trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.keep {
                Keep::Newest(length) => self.length - live >= length,
                Keep::From(id) => node.last_id(first_id).is_none_or(|last| last < id),
            };
            if whole {
                self.remove_node(first_id);
                self.length -= live;
                removed += live;
                continue;
            }
            if !trim.approximate {
                removed += self.trim_node(first_id, trim.keep);
            }
            break;
        }
        if removed > 0 {
            self.renew_first_id();
        }
        removed
    }

    /// Deletes entries of the first node one by one; how many.
    fn trim_node(&mut self, first_id: StreamId, keep: Keep) -> u64 {
        let Some(node) = self.nodes.get_mut(&first_id) else { return 0 };
        let live = node.walk(first_id).filter(|entry| !entry.is_deleted());
        let places: Vec<_> = match keep {
            Keep::Newest(length) => {
                let surplus = usize::try_from(self.length - length).unwrap_or(usize::MAX);
                live.take(surplus).map(|entry| entry.place()).collect()
            }
            Keep::From(id) => {
                live.take_while(|entry| entry.id < id).map(|entry| entry.place()).collect()
            }
        };
        let before = node.memory();
        node.delete(&places);
        self.memory = self.memory - before + node.memory();
        self.length -= places.len() as u64;
        places.len() as u64
    }

    fn remove_node(&mut self, first_id: StreamId) {
        if let Some(node) = self.nodes.remove(&first_id) {
            self.memory -= node_memory(&node);
        }
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(walk) = &mut self.walk {
                for entry in walk.by_ref() {
                    if (self.from..=self.to).contains(&entry.id) {
                        if !entry.is_deleted() {
                            return Some(entry);
                        }
                        continue;
                    }
                    let past =
                        if self.backwards { entry.id < self.from } else { entry.id > self.to };
                    if past {
                        break;
                    }
                }
            }
            let (node_id, node) =
                if self.backwards { self.nodes.next_back() } else { self.nodes.next() }?;
            self.walk = Some(match self.backwards {
                true => node.walk_back(*node_id),
                false => node.walk(*node_id),
            });
        }
    }
}

fn has_room(node: &Node, bytes: usize, limits: NodeLimits) -> bool {
    let bytes_max = match limits.bytes {
        0 => NODE_BYTES_MAX,
        bytes_max => bytes_max.min(NODE_BYTES_MAX),
    };
    if node.byte_len() + bytes >= bytes_max {
        return false;
    }
    let entries = node.live() + node.deleted();
    limits.entries == 0 || entries.cast_signed() < limits.entries
}

fn node_memory(node: &Node) -> usize {
    node.memory() + NODE_OVERHEAD
}

/// The most bytes of a node, whatever the directive says, and of the names and values of an entry.
/// Recorded from a stock server.
const NODE_BYTES_MAX: usize = 1 << 30;

/// What the map takes for a node: its id and the node itself, in leaves about two thirds full.
const NODE_OVERHEAD: usize = (size_of::<StreamId>() + size_of::<Node>()) * 3 / 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn invariants(entries: &Entries) {
        assert_eq!(entries.memory, entries.nodes.values().map(node_memory).sum::<usize>());
        assert_eq!(entries.length, entries.nodes.values().map(Node::live).sum::<u64>());
        assert!(entries.last().is_none_or(|entry| entry.id <= entries.marks.last_id));
        for (first_id, node) in &entries.nodes {
            let checked = Node::from_bytes_checked(node.as_bytes().to_vec(), *first_id);
            assert!(checked.is_ok(), "{checked:?}");
            let (there, back) = (node.walk(*first_id), node.walk_back(*first_id));
            let mut back: Vec<_> = back.map(|entry| (entry.id, entry.is_deleted())).collect();
            back.reverse();
            assert_eq!(there.map(|entry| (entry.id, entry.is_deleted())).collect::<Vec<_>>(), back);
        }
    }

    /// One random change to both.
    fn change(
        entries: &mut Entries,
        model: &mut BTreeMap<StreamId, u64>,
        random: &mut fastrand::Rng,
    ) {
        let near = StreamId::new(random.u64(..=entries.marks.last_id.ms + 1), random.u64(..3));
        let limits = NodeLimits { bytes: 300, entries: 200 };
        let keep = match random.bool() {
            true => Keep::Newest(random.u64(..400)),
            false => Keep::From(near),
        };
        match random.u8(..20) {
            0 => {
                entries.trim(Trim { keep, approximate: false, limit: 0 });
                match keep {
                    Keep::Newest(length) => {
                        while model.len() as u64 > length {
                            model.pop_first();
                        }
                    }
                    Keep::From(id) => *model = model.split_off(&id),
                }
            }
            1..8 => assert_eq!(entries.delete(near), model.remove(&near).is_some()),
            _ => {
                let last = entries.marks.last_id;
                let id = StreamId::new(last.ms + random.u64(..3), last.seq).next().expect("far");
                let value = random.u64(..);
                let text = value.to_string();
                let names: [&[u8]; 2] = [b"n", b"other"];
                let name = names[usize::from(random.u8(..9) == 0)];
                let fields = [(name, text.as_bytes())];
                entries.append(id, fields.into_iter(), limits).expect("it is small");
                model.insert(id, value);
            }
        }
    }

    #[test]
    fn entries_are_those_of_a_plain_map() {
        for seed in 0..20 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut entries, mut model) = (Entries::default(), BTreeMap::new());
            for step in 0..500 {
                change(&mut entries, &mut model, &mut random);
                invariants(&entries);
                let ms = entries.marks.last_id.ms;
                let from = StreamId::new(random.u64(..=ms), 0);
                let to = StreamId::new(random.u64(from.ms..=ms + 1), u64::MAX);
                let expected: Vec<_> = model.range(from..=to).map(|(id, _)| *id).collect();
                let found: Vec<_> = entries.range(from, to).map(|entry| entry.id).collect();
                assert_eq!(found, expected, "seed {seed}, step {step}");
                let back: Vec<_> = entries.range_back(from, to).map(|entry| entry.id).collect();
                assert!(back.iter().rev().eq(&expected), "seed {seed}, step {step}");
            }
            for (id, value) in model {
                let entry = entries.find(id).expect("it was added");
                let (_, found) = entry.fields().next().expect("an entry has a field");
                assert!(found.eq_text(value.to_string().as_bytes()), "seed {seed}");
            }
        }
    }
}
