//! Messages for subscribers on their way between shards: one box a receiving shard, filled in
//! batches by any core, emptied by its owner.
//!
//! One box, not a lane a sender: who publishes on one shard and then, because of that, on another,
//! is heard in this order, since a batch is in the box before anything that tells of it leaves. For
//! the same reason what a shard publishes to its own clients goes behind what is in its box. A
//! delivery is told when the other messages of its run have come too: the replies of what was
//! executed before it.
//! A box above its bound makes the clients of all shards wait before they are read on; its owner
//! empties it in each turn, so that is short.

use super::apply::Seen;
use super::state::Shard;
use crate::base::ids::ShardId;
use crate::command::publication::Publication;
use crate::net::waker::Waker;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What one run of a shard published, as far as it concerns another.
pub struct Delivery {
    /// Whose run.
    from: ShardId,
    /// Which of its runs that published.
    run: u64,
    /// In the order in which they were published.
    pub messages: Vec<Arc<Publication>>,
    /// What whoever hears of them has seen of the master's stream.
    pub seen: Seen,
}

/// The boxes of all shards.
pub struct Deliveries {
    boxes: Vec<DeliveryBox>,
    /// How many boxes are above the bound.
    full: AtomicUsize,
    /// By shard: the last run that published and whose messages have all left.
    flushed: Vec<Flushed>,
}

#[derive(Default)]
#[repr(align(128))]
struct Flushed(AtomicU64);

#[derive(Default)]
#[repr(align(128))]
struct DeliveryBox {
    filled: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    deliveries: Vec<Delivery>,
    bytes: usize,
}

impl Deliveries {
    /// Empty boxes for so many shards.
    pub fn new(shards: u16) -> Deliveries {
        let boxes = (0..shards).map(|_| DeliveryBox::default()).collect();
        let flushed = (0..shards).map(|_| Flushed::default()).collect();
        Deliveries { boxes, full: AtomicUsize::new(0), flushed }
    }

    /// Whether clients must wait before they may publish more.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) > 0
    }

    /// Whether something waits for a shard. It looks after it raised its parked flag.
    pub fn has(&self, shard: ShardId) -> bool {
        self.boxes[usize::from(shard.0)].filled.load(Ordering::SeqCst)
    }

    /// Moves what waits for a shard behind `waiting`; whether clients waited for that.
    pub fn take(&self, shard: ShardId, waiting: &mut VecDeque<Delivery>) -> bool {
        let own = &self.boxes[usize::from(shard.0)];
        if !own.filled.swap(false, Ordering::SeqCst) {
            return false;
        }
        let mut taken = own.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let was_full = taken.bytes > BOX_BYTES_MAX;
        if was_full {
            self.full.fetch_sub(1, Ordering::AcqRel);
        }
        taken.bytes = 0;
        waiting.extend(taken.deliveries.drain(..));
        was_full
    }

    /// How many of `waiting` may be told, once the messages are worked on that have come by now.
    pub fn ready(&self, waiting: &VecDeque<Delivery>) -> usize {
        let is_ready = |delivery: &&Delivery| {
            let flushed = &self.flushed[usize::from(delivery.from.0)].0;
            flushed.load(Ordering::SeqCst) >= delivery.run
        };
        waiting.iter().take_while(is_ready).count()
    }

    fn put(&self, shard: ShardId, delivery: Delivery) {
        let target = &self.boxes[usize::from(shard.0)];
        let bytes: usize = delivery.messages.iter().map(|message| message.bytes()).sum();
        let mut waiting = target.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let was_full = waiting.bytes > BOX_BYTES_MAX;
        waiting.bytes += bytes;
        if !was_full && waiting.bytes > BOX_BYTES_MAX {
            self.full.fetch_add(1, Ordering::AcqRel);
        }
        waiting.deliveries.push(delivery);
        target.filled.store(true, Ordering::SeqCst);
    }
}

impl Shard {
    /// Sends what the sealed run published to the shards concerned, to this one too unless it
    /// `told_here` already. It is told there when the run is flushed.
    pub fn send_published(&mut self, messages: &[Arc<Publication>], told_here: bool) {
        debug_assert!(self.tools.entry.is_empty(), "news of writes left before their ticket");
        let shards = usize::from(self.tools.shared.placement.shards());
        let mut parcels: Vec<Vec<Arc<Publication>>> = vec![Vec::new(); shards];
        for message in messages {
            for shard in &message.shards {
                parcels[usize::from(shard.0)].push(Arc::clone(message));
            }
        }
        if told_here {
            parcels[usize::from(self.tools.id.0)].clear();
        }
        if parcels.iter().all(Vec::is_empty) {
            return;
        }
        self.published_runs += 1;
        let (from, run, seen) = (self.tools.id, self.published_runs, self.tools.seen_now());
        for (index, messages) in parcels.into_iter().enumerate() {
            if !messages.is_empty() {
                let shard = ShardId(index as u16);
                let delivery = Delivery { from, run, messages, seen };
                self.tools.shared.deliveries.put(shard, delivery);
                self.told.push(shard);
            }
        }
    }

    /// The run's other messages have left as well: its deliveries may be told.
    pub(super) fn end_of_flush(&mut self, mut wake: impl FnMut(&Arc<Waker>)) {
        if self.told.is_empty() {
            return;
        }
        let shared = &self.tools.shared;
        shared.deliveries.flushed[usize::from(self.tools.id.0)]
            .0
            .store(self.published_runs, Ordering::SeqCst);
        for shard in self.told.drain(..) {
            // This shard itself looks into its box before it parks.
            if shard != self.tools.id {
                shared.inbox(shard).rouse(&mut wake);
            }
        }
    }
}

/// Bytes in one box above which clients wait: some turns' worth of the fastest publisher.
const BOX_BYTES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::publication::{Part, Stamp, Topic};

    fn delivery(from: u16, run: u64, payload: &[u8]) -> Delivery {
        let name: Arc<[u8]> = Arc::from(&b"c"[..]);
        let parts = vec![Part::new(Topic::Channel, &name, b"c", payload)];
        let (shards, invalidations) = (vec![ShardId(0)], Vec::new());
        let message = Publication { parts, shards, stamp: Stamp(0), invalidations };
        let messages = vec![Arc::new(message)];
        Delivery { from: ShardId(from), run, messages, seen: Seen::default() }
    }

    #[test]
    fn deliveries_are_told_in_order_once_their_runs_are_flushed() {
        let boxes = Deliveries::new(3);
        let (own, mut waiting) = (ShardId(0), VecDeque::new());
        boxes.put(own, delivery(1, 1, b""));
        boxes.put(own, delivery(2, 1, b""));
        assert!(boxes.has(own) && !boxes.take(own, &mut waiting) && !boxes.has(own));
        boxes.flushed[2].0.store(1, Ordering::SeqCst);
        assert_eq!(boxes.ready(&waiting), 0, "the first waits for its run's messages");
        boxes.flushed[1].0.store(1, Ordering::SeqCst);
        assert_eq!(boxes.ready(&waiting), 2);
    }

    #[test]
    fn a_full_box_makes_clients_wait_until_it_is_emptied() {
        let boxes = Deliveries::new(2);
        let (own, mut waiting) = (ShardId(1), VecDeque::new());
        let large = vec![b'x'; BOX_BYTES_MAX / 2];
        for _ in 0..3 {
            boxes.put(own, delivery(0, 1, &large));
        }
        assert!(boxes.is_full());
        assert!(boxes.take(own, &mut waiting), "clients waited for it");
        assert!(!boxes.is_full() && waiting.len() == 3);
    }
}
