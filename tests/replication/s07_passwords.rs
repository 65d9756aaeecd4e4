//! Passwords between servers.

use crate::checks::{replicaof, wait_equal, wait_link_up};
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::value::Value;

mod passwords {
    two_servers!(super::passwords, &[(1, 0)]);
}
mod named_user {
    two_servers!(super::named_user, &[(1, 0)]);
}

fn passwords([master, replica]: [Kind; 2]) {
    let master = Server::with(master, &["requirepass secret"]);
    let replica = Server::start(replica);
    let mut stranger = Client::connect(master.port()).expect("it listens");
    let refused = Value::Error(b"NOAUTH Authentication required.".to_vec());
    assert_eq!(stranger.cmd(&["GET", "k"]), refused);

    master.ask_ok(&["SET", "k", "1"]);
    replicaof(&replica, &master);
    replica.wait_log(&["NOAUTH"]);
    assert_eq!(replica.info("replication").field("master_link_status"), "down");

    replica.ask_ok(&["CONFIG", "SET", "masterauth", "wrong"]);
    replica.wait_log(&["WRONGPASS"]);
    assert!(replica.log().contains("Unable to AUTH to"));
    assert_eq!(replica.info("replication").field("master_link_status"), "down");

    replica.ask_ok(&["CONFIG", "SET", "masterauth", "secret"]);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
}

/// The link has a user of its own, who may do nothing else.
fn named_user([master, replica]: [Kind; 2]) {
    let master = Server::with(master, &["requirepass secret"]);
    let replica = Server::start(replica);
    master.ask_ok(&["SET", "k", "1"]);
    master.ask_ok(&["ACL", "SETUSER", "link", "on", ">pass", "+psync", "+replconf", "+ping"]);
    replica.ask_ok(&["CONFIG", "SET", "masteruser", "nobody", "masterauth", "pass"]);
    replicaof(&replica, &master);
    replica.wait_log(&["WRONGPASS"]);
    replica.ask_ok(&["CONFIG", "SET", "masteruser", "link"]);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
}
