//! M3: what one command or one transaction writes over several shards is never seen half, on the
//! master, on a replica of another number of shards, by MGET or by EXEC.

use std::thread;

use crate::common::{Command, RUN, attach, number, rounds_for, words};
use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// Keys of one unit; every shard has some.
const UNIT: [&str; 6] = ["u0", "u1", "u2", "u3", "u4", "u5"];

#[test]
fn units_are_whole_on_one_shard_and_on_its_replica_of_two() {
    units_are_whole(1, 2);
}

#[test]
fn units_are_whole_on_two_shards_and_on_their_replica_of_three() {
    units_are_whole(2, 3);
}

#[test]
fn units_are_whole_on_three_shards_and_on_their_replica_of_two() {
    units_are_whole(3, 2);
}

fn units_are_whole(master_shards: u16, replica_shards: u16) {
    let seed = Seed::new();
    let master = Server::start(own(master_shards));
    let replica = Server::start(own(replica_shards));
    write_unit(&mut master.client(), 0, true);
    attach(&replica, &master);
    wait_until(DEADLINE, "the keys arrive", || replica.value_of("u0").is_some());
    thread::scope(|scope| {
        for writer in 0..2 {
            let (master, seed) = (&master, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + writer);
                let mut client = master.client();
                rounds_for(RUN, |round| write_unit(&mut client, 2 * round + writer, rng.bool()));
            });
        }
        // Single keys beside them keep all shards busy with work of their own.
        scope.spawn(|| {
            let mut client = master.client();
            rounds_for(RUN, |round| {
                let incr = |n: u64| words(&["INCR", &format!("beside{}", (round + n) % 30)]);
                client.pipeline(&(0..16).map(incr).collect::<Vec<_>>());
            });
        });
        for (reader, server) in [&master, &master, &replica, &replica].into_iter().enumerate() {
            scope.spawn(move || {
                let mut client = server.client();
                let rounds = rounds_for(RUN, |round| {
                    let values = read_unit(&mut client, (round + reader as u64).is_multiple_of(2));
                    let one = values.iter().all(|value| *value == values[0]);
                    assert!(one, "half a unit on {:?}: {values:?}", server.kind());
                });
                assert!(rounds > 10, "only {rounds} rounds of reading");
            });
        }
    });
}

fn write_unit(client: &mut Client, value: u64, in_one_command: bool) {
    let value = value.to_string();
    if in_one_command {
        let mut command = words(&["MSET"]);
        UNIT.iter().for_each(|key| command.extend(words(&[*key, &value])));
        assert!(client.cmd(&command).is_ok());
        return;
    }
    let sets = UNIT.iter().map(|key| words(&["SET", key, &value]));
    let replies = transaction(client, sets.collect());
    assert!(replies.iter().all(Value::is_ok), "{replies:?}");
}

fn read_unit(client: &mut Client, in_one_command: bool) -> Vec<u64> {
    let values = if in_one_command {
        let command: Vec<&str> = ["MGET"].into_iter().chain(UNIT).collect();
        client.cmd(&command).items().to_vec()
    } else {
        transaction(client, UNIT.iter().map(|key| words(&["GET", key])).collect())
    };
    values.iter().map(number).collect()
}

/// MULTI, the commands, EXEC in one write; what EXEC answers.
fn transaction(client: &mut Client, commands: Vec<Command>) -> Vec<Value> {
    let commands: Vec<Command> =
        [words(&["MULTI"])].into_iter().chain(commands).chain([words(&["EXEC"])]).collect();
    let replies = client.pipeline(&commands);
    replies.last().expect("the reply of EXEC").items().to_vec()
}
