//! A master that is not there, yet.

use std::time::Duration;

use crate::checks::{wait_equal, wait_link_up};
use crate::support::server::{Server, free_port};
use crate::support::stock::Kind;
use crate::support::wait::stays;

two_servers!(scenario, &[(1, 0)]);

fn scenario([master, replica]: [Kind; 2]) {
    let port = free_port();
    let replica = Server::start(replica);
    replica.ask_ok(&["SET", "own", "1"]);
    replica.ask_ok(&["SLAVEOF", "127.0.0.1", &port.to_string()]);
    stays(Duration::from_millis(300), "the link is down and the server serves", || {
        let info = replica.info("replication");
        info.field("role") == "slave"
            && info.field("master_link_status") == "down"
            && info.field("master_last_io_seconds_ago") == "-1"
            && info.field("master_sync_in_progress") == "0"
            && info.has("master_link_down_since_seconds")
    });
    assert_eq!(replica.value_of("own").as_deref(), Some("1"), "the old data stays till then");

    let master = Server::on_port(master, port, &[]);
    master.ask_ok(&["SET", "k", "1"]);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
    assert_eq!(replica.value_of("own"), None);
}
