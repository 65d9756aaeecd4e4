//! Connections that break at the worst moment: nothing may leak or be reported wrongly.

use std::io::{Read, Write};
use std::thread;

use super::support::{Shard, bytes_at, in_executor, reset, seed, tcp_pair};
use crate::net::event::{CloseReason, Event, SendBuffer};
use crate::net::options::NetOptions;

#[test]
fn a_reset_while_receiving_ends_the_socket() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let free = shard.net.free_buffers();
        for _ in 0..50 {
            let (fd, mut client) = tcp_pair();
            let id = shard.net.adopt(fd);
            client.write_all(&[1; 100_000]).unwrap();
            reset(client);
            'turns: loop {
                for event in shard.next().await {
                    match event {
                        Event::Received { buffer, .. } => shard.net.release(buffer),
                        Event::Closed { socket, reason } => {
                            assert!(matches!(reason, CloseReason::Error(_)), "{reason:?}");
                            assert_eq!(socket, id);
                            break 'turns;
                        }
                        other => panic!("unexpected {other:?}"),
                    }
                }
            }
            shard.net.close(id);
        }
        shard.drained().await;
        assert_eq!(shard.net.free_buffers(), free);
    });
}

#[test]
fn a_reset_while_sending_ends_the_socket() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        for len in [100, 60_000, 10 << 20] {
            let (fd, mut client) = tcp_pair();
            let id = shard.net.adopt(fd);
            shard.net.send(id, SendBuffer::Flat(bytes_at(0, len)));
            let peer = thread::spawn(move || {
                client.read_exact(&mut [0; 50]).unwrap();
                reset(client);
            });
            let mut ended = 0;
            while ended == 0 {
                for event in shard.next().await {
                    match event {
                        Event::Sent { .. } => {
                            shard.net.send(id, SendBuffer::Flat(bytes_at(0, len)));
                        }
                        Event::Closed { reason: CloseReason::Error(_), .. } => ended += 1,
                        // The send may have met the reset first, which ends the receive orderly.
                        Event::Closed { reason: CloseReason::Eof, .. } => {}
                        other => panic!("unexpected {other:?}"),
                    }
                }
            }
            assert_eq!(ended, 1);
            peer.join().unwrap();
            shard.net.close(id);
        }
        shard.drained().await;
    });
}

#[test]
fn closing_with_a_send_under_way_cuts_it_short() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        for turns in 0..4 {
            let (fd, mut client) = tcp_pair();
            let id = shard.net.adopt(fd);
            shard.net.send(id, SendBuffer::Flat(bytes_at(0, 10 << 20)));
            for _ in 0..turns {
                let mut events = Vec::new();
                shard.net.turn(&mut events).unwrap();
                assert!(events.is_empty(), "{events:?}");
            }
            shard.net.close(id);
            shard.drained().await;
            let mut bytes = Vec::new();
            let _ = client.read_to_end(&mut bytes);
            assert!(bytes.len() < 10 << 20);
        }
    });
}

#[test]
fn a_net_dropped_with_everything_under_way_lets_go_of_it() {
    in_executor(async || {
        let mut clients = Vec::new();
        {
            let mut shard = Shard::new(NetOptions::default(), true);
            shard.listen();
            for number in 0..20 {
                let (fd, mut client) = tcp_pair();
                let id = shard.net.adopt(fd);
                client.write_all(&[3; 1000]).unwrap();
                match number % 4 {
                    0 => shard.net.send(id, SendBuffer::Flat(bytes_at(0, 5 << 20))),
                    1 => shard.net.receive_exact(id, Vec::new(), 1 << 20),
                    2 => shard.net.detach(id),
                    _ => {}
                }
                clients.push(client);
            }
            shard.net.turn(&mut Vec::new()).unwrap();
        }
        for client in &mut clients {
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
}

#[test]
fn stale_ids_are_ignored() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let (fd, _client) = tcp_pair();
        let old = shard.net.adopt(fd);
        shard.net.close(old);
        shard.drained().await;
        let (fd, mut client) = tcp_pair();
        let new = shard.net.adopt(fd);
        assert!(new != old && new.index() == old.index());
        shard.net.close(old);
        shard.net.detach(old);
        shard.net.pause(old);
        shard.net.receive_exact(old, Vec::new(), 5);
        shard.net.send(old, SendBuffer::Flat(b"x".to_vec()));
        assert!(shard.net.fd(old).is_none() && shard.net.fd(new).is_some());
        client.write_all(b"hello").unwrap();
        for event in shard.next().await {
            let Event::Received { socket, buffer } = event else { panic!("{event:?}") };
            assert_eq!(socket, new);
            shard.net.release(buffer);
        }
    });
}

// The story: of two events of one turn the first was a connection's arrival and the second said
// that another had left its shard; the newcomer was given the index that the other still had a row
// under.
#[test]
fn the_index_of_a_detached_socket_has_no_new_tenant_before_its_event_is_worked_on() {
    in_executor(async || {
        let mut shard = Shard::new(NetOptions::default(), true);
        let (fd, _client) = tcp_pair();
        let old = shard.net.adopt(fd);
        shard.net.detach(old);
        let mut is_detached = false;
        while !is_detached {
            is_detached = shard.next().await.iter().any(|e| matches!(e, Event::Detached { .. }));
        }
        let (fd, _second) = tcp_pair();
        assert_ne!(shard.net.adopt(fd).index(), old.index(), "its event is being worked on");
        shard.net.turn(&mut Vec::new()).unwrap();
        let (fd, _third) = tcp_pair();
        assert_eq!(shard.net.adopt(fd).index(), old.index(), "then it is free");
    });
}

/// Random acts on random sockets whose peers act at random too.
#[test]
fn random_ends_leak_nothing() {
    let seed = seed();
    in_executor(async move || {
        let options = NetOptions { buffers: 8, buffer_bytes: 512, ..NetOptions::default() };
        let mut shard = Shard::new(options, true);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut open = Vec::new();
        for _ in 0..2000 {
            match rng.u8(..8) {
                0 | 1 => {
                    let (fd, client) = tcp_pair();
                    client.set_nonblocking(true).unwrap();
                    open.push((shard.net.adopt(fd), Some(client)));
                }
                act if !open.is_empty() => {
                    let chosen = rng.usize(..open.len());
                    let (id, client) = &mut open[chosen];
                    match (act, client.take()) {
                        (2, Some(peer)) => reset(peer),
                        (3, Some(peer)) => drop(peer),
                        (4 | 5, Some(mut peer)) => {
                            let _ = peer.write(&bytes_at(0, rng.usize(1..5000)));
                            *client = Some(peer);
                        }
                        (6, peer) => {
                            *client = peer;
                            if !shard.net.is_sending(*id) {
                                let len = rng.usize(1..300_000);
                                shard.net.send(*id, SendBuffer::Flat(vec![0; len]));
                            }
                        }
                        (_, peer) => {
                            shard.net.close(*id);
                            drop(peer);
                            open.swap_remove(chosen);
                        }
                    }
                }
                _ => {}
            }
            let mut events = Vec::new();
            shard.net.turn(&mut events).unwrap();
            for event in events {
                if let Event::Received { buffer, .. } = event {
                    shard.net.release(buffer);
                }
            }
        }
        open.drain(..).for_each(|(id, _)| shard.net.close(id));
        shard.drained().await;
        assert_eq!(shard.net.free_buffers(), 8, "seed {seed}");
    });
}
