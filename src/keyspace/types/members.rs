//! Many members by name, each with a value or with none: the large form of hashes and sets. Plain
//! data, any core.
//!
//! The structure is the keyspace's own: a tree of sorted tables, one block a member. It never stops
//! to rehash, a scan's cursor names neither a capacity nor a moment, and since nodes know how much
//! is below them, a member chosen by its index is chosen fairly.
//!
//! What always holds: `memory` is what tables and members take, and no member expires.

use crate::base::ids::Slot;
use crate::keyspace::dict::{Iter, Node};
use crate::keyspace::entry::{Entry, Meta};
use crate::keyspace::key::{Key, hash_of};
use crate::keyspace::memory::size_class;
use crate::keyspace::scan::PLACE_BITS;
use crate::keyspace::value::{Value, ValueRef};

/// The members.
#[derive(Default)]
pub struct Members {
    root: Node,
    memory: usize,
}

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.root.totals().len as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A member's value; `None` if there is no such member.
    pub fn get(&self, name: &[u8]) -> Option<ValueRef<'_>> {
        self.root.find(&key_of(name)).map(Entry::value)
    }

    /// Whether there is such a member.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.root.find(&key_of(name)).is_some()
    }

    /// Adds a member without a value; whether it was not there.
    pub fn add(&mut self, name: &[u8]) -> bool {
        let key = key_of(name);
        if self.root.find(&key).is_some() {
            return false;
        }
        self.insert(&key, Value::Bytes(b""));
        true
    }

    /// Gives a member a value; whether the member was not there.
    pub fn put(&mut self, name: &[u8], value: Value<'_>) -> bool {
        let key = key_of(name);
        let Some(entry) = self.root.find_mut(&key) else {
            self.insert(&key, value);
            return true;
        };
        let before = entry.memory();
        entry.replace(value, None, Meta::default());
        self.memory = self.memory - before + entry.memory();
        false
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.root.remove(&key_of(name), &mut self.memory);
        self.left(removed).is_some()
    }

    /// Removes the member with this index.
    pub fn remove_nth(&mut self, index: usize) -> Option<Member> {
        let removed = self.root.remove_nth(index as u64, &mut self.memory);
        self.left(removed).map(Member)
    }

    /// The member with this index, and its value. The order is that of the walks and says nothing.
    pub fn nth(&self, index: usize) -> Option<(&[u8], ValueRef<'_>)> {
        self.root.nth(index as u64).map(pair)
    }

    /// All members with their values.
    pub fn iter(&self) -> Pairs<'_> {
        Pairs(self.root.iter())
    }

    /// Calls `visit` for about `count` members from a cursor on; the next cursor, 0 at the end. A
    /// member that is there during a whole walk is met once at least.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        visit: &mut dyn FnMut(&[u8], ValueRef<'_>),
    ) -> u64 {
        // Clients may send any number.
        if cursor >= 1 << PLACE_BITS {
            return 0;
        }
        let mut left = count.max(1);
        let mut visit = |entry: &Entry| visit(entry.key(), entry.value());
        self.root.scan(cursor, &mut left, &mut visit).unwrap_or(0)
    }

    /// Heap memory owned and that of this structure itself, in bytes.
    pub fn memory(&self) -> usize {
        size_class(size_of::<Members>()) + self.memory
    }

    /// Asserts what always holds. Visits everything.
    pub fn invariants(&self) {
        let totals = self.root.invariants();
        assert_eq!(totals.expires, 0);
        let members: usize = self.root.iter().map(Entry::memory).sum();
        assert_eq!(self.memory, self.root.memory() + members);
    }

    fn insert(&mut self, key: &Key<'_>, value: Value<'_>) {
        let entry = Entry::new(key.bytes, value, None, Meta::default());
        self.memory += entry.memory();
        self.root.insert(key.hash, entry, &mut self.memory);
    }

    fn left(&mut self, removed: Option<Entry>) -> Option<Entry> {
        self.memory -= removed.as_ref().map_or(0, Entry::memory);
        removed
    }
}

