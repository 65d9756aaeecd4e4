//! What ends a wait besides a push: the timeout, `CLIENT UNBLOCK`, the end of the connection, a
//! change of role.

use std::time::{Duration, Instant};

use crate::common::{answer, blocked, still_waits, wait_with, waiting};
use crate::support::client::encode;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// Nothing must be left of clients that waited.
fn nobody_waits(server: &Server) {
    wait_until(DEADLINE, "nobody waits", || {
        let info = server.info("clients");
        info.field("blocked_clients") == "0" && info.field("total_blocking_keys") == "0"
    });
}

#[test]
fn timeouts_are_exact() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        let mut client = server.client();
        let mut best = Duration::MAX;
        // A machine under load is late now and then: the best of some attempts counts.
        for _ in 0..10 {
            let began = Instant::now();
            let reply = client.cmd(&["BLPOP", "a", "b", "c", "0.05"]);
            let took = began.elapsed();
            assert_eq!(reply, Value::NullArray);
            assert!(took >= Duration::from_millis(49), "{took:?}");
            best = best.min(took);
        }
        assert!(best < Duration::from_millis(60), "{best:?}");
        nobody_waits(&server);
    }
}

#[test]
fn what_stands_behind_in_the_pipeline_waits_and_what_stands_before_does_not() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        let mut client = server.client();
        let pipeline = [
            encode(&["SET", "x", "1"]),
            encode(&["BLPOP", "a", "b", "0"]),
            encode(&["GET", "x"]),
            encode(&["BLPOP", "b", "0.02"]),
            encode(&["PING"]),
        ];
        client.send(&pipeline.concat()).expect("the server reads");
        assert!(answer(&mut client).is_ok());
        still_waits(&mut client);
        server.ask_ok(&["SET", "x", "2"]);
        server.ask(&["RPUSH", "b", "e"]);
        assert_eq!(answer(&mut client).items().len(), 2);
        assert_eq!(answer(&mut client).text(), "2");
        assert_eq!(answer(&mut client), Value::NullArray);
        assert_eq!(answer(&mut client).text(), "PONG");
    }
}

#[test]
fn unblocked_clients_are_told_what_a_stock_server_tells() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let stock = Server::start(Kind::Valkey);
    let let_go = |server: &Server, words: &[&str]| {
        let mut client = server.client();
        let id = client.cmd(&["CLIENT", "ID"]).integer().to_string();
        wait_with(server, &mut client, &["BLMOVE", "a", "b", "LEFT", "RIGHT", "0"]);
        let unblock = [&["CLIENT", "UNBLOCK", &id], words].concat();
        assert_eq!(server.ask(&unblock), Value::Integer(1));
        let reply = answer(&mut client);
        assert_eq!(client.cmd(&["PING"]).text(), "PONG");
        reply
    };
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        for words in [&[][..], &["TIMEOUT"], &["ERROR"]] {
            assert_eq!(let_go(&server, words), let_go(&stock, words), "{words:?}");
        }
        nobody_waits(&server);
    }
}

#[test]
fn who_left_gets_nothing() {
    for shards in [1, 2, 3] {
        let server = Server::start(own(shards));
        let first = waiting(&server, &["BLPOP", "a", "b", "c", "0"]);
        let second = waiting(&server, &["BLMOVE", "a", "b", "LEFT", "LEFT", "0"]);
        let mut third = server.client();
        let id = third.cmd(&["CLIENT", "ID"]).integer().to_string();
        wait_with(&server, &mut third, &["BLPOP", "a", "0"]);
        drop((first, second));
        server.ask(&["CLIENT", "KILL", "ID", &id]);
        nobody_waits(&server);
        assert_eq!(server.ask(&["RPUSH", "a", "1", "2"]), Value::Integer(2));
        assert_eq!(server.ask(&["LLEN", "a"]), Value::Integer(2));
        assert_eq!(server.ask(&["EXISTS", "b"]), Value::Integer(0));
    }
}

#[test]
fn a_change_of_role_ends_waits_and_connections() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let end = |server: &Server| {
        let mut client = waiting(server, &["BLPOP", "a", "b", "0"]);
        server.ask_ok(&["REPLICAOF", "127.0.0.1", "1"]);
        let told = client.read_to_close().expect("it is closed");
        let refused = server.ask(&["BLPOP", "a", "0"]);
        server.ask_ok(&["REPLICAOF", "NO", "ONE"]);
        (told, refused)
    };
    let stock = Server::start(Kind::Valkey);
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        assert_eq!(end(&server), end(&stock));
        nobody_waits(&server);
    }
}

#[test]
fn a_pause_holds_serving_back() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        let mut client = waiting(&server, &["BLPOP", "a", "b", "0"]);
        let mut pusher = server.client();
        server.ask_ok(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        pusher.send(&encode(&["RPUSH", "b", "1"])).expect("the server reads");
        still_waits(&mut client);
        server.ask_ok(&["CLIENT", "UNPAUSE"]);
        assert_eq!(answer(&mut pusher), Value::Integer(1));
        assert_eq!(answer(&mut client).items().len(), 2);
        assert_eq!(blocked(&server), 0);
    }
}

#[test]
fn a_wait_shows_in_the_list_of_clients() {
    let server = Server::start(own(3));
    let _client = waiting(&server, &["BLPOP", "a", "b", "c", "0"]);
    let list = server.ask(&["CLIENT", "LIST"]).text();
    let line = list.lines().find(|line| line.contains("cmd=blpop")).expect("it is there");
    assert!(line.contains(" flags=b "), "{line}");
    assert_eq!(server.info("clients").field("total_blocking_keys"), "3");
}
