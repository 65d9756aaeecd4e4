//! M5: a snapshot under its offset, and the stream from that offset on, are together the data set.
//! (What a stock replica makes of both is tested with replication.)

use std::thread;

use crate::common::{RUN, rounds_for, words, write_round};
use crate::support::client::encode;
use crate::support::fake_replica::FakeReplica;
use crate::support::seed::Seed;
use crate::support::server::{Server, free_port};
use crate::support::stock::own;
use crate::support::value::Value;

#[test]
fn a_snapshot_and_the_stream_behind_it_are_the_data_set_on_one_shard() {
    snapshots_under_load(1, "yes");
}

#[test]
fn a_snapshot_and_the_stream_behind_it_are_the_data_set_on_two_shards() {
    snapshots_under_load(2, "no");
}

#[test]
fn a_snapshot_and_the_stream_behind_it_are_the_data_set_on_three_shards() {
    snapshots_under_load(3, "yes");
}

fn snapshots_under_load(shards: u16, diskless: &str) {
    let seed = Seed::new();
    let diskless = format!("repl-diskless-sync {diskless}");
    let master = Server::with(own(shards), &[&diskless]);
    let taken: Vec<(Vec<u8>, FakeReplica)> = thread::scope(|scope| {
        for writer in 0..3 {
            let (master, seed) = (&master, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + writer);
                let mut client = master.client();
                assert!(client.cmd(&["SELECT", &writer.to_string()]).is_ok());
                rounds_for(RUN, |round| {
                    write_round(&mut client, round, &mut rng);
                    // Not idempotent: an effect that is missing or doubled shows in the value.
                    let counts = (0..8).map(|n| words(&["INCR", &format!("count{n}")]));
                    client.pipeline(&counts.collect::<Vec<_>>());
                });
            });
        }
        let replicas = (0..3).map(|_| {
            let mut replica = FakeReplica::connect(master.port());
            replica.handshake(&["eof", "psync2"]);
            let rdb = replica.full_resync();
            // Only what has been acknowledged lets a diskless master go on with the stream.
            replica.ack(replica.offset());
            (rdb, replica)
        });
        replicas.collect()
    });
    let digest = master.digest();
    for (rdb, mut replica) in taken {
        let end = master.info("replication").number("master_repl_offset") as u64;
        replica.read_to(end);
        let label = replica.start;
        assert_eq!(rebuilt(&rdb, &replica.stream), digest, "snapshot at offset {label}");
    }
}

/// The digest of a server that loads `rdb` and is then told what the stream says.
fn rebuilt(rdb: &[u8], stream: &[u8]) -> String {
    let mut server = Server::prepared(own(1), free_port(), &[]);
    std::fs::write(server.dir().join("dump.rdb"), rdb).expect("the RDB is written");
    server.launch();
    let mut client = server.client();
    let mut rest = stream;
    let mut commands = Vec::new();
    while !rest.is_empty() {
        let command = Value::read(&mut rest).expect("the stream is RESP");
        let args: Vec<Vec<u8>> =
            command.items().iter().map(|arg| arg.bytes().expect("a bulk").to_vec()).collect();
        if !matches!(args[0].as_slice(), b"PING" | b"REPLCONF") {
            commands.push(args);
        }
    }
    for (command, reply) in commands.iter().zip(client.pipeline(&commands)) {
        let command = String::from_utf8_lossy(&encode(command)).into_owned();
        assert!(!matches!(reply, Value::Error(_)), "{command:?}: {reply:?}");
    }
    server.digest()
}
