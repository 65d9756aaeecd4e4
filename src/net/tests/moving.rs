//! Connections that move between shards while their client streams.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use super::support::{Shard, check_bytes, seed, spawn_executor, tcp_pair, write_stream};
use crate::net::event::{CloseReason, Event, SocketId};
use crate::net::options::NetOptions;
use crate::net::waker::Waker;

const TOTAL: usize = 8 << 20;

/// A connection on its way, and how much of its stream was received.
struct Moving {
    fd: OwnedFd,
    got: usize,
}

/// What one side tells the other; looked at once more before parking.
#[derive(Default)]
struct Mail {
    moving: Mutex<Option<Moving>>,
    over: AtomicBool,
}

impl Mail {
    fn is_waiting(&self) -> bool {
        self.moving.lock().unwrap().is_some() || self.over.load(Ordering::Acquire)
    }
}

/// One shard's side of the exchange.
struct Side {
    shard: Shard,
    inbox: Arc<Mail>,
    outbox: Arc<Mail>,
    peer: Arc<Waker>,
    rng: fastrand::Rng,
    current: Option<SocketId>,
    got: usize,
    moves: u32,
}

impl Side {
    /// Receives until EOF, handing the connection to the other shard every few buffers.
    async fn run(mut self) -> u32 {
        while !self.inbox.over.load(Ordering::Acquire) {
            if let Some(moving) = self.inbox.moving.lock().unwrap().take() {
                self.got = moving.got;
                self.current = Some(self.shard.net.adopt(moving.fd));
            }
            let inbox = Arc::clone(&self.inbox);
            for event in self.shard.next_unless(&|| inbox.is_waiting()).await {
                if self.is_end(event) {
                    self.outbox.over.store(true, Ordering::Release);
                    self.wake_peer();
                    return self.moves;
                }
            }
        }
        self.moves
    }

    fn is_end(&mut self, event: Event) -> bool {
        match event {
            Event::Received { socket, buffer } => {
                assert_eq!(Some(socket), self.current);
                check_bytes(self.got, self.shard.net.bytes(&buffer));
                self.got += self.shard.net.bytes(&buffer).len();
                self.shard.net.release(buffer);
                if self.rng.u8(..6) == 0 {
                    self.shard.net.detach(socket);
                }
            }
            Event::Detached { fd, .. } => {
                self.current = None;
                self.moves += 1;
                *self.outbox.moving.lock().unwrap() = Some(Moving { fd, got: self.got });
                self.wake_peer();
            }
            Event::Closed { socket, reason } => {
                assert!(matches!(reason, CloseReason::Eof), "{reason:?}");
                assert_eq!(self.got, TOTAL);
                self.shard.net.close(socket);
                return true;
            }
            Event::Woken => {}
            other => panic!("unexpected {other:?}"),
        }
        false
    }

    fn wake_peer(&mut self) {
        self.shard.net.wake(&self.peer);
        self.shard.net.turn(&mut Vec::new()).unwrap();
    }
}

fn check_moving(options: NetOptions) {
    let seed = seed();
    let (fd, mut client) = tcp_pair();
    let mail = [Arc::new(Mail::default()), Arc::new(Mail::default())];
    *mail[0].moving.lock().unwrap() = Some(Moving { fd, got: 0 });
    let (to_first, at_first) = mpsc::channel();
    let (to_second, at_second) = mpsc::channel();
    let sides = [(0, to_second, at_first), (1, to_first, at_second)];
    let threads = sides.map(|(number, waker_to, waker_at)| {
        let (inbox, outbox) = (Arc::clone(&mail[number]), Arc::clone(&mail[1 - number]));
        spawn_executor(async move || {
            let shard = Shard::new(options, number == 0);
            waker_to.send(shard.net.waker()).unwrap();
            let peer = waker_at.recv().unwrap();
            let rng = fastrand::Rng::with_seed(seed ^ number as u64);
            let (current, got, moves) = (None, 0, 0);
            Side { shard, inbox, outbox, peer, rng, current, got, moves }.run().await
        })
    });
    write_stream(&mut client, TOTAL, 40_000, &mut fastrand::Rng::with_seed(seed));
    drop(client);
    let moves: u32 = threads.map(|thread| thread.join().unwrap().unwrap()).iter().sum();
    assert!(moves > 2, "only {moves} moves, seed {seed}");
}

#[test]
fn a_stream_survives_moving_between_shards() {
    check_moving(NetOptions::default());
}

#[test]
fn a_stream_survives_moving_with_few_buffers() {
    check_moving(NetOptions { buffers: 2, buffer_bytes: 2048, ..NetOptions::default() });
}
