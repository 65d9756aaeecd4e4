//! Ten thousand connections at once, then none: no descriptor is left behind.

use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::{Kind, own, skip};
use crate::support::wait::{DEADLINE, wait_until};

const CONNECTIONS: usize = 10_000;

/// The server's own files and the test's.
const MARGIN: usize = 500;

#[test]
fn own1_ten_thousand() {
    ten_thousand(own(1));
}

#[test]
fn own3_ten_thousand() {
    ten_thousand(own(3));
}

#[test]
fn own1_maxclients() {
    maxclients(own(1));
}

#[test]
fn own3_maxclients() {
    maxclients(own(3));
}

fn ten_thousand(kind: Kind) {
    // One at a time: the test process needs a descriptor a connection too.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock();
    let limit = raise_limit();
    if limit < CONNECTIONS + MARGIN {
        skip(&format!("ten thousand connections: RLIMIT_NOFILE is {limit}"));
        return;
    }
    let server = Server::with(kind, &["maxclients 10100"]);
    // Answered by every shard, so that all have opened what they need.
    server.ask(&["KEYS", "*"]);
    let before = server.descriptors();
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for n in 0..CONNECTIONS {
        let stream = TcpStream::connect(("127.0.0.1", server.port()))
            .unwrap_or_else(|error| panic!("connection {n}: {error}"));
        connections.push(stream);
    }
    wait_until(DEADLINE, "all are accepted", || {
        server.info("clients").number("connected_clients") > CONNECTIONS as i64
    });
    let last = connections.pop().expect("there are many");
    let mut last = Client::over(last).expect("socket options");
    assert_eq!(last.cmd(&["PING"]).text(), "PONG");
    drop(last);
    drop(connections);
    wait_until(DEADLINE, "the descriptors are given back", || server.descriptors() <= before);
}

/// One more than allowed is told so and closed.
fn maxclients(kind: Kind) {
    let server = Server::with(kind, &["maxclients 20"]);
    let mut clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let mut refused = server.client();
    let answer = refused.read_to_close().expect("it is closed");
    assert_eq!(answer, b"-ERR max number of clients reached\r\n");
    for client in &mut clients {
        assert_eq!(client.cmd(&["PING"]).text(), "PONG");
    }
    drop(clients.pop());
    wait_until(Duration::from_secs(5), "a place is free again", || {
        Client::connect(server.port())
            .is_ok_and(|mut client| client.try_cmd(&["PING"]).is_ok_and(|v| v.text() == "PONG"))
    });
}

/// Raises the limit of descriptors, as far as it goes; returns what it is then.
fn raise_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) and setrlimit(2) only access the structure given to them.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}
