//! M4: on a replica a connection's reads never go backwards and show prefixes of the stream, over
//! keys and shards, while the master writes.

use std::thread;

use crate::common::{Floor, RUN, attach, read_round, rounds_for, set_all_to_zero, write_round};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn reads_on_a_replica_of_one_shard_never_go_backwards() {
    readers_on_a_replica(3, 1);
}

#[test]
fn reads_on_a_replica_of_two_shards_never_go_backwards() {
    readers_on_a_replica(3, 2);
}

#[test]
fn reads_on_a_replica_of_three_shards_never_go_backwards() {
    readers_on_a_replica(2, 3);
}

fn readers_on_a_replica(master_shards: u16, replica_shards: u16) {
    let seed = Seed::new();
    let master = Server::start(own(master_shards));
    let replica = Server::start(own(replica_shards));
    set_all_to_zero(&master);
    attach(&replica, &master);
    wait_until(DEADLINE, "the keys arrive", || replica.value_of("k19").is_some());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = fastrand::Rng::with_seed(seed.value());
            let mut client = master.client();
            rounds_for(RUN * 2, |round| write_round(&mut client, round, &mut rng));
        });
        for reader in 1..=4 {
            let (replica, seed) = (&replica, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + reader);
                let mut client = replica.client();
                let mut floor = Floor::new();
                let rounds = rounds_for(RUN * 2, |_| read_round(&mut client, &mut floor, &mut rng));
                assert!(rounds > 10, "only {rounds} rounds of reading");
            });
        }
    });
}
