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
