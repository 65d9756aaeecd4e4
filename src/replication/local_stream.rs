//! One shard's local stream: the entries it published and the merger has not taken yet. Written by
//! its shard's core, drained by whichever core merges.
//!
//! Always: tickets and places (`ShardSeq`) rise from entry to entry. Room for an entry is made
//! before its ticket is taken; between the ticket and the push nothing allocates, waits or fails.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::base::ids::{ShardId, ShardSeq, Ticket};
use crate::replication::entry::{Entry, EntryBuilder, Place, RECYCLED_BYTES_MAX};

/// A queue from one shard to the merger. Its length is bounded by the stream, which makes the
/// publisher merge when too many tickets are outstanding.
#[derive(Debug)]
#[repr(align(128))] // two shards' queues never share a cache line, nor a pair the core prefetches
pub struct LocalStream {
    shard: ShardId,
    /// Entries published and not drained; read without the lock to pass an idle shard by.
    waiting: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    seq: u64,
    spare: Vec<Vec<u8>>,
}

impl LocalStream {
    /// The empty local stream of a shard.
    pub fn new(shard: ShardId) -> LocalStream {
        LocalStream { shard, waiting: AtomicU64::new(0), queue: Mutex::default() }
    }

    /// Takes the next ticket of `counter` for what was built and queues it. The builder is empty
    /// afterwards.
    pub fn publish(&self, builder: &mut EntryBuilder, counter: &AtomicU64) -> Ticket {
        assert!(!builder.in_unit(), "a unit is published whole");
        let mut queue = self.lock();
        let queue = &mut *queue;
        queue.entries.reserve(1);
        let spare = queue.spare.pop().unwrap_or_default();
        queue.seq += 1;
        let seq = ShardSeq(queue.seq);
        // The merger drains under this lock, so it sees the ticket's entry or waits a moment.
        let ticket = Ticket(counter.fetch_add(1, Ordering::SeqCst) + 1);
        queue.entries.push_back(builder.seal(Place { ticket, shard: self.shard, seq }, spare));
        self.waiting.fetch_add(1, Ordering::SeqCst);
        ticket
    }

    /// Exchanges the queued entries for the empty `drained`, and gives the memory of merged entries
    /// back to the shard. Returns false, having done nothing, if none is queued.
    pub fn drain(&self, drained: &mut VecDeque<Entry>, used: &mut Vec<Vec<u8>>) -> bool {
        debug_assert!(drained.is_empty());
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let mut queue = self.lock();
        std::mem::swap(&mut queue.entries, drained);
        self.waiting.store(0, Ordering::SeqCst);
        let room = SPARE_MAX.saturating_sub(queue.spare.len());
        let keep = used.len().min(room);
        queue.spare.extend(used.drain(..keep));
        true
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("a panic ends the process, so no lock stays poisoned")
    }
}

/// Makes an entry's memory ready for the next one. What is too large, or too many, is freed.
pub(super) fn recycle(mut bytes: Vec<u8>, used: &mut Vec<Vec<u8>>) {
    if used.len() < SPARE_MAX && (1..=RECYCLED_BYTES_MAX).contains(&bytes.capacity()) {
        bytes.clear();
        used.push(bytes);
    }
}

/// Spare entries a shard keeps. In the steady state one is being built, one is queued and one is
/// merged; the rest serves bursts. With 64 KiB each at most 1 MiB a shard.
const SPARE_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::DbIndex;

    #[test]
    fn entries_leave_in_the_order_published() {
        let counter = AtomicU64::new(40);
        let local = LocalStream::new(ShardId(2));
        let mut builder = EntryBuilder::new();
        for _ in 0..3 {
            builder.effect(DbIndex(0), &[b"INCR", b"k"]);
            local.publish(&mut builder, &counter);
        }
        let mut drained = VecDeque::new();
        assert!(local.drain(&mut drained, &mut Vec::new()));
        let places: Vec<_> = drained.iter().map(|e| (e.ticket.0, e.seq.0, e.shard.0)).collect();
        assert_eq!(places, [(41, 1, 2), (42, 2, 2), (43, 3, 2)]);
        drained.clear();
        assert!(!local.drain(&mut drained, &mut Vec::new()));
    }

    #[test]
    fn memory_of_merged_entries_is_used_again() {
        let counter = AtomicU64::new(0);
        let local = LocalStream::new(ShardId(0));
        let mut builder = EntryBuilder::new();
        let mut used = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100 {
            builder.effect(DbIndex(0), &[b"SET", b"k", &[b'v'; 200]]);
            local.publish(&mut builder, &counter);
            let mut drained = VecDeque::new();
            local.drain(&mut drained, &mut used);
            for entry in drained {
                seen.insert(entry.bytes.as_ptr());
                recycle(entry.bytes, &mut used);
            }
        }
        assert!(seen.len() <= 4, "{} buffers for 100 runs", seen.len());
    }
}
