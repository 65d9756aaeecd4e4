//! What a run leaves at the replicas: the master's offset, and what the master holds.

use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// When all is quiet the replicas stand at the master's offset and hold what it holds.
pub fn check(master: &Server, replicas: &[Server], seed: &Seed) {
    for replica in replicas {
        let what = format!("{:?}, seed {}", replica.kind(), seed.value());
        wait_for_offset(master, replica, &what);
        if replica.kind() == Kind::Redis {
            compare_scores(master, replica, &what);
        }
        assert_eq!(replica.digest(), master.digest(), "{what}");
    }
    if !replicas.is_empty() {
        // Not by INFO: CONFIG RESETSTAT is among the commands.
        let asked = master.log().matches("asks for synchronization").count();
        assert_eq!(asked, replicas.len(), "one resynchronization a replica");
    }
}

fn wait_for_offset(master: &Server, replica: &Server, what: &str) {
    wait_until(DEADLINE, &format!("equal offsets: {what}"), || {
        let info = replica.info("replication");
        let offset = master.info("replication").number("master_repl_offset");
        info.field("master_link_status") == "up" && info.number("slave_repl_offset") == offset
    });
}

/// Redis 7.0 takes other spellings of scores into its digest than later servers. So sorted sets are
/// compared member by member, then removed.
fn compare_scores(master: &Server, replica: &Server, what: &str) {
    let mut clients = [master.client(), replica.client()];
    for db in 0..16 {
        clients.iter_mut().for_each(|client| {
            assert!(client.cmd(&["SELECT", &db.to_string()]).is_ok());
        });
        let keys = clients[0].cmd(&["KEYS", "*"]);
        for key in keys.items().iter().filter_map(Value::bytes) {
            if clients[0].cmd(&[b"TYPE", key]).text() != "zset" {
                continue;
            }
            let [ours, theirs] = clients.each_mut().map(|client| members(client, key));
            assert_eq!(ours, theirs, "{} in {db}, {what}", key.escape_ascii());
            clients[0].cmd(&[b"DEL", key]);
        }
    }
    wait_for_offset(master, replica, what);
}

/// The members of a sorted set with the bits of their scores.
fn members(client: &mut Client, key: &[u8]) -> Vec<(Vec<u8>, u64)> {
    let reply = client.cmd(&[b"ZRANGE".as_slice(), key, b"0", b"-1", b"WITHSCORES"]);
    let member = |pair: &[Value]| {
        let score: f64 = pair[1].text().parse().expect("a score");
        (pair[0].bytes().expect("a member").to_vec(), score.to_bits())
    };
    reply.items().chunks(2).map(member).collect()
}
