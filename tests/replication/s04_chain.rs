//! Passing it on: a replica of a replica.

use crate::checks::{attach, wait_equal, wait_value, write_sample};
use crate::support::server::Server;
use crate::support::stock::Kind;

three_servers!(scenario, &[(1, 0), (2, 1), (2, 0)]);

fn scenario(cast: [Kind; 3]) {
    let [top, middle, bottom] = cast.map(Server::start);
    write_sample(&top);
    attach(&middle, &top);
    attach(&bottom, &middle);
    top.ask_ok(&["SET", "k", "1"]);
    wait_value(&bottom, "k", "1");
    wait_equal(&top, &[&middle, &bottom]);

    let info = middle.info("replication");
    assert_eq!(info.field("role"), "slave");
    assert_eq!(info.field("connected_slaves"), "1");
    let id = top.info("replication").field("master_replid").to_owned();
    assert_eq!(info.field("master_replid"), id);
    assert_eq!(bottom.info("replication").field("master_replid"), id);

    // In mid-life another target: the old data set goes, the new one comes.
    let other = Server::start(cast[0]);
    other.ask_ok(&["SET", "other", "1"]);
    attach(&bottom, &other);
    assert_eq!(bottom.value_of("k"), None);
    assert_eq!(bottom.value_of("other").as_deref(), Some("1"));
    wait_equal(&other, &[&bottom]);
    wait_equal(&top, &[&middle]);
    assert_eq!(bottom.info("keyspace").names(), ["db0"]);
}
