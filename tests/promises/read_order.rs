//! M9 and M2 for readers: a key that is written later never shows a newer round than one that is
//! written earlier, whatever the order of reading and on whichever shards the keys live.

use std::thread;

use crate::common::{Floor, RUN, read_round, rounds_for, set_all_to_zero, write_round};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;

#[test]
fn pipelined_reads_hold_to_the_order_of_writes_on_one_shard() {
    readers_beside_a_writer(1, 3);
}

#[test]
fn pipelined_reads_hold_to_the_order_of_writes_on_two_shards() {
    readers_beside_a_writer(2, 3);
}

// The story: reads of a pipeline that ran on the connection's own shard went back to it before
// their run was sealed, so they were compared with those of the other shards before it was known
// when they had happened. It was found with leases (MSET, MULTI) beside pipelined reads on three
// shards: a reader saw k18 of a round and then k17 of the round before it.
#[test]
fn pipelined_reads_hold_to_the_order_of_writes_on_three_shards() {
    readers_beside_a_writer(3, 6);
}

fn readers_beside_a_writer(shards: u16, readers: u64) {
    let seed = Seed::new();
    let server = Server::start(own(shards));
    set_all_to_zero(&server);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = fastrand::Rng::with_seed(seed.value());
            let mut client = server.client();
            rounds_for(RUN * 2, |round| write_round(&mut client, round, &mut rng));
        });
        // Leases of others, at other keys, coordinated by other shards.
        scope.spawn(|| {
            let mut client = server.client();
            rounds_for(RUN * 2, |round| {
                let value = round.to_string();
                let pairs = ["MSET", "a", &value, "b", &value, "c", &value, "d", &value];
                assert!(client.cmd(&pairs).is_ok());
            });
        });
        for reader in 1..=readers {
            let (server, seed) = (&server, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + reader);
                let mut client = server.client();
                let mut floor = Floor::new();
                let rounds = rounds_for(RUN * 2, |_| read_round(&mut client, &mut floor, &mut rng));
                assert!(rounds > 10, "only {rounds} rounds of reading");
            });
        }
    });
}
