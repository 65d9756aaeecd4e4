//! WATCH over shards: of transactions that watched the same keys one wins, and no update is lost.

use std::thread;

use crate::common::{number, words};
use crate::support::client::Client;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;

#[test]
fn optimistic_counters_lose_no_increment_on_one_shard() {
    optimistic_counters(1);
}

#[test]
fn optimistic_counters_lose_no_increment_on_two_shards() {
    optimistic_counters(2);
}

#[test]
fn optimistic_counters_lose_no_increment_on_three_shards() {
    optimistic_counters(3);
}

/// Counters over which the increments are spread.
const COUNTERS: usize = 3;
const CLIENTS: u64 = 6;
const INCREMENTS: u64 = 60;

/// Each client moves two counters at a time, by what it read under WATCH.
fn optimistic_counters(shards: u16) {
    let seed = Seed::new();
    let server = Server::start(own(shards));
    for counter in 0..COUNTERS {
        server.ask_ok(&["SET", &name(counter), "0"]);
    }
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (server, seed) = (&server, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + number);
                let mut client = server.client();
                for _ in 0..INCREMENTS {
                    let first = rng.usize(..COUNTERS);
                    let second = (first + rng.usize(1..COUNTERS)) % COUNTERS;
                    while !increment(&mut client, [&name(first), &name(second)]) {}
                }
            });
        }
    });
    let sum: u64 = (0..COUNTERS).map(|n| number(&server.ask(&["GET", &name(n)]))).sum();
    assert_eq!(sum, 2 * CLIENTS * INCREMENTS, "every EXEC that was answered counts once");
}

/// Whether the transaction went through.
fn increment(client: &mut Client, counters: [&str; 2]) -> bool {
    assert!(client.cmd(&["WATCH", counters[0], counters[1]]).is_ok());
    let values = counters.map(|counter| number(&client.cmd(&["GET", counter])) + 1);
    let replies = client.pipeline(&[
        words(&["MULTI"]),
        words(&["SET", counters[0], &values[0].to_string()]),
        words(&["SET", counters[1], &values[1].to_string()]),
        words(&["EXEC"]),
    ]);
    match &replies[3] {
        Value::NullArray => false,
        Value::Array(done) => {
            assert!(done.iter().all(Value::is_ok), "{done:?}");
            true
        }
        other => panic!("EXEC answered {other:?}"),
    }
}

fn name(counter: usize) -> String {
    format!("counter{counter}")
}
