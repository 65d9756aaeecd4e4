//! One shard's whole data, and the one door through which it changes. Owned by the shard's core, or
//! by the core that holds it under a lease; `Send`, not `Sync`.
//!
//! What always holds: every key's slot is in the shard's range; counters, gauges and byte counts
//! agree with the entries; a watched key's version rises with every change of it; every entry
//! written bears the current snapshot epoch. Reads never delete: an expired key stays until
//! somebody removes it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use fastrand::Rng;

use crate::base::ids::{DbIndex, ShardId, Slot};
use crate::keyspace::db::Db;
use crate::keyspace::entry::{Entry, Meta};
use crate::keyspace::evict::AccessClock;
use crate::keyspace::gauges::{Gauges, Heard};
use crate::keyspace::handle::{Account, EntryMut, EntryRef, Removed};
use crate::keyspace::key::Key;
use crate::keyspace::scan::Cursor;
use crate::keyspace::totals::{ExpiryChange, Totals};
use crate::keyspace::tracked::TrackedTable;
use crate::keyspace::value::Value;
use crate::keyspace::watch::{WatchTable, WatchVersion};

/// The data of one shard.
pub struct Keyspace {
    shard: ShardId,
    slots: RangeInclusive<u16>,
    pub(in crate::keyspace) dbs: Vec<Option<Box<Db>>>,
    pub(in crate::keyspace) gauges: Arc<Gauges>,
    watch: WatchTable,
    pub(in crate::keyspace) clock: AccessClock,
    rng: Rng,
    epoch: u8,
}

