//! A client that waits for replicas is let go by another.

use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// What a client reads whose wait another one ends with `UNBLOCK` and these words.
fn unblocked(server: &Server, words: &[&str]) -> Value {
    let mut waiting = server.client();
    let id = waiting.cmd(&["CLIENT", "ID"]).integer().to_string();
    waiting.send(b"WAIT 1 0\r\n").expect("the server reads");
    let unblock = [&["CLIENT", "UNBLOCK", &id], words].concat();
    wait_until(DEADLINE, "the client waits and is let go", || {
        server.ask(&unblock) == Value::Integer(1)
    });
    let reply = waiting.read_reply().expect("an answer");
    assert_eq!(waiting.cmd(&["PING"]).text(), "PONG");
    reply
}

#[test]
fn waiting_clients_are_let_go() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let stock = Server::start(Kind::Valkey);
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        for words in [&[][..], &["TIMEOUT"], &["error"]] {
            assert_eq!(unblocked(&server, words), unblocked(&stock, words), "{words:?}");
        }
        assert_eq!(server.ask(&["CLIENT", "UNBLOCK", "1"]), Value::Integer(0));
    }
}
