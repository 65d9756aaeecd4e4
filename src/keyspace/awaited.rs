//! Keys that somebody waits for: any change of one makes it ready to be looked at. Part of the
//! keyspace, so it travels with a lease. Without such keys it costs one emptiness check.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::ids::DbIndex;

/// The awaited keys of one shard.
#[derive(Debug, Default)]
pub struct AwaitedTable {
    dbs: HashMap<DbIndex, HashSet<Box<[u8]>, ahash::RandomState>>,
    /// Those that changed, in that order, each once.
    ready: VecDeque<Ready>,
}

/// An awaited key that changed.
#[derive(Debug)]
struct Ready {
    /// Which of all changes noted it was, whatever the shard.
    number: u64,
    db: DbIndex,
    key: Box<[u8]>,
}

impl AwaitedTable {
    /// Somebody waits for `key`.
    pub fn add(&mut self, db: DbIndex, key: &[u8]) {
        let keys = self.dbs.entry(db).or_default();
        if !keys.contains(key) {
            keys.insert(key.into());
        }
    }

    /// Nobody waits for `key` any more.
    pub fn remove(&mut self, db: DbIndex, key: &[u8]) {
        let Some(keys) = self.dbs.get_mut(&db) else { return };
        keys.remove(key);
        if keys.is_empty() {
            self.dbs.remove(&db);
        }
    }

    /// Notes a change of `key`.
    #[inline]
    pub fn changed(&mut self, db: DbIndex, key: &[u8]) {
        if !self.dbs.is_empty() {
            self.note(db, key);
        }
    }

    /// Notes a change of every awaited key of `db` that `affected` names.
    pub fn changed_where(&mut self, db: DbIndex, mut affected: impl FnMut(&[u8]) -> bool) {
        let Some(keys) = self.dbs.get(&db) else { return };
        let changed: Vec<_> = keys.iter().filter(|key| affected(key)).cloned().collect();
        changed.iter().for_each(|key| self.note(db, key));
    }

    /// Whether an awaited key changed.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When the first of the changed keys changed, in numbers that compare over all shards.
    pub fn first_ready(&self) -> Option<u64> {
        self.ready.front().map(|ready| ready.number)
    }

    /// Takes the key that changed first.
    pub fn take_ready(&mut self) -> Option<(DbIndex, Box<[u8]>)> {
        self.ready.pop_front().map(|ready| (ready.db, ready.key))
    }

    fn note(&mut self, db: DbIndex, key: &[u8]) {
        let is_awaited = self.dbs.get(&db).is_some_and(|keys| keys.contains(key));
        let is_noted = || self.ready.iter().any(|ready| ready.db == db && *ready.key == *key);
        if is_awaited && !is_noted() {
            let number = CHANGES.fetch_add(1, Ordering::Relaxed);
            self.ready.push_back(Ready { number, db, key: key.into() });
        }
    }
}

/// Changes noted by all shards: whoever holds several keyspaces looks at their keys in the order in
/// which it changed them.
static CHANGES: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noted_once_and_in_order() {
        let mut table = AwaitedTable::default();
        let db = DbIndex(3);
        table.changed(db, b"a");
        assert!(!table.has_ready());
        table.add(db, b"a");
        table.add(db, b"b");
        table.add(db, b"b");
        for key in [b"b", b"a", b"b", b"c"] {
            table.changed(db, key);
        }
        table.changed(DbIndex(0), b"a");
        assert_eq!(table.take_ready(), Some((db, b"b"[..].into())));
        assert_eq!(table.take_ready(), Some((db, b"a"[..].into())));
        assert_eq!(table.take_ready(), None);
        table.remove(db, b"b");
        table.changed_where(db, |_| true);
        assert_eq!(table.take_ready(), Some((db, b"a"[..].into())));
        assert!(!table.has_ready());
    }
}
