//! Versions of watched keys: a version rises at each change of the key while somebody watches it.
//! Part of the keyspace, so it travels with a lease. Keys nobody watches cost one emptiness check.

use std::collections::HashMap;

use crate::base::ids::DbIndex;
use crate::keyspace::awaited::AwaitedTable;
use crate::keyspace::gauges::{Gauges, Heard};
use crate::keyspace::tracked::TrackedTable;

/// What a watched key's state is compared by. Unequal versions mean: changed in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchVersion(pub u64);

/// The watched keys of one shard.
#[derive(Debug, Default)]
pub struct WatchTable {
    dbs: HashMap<DbIndex, HashMap<Box<[u8]>, Watched, ahash::RandomState>>,
    /// Keys that blocked clients wait for: told of the same changes.
    pub(in crate::keyspace) awaited: AwaitedTable,
    /// Keys that clients keep in caches: told of the same changes.
    pub(in crate::keyspace) tracked: TrackedTable,
    /// The last version handed out; versions are never used twice, so a key that is watched again
    /// after everybody left does not meet an old version.
    last: u64,
}

#[derive(Debug)]
struct Watched {
    watchers: u32,
    version: WatchVersion,
}

impl WatchTable {
    /// Registers one more watcher of `key`; the version to compare with later.
    pub fn watch(&mut self, db: DbIndex, key: &[u8]) -> WatchVersion {
        let keys = self.dbs.entry(db).or_default();
        if let Some(watched) = keys.get_mut(key) {
            watched.watchers += 1;
            return watched.version;
        }
        self.last += 1;
        let version = WatchVersion(self.last);
        keys.insert(key.into(), Watched { watchers: 1, version });
        version
    }

    /// Takes one watcher of `key` away.
    pub fn unwatch(&mut self, db: DbIndex, key: &[u8]) {
        let Some(keys) = self.dbs.get_mut(&db) else { return };
        let Some(watched) = keys.get_mut(key) else { return };
        watched.watchers -= 1;
        if watched.watchers > 0 {
            return;
        }
        keys.remove(key);
        if keys.is_empty() {
            self.dbs.remove(&db);
        }
    }

    /// The version of a watched key; `None` if nobody watches it.
    pub fn version(&self, db: DbIndex, key: &[u8]) -> Option<WatchVersion> {
        self.dbs.get(&db)?.get(key).map(|watched| watched.version)
    }

    /// Notes a change of `key`.
    pub fn changed(&mut self, db: DbIndex, key: &[u8], gauges: &Gauges) {
        self.awaited.changed(db, key);
        self.tracked.changed(key, gauges.hears(Heard::Everything));
        if self.dbs.is_empty() {
            return;
        }
        if let Some(watched) = self.dbs.get_mut(&db).and_then(|keys| keys.get_mut(key)) {
            self.last += 1;
            watched.version = WatchVersion(self.last);
        }
    }

    /// Notes a change of every watched key of `db` that `affected` names.
    pub fn changed_where(&mut self, db: DbIndex, mut affected: impl FnMut(&[u8]) -> bool) {
        self.awaited.changed_where(db, &mut affected);
        for (key, watched) in self.dbs.get_mut(&db).into_iter().flatten() {
            if affected(key) {
                self.last += 1;
                watched.version = WatchVersion(self.last);
            }
        }
    }

    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.dbs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: DbIndex = DbIndex(0);

    #[test]
    fn a_version_rises_with_each_change_and_never_returns() {
        let (mut table, gauges) = (WatchTable::default(), Gauges::new(2));
        let first = table.watch(DB, b"k");
        assert_eq!(table.watch(DB, b"k"), first);
        table.changed(DB, b"other", &gauges);
        table.changed(DbIndex(1), b"k", &gauges);
        assert_eq!(table.version(DB, b"k"), Some(first));
        table.changed(DB, b"k", &gauges);
        let second = table.version(DB, b"k").expect("watched");
        assert_ne!(second, first);
        table.unwatch(DB, b"k");
        assert_eq!(table.version(DB, b"k"), Some(second));
        table.unwatch(DB, b"k");
        assert!(table.is_empty());
        let third = table.watch(DB, b"k");
        assert!(third != first && third != second);
    }

    #[test]
    fn a_flush_changes_only_the_keys_it_affects() {
        let mut table = WatchTable::default();
        let (a, b) = (table.watch(DB, b"a"), table.watch(DB, b"b"));
        table.changed_where(DB, |key| key == b"a");
        assert_ne!(table.version(DB, b"a"), Some(a));
        assert_eq!(table.version(DB, b"b"), Some(b));
    }
}
