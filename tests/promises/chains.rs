//! M10: every server of a chain has the same id and the same offset, and passes on the same bytes,
//! whatever it is and however many shards it has.

use std::thread;

use crate::common::{RUN, attach, rounds_for, set_all_to_zero, write_round};
use crate::support::fake_replica::FakeReplica;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::wait::{DEADLINE, holds_within};

#[test]
fn ids_and_offsets_are_one_through_redis() {
    chain([own(2), Kind::Redis, own(3), own(1)]);
}

#[test]
fn ids_and_offsets_are_one_through_valkey() {
    chain([own(3), Kind::Valkey, own(2), own(3)]);
}

#[test]
fn ids_and_offsets_are_one_among_our_own() {
    chain([own(1), own(3), own(2), own(1)]);
}

fn chain(kinds: [Kind; 4]) {
    if !installed(&kinds) {
        return;
    }
    let seed = Seed::new();
    let servers = kinds.map(Server::start);
    set_all_to_zero(&servers[0]);
    for pair in servers.windows(2) {
        attach(&pair[1], &pair[0]);
    }
    let mut readers = servers.each_ref().map(|server| {
        let mut reader = FakeReplica::connect(server.port());
        reader.handshake(&["eof", "psync2"]);
        reader.full_resync();
        reader.ack(reader.offset());
        reader
    });
    thread::scope(|scope| {
        for writer in 0..3 {
            let (master, seed) = (&servers[0], &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + writer);
                let mut client = master.client();
                assert!(client.cmd(&["SELECT", &(writer % 2).to_string()]).is_ok());
                rounds_for(RUN, |round| write_round(&mut client, round, &mut rng));
            });
        }
    });
    // A PING may come between two looks; then they are looked at once more.
    let mut seen = Vec::new();
    let equal = holds_within(DEADLINE, || {
        seen = servers.iter().map(id_and_offset).collect();
        seen.iter().all(|one| *one == seen[0])
    });
    assert!(equal, "ids and offsets differ along the chain: {seen:?}");
    check_bytes(&mut readers, seen[0].1);
    let digests = servers.each_ref().map(Server::digest);
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// Each reader has received as many bytes as offsets say, and the same ones.
fn check_bytes(readers: &mut [FakeReplica], end: u64) {
    for reader in readers.iter_mut() {
        reader.read_to(end);
    }
    let begin = readers.iter().map(|reader| reader.start).max().expect("there are readers");
    assert!(begin < end, "the writes came while all were reading");
    let part = |reader: &FakeReplica| {
        let index = |offset: u64| usize::try_from(offset - reader.start).expect("it fits");
        reader.stream[index(begin)..index(end)].to_vec()
    };
    let first = part(&readers[0]);
    for (place, reader) in readers.iter().enumerate() {
        assert!(part(reader) == first, "server {place} of the chain passes on other bytes");
        assert_eq!(reader.id, readers[0].id, "server {place} of the chain tells another id");
    }
}

fn id_and_offset(server: &Server) -> (String, u64) {
    let info = server.info("replication");
    let (role, id) = (info.field("role"), info.field("master_replid").to_owned());
    let offset = info.number("master_repl_offset");
    if role == "slave" {
        let applied = info.number("slave_repl_offset");
        // Not yet equal: it is on its way.
        return (id, applied.min(offset) as u64);
    }
    (id, offset as u64)
}
