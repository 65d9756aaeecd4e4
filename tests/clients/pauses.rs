//! `CLIENT PAUSE` holds back what it says, on all shards, and nothing is lost or reordered.

use std::time::Duration;

use crate::support::client::encode;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::wait::{DEADLINE, wait_until};

/// Long enough that only its end by command lets the test pass.
const LONG: &str = "60000";

/// For what must not come.
const SHORT: Duration = Duration::from_millis(100);

#[test]
fn writes_wait_and_reads_go_on() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        server.ask_ok(&["SET", "a", "1"]);
        server.ask_ok(&["CLIENT", "PAUSE", LONG, "WRITE"]);
        let mut writer = server.client();
        let pipeline = [
            encode(&["SET", "a", "2"]),
            encode(&["MSET", "b", "3", "c", "4", "d", "5"]),
            encode(&["GET", "a"]),
            encode(&["GET", "d"]),
        ];
        writer.send(&pipeline.concat()).expect("the server reads");
        assert_eq!(writer.read_some(SHORT).expect("it is connected"), b"");
        let mut reader = server.client();
        assert_eq!(reader.cmd(&["GET", "a"]).text(), "1");
        assert!(reader.cmd(&["MULTI"]).is_ok());
        assert_eq!(reader.cmd(&["GET", "a"]).text(), "QUEUED");
        reader.cmd(&["EXEC"]);
        server.ask_ok(&["CLIENT", "UNPAUSE"]);
        let mut read = || writer.read_reply().expect("an answer").text();
        assert_eq!([read(), read(), read(), read()], ["OK", "OK", "2", "5"]);
    }
}

#[test]
fn everything_waits_until_the_time_is_over() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        server.ask_ok(&["CLIENT", "PAUSE", "300"]);
        let mut client = server.client();
        client.send(b"PING\r\n").expect("the server reads");
        assert_eq!(client.read_some(SHORT).expect("it is connected"), b"");
        assert_eq!(client.read_reply().expect("an answer").text(), "PONG");
    }
}

#[test]
fn who_is_held_back_shows_as_blocked() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        server.ask_ok(&["CLIENT", "PAUSE", LONG, "WRITE"]);
        let mut writer = server.client();
        let id = writer.cmd(&["CLIENT", "ID"]).integer().to_string();
        writer.send(&encode(&["SET", "a", "2"])).expect("the server reads");
        let flags = |id: &str| {
            let line = server.ask(&["CLIENT", "LIST", "ID", id]).text();
            let flags = line.split(' ').find_map(|word| word.strip_prefix("flags="));
            flags.expect("a field").to_owned()
        };
        wait_until(DEADLINE, "it shows", || flags(&id) == "b");
        assert_eq!(server.info("clients").field("blocked_clients"), "1");
        assert_eq!(server.ask(&["CLIENT", "UNBLOCK", &id]).integer(), 0);
        server.ask_ok(&["CLIENT", "UNPAUSE"]);
        assert_eq!(writer.read_reply().expect("an answer").text(), "OK");
        assert_eq!(flags(&id), "N");
        assert_eq!(server.info("clients").field("blocked_clients"), "0");
    }
}
