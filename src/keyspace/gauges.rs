//! One shard's key counts and bytes, readable from every core without asking. Written only by the
//! core that holds the keyspace; all accesses are relaxed, so sums over shards are approximate
//! while writes go on, as DBSIZE and INFO allow.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::base::ids::DbIndex;

/// The numbers of one shard.
#[derive(Debug)]
#[repr(align(128))]
pub struct Gauges {
    bytes: AtomicU64,
    /// What is told of changes. The one thing here that others than the holder write.
    heard: AtomicU8,
    dbs: Box<[DbGauges]>,
}

/// What clients with caches of their own want to hear of a shard's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Heard {
    /// Nobody has a cache.
    Nothing = 0,
    /// Changes of keys that somebody read.
    Read = 1,
    /// All changes.
    Everything = 2,
}

/// The numbers of one database. A cache line of its own, so that writers on two cores never share
/// one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct DbGauges {
    keys: AtomicU64,
    expires: AtomicU64,
    expiry_mean_ms: AtomicU64,
}

impl Gauges {
    /// Zeros for `databases` databases.
    pub fn new(databases: u16) -> Gauges {
        let dbs = (0..databases).map(|_| DbGauges::default()).collect();
        Gauges { bytes: AtomicU64::new(0), heard: AtomicU8::new(Heard::Nothing as u8), dbs }
    }

    /// The number of databases.
    pub fn databases(&self) -> u16 {
        u16::try_from(self.dbs.len()).expect("made from a u16")
    }

    /// Bytes owned by entries and tables.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Keys in a database, those whose time is over but which still stand included.
    pub fn keys(&self, db: DbIndex) -> u64 {
        self.dbs[usize::from(db.0)].keys.load(Relaxed)
    }

    /// Keys with an expiry.
    pub fn expires(&self, db: DbIndex) -> u64 {
        self.dbs[usize::from(db.0)].expires.load(Relaxed)
    }

    /// The mean of all expiries in Unix milliseconds; 0 without any. INFO's `avg_ttl` is this less
    /// now.
    pub fn expiry_mean_ms(&self, db: DbIndex) -> u64 {
        self.dbs[usize::from(db.0)].expiry_mean_ms.load(Relaxed)
    }

    /// Whether at least this much is to be told of changes.
    #[inline]
    pub fn hears(&self, heard: Heard) -> bool {
        self.heard.load(Relaxed) >= heard as u8
    }

    /// Says what is to be told of changes; by any core.
    pub fn set_heard(&self, heard: Heard) {
        self.heard.store(heard as u8, Relaxed);
    }

    /// Adds a change of memory. One writer: no read-modify-write instruction is needed.
    pub(in crate::keyspace) fn add_bytes(&self, before: usize, after: usize) {
        let change = (after as u64).wrapping_sub(before as u64);
        self.bytes.store(self.bytes.load(Relaxed).wrapping_add(change), Relaxed);
    }

    pub(in crate::keyspace) fn set_keys(&self, db: DbIndex, keys: u64) {
        self.dbs[usize::from(db.0)].keys.store(keys, Relaxed);
    }

    pub(in crate::keyspace) fn set_expires(&self, db: DbIndex, expires: u64, mean_ms: u64) {
        let gauges = &self.dbs[usize::from(db.0)];
        gauges.expires.store(expires, Relaxed);
        gauges.expiry_mean_ms.store(mean_ms, Relaxed);
    }
}
