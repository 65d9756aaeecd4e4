//! The order of one connection's commands when they run on several shards at once. Each shard gets
//! all its commands of the pipeline in one batch; the baton says which stretch of the pipeline is
//! next. A shard passes it on when its run is sealed, so the commands take effect in the order sent
//! although no message goes back and forth between them.
//!
//! A stretch is a maximal sequence of commands on one shard. A pipeline of reads alone has a single
//! stretch, run by all its shards at the same time; afterwards `reads_agree` says whether there was
//! one instant at which all of them saw the data set.

use super::apply::Seen;
use crate::base::ids::ShardId;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The shared state of one pipeline.
pub struct Baton {
    /// The stretch that may run.
    current: AtomicU32,
    /// Who runs which stretch; empty for reads, which all run at once.
    runners: Box<[ShardId]>,
    /// The latest write that a read saw.
    saw: AtomicU64,
    /// The earliest moment, on the clock of writes, after which a read no longer holds.
    holds_until: AtomicU64,
    /// What the stretches so far have seen of the master's stream; on a replica.
    seen: Mutex<Seen>,
}

impl Baton {
    /// A baton for stretches run by these shards, in order.
    pub fn ordered(runners: Box<[ShardId]>) -> Baton {
        Baton::new(runners)
    }

    /// A baton for reads that all run at once.
    pub fn reads() -> Baton {
        Baton::new(Box::new([]))
    }

    fn new(runners: Box<[ShardId]>) -> Baton {
        Baton {
            current: AtomicU32::new(0),
            runners,
            saw: AtomicU64::new(0),
            holds_until: AtomicU64::new(u64::MAX),
            seen: Mutex::default(),
        }
    }

    /// Whether the commands are reads that run at once.
    pub fn is_reads(&self) -> bool {
        self.runners.is_empty()
    }

    /// Whether a stretch may run. What the stretches before it did is visible then.
    #[inline]
    pub fn reached(&self, stretch: u32) -> bool {
        self.current.load(Ordering::Acquire) >= stretch
    }

    /// Passes the baton on from a stretch that has run and whose run is sealed. Returns the shard
    /// that is next.
    pub fn pass(&self, stretch: u32) -> Option<ShardId> {
        if self.is_reads() {
            return None;
        }
        let old = self.current.swap(stretch + 1, Ordering::AcqRel);
        assert_eq!(old, stretch, "a baton is passed on by the stretch that has it");
        self.runners.get(stretch as usize + 1).copied()
    }

    /// What the stretches so far have seen of the master's stream.
    pub fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the stretch that has the baton has seen of the master's stream.
    pub fn set_seen(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Notes what a shard's reads saw: the last write before them, and until when they hold.
    pub fn note_reads(&self, saw: u64, holds_until: u64) {
        self.saw.fetch_max(saw, Ordering::Relaxed);
        self.holds_until.fetch_min(holds_until, Ordering::Relaxed);
    }

    /// Whether all reads hold at one instant, so that reading in order could have given them. To be
    /// asked when every shard's part is back.
    pub fn reads_agree(&self) -> bool {
        self.saw.load(Ordering::Relaxed) <= self.holds_until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_run_one_after_the_other() {
        let baton = Baton::ordered(Box::new([ShardId(1), ShardId(0), ShardId(1)]));
        assert!(baton.reached(0) && !baton.reached(1));
        assert_eq!(baton.pass(0), Some(ShardId(0)));
        assert!(baton.reached(1) && !baton.reached(2));
        assert_eq!(baton.pass(1), Some(ShardId(1)));
        assert_eq!(baton.pass(2), None);
    }

    #[test]
    fn reads_agree_only_if_one_instant_fits_all() {
        let baton = Baton::reads();
        baton.note_reads(3, 9);
        baton.note_reads(7, 8);
        assert!(baton.reads_agree());
        baton.note_reads(9, 12);
        assert!(!baton.reads_agree(), "one read saw write 9, another holds only until 8");
    }
}
