//! Bytes of one connection: large sends, exact receives, pausing.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use bytes::Bytes;

use super::support::{
    Shard, bytes_at, check_bytes, in_executor, pair, seed, tcp_pair, write_stream,
};
use crate::net::event::{CloseReason, Event, SendBuffer};
use crate::net::options::NetOptions;

const TEN_MB: usize = 10 << 20;

fn check_large_send(buffer: SendBuffer) {
    in_executor(async move || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let (fd, mut client) = tcp_pair();
        let id = shard.net.adopt(fd);
        let total = buffer.len();
        shard.net.send(id, buffer);
        assert_eq!(shard.net.unsent(id), total);
        let reader = thread::spawn(move || {
            let mut bytes = vec![0; total];
            client.read_exact(&mut bytes).unwrap();
            check_bytes(0, &bytes);
        });
        loop {
            let events = shard.next().await;
            if let Some(Event::Sent { socket, buffer }) = events.first() {
                assert_eq!((*socket, buffer.len()), (id, total));
                break;
            }
        }
        assert_eq!((shard.net.unsent(id), shard.net.is_sending(id)), (0, false));
        reader.join().unwrap();
        shard.net.close(id);
        shard.drained().await;
    });
}

#[test]
fn sends_ten_megabytes_in_one_piece() {
    check_large_send(SendBuffer::Flat(bytes_at(0, TEN_MB)));
}

#[test]
fn sends_more_chunks_than_the_kernel_takes_at_once() {
    let bytes = Bytes::from(bytes_at(0, TEN_MB));
    let mut chunks: Vec<_> = (0..5000).map(|n| bytes.slice(n * 2000..(n + 1) * 2000)).collect();
    chunks.push(Bytes::new());
    chunks.push(bytes.slice(5000 * 2000..));
    check_large_send(SendBuffer::Chunks(chunks));
}

#[test]
fn a_quiet_send_that_does_not_fit_is_finished_later() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), false);
        let (id, mut client) = pair(&mut shard);
        let (total, mut sent) = (64 * 60_000, 60_000);
        shard.net.send(id, SendBuffer::Flat(bytes_at(0, 60_000)));
        let reader = thread::spawn(move || {
            let mut bytes = vec![0; total];
            client.read_exact(&mut bytes).unwrap();
            check_bytes(0, &bytes);
        });
        loop {
            for event in shard.next().await {
                let Event::Sent { buffer, .. } = event else { continue };
                assert_eq!(buffer.len(), 60_000);
                if sent < total {
                    shard.net.send(id, SendBuffer::Flat(bytes_at(sent, 60_000)));
                    sent += 60_000;
                }
            }
            if sent == total && !shard.net.is_sending(id) {
                break;
            }
        }
        reader.join().unwrap();
    });
}

#[test]
fn an_unhurried_send_leaves_with_the_park() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let (id, mut client) = pair(&mut shard);
        shard.net.turn(&mut Vec::new()).unwrap();
        shard.net.send_unhurried(id, SendBuffer::Flat(b"ping".to_vec()));
        let peer = thread::spawn(move || {
            client.read_exact(&mut [0; 4]).unwrap();
            client.write_all(b"pong").unwrap();
            client
        });
        shard.net.park(std::time::Duration::from_secs(20), true, &|| false).await.unwrap();
        let events = shard.next().await;
        let sent = events.iter().any(|event| matches!(event, Event::Sent { .. }));
        assert!(sent, "{events:?}");
        drop(peer.join().unwrap());
        shard.net.send_unhurried(id, SendBuffer::Flat(Vec::new()));
        shard.net.expect_sent(id);
    });
}

#[test]
fn after_a_half_close_all_was_received_and_sending_works() {
    let seed = seed();
    in_executor(async move || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let (fd, mut client) = tcp_pair();
        let id = shard.net.adopt(fd);
        let peer = thread::spawn(move || {
            write_stream(&mut client, 700_000, 9000, &mut fastrand::Rng::with_seed(seed));
            client.shutdown(std::net::Shutdown::Write).unwrap();
            let mut back = Vec::new();
            client.read_to_end(&mut back).unwrap();
            check_bytes(0, &back);
            back.len()
        });
        let mut got = 0;
        'turns: loop {
            for event in shard.next().await {
                match event {
                    Event::Received { buffer, .. } => {
                        check_bytes(got, shard.net.bytes(&buffer));
                        got += shard.net.bytes(&buffer).len();
                        shard.net.release(buffer);
                    }
                    Event::Closed { reason: CloseReason::Eof, .. } => {
                        assert_eq!(got, 700_000);
                        shard.net.send(id, SendBuffer::Flat(bytes_at(0, 300_000)));
                    }
                    Event::Sent { .. } => break 'turns,
                    other => panic!("unexpected {other:?}"),
                }
            }
        }
        shard.net.close(id);
        shard.drained().await;
        assert_eq!(peer.join().unwrap(), 300_000);
    });
}

