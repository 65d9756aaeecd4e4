//! A replica goes down and comes back.

use crate::checks::{attach, stat, wait_equal, wait_link_up, wait_replicas, write_keys};
use crate::support::server::Server;
use crate::support::stock::Kind;

three_servers!(scenario, &[(1, 0), (2, 0)]);

/// Small, so that a gap larger than it is soon written.
const BACKLOG: usize = 64 * 1024;

fn scenario([master, first, second]: [Kind; 3]) {
    let master = Server::with(master, &[&format!("repl-backlog-size {BACKLOG}")]);
    let mut first = Server::with(first, &["save 3600 1"]);
    let second = Server::start(second);
    write_keys(&master, "start", 50, 20);
    attach(&first, &master);
    attach(&second, &master);

    // Made by command: it returns as a master of its own.
    first.shutdown();
    check_other_untouched(&master, &second);
    master.ask_ok(&["SET", "meanwhile", "1"]);
    first.launch();
    assert_eq!(first.info("replication").field("role"), "master");
    attach(&first, &master);
    wait_equal(&master, &[&first, &second]);

    // Written to its file: it returns as a replica, and the backlog holds the gap.
    first.ask_ok(&["CONFIG", "REWRITE"]);
    let (full, partial) = (stat(&master, "sync_full"), stat(&master, "sync_partial_ok"));
    first.shutdown();
    check_other_untouched(&master, &second);
    write_keys(&master, "small", 20, 20);
    first.launch();
    check_back(&master, &first, &second);
    assert_eq!(stat(&master, "sync_full"), full, "the backlog held the gap");
    assert_eq!(stat(&master, "sync_partial_ok"), partial + 1);

    // A gap larger than the backlog.
    first.shutdown();
    check_other_untouched(&master, &second);
    write_keys(&master, "large", 40, BACKLOG / 8);
    first.launch();
    check_back(&master, &first, &second);
    assert_eq!(stat(&master, "sync_full"), full + 1, "the backlog did not hold the gap");
}

fn check_other_untouched(master: &Server, other: &Server) {
    wait_replicas(master, 1);
    assert_eq!(other.info("replication").field("master_link_status"), "up");
}

fn check_back(master: &Server, first: &Server, second: &Server) {
    assert_eq!(first.info("replication").field("role"), "slave");
    wait_link_up(first);
    wait_equal(master, &[first, second]);
    wait_replicas(master, 2);
}
