//! M7: what a replica has acknowledged can be read from it on every shard, at once.

use std::thread;

use crate::common::{attach, set, words};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;

#[test]
fn a_write_that_wait_has_covered_is_read_on_a_replica_of_one_shard() {
    reads_right_after_wait(2, 1);
}

#[test]
fn a_write_that_wait_has_covered_is_read_on_a_replica_of_two_shards() {
    reads_right_after_wait(3, 2);
}

#[test]
fn a_write_that_wait_has_covered_is_read_on_a_replica_of_three_shards() {
    reads_right_after_wait(1, 3);
}

#[test]
fn the_data_sets_are_equal_right_after_wait_on_replicas_of_two_shards() {
    digests_right_after_wait(3, 2);
}

#[test]
fn the_data_sets_are_equal_right_after_wait_on_replicas_of_three_shards() {
    digests_right_after_wait(2, 3);
}

#[test]
fn a_replica_counts_for_wait_only_when_it_has_loaded_the_snapshot() {
    for (master_shards, replica_shards, diskless) in [(1, 2, "yes"), (3, 2, "no"), (2, 3, "yes")] {
        waits_while_a_replica_comes(master_shards, replica_shards, diskless);
    }
}

// The story: a replica counted as having acknowledged the snapshot's offset when the snapshot was
// sent, or what it asked to go on from; it might not have loaded or applied that yet.
fn waits_while_a_replica_comes(master_shards: u16, replica_shards: u16, diskless: &str) {
    let diskless = format!("repl-diskless-sync {diskless}");
    let master = Server::with(own(master_shards), &[&diskless]);
    let replica = Server::start(own(replica_shards));
    assert!(master.ask(&["DEBUG", "POPULATE", "30000", "much", "100"]).is_ok());
    let (mut writer, mut reader) = (master.client(), replica.client());
    for round in 1..=6 {
        let value = round.to_string();
        assert!(writer.cmd(&["MSET", "a", &value, "b", &value, "c", &value]).is_ok());
        replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
        assert_eq!(writer.cmd(&["WAIT", "1", "20000"]), Value::Integer(1), "it comes");
        let values = reader.cmd(&["MGET", "a", "b", "c"]);
        let expected = Value::Bulk(value.clone().into_bytes());
        assert_eq!(values, Value::Array(vec![expected; 3]), "right after WAIT, round {round}");
        // And what is written then, behind the snapshot.
        let value = format!("{value} again");
        assert!(writer.cmd(&["MSET", "a", &value, "b", &value, "c", &value]).is_ok());
        assert_eq!(writer.cmd(&["WAIT", "1", "20000"]), Value::Integer(1), "it follows");
        assert_eq!(replica.digest(), master.digest(), "right after the second WAIT, round {round}");
        replica.ask_ok(&["REPLICAOF", "NO", "ONE"]);
        replica.ask_ok(&["FLUSHALL"]);
    }
}

/// Writes that are waited for.
const WRITES: u64 = 2000;

fn reads_right_after_wait(master_shards: u16, replica_shards: u16) {
    let seed = Seed::new();
    let master = Server::start(own(master_shards));
    let replica = Server::start(own(replica_shards));
    attach(&replica, &master);
    thread::scope(|scope| {
        for number in 0..2 {
            let (master, replica, seed) = (&master, &replica, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + number);
                let (mut writer, mut reader) = (master.client(), replica.client());
                for round in 1..=WRITES / 2 {
                    let keys: Vec<String> =
                        (0..rng.usize(1..4)).map(|_| format!("w{number}:{}", rng.u8(..))).collect();
                    let mut command = words(&["MSET"]);
                    keys.iter().for_each(|key| command.extend(words(&[key, &round.to_string()])));
                    let replies = writer.pipeline(&[command, words(&["WAIT", "1", "20000"])]);
                    assert!(replies[0].is_ok(), "{replies:?}");
                    assert_eq!(replies[1], Value::Integer(1), "the replica acknowledges");
                    let gets: Vec<_> = keys.iter().map(|key| words(&["GET", key])).collect();
                    for (key, value) in keys.iter().zip(reader.pipeline(&gets)) {
                        let expected = Value::Bulk(round.to_string().into_bytes());
                        assert_eq!(value, expected, "{key} of round {round}");
                    }
                }
            });
        }
    });
}

fn digests_right_after_wait(master_shards: u16, replica_shards: u16) {
    let seed = Seed::new();
    let master = Server::start(own(master_shards));
    let replica = Server::start(own(replica_shards));
    attach(&replica, &master);
    for round in 0..60 {
        thread::scope(|scope| {
            for number in 0..4 {
                let (master, seed) = (&master, &seed);
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(seed.value() + 4 * round + number);
                    let mut client = master.client();
                    burst(&mut client, &mut rng);
                    let waited = client.cmd(&["WAIT", "1", "20000"]);
                    assert_eq!(waited, Value::Integer(1), "the replica acknowledges");
                });
            }
        });
        // Every writer has waited for its own last write.
        assert_eq!(replica.digest(), master.digest(), "right after WAIT, round {round}");
    }
}

fn burst(client: &mut crate::support::client::Client, rng: &mut fastrand::Rng) {
    let mut commands = Vec::new();
    for _ in 0..rng.usize(1..80) {
        let key = format!("b{}", rng.u8(..));
        commands.push(match rng.u8(0..6) {
            0 => words(&["MSET", &key, "1", &format!("{key}x"), "2"]),
            1 => words(&["INCR", &format!("n{key}")]),
            2 => words(&["DEL", &key]),
            3 => words(&["SET", &key, "v", "EX", "1000"]),
            4 => words(&["SELECT", &rng.u8(0..3).to_string()]),
            _ => set(&key, rng.u64(..)),
        });
    }
    for reply in client.pipeline(&commands) {
        assert!(!matches!(reply, Value::Error(_)), "{reply:?}");
    }
}
