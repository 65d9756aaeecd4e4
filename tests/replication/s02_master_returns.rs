//! The master goes down and comes back.

use crate::checks::{attach, wait_equal, wait_link_down, wait_link_up, wait_value, write_sample};
use crate::support::server::Server;
use crate::support::stock::Kind;

three_servers!(scenario, &[(1, 0), (2, 0)]);

fn scenario([master, first, second]: [Kind; 3]) {
    let mut master = Server::with(master, &["save 3600 1"]);
    let (first, second) = (Server::start(first), Server::start(second));
    write_sample(&master);
    attach(&first, &master);
    attach(&second, &master);

    master.ask_ok(&["SET", "round", "1"]);
    wait_equal(&master, &[&first, &second]);
    master.shutdown();
    check_alone(&first, "1");
    check_alone(&second, "1");
    master.launch();
    check_returned(&master, [&first, &second], "1", "2");

    master.ask_ok(&["SAVE"]);
    wait_equal(&master, &[&first, &second]);
    master.kill();
    check_alone(&first, "2");
    check_alone(&second, "2");
    master.launch();
    check_returned(&master, [&first, &second], "2", "3");
}

/// A replica without its master: still a replica, still serving.
fn check_alone(replica: &Server, round: &str) {
    wait_link_down(replica);
    let info = replica.info("replication");
    assert_eq!(info.field("role"), "slave");
    assert!(info.number("master_link_down_since_seconds") >= 0);
    assert_eq!(replica.value_of("round").as_deref(), Some(round));
    assert!(replica.ask(&["SET", "k", "v"]).is_error("READONLY"));
}

/// The relation restores itself, the data is there, new writes flow.
fn check_returned(master: &Server, replicas: [&Server; 2], round: &str, next: &str) {
    assert_eq!(master.value_of("round").as_deref(), Some(round), "its RDB was saved");
    for replica in replicas {
        wait_link_up(replica);
    }
    master.ask_ok(&["SET", "round", next]);
    for replica in replicas {
        wait_value(replica, "round", next);
    }
    wait_equal(master, &replicas);
}
