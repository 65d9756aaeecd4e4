//! Messages for subscribers on their way between shards: one box a receiving shard, filled in
//! batches by any core, emptied by its owner.
//!
//! One box, not a lane a sender: who publishes on one shard and then, because of that, on another,
//! is heard in this order, since a batch is in the box before anything that tells of it leaves.
//! A box above its bound makes the clients of all shards wait before they are read on; its owner
//! empties it in each turn, so that is short.

use super::apply::Seen;
use super::message::Message;
use super::state::Shard;
use crate::base::ids::ShardId;
use crate::command::publication::Publication;
use crate::net::waker::Waker;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What one run of a shard published, as far as it concerns another.
pub struct Delivery {
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
}

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
        Deliveries { boxes, full: AtomicUsize::new(0) }
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

    /// Takes what waits for a shard, and whether others waited for that.
    pub fn take(&self, shard: ShardId) -> (Vec<Delivery>, bool) {
        let own = &self.boxes[usize::from(shard.0)];
        if !own.filled.swap(false, Ordering::SeqCst) {
            return (Vec::new(), false);
        }
        let mut waiting = own.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let was_full = waiting.bytes > BOX_BYTES_MAX;
        if was_full {
            self.full.fetch_sub(1, Ordering::AcqRel);
        }
        waiting.bytes = 0;
        (std::mem::take(&mut waiting.deliveries), was_full)
    }

    /// The caller wakes the shard afterwards.
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
    /// Sends what the sealed run published to the other shards concerned. What was executed before
    /// is answered first: those replies go ahead.
    pub fn send_published(
        &mut self,
        messages: &[Arc<Publication>],
        mut wake: impl FnMut(&Arc<Waker>),
    ) {
        debug_assert!(self.tools.entry.is_empty(), "news of writes left before their ticket");
        let own = self.tools.id;
        let shards = usize::from(self.tools.shared.placement.shards());
        let mut parcels: Vec<Vec<Arc<Publication>>> = vec![Vec::new(); shards];
        for message in messages {
            for shard in message.shards.iter().filter(|shard| **shard != own) {
                parcels[usize::from(shard.0)].push(Arc::clone(message));
            }
        }
        if parcels.iter().all(Vec::is_empty) {
            return;
        }
        self.flush_done(&mut wake);
        let seen = self.tools.seen_now();
        for (index, messages) in parcels.into_iter().enumerate() {
            if messages.is_empty() {
                continue;
            }
            let shared = &self.tools.shared;
            shared.deliveries.put(ShardId(index as u16), Delivery { messages, seen });
            let inbox = &shared.inboxes[index];
            inbox.mark_pending();
            if let Some(waker) = inbox.waker() {
                wake(waker);
            }
        }
    }

    /// Delivers the batches that are done ahead of the other messages.
    fn flush_done(&mut self, wake: &mut impl FnMut(&Arc<Waker>)) {
        for (index, messages) in self.outbox.iter_mut().enumerate() {
            let is_done = |message: &Message| matches!(message, Message::Done(_));
            if !messages.iter().any(is_done) {
                continue;
            }
            let (mut done, rest) = messages.drain(..).partition(is_done);
            *messages = rest;
            let inbox = &self.tools.shared.inboxes[index];
            inbox.deliver(self.tools.id, &mut done);
            if index != usize::from(self.tools.id.0)
                && let Some(waker) = inbox.waker()
            {
                wake(waker);
            }
        }
    }
}

/// Bytes in one box above which clients wait: some turns' worth of the fastest publisher.
const BOX_BYTES_MAX: usize = 16 << 20;
