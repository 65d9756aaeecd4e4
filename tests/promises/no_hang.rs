//! Nothing waits for ever: every reply arrives, whatever happens at the same time on the server.
//! Clients give up on a reply after 20 seconds, which fails the test.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Command, words};
use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn every_reply_arrives_on_two_shards() {
    bursts_beside_everything(2, 3);
}

#[test]
fn every_reply_arrives_on_three_shards() {
    bursts_beside_everything(3, 2);
}

/// How many clients send bursts.
const CLIENTS: u64 = 50;
/// For how long.
const TIME: Duration = Duration::from_secs(5);

fn bursts_beside_everything(shards: u16, replica_shards: u16) {
    let seed = Seed::new();
    let server = Server::start(own(shards));
    let replica = Server::start(own(replica_shards));
    let end = Instant::now() + TIME;
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (server, seed) = (&server, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + number);
                let mut client = server.client();
                while Instant::now() < end {
                    burst(&mut client, &mut rng);
                }
            });
        }
        for number in 0..2 {
            let (server, seed) = (&server, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + CLIENTS + number);
                let mut client = server.client();
                assert!(client.cmd(&["SELECT", "9"]).is_ok());
                while Instant::now() < end {
                    disturb(&mut client, &mut rng);
                }
            });
        }
        scope.spawn(|| {
            let mut rng = fastrand::Rng::with_seed(seed.value() + CLIENTS + 2);
            let mut client = replica.client();
            while Instant::now() < end {
                assert!(client.cmd(&["REPLICAOF", "127.0.0.1", &server.port_text()]).is_ok());
                // Long enough, sometimes, for the whole resynchronization.
                for _ in 0..rng.u32(1..300) {
                    assert!(!client.cmd(&["INFO", "replication"]).text().is_empty());
                }
                // While it loads it refuses.
                wait_until(DEADLINE, "it gives up its master", || {
                    let reply = client.cmd(&["REPLICAOF", "NO", "ONE"]);
                    assert!(reply.is_ok() || reply.is_error("LOADING"), "{reply:?}");
                    reply.is_ok()
                });
            }
        });
    });
    // And after it all it is still well.
    assert!(server.ask(&["MSET", "a", "1", "b", "2", "c", "3"]).is_ok());
    assert_eq!(server.ask(&["PING"]), Value::Simple(b"PONG".to_vec()));
}

/// A pipeline of one of the lengths that clients use.
fn burst(client: &mut Client, rng: &mut fastrand::Rng) {
    let length = [1, 16, 32, 100][rng.usize(..4)];
    let only_reads = rng.bool();
    let commands: Vec<Command> = (0..length)
        .map(|_| {
            let key = format!("key{}", rng.u16(..2000));
            match rng.u8(..20) {
                _ if only_reads => words(&["GET", &key]),
                0 => words(&["MSET", &key, "1", "x", "2", "y", "3"]),
                1 => words(&["MGET", &key, "x", "y"]),
                2 => words(&["INCR", "n"]),
                3..10 => words(&["GET", &key]),
                _ => words(&["SET", &key, "value"]),
            }
        })
        .collect();
    for reply in client.pipeline(&commands) {
        assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
    }
}

/// Something that concerns all shards at once.
fn disturb(client: &mut Client, rng: &mut fastrand::Rng) {
    let command = match rng.u8(..10) {
        0 => words(&["MSET", "a", "1", "b", "2", "c", "3", "d", "4"]),
        1 => words(&["KEYS", "*7*"]),
        2 => words(&["DBSIZE"]),
        3 => words(&["FLUSHDB"]),
        4 => words(&["CLIENT", "PAUSE", &rng.u8(1..30).to_string(), "WRITE"]),
        5 => words(&["CLIENT", "PAUSE", &rng.u8(1..10).to_string(), "ALL"]),
        6 => words(&["CLIENT", "UNPAUSE"]),
        7 => words(&["BGSAVE", "SCHEDULE"]),
        8 => words(&["SWAPDB", "10", "11"]),
        _ => words(&["INFO"]),
    };
    let reply = client.cmd(&command);
    assert!(!reply.is_error("ERR unknown"), "{command:?}: {reply:?}");
}
