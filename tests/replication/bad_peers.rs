//! Peers that go wrong in the midst of a good link, servers that follow themselves or each other,
//! and a disk without room.

use std::time::Duration;

use crate::checks::{attach, replicaof, wait_equal, wait_link_up, wait_value, write_keys};
use crate::support::client::encode;
use crate::support::fake_master::{EMPTY_RDB, FakeMaster, ID, rdb_with};
use crate::support::fake_replica::FakeReplica;
use crate::support::server::Server;
use crate::support::stock::{Kind, own};
use crate::support::wait::{DEADLINE, stays, wait_until};

mod follows_itself {
    one_server_or_stock!(super::follows_itself);
}
mod follow_each_other {
    one_server_or_stock!(super::follow_each_other);
}
mod no_room_on_disk {
    one_server!(super::no_room_on_disk);
}
mod acknowledges_too_much {
    one_server!(super::acknowledges_too_much);
}
mod half_a_psync {
    one_server_or_stock!(super::half_a_psync);
}
mod changes_its_id {
    one_server_or_stock!(super::changes_its_id);
}
mod sends_what_fails {
    one_server_or_stock!(super::sends_what_fails);
}
mod ends_at_what_fails {
    one_server!(super::ends_at_what_fails);
}
mod nonsense_at_each_step {
    one_server_or_stock!(super::nonsense_at_each_step);
}

/// A server made replica of itself is refused by itself, for ever, and lives.
fn follows_itself([kind]: [Kind; 1]) {
    let mut server = Server::start(kind);
    server.ask_ok(&["SET", "k", "1"]);
    replicaof(&server, &server);
    server.wait_log(&["NOMASTERLINK"]);
    assert_eq!(server.info("replication").field("master_link_status"), "down");
    assert_eq!(server.value_of("k").as_deref(), Some("1"));
    server.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    server.ask_ok(&["SET", "k", "2"]);
    assert!(server.runs());
}

/// Neither has anything to give: both keep their data, and one that is told better leads.
fn follow_each_other([kind]: [Kind; 1]) {
    let (mut one, mut other) = (Server::start(kind), Server::start(own(2)));
    one.ask_ok(&["SET", "k", "one"]);
    attach(&other, &one);
    wait_equal(&one, &[&other]);
    replicaof(&one, &other);
    one.wait_log(&["Connecting to "]);
    stays(Duration::from_millis(1500), "nobody loses data", || {
        [&one, &other].iter().all(|server| {
            let value = server.ask(&["GET", "k"]);
            value.is_error("LOADING") || value.text() == "one"
        })
    });
    assert!(one.runs() && other.runs());
    one.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    one.ask_ok(&["SET", "k", "two"]);
    wait_link_up(&other);
    wait_value(&other, "k", "two");
    wait_equal(&one, &[&other]);
}

/// The RDB does not fit on the disk of the replica: it says so, keeps what it has and tries again.
fn no_room_on_disk([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    write_keys(&master, "k", 8000, 10);
    let mut replica = Server::start(own(2));
    replica.ask_ok(&["SET", "own", "1"]);
    limit_files(&replica, Some(64 * 1024));
    replicaof(&replica, &master);
    replica.wait_log(&["Write error or short write writing to the DB dump file"]);
    assert!(replica.runs());
    assert_eq!(replica.value_of("own").as_deref(), Some("1"));
    let left: Vec<_> = std::fs::read_dir(replica.dir())
        .expect("a directory")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".rdb"))
        .collect();
    assert!(left.len() <= 1, "half files are removed: {left:?}");
    limit_files(&replica, None);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
}

