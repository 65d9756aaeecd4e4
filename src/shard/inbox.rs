//! Where a shard receives. Each sender has a lane of its own, so order is kept and two senders
//! never contend; what all shards must see in one order stands in a queue of its own.
//! Filled from any core, emptied by the owner.

use super::message::{Message, Sequenced};
use crate::base::ids::ShardId;
use crate::command::spaces::Space;
use crate::net::waker::Waker;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// One shard's inbox.
pub struct Inbox {
    lanes: Vec<Lane>,
    sequenced: Mutex<VecDeque<Sequenced>>,
    #[expect(clippy::vec_box, reason = "a keyspace travels as a box and never moves in memory")]
    strays: Mutex<Vec<Box<Space>>>,
    pending: AtomicBool,
    waker: OnceLock<Arc<Waker>>,
}

#[repr(align(128))]
#[derive(Default)]
struct Lane {
    filled: AtomicBool,
    messages: Mutex<Vec<Message>>,
}

impl Inbox {
    /// An inbox with a lane for each of `shards` senders.
    pub fn new(shards: u16) -> Inbox {
        Inbox {
            lanes: (0..shards).map(|_| Lane::default()).collect(),
            sequenced: Mutex::new(VecDeque::new()),
            strays: Mutex::new(Vec::new()),
            pending: AtomicBool::new(false),
            waker: OnceLock::new(),
        }
    }

    /// Says how the owner is woken; called once, by the owner.
    pub fn set_waker(&self, waker: Arc<Waker>) {
        assert!(self.waker.set(waker).is_ok(), "an inbox has one owner");
    }

    /// How the owner is woken; `None` before it started.
    pub fn waker(&self) -> Option<&Arc<Waker>> {
        self.waker.get()
    }

    /// Whether something may be waiting. The owner looks after it raised its parked flag.
    pub fn has_pending(&self) -> bool {
        self.pending.load(Ordering::SeqCst)
    }

    /// Tells the owner that something waits; the caller wakes it afterwards.
    fn mark_pending(&self) {
        self.pending.store(true, Ordering::SeqCst);
    }

    /// Tells the owner that something waits, and wakes it by `wake` if it is running at all.
    pub fn rouse(&self, wake: impl FnOnce(&Arc<Waker>)) {
        self.mark_pending();
        if let Some(waker) = self.waker() {
            wake(waker);
        }
    }

    /// Moves `messages` into the lane of `from`, in order. The caller wakes the owner afterwards.
    pub fn deliver(&self, from: ShardId, messages: &mut Vec<Message>) {
        let lane = &self.lanes[usize::from(from.0)];
        locked(&lane.messages).append(messages);
        lane.filled.store(true, Ordering::Release);
        self.mark_pending();
    }

    /// Appends to the one order. The caller holds the lock of that order and wakes the owner.
    pub fn sequence(&self, item: Sequenced) {
        locked(&self.sequenced).push_back(item);
        self.mark_pending();
    }

    /// A keyspace whose holder gave it up without saying so comes home.
    pub fn stray(&self, space: Box<Space>) {
        locked(&self.strays).push(space);
        self.rouse(|waker| waker.wake_thread());
    }

    /// Takes everything that waits. `false` if nothing did.
    pub fn collect(&self, into: &mut Collected) -> bool {
        if !self.pending.swap(false, Ordering::SeqCst) {
            return false;
        }
        for space in locked(&self.strays).drain(..) {
            into.messages.push(Message::Returned(space));
        }
        for lane in &self.lanes {
            if lane.filled.swap(false, Ordering::AcqRel) {
                into.messages.append(&mut locked(&lane.messages));
            }
        }
        into.sequenced.append(&mut locked(&self.sequenced));
        true
    }
}

/// What an owner took from its inbox and has not worked on yet.
#[derive(Default)]
pub struct Collected {
    /// Messages, in order a sender.
    pub messages: Vec<Message>,
    /// The one order, as far as it concerns this shard.
    pub sequenced: VecDeque<Sequenced>,
}

/// A lock whose holder panicked would have ended the process; so it is never poisoned here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
