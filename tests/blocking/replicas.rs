//! What was served stands in the stream as what it did: replicas, own and stock, end equal.

use crate::common::{answer, waiting};
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::wait::{DEADLINE, wait_until};

fn attach(replica: &Server, master: &Server) {
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
    wait_until(DEADLINE, "the link is up", || {
        replica.info("replication").field("master_link_status") == "up"
    });
}

#[test]
fn replicas_hold_what_is_left() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    for shards in [1, 3] {
        let master = Server::start(own(shards));
        let replicas = [Server::start(own(2)), Server::start(Kind::Valkey)];
        replicas.iter().for_each(|replica| attach(replica, &master));
        for to in ["b", "c", "d", "e"] {
            let mut all = [
                waiting(&master, &["BLPOP", "a", to, "0"]),
                waiting(&master, &["BLMOVE", "a", to, "LEFT", "RIGHT", "0"]),
                waiting(&master, &["BRPOPLPUSH", "a", to, "0"]),
                waiting(&master, &["BLMPOP", "0", "2", "a", "x", "RIGHT", "COUNT", "2"]),
            ];
            master.ask(&["RPUSH", "a", "1", "2", "3", "4", "5", "6", "7"]);
            all.iter_mut().for_each(|client| drop(answer(client)));
            master.ask(&["DEL", "a"]);
        }
        wait_until(DEADLINE, "all hold the same", || {
            let digest = master.digest();
            replicas.iter().all(|replica| replica.digest() == digest)
        });
        assert_eq!(
            master.ask(&["LRANGE", "b", "0", "-1"]),
            replicas[1].ask(&["LRANGE", "b", "0", "-1"])
        );
    }
}