/// Sets the size beyond which the process cannot write to a file.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let bytes = bytes.unwrap_or(libc::RLIM_INFINITY);
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    let pid = i32::try_from(server.pid()).expect("a process id");
    // SAFETY: prlimit(2) reads `limit`, which lives through the call, and writes nothing.
    let result = unsafe { libc::prlimit(pid, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
    assert_eq!(result, 0, "a parent may limit its child");
}

/// An acknowledgement of what was never sent ends the link, and counts for nobody.
fn acknowledges_too_much([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let attached = || {
        let mut replica = FakeReplica::connect(master.port());
        replica.handshake(&["eof", "psync2"]);
        replica.full_resync();
        replica.ack(replica.start);
        wait_until(DEADLINE, "it is online", || {
            master.info("replication").part("slave0", "state") == "online"
        });
        replica
    };
    for ack in ["99999999", "9223372036854775807"] {
        let mut replica = attached();
        replica.tell(&["REPLCONF", "ACK", ack]);
        replica.wait_closed();
        master.wait_log(&["acknowledges offset"]);
    }
    assert_eq!(master.ask(&["WAIT", "1", "1"]).integer(), 0);
    // What is no number, or none of an offset, is no acknowledgement.
    let mut replica = attached();
    for ack in ["-1", "x", "", "99999999999999999999"] {
        replica.tell(&["REPLCONF", "ACK", ack]);
    }
    master.ask_ok(&["SET", "k", "1"]);
    replica.read_until("the stream goes on", |commands| {
        commands.iter().any(|command| command.first().is_some_and(|name| name == "SET"))
    });
}

/// Half a request and the end of the connection, at each byte.
fn half_a_psync([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let request = encode(&["PSYNC", ID, "1"]);
    for length in 1..request.len() {
        let mut replica = FakeReplica::connect(master.port());
        replica.send_raw(&request[..length]);
    }
    for words in [&["PSYNC"][..], &["PSYNC", "?"], &["PSYNC", "?", "x"], &["SYNC", "x"]] {
        let mut replica = FakeReplica::connect(master.port());
        let reply = replica.ask(words);
        assert!(reply.is_error("ERR"), "{words:?}: {reply:?}");
    }
    // An id that nobody knows, and offsets that no history has.
    for (id, next) in [(ID, "1"), (ID, "-5"), (ID, "9223372036854775807"), ("short", "1")] {
        let mut replica = FakeReplica::connect(master.port());
        replica.handshake(&["eof", "psync2"]);
        let reply = replica.ask(&["PSYNC", id, next]).text();
        assert!(reply.starts_with("FULLRESYNC"), "{id} {next}: {reply}");
        replica.read_rdb();
    }
    master.ask_ok(&["SET", "k", "1"]);
    wait_until(DEADLINE, "all of them are gone", || {
        master.info("replication").field("connected_slaves") == "0"
    });
}

/// A master that goes on under another name: the replica follows, and knows both.
fn changes_its_id([kind]: [Kind; 1]) {
    let (master, replica) = (FakeMaster::new(), Server::start(kind));
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    link.handshake().expect("it asks");
    link.full_resync(100, EMPTY_RDB);
    wait_link_up(&replica);
    drop(link);
    let new = "c".repeat(40);
    let mut link = master.accept();
    let asked = link.handshake().expect("it asks again").pop().expect("a PSYNC");
    assert_eq!(asked, [&b"PSYNC"[..], ID.as_bytes(), b"101"]);
    link.send(format!("+CONTINUE {new}\r\n").as_bytes());
    wait_link_up(&replica);
    let info = replica.info("replication");
    assert_eq!((info.field("master_replid"), info.field("master_replid2")), (&new[..], ID));
    assert_eq!(info.number("second_repl_offset"), 101);
    let set = [encode(&["SELECT", "0"]), encode(&["SET", "k", "1"])].concat();
    link.send(&set);
    wait_value(&replica, "k", "1");
    drop(link);
    // Then one that has never heard of any of it.
    let mut link = master.accept();
    let asked = link.handshake().expect("it asks again").pop().expect("a PSYNC");
    let next = (101 + set.len()).to_string();
    assert_eq!(asked, [b"PSYNC", new.as_bytes(), next.as_bytes()]);
    link.send(format!("+FULLRESYNC {} 7\r\n$", "d".repeat(40)).as_bytes());
    let rdb = rdb_with("other", "1");
    link.send(format!("{}\r\n", rdb.len()).as_bytes());
    link.send(&rdb);
    wait_value(&replica, "other", "1");
    assert_eq!(replica.value_of("k"), None);
}

/// Commands that fail or do not exist: skipped and logged, and the stream goes on.
fn sends_what_fails([kind]: [Kind; 1]) {
    let (master, mut replica) = (FakeMaster::new(), Server::start(kind));
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    link.handshake().expect("it asks");
    link.full_resync(0, EMPTY_RDB);
    wait_link_up(&replica);
    let commands = [
        encode(&["SELECT", "0"]),
        encode(&["SET", "k", "text"]),
        encode(&["INCR", "k"]),
        encode(&["NOSUCH", "x"]),
        encode(&["SET", "k"]),
        encode(&["SELECT", "999"]),
        encode(&["SET", "after", "1"]),
    ]
    .concat();
    link.send(&commands);
    wait_value(&replica, "after", "1");
    assert_eq!(replica.value_of("k").as_deref(), Some("text"));
    replica.wait_log(&["== CRITICAL == This replica is sending an error to its "]);
    assert!(replica.runs());
    assert_eq!(replica.info("replication").field("master_link_status"), "up");
    assert!(replica.info("stats").number("unexpected_error_replies") >= 1);
}

/// `propagation-error-behavior panic`: a replica that cannot do as its master did ends.
fn ends_at_what_fails([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let mut replica = Server::with(kind, &["propagation-error-behavior panic"]);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    link.handshake().expect("it asks");
    link.full_resync(0, &rdb_with("k", "text"));
    wait_link_up(&replica);
    link.send(&[encode(&["SELECT", "0"]), encode(&["INCR", "k"])].concat());
    assert!(!replica.wait_end().success());
    replica.wait_log(&["This replica panicked sending an error to its master"]);
}

/// Each answer of the handshake in turn is nonsense, cut short, or the end.
fn nonsense_at_each_step([kind]: [Kind; 1]) {
    const NONSENSE: [&[u8]; 4] =
        [b"\0\x01\x02\xff\r\n", b"$-1\r\n", b"+FULLRESYNC\r\n", b"*1000000\r\n"];
    let (master, mut replica) = (FakeMaster::new(), Server::start(kind));
    replica.ask_ok(&["SET", "own", "1"]);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    for (step, nonsense) in NONSENSE.iter().enumerate() {
        let mut link = master.accept();
        let good: [&[u8]; 3] = [b"+PONG\r\n", b"+OK\r\n", b"+OK\r\n"];
        for answer in &good[..step.min(3)] {
            link.request();
            link.send(answer);
        }
        link.request();
        link.send(nonsense);
        drop(link);
        assert!(replica.runs());
        assert_eq!(replica.value_of("own").as_deref(), Some("1"));
    }
    let mut link = master.accept();
    link.handshake().expect("it keeps trying");
    link.full_resync(0, &rdb_with("key", "value"));
    wait_value(&replica, "key", "value");
}
