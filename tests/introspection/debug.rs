//! DEBUG where it changes how the server behaves.

use std::time::{Duration, Instant};

use crate::support::server::Server;
use crate::support::stock::own;

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
