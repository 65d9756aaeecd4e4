//! Frees large values on a thread of its own, so that no shard stands still for them. One for the
//! process; any thread hands over.
//!
//! The queue is bounded: when it is full, or the thread cannot be had, the value is freed by
//! whoever brought it, as if nothing lazy had been asked for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Something to be dropped, and how many values it counts for.
struct Load {
    value: Box<dyn Send>,
    objects: u64,
}

/// Starts the thread. To be called before the shards start: a thread begins with the affinity of
/// the one that makes it, and would else share a core with one shard for ever.
pub fn start() {
    queue();
}

/// Drops `value`, which counts for `objects`, away from here if there is room.
pub fn free(value: impl Send + 'static, objects: u64) {
    let Some(queue) = queue() else { return };
    PENDING.fetch_add(objects, Relaxed);
    if let Err(refused) = queue.try_send(Load { value: Box::new(value), objects }) {
        PENDING.fetch_sub(objects, Relaxed);
        drop(refused);
    }
}

/// Values handed over and not freed yet: INFO's `lazyfree_pending_objects`.
pub fn pending_objects() -> u64 {
    PENDING.load(Relaxed)
}

/// Values freed by the thread since the start or the last `reset`: INFO's `lazyfreed_objects`.
pub fn freed_objects() -> u64 {
    FREED.load(Relaxed)
}

/// Counts freed values from zero again (`CONFIG RESETSTAT`).
pub fn reset() {
    FREED.store(0, Relaxed);
}

fn queue() -> Option<&'static SyncSender<Load>> {
    static QUEUE: OnceLock<Option<SyncSender<Load>>> = OnceLock::new();
    let make = || {
        let (sender, receiver) = sync_channel(LOADS_MAX);
        let thread = std::thread::Builder::new().name("lazy-free".to_owned());
        // Without the thread, values are freed where they are.
        thread.spawn(move || work(&receiver)).ok().map(|_detached| sender)
    };
    QUEUE.get_or_init(make).as_ref()
}

fn work(receiver: &Receiver<Load>) {
    for load in receiver {
        drop(load.value);
        FREED.fetch_add(load.objects, Relaxed);
        PENDING.fetch_sub(load.objects, Relaxed);
    }
}

static PENDING: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// Values that wait at most; each may be as large as a database.
const LOADS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    struct Tells(std::sync::mpsc::Sender<std::thread::ThreadId>);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(std::thread::current().id()).unwrap();
        }
    }

    #[test]
    fn values_are_dropped_on_another_thread_and_counted() {
        let before = freed_objects();
        let (sender, receiver) = channel();
        free(Tells(sender.clone()), 3);
        let thread = receiver.recv().unwrap();
        assert_ne!(thread, std::thread::current().id());
        // A second one is dropped after the first was counted.
        free(Tells(sender), 4);
        assert_eq!(receiver.recv().unwrap(), thread);
        assert!(freed_objects() >= before + 3);
    }
}
