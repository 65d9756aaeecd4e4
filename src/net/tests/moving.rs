//! Connections that move between shards while their client streams.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Arc, mpsc};
use std::thread;

use super::support::{Shard, check_bytes, seed, spawn_executor, tcp_pair, write_stream};
use crate::net::event::{CloseReason, Event};
use crate::net::options::NetOptions;
use crate::net::waker::Waker;

const TOTAL: usize = 8 << 20;

/// A connection on its way, and how much of its stream was received.
struct Moving {
    fd: OwnedFd,
    got: usize,
}

/// Receives until EOF, handing the connection to the other shard every few buffers.
async fn pass_on(
    mut shard: Shard,
    inbox: mpsc::Receiver<Moving>,
    outbox: mpsc::Sender<Moving>,
    peer: Arc<Waker>,
    mut rng: fastrand::Rng,
) -> usize {
    let (mut got, mut current, mut moves) = (0, None, 0);
    loop {
        match inbox.try_recv() {
            Ok(moving) => {
                got = moving.got;
                current = Some(shard.net.adopt(moving.fd));
            }
            Err(mpsc::TryRecvError::Disconnected) if current.is_none() => return moves,
            Err(_) => {}
        }
        // The waker tells of messages, and of the other side's end.
        for event in shard.next_unless(&|| false).await {
            match event {
                Event::Received { socket, buffer } => {
                    assert_eq!(Some(socket), current);
                    check_bytes(got, shard.net.bytes(&buffer));
                    got += shard.net.bytes(&buffer).len();
                    shard.net.release(buffer);
                    if rng.u8(..6) == 0 {
                        shard.net.detach(socket);
                    }
                }
                Event::Detached { fd, .. } => {
                    current = None;
                    moves += 1;
                    outbox.send(Moving { fd, got }).unwrap();
                    shard.net.wake(&peer);
                    peer.wake_thread();
                }
                Event::Closed { socket, reason } => {
                    assert!(matches!(reason, CloseReason::Eof), "{reason:?}");
                    assert_eq!(got, TOTAL);
                    shard.net.close(socket);
                    drop(outbox);
                    peer.ring_doorbell();
                    return moves;
                }
                Event::Woken => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

fn check_moving(options: NetOptions) {
    let seed = seed();
    let (fd, mut client): (OwnedFd, TcpStream) = tcp_pair();
    let (to_first, first_inbox) = mpsc::channel();
    let (to_second, second_inbox) = mpsc::channel();
    let (first_waker, first_waker_at) = mpsc::channel();
    let (second_waker, second_waker_at) = mpsc::channel();
    to_first.send(Moving { fd, got: 0 }).unwrap();
    let first = spawn_executor(async move || {
        let shard = Shard::new(options, true);
        first_waker.send(shard.net.waker()).unwrap();
        let peer = second_waker_at.recv().unwrap();
        let rng = fastrand::Rng::with_seed(seed);
        pass_on(shard, first_inbox, to_second, peer, rng).await
    });
    let second = spawn_executor(async move || {
        let shard = Shard::new(options, false);
        second_waker.send(shard.net.waker()).unwrap();
        let peer = first_waker_at.recv().unwrap();
        let rng = fastrand::Rng::with_seed(seed + 1);
        pass_on(shard, second_inbox, to_first, peer, rng).await
    });
    let writer = thread::spawn(move || {
        write_stream(&mut client, TOTAL, 40_000, &mut fastrand::Rng::with_seed(seed));
        client.flush().unwrap();
    });
    writer.join().unwrap();
    let moves = first.join().unwrap().unwrap() + second.join().unwrap().unwrap();
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
