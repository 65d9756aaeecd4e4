//! Taking over: a replica becomes the master.

use crate::checks::{attach, stat, wait_equal, wait_link_down, wait_value, write_sample};
use crate::support::server::Server;
use crate::support::stock::Kind;

three_servers!(scenario, &[(1, 0), (2, 0), (2, 1), (0, 2)]);

fn scenario(cast: [Kind; 3]) {
    let [mut old, heir, other] = cast.map(Server::start);
    write_sample(&old);
    attach(&heir, &old);
    attach(&other, &old);
    old.ask_ok(&["SET", "k", "1"]);
    wait_equal(&old, &[&heir, &other]);
    let id = old.info("replication").field("master_replid").to_owned();
    let digest = old.digest();
    old.kill();
    wait_link_down(&heir);
    wait_link_down(&other);
    let end = heir.info("replication").number("slave_repl_offset");

    heir.ask_ok(&["SLAVEOF", "NO", "ONE"]);
    let info = heir.info("replication");
    assert_eq!(info.field("role"), "master");
    assert_eq!(heir.digest(), digest, "its data is kept");
    assert_ne!(info.field("master_replid"), id);
    assert_eq!(info.field("master_replid2"), id);
    assert_eq!(info.number("second_repl_offset"), end + 1, "the switch");

    heir.ask_ok(&["SET", "k", "2"]);
    attach(&other, &heir);
    wait_value(&other, "k", "2");
    assert_eq!(stat(&heir, "sync_full"), 0, "the other continues by partial resynchronization");
    assert_eq!(stat(&heir, "sync_partial_ok"), 1);

    // The old master returns alone and empty, and becomes the last link of the chain.
    old.launch();
    assert_eq!(old.info("replication").field("role"), "master");
    attach(&old, &other);
    heir.ask_ok(&["SET", "k", "3"]);
    wait_value(&old, "k", "3");
    wait_equal(&heir, &[&other, &old]);
    let info = other.info("replication");
    assert_eq!(info.field("role"), "slave");
    assert_eq!(info.field("connected_slaves"), "1");
    for server in [&other, &old] {
        let followed = server.info("replication").field("master_replid").to_owned();
        assert_eq!(followed, heir.info("replication").field("master_replid"));
    }
}
