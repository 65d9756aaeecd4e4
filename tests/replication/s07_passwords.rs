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

/// The link has a user of its own, who may do nothing else. A master of ours has no user but
/// `default` yet and says so; the link names that one then.
fn named_user([master, replica]: [Kind; 2]) {
    let master = Server::with(master, &["requirepass secret"]);
    let replica = Server::start(replica);
    master.ask_ok(&["SET", "k", "1"]);
    let made =
        master.ask(&["ACL", "SETUSER", "link", "on", ">pass", "+psync", "+replconf", "+ping"]);
    let (user, password) = match master.kind().is_tributary() {
        true => {
            assert!(made.is_error("ERR This version has no user but"), "{made:?}");
            ("default", "secret")
        }
        false => {
            assert!(made.is_ok(), "{made:?}");
            ("link", "pass")
        }
    };
    replica.ask_ok(&["CONFIG", "SET", "masteruser", "nobody", "masterauth", password]);
    replicaof(&replica, &master);
    replica.wait_log(&["WRONGPASS"]);
    replica.ask_ok(&["CONFIG", "SET", "masteruser", user]);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
}
