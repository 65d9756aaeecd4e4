//! `CLIENT PAUSE` holds back what it says, on all shards, and nothing is lost or reordered.

use std::time::Duration;

use crate::support::client::encode;
use crate::support::server::Server;
use crate::support::stock::own;

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
