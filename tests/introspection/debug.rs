//! DEBUG where it changes how the server behaves.

use std::time::{Duration, Instant};

use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn sleep_stops_every_shard() {
    let server = Server::with(own(3), &["enable-debug-command yes"]);
    let mut sleeper = server.client();
    let began = Instant::now();
    let sleeping = std::thread::spawn(move || sleeper.cmd(&["DEBUG", "SLEEP", "0.5"]));
    let mut client = server.client();
    // Whatever shard a key is on, from some moment on it waits for the rest of that time.
    while began.elapsed() < Duration::from_millis(400) {
        for number in 0..20 {
            assert!(client.cmd(&["SET", &format!("key:{number}"), "x"]).is_ok());
        }
    }
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(sleeping.join().expect("it was answered").is_ok());
    let slow = server.ask(&["SLOWLOG", "GET", "-1"]);
    let slept = slow.items().iter().any(|entry| {
        let words = entry.items()[3].items();
        words.len() == 3 && words[1].text() == "SLEEP" && entry.items()[2].integer() >= 500_000
    });
    assert!(slept, "{slow:?}");
}

#[test]
fn populate_fills_what_is_missing() {
    let server = Server::with(own(3), &["enable-debug-command yes"]);
    server.ask_ok(&["SET", "key:7", "mine"]);
    server.ask_ok(&["DEBUG", "POPULATE", "1000"]);
    assert_eq!(server.ask(&["DBSIZE"]).integer(), 1000);
    assert_eq!(server.ask(&["GET", "key:7"]).text(), "mine");
    assert_eq!(server.ask(&["GET", "key:999"]).text(), "value:999");
    let line = server.ask(&["DEBUG", "OBJECT", "key:1"]).text();
    assert!(line.contains("refcount:1 encoding:embstr serializedlength:8 "), "{line}");
    assert!(server.ask(&["MEMORY", "USAGE", "key:1"]).integer() > 10);
}

/// A snapshot's pauses are attributed: LATENCY names what held the shards up.
#[test]
fn pauses_of_a_snapshot_are_latency_events() {
    let directives = ["enable-debug-command yes", "latency-monitor-threshold 1", "save \"\""];
    let server = Server::with(own(2), &directives);
    // So many that copying the page tables takes more than a millisecond.
    server.ask_ok(&["DEBUG", "POPULATE", "600000", "key", "100"]);
    let events = || -> Vec<String> {
        let latest = server.ask(&["LATENCY", "LATEST"]);
        latest.items().iter().map(|event| event.items()[0].text()).collect()
    };
    wait_until(DEADLINE, "fork and cut are told", || {
        if server.info("persistence").number("rdb_bgsave_in_progress") == 0 {
            server.ask(&["BGSAVE"]);
        }
        let told = events();
        ["fork", "cut"].iter().all(|event| told.iter().any(|name| name == event))
    });
    let history = server.ask(&["LATENCY", "HISTORY", "fork"]);
    assert!(history.items().iter().all(|entry| entry.items()[1].integer() >= 1), "{history:?}");
}
