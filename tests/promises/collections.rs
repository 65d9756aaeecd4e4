//! M3 for collections: elements that move between keys of several shards are never seen twice or
//! not at all, and what one command makes of several keys is never seen beside older ones.

use std::thread;

use crate::common::{Command, RUN, attach, rounds_for, words};
use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

/// Keys of a kind; every shard has some.
const KEYS: usize = 5;

/// Elements in all the lists, and in all the sets.
const ELEMENTS: i64 = 20;

#[test]
fn collections_are_whole_on_one_shard_and_on_its_replica_of_two() {
    collections_are_whole(1, 2);
}

#[test]
fn collections_are_whole_on_two_shards_and_on_their_replica_of_three() {
    collections_are_whole(2, 3);
}

#[test]
fn collections_are_whole_on_three_shards_and_on_their_replica_of_two() {
    collections_are_whole(3, 2);
}

fn collections_are_whole(master_shards: u16, replica_shards: u16) {
    let seed = Seed::new();
    let master = Server::start(own(master_shards));
    let replica = Server::start(own(replica_shards));
    fill(&mut master.client());
    attach(&replica, &master);
    wait_until(DEADLINE, "the keys arrive", || replica.value_of("first").is_some());
    thread::scope(|scope| {
        for writer in 0..3 {
            let (master, seed) = (&master, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + writer);
                let mut client = master.client();
                rounds_for(RUN, |round| write(&mut client, 3 * round + writer, &mut rng));
            });
        }
        for (reader, server) in [&master, &master, &replica, &replica].into_iter().enumerate() {
            scope.spawn(move || {
                let mut client = server.client();
                let rounds = rounds_for(RUN, |round| match (round + reader as u64) % 4 {
                    0 => assert_eq!(sum(&mut client, "LLEN", "l"), ELEMENTS, "lists"),
                    1 => assert_eq!(sum(&mut client, "SCARD", "s"), ELEMENTS, "sets"),
                    2 => assert_eq!(union(&mut client), ELEMENTS, "the union of the sets"),
                    _ => check_derived(&mut client),
                });
                assert!(rounds > 10, "only {rounds} rounds of reading");
            });
        }
    });
    wait_until(DEADLINE, "both hold the same", || master.digest() == replica.digest());
}

fn key(kind: &str, n: usize) -> String {
    format!("{kind}{n}")
}

fn fill(client: &mut Client) {
    for n in 0..ELEMENTS {
        let at = usize::try_from(n).expect("small") % KEYS;
        client.cmd(&["RPUSH", &key("l", at), &n.to_string()]);
        client.cmd(&["SADD", &key("s", at), &n.to_string()]);
    }
    derive(client, 0);
    assert!(client.cmd(&["SET", "first", "1"]).is_ok());
}

/// One of the commands that take from one key and give to another, or that make one key of others.
fn write(client: &mut Client, value: u64, rng: &mut fastrand::Rng) {
    let (from, to) = (rng.usize(..KEYS), rng.usize(..KEYS));
    let lists = (key("l", from), key("l", to));
    let reply = match rng.u8(..7) {
        0 => client.cmd(&["LMOVE", &lists.0, &lists.1, "LEFT", "RIGHT"]),
        1 => client.cmd(&["RPOPLPUSH", &lists.0, &lists.1]),
        2 => client.cmd(&["BLMOVE", &lists.0, &lists.1, "RIGHT", "LEFT", "0.001"]),
        3 => pop_and_push(client, &lists.0, &lists.1),
        4 | 5 => {
            let member = rng.i64(..ELEMENTS).to_string();
            client.cmd(&["SMOVE", &key("s", from), &key("s", to), &member])
        }
        _ => derive(client, value),
    };
    assert!(!reply.is_error(""), "{reply:?}");
}

/// A move there and one back in a transaction, where what would wait does not.
fn pop_and_push(client: &mut Client, from: &str, to: &str) -> Value {
    let commands = [
        words(&["BLPOP", "nothing", "0"]),
        words(&["BRPOPLPUSH", from, to, "0"]),
        words(&["BLMOVE", to, from, "LEFT", "LEFT", "0"]),
    ];
    transaction(client, &commands)
}

/// Sets and sorted sets of a value, and others made of them, in one transaction.
fn derive(client: &mut Client, value: u64) -> Value {
    let text = value.to_string();
    let commands = [
        words(&["DEL", "a0", "a1", "z0", "z1"]),
        words(&["SADD", "a0", &text, "x"]),
        words(&["SADD", "a1", &text, "y"]),
        words(&["SINTERSTORE", "a2", "a0", "a1"]),
        words(&["ZADD", "z0", &text, "m"]),
        words(&["ZADD", "z1", &text, "m"]),
        words(&["ZUNIONSTORE", "z2", "2", "z0", "z1", "AGGREGATE", "MAX"]),
        words(&["COPY", "z2", "z3", "REPLACE"]),
    ];
    transaction(client, &commands)
}

fn check_derived(client: &mut Client) {
    let commands = [
        words(&["SMEMBERS", "a2"]),
        words(&["SINTER", "a0", "a1"]),
        words(&["ZSCORE", "z0", "m"]),
        words(&["ZSCORE", "z1", "m"]),
        words(&["ZSCORE", "z2", "m"]),
        words(&["ZSCORE", "z3", "m"]),
    ];
    let reply = transaction(client, &commands);
    let all: Vec<String> = reply.items()[..2]
        .iter()
        .map(|set| set.items()[0].text())
        .chain(reply.items()[2..].iter().map(Value::text))
        .collect();
    assert!(all.iter().all(|value| *value == all[0]), "half a unit: {reply:?}");
}

fn sum(client: &mut Client, command: &str, kind: &str) -> i64 {
    let commands: Vec<Command> = (0..KEYS).map(|n| words(&[command, &key(kind, n)])).collect();
    transaction(client, &commands).items().iter().map(Value::integer).sum()
}

fn union(client: &mut Client) -> i64 {
    let keys = (0..KEYS).map(|n| key("s", n));
    let command: Vec<String> = ["SUNION".to_owned()].into_iter().chain(keys).collect();
    i64::try_from(client.cmd(&command).items().len()).expect("small")
}

/// MULTI, the commands, EXEC in one write; what EXEC answers.
fn transaction(client: &mut Client, commands: &[Command]) -> Value {
    let commands: Vec<Command> = [words(&["MULTI"])]
        .into_iter()
        .chain(commands.iter().cloned())
        .chain([words(&["EXEC"])])
        .collect();
    client.pipeline(&commands).pop().expect("the reply of EXEC")
}