/// Values of `sizes`, each behind its length, in random pieces: the large ones are received in
/// place, with whatever part of them the pool had already.
fn check_exact(sizes: Vec<usize>, piece_max: usize, options: NetOptions, seed: u64) {
    in_executor(async move || {
        let mut shard = Shard::new(options, true);
        let (id, client) = pair(&mut shard);
        let to_send = sizes.clone();
        let writer = thread::spawn(move || write_values(client, &to_send, piece_max, seed));
        let mut queue = Vec::new();
        let (mut next, mut waiting) = (0, false);
        while next < sizes.len() {
            for event in shard.next().await {
                match event {
                    Event::Received { buffer, .. } => {
                        assert!(!waiting, "bytes came past the exact receive");
                        queue.extend_from_slice(shard.net.bytes(&buffer));
                        shard.net.release(buffer);
                    }
                    Event::ReceivedExact { bytes, .. } => {
                        assert_eq!(bytes.len(), sizes[next]);
                        check_bytes(next, &bytes);
                        (next, waiting) = (next + 1, false);
                    }
                    other => panic!("unexpected {other:?}, seed {seed}"),
                }
                while !waiting && queue.len() >= 8 {
                    let len = u64::from_le_bytes(queue[..8].try_into().unwrap()) as usize;
                    assert_eq!(len, sizes[next], "seed {seed}");
                    if queue.len() >= 8 + len {
                        check_bytes(next, &queue[8..8 + len]);
                        queue.drain(..8 + len);
                        next += 1;
                    } else if len > 5000 {
                        let prefix = queue.split_off(8);
                        queue.clear();
                        shard.net.receive_exact(id, prefix, len);
                        waiting = true;
                    } else {
                        break;
                    }
                }
            }
        }
        drop(writer.join().unwrap());
        shard.net.close(id);
        shard.drained().await;
        assert_eq!(shard.net.free_buffers(), usize::from(options.buffers));
    });
}

fn write_values(
    mut client: UnixStream,
    sizes: &[usize],
    piece_max: usize,
    seed: u64,
) -> UnixStream {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        bytes.extend_from_slice(&(*size as u64).to_le_bytes());
        bytes.extend_from_slice(&bytes_at(number, *size));
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let piece = rng.usize(1..=piece_max).min(rest.len());
        client.write_all(&rest[..piece]).unwrap();
        rest = &rest[piece..];
    }
    client
}

#[test]
fn receives_a_megabyte_in_place_from_odd_pieces() {
    check_exact(vec![1 << 20, 3, 1 << 20], 7777, NetOptions::default(), seed());
}

#[test]
fn exact_and_streamed_values_alternate() {
    let seed = seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let sizes: Vec<_> = (0..300).map(|_| rng.usize(1..60_000)).collect();
    check_exact(sizes.clone(), 100_000, NetOptions::default(), seed);
    let small = NetOptions { buffers: 4, buffer_bytes: 1024, ..NetOptions::default() };
    check_exact(sizes, 20_000, small, seed);
}

#[test]
fn a_paused_socket_rests_and_resumes_without_loss() {
    let seed = seed();
    in_executor(async move || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let (id, mut client) = pair(&mut shard);
        const TOTAL: usize = 4 << 20;
        let writer = thread::spawn(move || {
            write_stream(&mut client, TOTAL, 30_000, &mut fastrand::Rng::with_seed(seed));
            client
        });
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut got, mut paused) = (0, false);
        while got < TOTAL {
            let nothing_left = shard.net.free_buffers() == 128;
            if paused && nothing_left && rng.u8(..4) == 0 {
                shard.net.resume(id);
                paused = false;
            }
            for event in shard.next_unless(&|| paused).await {
                let Event::Received { buffer, .. } = event else { panic!("{event:?}") };
                check_bytes(got, shard.net.bytes(&buffer));
                got += shard.net.bytes(&buffer).len();
                shard.net.release(buffer);
                if rng.u8(..8) == 0 {
                    shard.net.pause(id);
                    paused = true;
                }
            }
        }
        drop(writer.join().unwrap());
    });
}
