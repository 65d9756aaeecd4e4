//! CONFIG SET while the server runs: what takes effect, and what leaves everything as it was.

use crate::support::client::Client;
use crate::support::server::{Server, free_port};
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

fn answers(port: u16) -> bool {
    let client = Client::connect(port);
    client.is_ok_and(|mut client| {
        client.try_cmd(&["PING"]).is_ok_and(|reply| reply == Value::Simple(b"PONG".to_vec()))
    })
}

#[test]
fn a_port_is_changed_and_changed_back() {
    let server = Server::start(own(2));
    let (before, after) = (server.port(), free_port());
    let mut client = server.client();
    assert!(client.cmd(&["CONFIG", "SET", "port", &after.to_string()]).is_ok());
    assert!(answers(after));
    wait_until(DEADLINE, "the old port is given up", || !answers(before));
    // Who was connected stays.
    assert!(client.cmd(&["CONFIG", "SET", "port", &before.to_string()]).is_ok());
    wait_until(DEADLINE, "the first port is served again", || answers(before));
}

#[test]
fn a_port_that_is_taken_changes_nothing() {
    let (server, other) = (Server::start(own(1)), Server::start(own(1)));
    let reply = server.ask(&["CONFIG", "SET", "port", &other.port_text(), "hz", "33"]);
    let text = "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on \
                this port. Check server logs.";
    assert!(reply.is_error(text), "{reply:?}");
    assert_eq!(server.info("server").field("hz"), "10");
    assert!(answers(server.port()) && answers(other.port()));
}

#[test]
fn addresses_are_changed_around_a_port_that_stays() {
    let server = Server::start(own(2));
    for bind in ["127.0.0.1 -::1", "*", "* -::*", "127.0.0.1"] {
        server.ask_ok(&["CONFIG", "SET", "bind", bind]);
        assert!(answers(server.port()), "{bind}");
    }
    // Nobody else of this user gets the port meanwhile or afterwards.
    let taken = std::net::TcpListener::bind(("127.0.0.1", server.port()));
    assert!(taken.is_err());
}

#[test]
fn limits_take_effect() {
    let server = Server::start(own(2));
    server.ask_ok(&["CONFIG", "SET", "slowlog-max-len", "2", "slowlog-log-slower-than", "0"]);
    for _ in 0..5 {
        server.ask(&["GET", "x"]);
    }
    assert_eq!(server.ask(&["SLOWLOG", "LEN"]).integer(), 2);
    let entries = server.ask(&["SLOWLOG", "GET", "-1"]);
    let entry = entries.items()[0].items();
    assert_eq!(entry.len(), 6);
    assert_eq!(entry[3].items().iter().map(Value::text).collect::<Vec<_>>(), ["SLOWLOG", "LEN"]);
    server.ask_ok(&["CONFIG", "SET", "repl-backlog-size", "2mb"]);
    assert_eq!(server.info("replication").number("repl_backlog_size"), 2 << 20);
    server.ask_ok(&["CONFIG", "SET", "loglevel", "warning"]);
    server.ask_ok(&["CONFIG", "SET", "maxmemory", "1"]);
    server.wait_log(&["is smaller than the current memory usage"]);
}

#[test]
fn protected_directives_and_debug_need_permission() {
    let server = Server::with(own(1), &["enable-debug-command no"]);
    let reply = server.ask(&["CONFIG", "SET", "dbfilename", "x.rdb"]);
    assert!(reply.is_error("ERR CONFIG SET failed"), "{reply:?}");
    let reply = server.ask(&["DEBUG", "SLEEP", "0"]);
    assert!(reply.is_error("ERR DEBUG command not allowed."), "{reply:?}");
}

/// Recorded from Valkey 8.0.1, but for the number of clients there is room for.
#[test]
fn more_clients_than_descriptors_are_refused() {
    let server = Server::start(own(2));
    let reply = server.ask(&["CONFIG", "SET", "maxclients", "2000000000"]);
    let text = "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating \
                system is not able to handle the specified number of clients, try with ";
    assert!(reply.is_error(text), "{reply:?}");
    assert_eq!(server.ask(&["CONFIG", "GET", "maxclients"]).items()[1].text(), "10000");
    server.ask_ok(&["CONFIG", "SET", "maxclients", "100"]);
}
