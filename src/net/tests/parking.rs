//! Sleeping and waking: by shards, by threads, and with glommio's own work under way.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Shard, in_executor, spawn_executor};
use crate::net::event::Event;
use crate::net::options::NetOptions;

const ROUNDS: u64 = 2000;

/// Waits until the counter says it is this side's turn; `stop` conditions see it before parking.
async fn await_turn(shard: &mut Shard, counter: &AtomicU64, parity: u64) -> u64 {
    loop {
        let now = counter.load(Ordering::Acquire);
        if now % 2 == parity || now >= ROUNDS {
            return now;
        }
        let mine = || counter.load(Ordering::Acquire) != now;
        for event in shard.next_unless(&mine).await {
            assert!(matches!(event, Event::Woken), "{event:?}");
        }
    }
}

fn check_shards(first_in_ring: bool, second_in_ring: bool) {
    let counter = Arc::new(AtomicU64::new(0));
    let (to_first, first_inbox) = mpsc::channel();
    let (to_second, second_inbox) = mpsc::channel();
    let sides =
        [(0, first_in_ring, to_second, first_inbox), (1, second_in_ring, to_first, second_inbox)];
    let threads = sides.map(|(parity, ring_park, out, inbox)| {
        let counter = Arc::clone(&counter);
        spawn_executor(async move || {
            let mut shard = Shard::new(NetOptions::default(), ring_park);
            out.send(shard.net.waker()).unwrap();
            let peer = inbox.recv().unwrap();
            loop {
                if await_turn(&mut shard, &counter, parity).await >= ROUNDS {
                    break;
                }
                counter.fetch_add(1, Ordering::Release);
                shard.net.wake(&peer);
            }
            // The last wake-up is still queued.
            shard.net.turn(&mut Vec::new()).unwrap();
        })
    });
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn shards_wake_each_other_in_both_kinds_of_sleep() {
    check_shards(true, true);
    check_shards(true, false);
    check_shards(false, false);
}

fn check_thread(ring_park: bool) {
    in_executor(async move || {
        let mut shard = Shard::new(NetOptions::default(), ring_park);
        let waker = shard.net.waker();
        let counter = Arc::new(AtomicU64::new(1));
        let theirs = Arc::clone(&counter);
        let (asked, asks) = mpsc::channel();
        let thread = thread::spawn(move || {
            while let Ok(()) = asks.recv() {
                theirs.fetch_add(1, Ordering::Release);
                waker.wake_thread();
            }
        });
        for _ in 0..ROUNDS {
            let now = counter.load(Ordering::Acquire);
            asked.send(()).unwrap();
            let moved = || counter.load(Ordering::Acquire) != now;
            while !moved() {
                shard.next_unless(&moved).await;
            }
        }
        drop(asked);
        thread.join().unwrap();
    });
}

#[test]
fn a_thread_wakes_a_shard_in_both_kinds_of_sleep() {
    check_thread(true);
    check_thread(false);
}

#[test]
fn timers_and_files_go_on_while_parked_in_glommio() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    in_executor(async move || {
        let mut shard = Shard::new(NetOptions::default(), false);
        let waker = shard.net.waker();
        let done = Rc::new(Cell::new(false));
        let finished = Rc::clone(&done);
        glommio::spawn_local(async move {
            let file = glommio::io::BufferedFile::create(path).await.unwrap();
            for step in 0..20 {
                glommio::timer::sleep(Duration::from_millis(1)).await;
                file.write_at(vec![1; 4096], step * 4096).await.unwrap();
                file.fdatasync().await.unwrap();
            }
            file.close().await.unwrap();
            finished.set(true);
            waker.wake_thread();
        })
        .detach();
        while !done.get() {
            shard.next_unless(&|| done.get()).await;
        }
    });
}

#[test]
fn a_park_ends_at_its_timeout() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        for ring_park in [true, false] {
            let start = Instant::now();
            shard.net.park(Duration::from_millis(30), ring_park, &|| false).await.unwrap();
            assert!(start.elapsed() >= Duration::from_millis(29));
        }
    });
}

#[test]
fn work_found_at_the_last_look_prevents_sleep() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let start = Instant::now();
        shard.net.park(Duration::from_secs(20), true, &|| true).await.unwrap();
        shard.net.park(Duration::from_secs(20), false, &|| true).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(10));
    });
}
