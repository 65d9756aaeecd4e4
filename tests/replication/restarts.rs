//! Who is shut down and started again goes on where its file says that it was, on either side of a
//! link: no full resynchronization, nothing lost, nothing in a wrong database.

use std::sync::atomic::AtomicBool;

use crate::checks::{EndOnDrop, stat, wait_equal, wait_link_up, write_until};
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, wait_until};

mod replica {
    two_servers!(super::replica, &[(1, 0)]);
}
mod master {
    two_servers!(super::master, &[(1, 0)]);
}
mod restarted_then_demoted {
    tests_of! { super::restarted_then_demoted, &[(1, 0), (0, 1)];
        own1_own3: [own(1), own(3)];
        own3_own2: [own(3), own(2)];
        own2_valkey: [own(2), Valkey];
        redis_own2: [Redis, own(2)];
    }
}
mod middle {
    tests_of! { super::middle, &[(1, 0), (2, 1)];
        own1_own2_own3: [own(1), own(2), own(3)];
        own2_own3_own1: [own(2), own(3), own(1)];
        redis_own2_own1: [Redis, own(2), own(1)];
        valkey_own2_valkey: [Valkey, own(2), Valkey];
        own2_own1_redis: [own(2), own(1), Redis];
    }
}
mod restarted_as_master {
    two_servers!(super::restarted_as_master, &[(1, 0)]);
}

/// A pair with data in two databases; database 3 is the one that the stream has selected.
fn pair(master: Kind, replica: Kind) -> (Server, Server) {
    // The PINGs of an old master would make its history longer than its heir's.
    let directives = ["save 3600 1", "repl-ping-replica-period 3600", "repl-backlog-size 64mb"];
    let master = Server::with(master, &directives);
    let replica = Server::with(replica, &directives);
    replica.add_config(&format!("replicaof 127.0.0.1 {}", master.port()));
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
    wait_link_up(&replica);
    let mut client = master.client();
    for n in 0..50 {
        assert!(client.cmd(&["SET", &format!("k:{n}"), "v"]).is_ok());
    }
    assert!(client.cmd(&["SELECT", "3"]).is_ok());
    assert!(client.cmd(&["SET", "three", "3"]).is_ok());
    wait_equal(&master, &[&replica]);
    (master, replica)
}

/// The stream brings no SELECT behind the gap: the replica's file must say where it was.
fn replica([master, replica]: [Kind; 2]) {
    let (master, mut replica) = pair(master, replica);
    replica.shutdown();
    let mut client = master.client();
    assert!(client.cmd(&["SELECT", "3"]).is_ok());
    assert!(client.cmd(&["SET", "meanwhile", "1"]).is_ok());
    replica.launch();
    wait_link_up(&replica);
    assert!(client.cmd(&["SET", "after", "1"]).is_ok());
    wait_equal(&master, &[&replica]);
    assert_eq!((stat(&master, "sync_full"), stat(&master, "sync_partial_ok")), (1, 1));
}

/// A key that expires while the master is away goes on both sides.
fn master([master, replica]: [Kind; 2]) {
    let (mut master, replica) = pair(master, replica);
    master.ask_ok(&["SET", "short", "1", "PX", "300"]);
    wait_equal(&master, &[&replica]);
    master.shutdown();
    wait_until(DEADLINE, "the key's time is over", || replica.value_of("short").is_none());
    master.launch();
    wait_link_up(&replica);
    master.ask_ok(&["SET", "after", "1"]);
    for server in [&master, &replica] {
        wait_until(DEADLINE, "the key is gone", || server.ask(&["DBSIZE"]).integer() == 51);
    }
    wait_equal(&master, &[&replica]);
    assert_eq!((stat(&master, "sync_full"), stat(&master, "sync_partial_ok")), (0, 1));
}

/// A replica that comes back as a master knows the history it was in: its master continues as its
/// replica.
fn restarted_as_master([old, new]: [Kind; 2]) {
    let (old, mut new) = pair(old, new);
    new.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    new.ask_ok(&["CONFIG", "REWRITE"]);
    new.ask_ok(&["SET", "own", "1"]);
    let id = new.info("replication").field("master_replid").to_owned();
    new.shutdown();
    new.launch();
    let info = new.info("replication");
    assert_eq!((info.field("role"), info.field("master_replid2")), ("master", id.as_str()));
    new.ask_ok(&["SET", "own", "2"]);
    old.ask_ok(&["REPLICAOF", "127.0.0.1", &new.port_text()]);
    wait_link_up(&old);
    wait_equal(&new, &[&old]);
    assert_eq!(old.value_of("own").as_deref(), Some("2"));
}

/// A master that was restarted, wrote on and then follows its replica asks for the end of what it
/// wrote, not for what its file said.
fn restarted_then_demoted([old, new]: [Kind; 2]) {
    let (mut old, new) = pair(old, new);
    old.shutdown();
    old.launch();
    wait_link_up(&new);
    old.ask_ok(&["SET", "later", "1"]);
    old.ask_ok(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    wait_equal(&old, &[&new]);
    new.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    old.ask_ok(&["REPLICAOF", "127.0.0.1", &new.port_text()]);
    old.ask_ok(&["CLIENT", "UNPAUSE"]);
    wait_link_up(&old);
    new.ask_ok(&["SET", "after", "1"]);
    wait_equal(&new, &[&old]);
    assert_eq!((stat(&new, "sync_full"), stat(&new, "sync_partial_ok")), (0, 1));
}

/// The middle of a chain ends while writes flow through it: those behind it have exactly what its
/// file says, and go on behind that.
fn middle([top, middle, bottom]: [Kind; 3]) {
    let (top, mut middle) = pair(top, middle);
    let follow = format!("replicaof 127.0.0.1 {}", middle.port());
    let bottom = Server::with(bottom, &[&follow]);
    wait_link_up(&bottom);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = EndOnDrop(&ended);
        scope.spawn(|| write_until(&top, &ended));
        middle.shutdown();
        middle.launch();
        wait_link_up(&middle);
        wait_link_up(&bottom);
        drop(end);
    });
    wait_equal(&top, &[&middle, &bottom]);
    assert_eq!(stat(&top, "sync_full"), 1);
    assert_eq!((stat(&middle, "sync_full"), stat(&middle, "sync_partial_ok")), (0, 1));
}
