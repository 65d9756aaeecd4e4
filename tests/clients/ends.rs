//! Connections that end at any moment leave nothing behind: no descriptor, no entry, no watch.

use std::time::Duration;

use fastrand::Rng;

use crate::support::client::{Client, encode};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::wait::{DEADLINE, wait_until};

const CONNECTIONS: usize = 2000;

/// Open at the same time.
const AT_ONCE: usize = 50;

#[test]
fn own1_nothing_is_left() {
    nothing_is_left(1);
}

#[test]
fn own2_nothing_is_left() {
    nothing_is_left(2);
}

#[test]
fn own3_nothing_is_left() {
    nothing_is_left(3);
}

/// Once, a half-closed client whose last argument was cut off stayed for ever.
#[test]
fn what_a_half_closed_client_sent_is_answered() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        let mut client = server.client();
        let mut bytes = encode(&["SET", "k", "v"]).repeat(300);
        bytes.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$40000\r\ncut off");
        client.send(&bytes).expect("the server reads");
        client.finish_sending();
        assert_eq!(client.read_to_close().expect("it is closed"), b"+OK\r\n".repeat(300));
    }
}

fn nothing_is_left(shards: u16) {
    let server = Server::start(own(shards));
    let mut seed = Seed::new();
    let random = seed.rng();
    server.ask_ok(&["SET", "a", "b"]);
    let before = server.descriptors();
    let mut open: Vec<Client> = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = server.client();
        let bytes = requests(random);
        let sent = if random.bool() { bytes.len() } else { random.usize(..=bytes.len()) };
        // It may have been closed meanwhile, by another's CLIENT KILL.
        let _ = client.send(&bytes[..sent]);
        open.push(client);
        if open.len() > AT_ONCE {
            end(open.swap_remove(random.usize(..open.len())), random);
        }
    }
    open.clear();
    wait_until(DEADLINE, "no client is left but the one that asks", || {
        server.ask(&["CLIENT", "LIST"]).text().lines().count() == 1
    });
    wait_until(DEADLINE, "the descriptors are given back", || server.descriptors() <= before);
}

fn requests(random: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.usize(..30) {
        let key = format!("k{}", random.u32(..500));
        let other = format!("k{}", random.u32(..500));
        let value = "v".repeat([10, 1000, 33_000, 100_000][random.usize(..4)]);
        let id = random.u32(1..2000).to_string();
        bytes.extend(match random.u32(..9) {
            0 => encode(&["SET", &key, &value]),
            1 => encode(&["GET", &key]),
            2 => encode(&["MSET", &key, "1", &other, "2"]),
            3 => encode(&["WATCH", &key, &other]),
            4 => encode(&["MULTI"]),
            5 => encode(&["EXEC"]),
            6 => encode(&["CLIENT", "LIST"]),
            7 => encode(&["CLIENT", "KILL", "ID", &id]),
            _ => b"PING\r\n".to_vec(),
        });
    }
    bytes
}

/// Closes, half-closes or resets a connection, some after a look at what came.
fn end(mut client: Client, random: &mut Rng) {
    if random.bool() {
        let _ = client.read_some(Duration::from_millis(1));
    }
    if random.bool() {
        client.finish_sending();
    }
    // Closing with unread bytes is a reset.
}
