//! Broken links: cut anywhere, stalled, too slow.

use std::sync::atomic::AtomicBool;

use crate::checks::{
    EndOnDrop, attach, stat, wait_equal, wait_link_down, wait_link_up, write_keys, write_until,
};
use crate::support::fake_replica::FakeReplica;
use crate::support::proxy::Proxy;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, wait_until};

mod cut_in_stream {
    two_servers!(super::cut_in_stream, &[(1, 0)]);
}
mod cut_in_rdb {
    two_servers!(super::cut_in_rdb, &[(1, 0)]);
}
mod stalled {
    two_servers!(super::stalled, &[(1, 0)]);
}
mod slow_replica {
    one_server_or_stock!(super::slow_replica);
}
mod paused_replica {
    two_servers!(super::paused_replica, &[(1, 0)]);
}

/// The link is cut at random bytes while writes go on; each time the replica continues where it
/// was.
fn cut_in_stream([master, replica]: [Kind; 2]) {
    const CUTS: usize = 3;
    let mut seed = Seed::new();
    let master = Server::with(master, &["repl-backlog-size 64mb"]);
    let replica = Server::start(replica);
    write_keys(&master, "start", 100, 50);
    let proxy = Proxy::to(master.port());
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &proxy.port().to_string()]);
    wait_link_up(&replica);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = EndOnDrop(&ended);
        scope.spawn(|| write_until(&master, &ended));
        for n in 1..=CUTS {
            proxy.cut_after(seed.rng().u64(1..20_000));
            wait_until(DEADLINE, "the link is cut", || !proxy.cut_pending());
            wait_until(DEADLINE, "the replica continues", || {
                stat(&master, "sync_partial_ok") >= n as i64
            });
            wait_link_up(&replica);
        }
        drop(end);
    });
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1, "seed {}", seed.value());
}

/// Cut in the midst of the RDB: the replica begins again and ends up whole.
fn cut_in_rdb([master, replica]: [Kind; 2]) {
    let mut seed = Seed::new();
    let (master, replica) = (Server::start(master), Server::start(replica));
    replica.ask_ok(&["SET", "own", "1"]);
    write_keys(&master, "k", 500, 2000);
    let proxy = Proxy::to(master.port());
    // The handshake's replies take some 200 bytes, the RDB at least 18 kB when compressed.
    proxy.cut_after(seed.rng().u64(300..15_000));
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &proxy.port().to_string()]);
    wait_until(DEADLINE, "the link is cut", || !proxy.cut_pending());
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
    assert_eq!(replica.value_of("own"), None);
    assert!(proxy.connections() >= 2);
}

/// Bytes are held back for longer than the replica waits: it reconnects and catches up.
fn stalled([master, replica]: [Kind; 2]) {
    let master = Server::start(master);
    let replica = Server::with(replica, &["repl-timeout 2"]);
    let proxy = Proxy::to(master.port());
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &proxy.port().to_string()]);
    wait_link_up(&replica);
    proxy.stall(true);
    write_keys(&master, "meanwhile", 100, 100);
    wait_link_down(&replica);
    proxy.cut();
    proxy.stall(false);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1);
}

/// A replica that reads nothing is dropped at `client-output-buffer-limit`, and the master does
/// not keep what it was owed.
fn slow_replica([kind]: [Kind; 1]) {
    let limit = "client-output-buffer-limit replica 2mb 0 0";
    let master = Server::with(kind, &[limit, "repl-timeout 3600", "repl-backlog-size 1mb"]);
    let mut replica = FakeReplica::connect_narrow(master.port());
    replica.handshake(&["eof", "psync2"]);
    replica.full_resync();
    replica.ack(replica.start);
    wait_until(DEADLINE, "the replica is online", || {
        master.info("replication").part("slave0", "state") == "online"
    });
    for n in 0..60 {
        write_keys(&master, &format!("part{n}"), 16, 64 * 1024);
        if master.info("replication").field("connected_slaves") == "0" {
            break;
        }
    }
    wait_until(DEADLINE, "the replica is dropped", || {
        master.info("replication").field("connected_slaves") == "0"
    });
    replica.wait_closed();
    assert!(master.info("replication").number("repl_backlog_histlen") <= 2 << 20);
}

/// A replica that stands still for a while does not hold the master up.
fn paused_replica([master, replica]: [Kind; 2]) {
    let (master, replica) = (Server::start(master), Server::start(replica));
    attach(&replica, &master);
    replica.pause();
    write_keys(&master, "meanwhile", 2000, 500);
    assert_eq!(master.ask(&["DBSIZE"]).integer(), 2000);
    replica.resume();
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1);
}