impl Clone for Members {
    fn clone(&self) -> Members {
        let mut copy = Members::default();
        for entry in self.root.iter() {
            let entry = entry.duplicate();
            copy.memory += entry.memory();
            let hash = hash_of(entry.key());
            copy.root.insert(hash, entry, &mut copy.memory);
        }
        copy
    }
}

impl std::fmt::Debug for Members {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_map().entries(self.iter()).finish()
    }
}

/// A member that was removed.
pub struct Member(Entry);

impl Member {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        self.0.key()
    }
}

/// Walks members and values.
#[derive(Clone)]
pub struct Pairs<'a>(Iter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], ValueRef<'a>);

    fn next(&mut self) -> Option<(&'a [u8], ValueRef<'a>)> {
        self.0.next().map(pair)
    }
}

fn pair(entry: &Entry) -> (&[u8], ValueRef<'_>) {
    (entry.key(), entry.value())
}

/// A member's name as the tree knows keys; slots have no say inside a value.
fn key_of(name: &[u8]) -> Key<'_> {
    Key { bytes: name, slot: Slot(0), hash: hash_of(name) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn random_changes_leave_what_a_model_holds() {
        let mut rng = fastrand::Rng::with_seed(3);
        let (mut members, mut model) = (Members::default(), BTreeMap::new());
        for round in 0..30_000 {
            let name = format!("member {}", rng.u32(..6000)).into_bytes();
            let value = vec![b'v'; [3, 10, 1500][rng.usize(..3)]];
            match rng.u8(..8) {
                0..4 => {
                    let new = members.put(&name, Value::Bytes(&value));
                    assert_eq!(new, model.insert(name, value).is_none());
                }
                4 => {
                    assert_eq!(members.add(&name), !model.contains_key(&name));
                    model.entry(name).or_insert_with(Vec::new);
                }
                5 | 6 => assert_eq!(members.remove(&name), model.remove(&name).is_some()),
                _ => {
                    let index = rng.usize(..members.len() + 1);
                    let chosen = members.nth(index).map(|(name, _)| name.to_vec());
                    let removed = members.remove_nth(index);
                    assert_eq!(removed.as_ref().map(Member::name), chosen.as_deref());
                    chosen.map(|name| model.remove(&name));
                }
            }
            if round % 5000 == 0 {
                members.invariants();
                members.clone().invariants();
            }
        }
        assert_eq!(members.len(), model.len());
        for (name, value) in &model {
            assert!(matches!(members.get(name), Some(found)
                if found.as_text(&mut itoa::Buffer::new()) == Some(value)));
        }
        assert!(members.iter().all(|(name, _)| model.contains_key(name)));
        assert_eq!(members.iter().count(), model.len());
        while members.remove_nth(0).is_some() {}
        members.invariants();
        assert!(members.is_empty());
    }

    #[test]
    fn a_scan_meets_every_member_that_stays() {
        let mut members = Members::default();
        let name = |number: u32| number.to_string().into_bytes();
        (0..10_000).for_each(|number| assert!(members.add(&name(number))));
        let (mut seen, mut cursor) = (std::collections::HashSet::new(), 0);
        loop {
            let mut met = 0;
            cursor = members.scan(cursor, 7, &mut |name, _| {
                met += 1;
                seen.insert(name.to_vec());
            });
            assert!(met < 20);
            // What goes away and what comes meanwhile changes nothing for the others.
            for _ in 0..3 {
                let gone = 5000 + seen.len() as u32 % 5000;
                members.remove(&name(gone));
                members.add(&name(20_000 + gone));
            }
            if cursor == 0 {
                break;
            }
        }
        assert!((0..5000).all(|number| seen.contains(&name(number))));
        assert_eq!(members.scan(u64::MAX, 7, &mut |_, _| panic!("there is no such place")), 0);
    }
}