/// A whole database's part that was taken out. `Send`: dropping it may take long and may happen on
/// another thread.
pub struct TakenDb(#[expect(dead_code, reason = "held to be dropped")] Box<Db>);

impl Keyspace {
    /// Empty data for the slots of a shard, with as many databases as the gauges have. `seed` feeds
    /// the LFU counters.
    pub fn new(
        shard: ShardId,
        slots: RangeInclusive<u16>,
        gauges: Arc<Gauges>,
        seed: u64,
    ) -> Keyspace {
        Keyspace {
            shard,
            slots,
            dbs: (0..gauges.databases()).map(|_| None).collect(),
            gauges,
            watch: WatchTable::default(),
            clock: AccessClock::lru(0),
            rng: Rng::with_seed(seed),
            epoch: 0,
        }
    }

    /// The shard this data is homed on.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The slots of the shard.
    pub fn slots(&self) -> &RangeInclusive<u16> {
        &self.slots
    }

    /// The number of databases.
    pub fn databases(&self) -> u16 {
        self.gauges.databases()
    }

    /// Keys in a database, expired ones that still stand included.
    pub fn db_len(&self, db: DbIndex) -> u64 {
        self.totals(db).len
    }

    /// Keys with an expiry.
    pub fn expires_len(&self, db: DbIndex) -> u64 {
        self.totals(db).expires
    }

    /// The mean time to live of the keys with an expiry, in milliseconds; 0 without any.
    pub fn avg_ttl_ms(&self, db: DbIndex, now_ms: u64) -> u64 {
        self.db(db).map_or(0, Db::expiry_mean_ms).saturating_sub(now_ms)
    }

    /// Keys of a slot, in one database.
    pub fn slot_len(&self, db: DbIndex, slot: Slot) -> u64 {
        self.db(db).map_or(0, |db| db.slot_len(slot))
    }

    /// Bytes owned by entries and tables, as the allocator rounds them.
    pub fn bytes(&self) -> usize {
        self.dbs.iter().flatten().map(|db| db.memory()).sum()
    }

    /// What uses of entries are measured by. To be set at the beginning of a run.
    pub fn set_clock(&mut self, clock: AccessClock) {
        self.clock = clock;
    }

    /// What uses of entries are measured by.
    pub fn clock(&self) -> &AccessClock {
        &self.clock
    }

    /// The epoch that whatever is written from now on bears.
    pub fn set_epoch(&mut self, epoch: u8) {
        self.epoch = epoch;
    }

    /// Finds a key whose time is not over.
    pub fn find(&self, db: DbIndex, key: &Key<'_>, now_ms: u64) -> Option<EntryRef<'_>> {
        self.peek(db, key).filter(|entry| !entry.is_expired(now_ms))
    }

    /// Finds a key whose time is not over and notes the use.
    pub fn find_touched(
        &mut self,
        db: DbIndex,
        key: &Key<'_>,
        now_ms: u64,
    ) -> Option<EntryRef<'_>> {
        let found = EntryRef(self.dbs[usize::from(db.0)].as_ref()?.find(key)?);
        if found.is_expired(now_ms) {
            return None;
        }
        found.touch(&self.clock, &mut self.rng);
        Some(found)
    }

    /// Brings what finding these keys will read into the cache: for all of them at the same time,
    /// where finding them one by one would wait for each. At most 16 are looked at.
    pub fn warm(&self, db: DbIndex, places: impl Iterator<Item = (Slot, u64)>) {
        if let Some(db) = self.db(db) {
            db.warm(places);
        }
    }

    /// Finds a key, whether its time is over or not.
    pub fn peek(&self, db: DbIndex, key: &Key<'_>) -> Option<EntryRef<'_>> {
        self.db(db)?.find(key).map(EntryRef)
    }

    /// Whether a key still stands although its time is over.
    pub fn is_expired(&self, db: DbIndex, key: &Key<'_>, now_ms: u64) -> bool {
        self.db(db).is_some_and(|base| base.may_hold_expired(key.slot, now_ms))
            && self.peek(db, key).is_some_and(|entry| entry.is_expired(now_ms))
    }

    /// Opens an entry for changing its value. The caller has dealt with expiry before.
    pub fn entry_mut(&mut self, db: DbIndex, key: &Key<'_>) -> Option<EntryMut<'_>> {
        let (entry, db_memory) = self.dbs[usize::from(db.0)].as_mut()?.find_mut(key)?;
        let memory_before = entry.memory();
        let (gauges, watch) = (&*self.gauges, &mut self.watch);
        let account = Account { db, db_memory, gauges, watch, epoch: self.epoch };
        Some(EntryMut { entry, account, memory_before, changed: false, reshaped: false })
    }

    /// Sets a key to a value, with this expiry or none, whatever it was before. Whether it replaced
    /// something. A value that fits the old block is written into it.
    pub fn insert(
        &mut self,
        db: DbIndex,
        key: &Key<'_>,
        value: Value<'_>,
        expire: Option<u64>,
    ) -> bool {
        assert!(self.slots.contains(&key.slot.0), "slot {} is another shard's", key.slot.0);
        self.watch.changed(db, key.bytes, &self.gauges);
        let mut meta = Meta { epoch: self.epoch, access: self.clock.initial() };
        let base = made(&mut self.dbs[usize::from(db.0)], &self.slots, &self.gauges);
        let memory_before = base.memory();
        let Some((entry, memory)) = base.find_mut(key) else {
            base.insert(key, Entry::new(key.bytes, value, expire, meta));
            self.gauges.add_bytes(memory_before, base.memory());
            self.publish_counts(db, expire.is_some());
            return false;
        };
        let old_expire = entry.expire();
        if matches!(self.clock, AccessClock::Lfu { .. }) {
            // How often a key is used is a property of the key, not of its present value.
            meta.access = entry.meta().access;
        }
        let entry_before = entry.memory();
        entry.replace(value, expire, meta);
        *memory = *memory - entry_before + entry.memory();
        if old_expire != expire {
            base.change_expiry(key, ExpiryChange { old: old_expire, new: expire });
        }
        self.gauges.add_bytes(memory_before, base.memory());
        if old_expire != expire {
            self.publish_counts(db, true);
        }
        true
    }

    /// Puts what was removed or duplicated under `key`, with its value, expiry, encoding and access
    /// data (RENAME, MOVE, COPY). What stood there is returned.
    pub fn insert_removed(
        &mut self,
        db: DbIndex,
        key: &Key<'_>,
        removed: Removed,
    ) -> Option<Removed> {
        let mut entry = removed.0.rekeyed(key.bytes);
        entry.set_epoch(self.epoch);
        let replaced = self.remove(db, key);
        if replaced.is_none() {
            assert!(self.slots.contains(&key.slot.0), "slot {} is another shard's", key.slot.0);
            self.watch.changed(db, key.bytes, &self.gauges);
        }
        let base = made(&mut self.dbs[usize::from(db.0)], &self.slots, &self.gauges);
        let memory_before = base.memory();
        let expires = entry.expire().is_some();
        base.insert(key, entry);
        self.gauges.add_bytes(memory_before, base.memory());
        self.publish_counts(db, expires);
        replaced
    }

    /// Removes a key, expired or not.
    pub fn remove(&mut self, db: DbIndex, key: &Key<'_>) -> Option<Removed> {
        let base = self.dbs[usize::from(db.0)].as_mut()?;
        let memory_before = base.memory();
        let entry = base.remove(key)?;
        self.gauges.add_bytes(memory_before, base.memory());
        self.watch.changed(db, key.bytes, &self.gauges);
        self.publish_counts(db, entry.expire().is_some());
        Some(Removed(entry))
    }

    /// Sets or removes a key's expiry. Whether the key is there.
    pub fn set_expire(&mut self, db: DbIndex, key: &Key<'_>, expire: Option<u64>) -> bool {
        let Some(base) = self.dbs[usize::from(db.0)].as_mut() else { return false };
        let memory_before = base.memory();
        let Some((entry, memory)) = base.find_mut(key) else { return false };
        let entry_before = entry.memory();
        let old = entry.expire();
        entry.set_expire(expire);
        entry.set_epoch(self.epoch);
        *memory = *memory - entry_before + entry.memory();
        base.change_expiry(key, ExpiryChange { old, new: expire });
        self.gauges.add_bytes(memory_before, base.memory());
        self.watch.changed(db, key.bytes, &self.gauges);
        self.publish_counts(db, true);
        true
    }

    /// Calls `visit` for at least `count` entries from `cursor` on (all there are, at the end),
    /// expired ones included. Returns where to go on: the first slot behind this shard's when it is
    /// done here, which is the end (0) on the last shard. A cursor before our slots begins with
    /// them; one behind them is returned as it is, and one that is no cursor ends the scan.
    pub fn scan(
        &self,
        db: DbIndex,
        cursor: Cursor,
        count: usize,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> Cursor {
        let Some(slot) = cursor.slot() else { return Cursor(0) };
        if slot.0 > *self.slots.end() {
            return cursor;
        }
        let first = Slot(*self.slots.start());
        let (cursor, slot) =
            if slot < first { (Cursor::at_slot(first), first) } else { (cursor, slot) };
        self.db(db)
            .and_then(|db| db.scan(cursor, slot, count.max(1), &mut |entry| visit(EntryRef(entry))))
            .unwrap_or(Cursor::after_slot(Slot(*self.slots.end())))
    }

    /// An entry chosen uniformly among all that stand in a database, expired ones included.
    pub fn random(&self, db: DbIndex, rng: &mut Rng) -> Option<EntryRef<'_>> {
        self.db(db)?.random(rng).map(EntryRef)
    }

    /// Calls `visit` for all entries of a database, expired ones included, in SCAN's order.
    pub fn for_each(&self, db: DbIndex, visit: &mut dyn FnMut(EntryRef<'_>)) {
        if let Some(db) = self.db(db) {
            db.for_each(&mut |entry| visit(EntryRef(entry)));
        }
    }

    /// Empties a database. What it held is returned for dropping it elsewhere.
    pub fn take_db(&mut self, db: DbIndex) -> Option<TakenDb> {
        if self.gauges.hears(Heard::Read) {
            self.watch.tracked.changed_all();
        }
        let taken = self.dbs[usize::from(db.0)].take()?;
        self.watch.changed_where(db, |key| taken.find(&Key::new(key)).is_some());
        self.gauges.add_bytes(taken.memory(), 0);
        self.publish_counts(db, true);
        Some(TakenDb(taken))
    }

    /// Empties a database, here and now.
    pub fn clear(&mut self, db: DbIndex) {
        drop(self.take_db(db));
    }

    /// Puts the data of `loaded`, which was built aside for the same shard, in the place of this
    /// one's. Watchers, clock and gauges stay those of this keyspace. What it held is returned for
    /// dropping it elsewhere.
    pub fn adopt(&mut self, mut loaded: Keyspace) -> Vec<TakenDb> {
        assert_eq!(self.slots, loaded.slots, "data of another shard");
        let mut taken = Vec::new();
        for db in (0..self.databases()).map(DbIndex) {
            taken.extend(self.take_db(db));
            let Some(base) = loaded.dbs[usize::from(db.0)].take() else { continue };
            self.watch.changed_where(db, |key| base.find(&Key::new(key)).is_some());
            self.gauges.add_bytes(0, base.memory());
            self.dbs[usize::from(db.0)] = Some(base);
            self.publish_counts(db, true);
        }
        taken
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: DbIndex, b: DbIndex) {
        if a == b {
            return;
        }
        if self.gauges.hears(Heard::Read) {
            self.watch.tracked.changed_all();
        }
        self.dbs.swap(usize::from(a.0), usize::from(b.0));
        let (first, second) = (&self.dbs[usize::from(a.0)], &self.dbs[usize::from(b.0)]);
        for db in [a, b] {
            self.watch.changed_where(db, |key| {
                let key = Key::new(key);
                [first, second].into_iter().flatten().any(|db| db.find(&key).is_some())
            });
        }
        self.publish_counts(a, true);
        self.publish_counts(b, true);
    }

    /// Registers a watcher; the version to compare with at EXEC. The caller has removed the key
    /// before if its time was over, so that its expiry later does not look like a change.
    pub fn watch(&mut self, db: DbIndex, key: &Key<'_>) -> WatchVersion {
        self.watch.watch(db, key.bytes)
    }

    /// Takes a watcher away.
    pub fn unwatch(&mut self, db: DbIndex, key: &Key<'_>) {
        self.watch.unwatch(db, key.bytes);
    }

    /// The present version of a watched key; `None` if nobody watches it.
    pub fn watch_version(&self, db: DbIndex, key: &Key<'_>) -> Option<WatchVersion> {
        self.watch.version(db, key.bytes)
    }

    /// Somebody waits for `key`: from here on every change of it is told by
    /// [`Keyspace::take_ready`].
    pub fn await_key(&mut self, db: DbIndex, key: &[u8]) {
        self.watch.awaited.add(db, key);
    }

    /// Nobody waits for `key` any more.
    pub fn forget_awaited(&mut self, db: DbIndex, key: &[u8]) {
        self.watch.awaited.remove(db, key);
    }

    /// Has an awaited key looked at as if it had changed.
    pub fn mark_ready(&mut self, db: DbIndex, key: &[u8]) {
        self.watch.awaited.changed(db, key);
    }

    /// Whether an awaited key changed.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.watch.awaited.has_ready()
    }

    /// When the first awaited key that changed did, in numbers that compare over all shards.
    pub fn first_ready(&self) -> Option<u64> {
        self.watch.awaited.first_ready()
    }

    /// Takes the awaited key that changed first.
    pub fn take_ready(&mut self) -> Option<(DbIndex, Box<[u8]>)> {
        self.watch.awaited.take_ready()
    }

    /// Who keeps which keys in caches of their own.
    pub fn tracked(&mut self) -> &mut TrackedTable {
        &mut self.watch.tracked
    }

    /// Asserts what always holds. Visits everything: for tests.
    pub fn invariants(&self) {
        for (index, db) in self.dbs.iter().enumerate() {
            let id = DbIndex(u16::try_from(index).expect("as many as the gauges have"));
            if let Some(db) = db {
                db.invariants();
                db.for_each(&mut |entry| {
                    assert!(self.slots.contains(&Key::new(entry.key()).slot.0));
                });
            }
            let totals = self.totals(id);
            let mean = db.as_ref().map_or(0, |db| db.expiry_mean_ms());
            assert_eq!(self.gauges.keys(id), totals.len);
            assert_eq!(self.gauges.expires(id), totals.expires);
            assert_eq!(self.gauges.expiry_mean_ms(id), mean);
        }
        assert_eq!(self.gauges.bytes(), self.bytes() as u64);
    }

    pub(in crate::keyspace) fn db(&self, db: DbIndex) -> Option<&Db> {
        self.dbs[usize::from(db.0)].as_deref()
    }

    fn totals(&self, db: DbIndex) -> Totals {
        self.db(db).map_or(Totals::EMPTY, Db::totals)
    }

    fn publish_counts(&self, db: DbIndex, expiries_too: bool) {
        self.gauges.set_keys(db, self.db_len(db));
        if expiries_too {
            let mean = self.db(db).map_or(0, Db::expiry_mean_ms);
            self.gauges.set_expires(db, self.expires_len(db), mean);
        }
    }
}

/// The database, made if this is its first use.
fn made<'a>(
    db: &'a mut Option<Box<Db>>,
    slots: &RangeInclusive<u16>,
    gauges: &Gauges,
) -> &'a mut Db {
    db.get_or_insert_with(|| {
        let db = Box::new(Db::new(slots));
        gauges.add_bytes(0, db.memory());
        db
    })
}

const fn assert_send<T: Send>() {}
const _: () = (assert_send::<Keyspace>(), assert_send::<TakenDb>(), assert_send::<Removed>()).0;

#[cfg(test)]
mod tests;
