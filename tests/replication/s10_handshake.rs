//! What is sent when, seen from the other end of the wire: a fake replica and a fake master record
//! the bytes.

use std::time::{Duration, Instant};

use crate::checks::{wait_value, write_keys};
use crate::support::client::encode;
use crate::support::fake_master::{EMPTY_RDB, FakeMaster, ID, Request, rdb_with};
use crate::support::fake_replica::FakeReplica;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, wait_until};

mod as_master {
    one_server_or_stock!(super::as_master);
}
mod as_master_with_end_mark {
    one_server_or_stock!(super::as_master_with_end_mark);
}
mod to_plain_client {
    one_server_or_stock!(super::to_plain_client);
}
mod as_replica {
    one_server_or_stock!(super::as_replica);
}
mod to_old_master {
    one_server_or_stock!(super::to_old_master);
}

fn as_master([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    write_keys(&master, "before", 10, 10);
    let mut replica = FakeReplica::connect(master.port());
    // Without `eof` the RDB comes with its length.
    replica.handshake(&["psync2"]);
    let rdb = replica.full_resync();
    assert!(rdb.starts_with(b"REDIS00"), "{}", rdb[..9].escape_ascii());
    let info = master.info("replication");
    assert_eq!(info.field("master_replid"), replica.id);

    replica.ack(replica.start);
    let mut client = master.client();
    assert!(client.cmd(&["SET", "a", "1"]).is_ok());
    assert!(client.cmd(&["SELECT", "2"]).is_ok());
    assert!(client.cmd(&["MULTI"]).is_ok());
    for args in [["SET", "{t}b", "2"], ["APPEND", "{t}b", "x"]] {
        client.cmd(&args);
    }
    client.cmd(&["EXEC"]);
    assert!(client.cmd(&["SET", "c", "3", "EX", "100"]).is_ok());
    assert_eq!(client.cmd(&["DEL", "absent"]).integer(), 0);
    check_stream(&mut replica);
    check_offsets(&master, &mut replica);
    check_continues(&master, replica);
}

/// The writes come as units with SELECT in front, relative expiry absolute, no-ops not at all.
fn check_stream(replica: &mut FakeReplica) {
    replica.read_until("the last write arrives", |commands| {
        commands.iter().any(|command| command.get(1).is_some_and(|key| key == "c"))
    });
    let mut commands = replica.commands();
    for command in &mut commands {
        command[0] = command[0].to_uppercase();
    }
    commands.retain(|command| command[0] != "PING");
    let words: Vec<Vec<&str>> =
        commands.iter().map(|command| command.iter().map(String::as_str).collect()).collect();
    assert_eq!(words[0], ["SELECT", "0"]);
    assert_eq!(words[1], ["SET", "a", "1"]);
    let select = words.iter().position(|w| *w == ["SELECT", "2"]).expect("a change of database");
    // SELECT stands before MULTI or right behind it.
    assert!((2..=3).contains(&select), "{words:?}");
    assert!(words[2..4].contains(&vec!["MULTI"]), "{words:?}");
    assert_eq!(words[4], ["SET", "{t}b", "2"]);
    assert_eq!(words[5], ["APPEND", "{t}b", "x"]);
    assert_eq!(words[6], ["EXEC"]);
    assert_eq!(words[7][..3], ["SET", "c", "3"]);
    assert_eq!(words[7][3].to_uppercase(), "PXAT", "relative expiry is streamed absolute");
    assert_eq!(words.len(), 8, "no-ops stream nothing: {words:?}");
}

/// The offset is the number of bytes; PING comes each period; ACK has no reply.
fn check_offsets(master: &Server, replica: &mut FakeReplica) {
    let pings = |commands: &[Vec<String>]| {
        commands.iter().filter(|command| command[0].eq_ignore_ascii_case("PING")).count()
    };
    let before = pings(&replica.commands());
    replica.read_until("two periods' PINGs", |commands| pings(commands) >= before + 2);
    wait_until(DEADLINE, "the bytes received are the master's offset", || {
        let offset = u64::try_from(master.info("replication").number("master_repl_offset"));
        replica.read_to(offset.expect("an offset"));
        let now = u64::try_from(master.info("replication").number("master_repl_offset"));
        now == Ok(replica.offset())
    });
    replica.ack(replica.offset());
    let acknowledged = replica.offset();
    wait_until(DEADLINE, "the master shows what was acknowledged", || {
        let info = master.info("replication");
        info.part("slave0", "offset") == acknowledged.to_string()
            && info.part("slave0", "state") == "online"
    });
}

/// A new link gets exactly the bytes it asks for.
fn check_continues(master: &Server, first: FakeReplica) {
    let (id, start) = (first.id.clone(), first.start);
    let mut again = FakeReplica::connect(master.port());
    again.handshake(&["eof", "psync2"]);
    let line = again.psync(&id, start + 1);
    assert_eq!(line, format!("CONTINUE {id}"));
    again.read_to(first.offset());
    assert_eq!(again.stream[..first.stream.len()], first.stream, "the same bytes");

    let mut wrong = FakeReplica::connect(master.port());
    wrong.handshake(&["eof", "psync2"]);
    let line = wrong.psync(&"f".repeat(40), start + 1);
    assert!(line.starts_with("FULLRESYNC "), "another history: {line}");
    let mut beyond = FakeReplica::connect(master.port());
    beyond.handshake(&["eof", "psync2"]);
    let line = beyond.psync(&id, start + 1_000_000);
    assert!(line.starts_with("FULLRESYNC "), "more than there is: {line}");
}

/// With `eof` and a diskless master the RDB comes between two marks.
fn as_master_with_end_mark([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["repl-diskless-sync yes"]);
    write_keys(&master, "k", 10, 10);
    let mut replica = FakeReplica::connect(master.port());
    replica.handshake(&["eof", "psync2"]);
    let rdb = replica.full_resync();
    assert!(rdb.starts_with(b"REDIS00"));
    replica.ack(replica.start);
    master.ask_ok(&["SET", "a", "1"]);
    replica.read_until("the live stream follows", |commands| {
        commands.iter().any(|command| command.get(1).is_some_and(|key| key == "a"))
    });
}

/// `SYNC` without any handshake, as old replicas and tools send it.
fn to_plain_client([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    write_keys(&master, "k", 10, 10);
    let mut replica = FakeReplica::connect(master.port());
    replica.tell(&["SYNC"]);
    let rdb = replica.read_rdb();
    assert!(rdb.starts_with(b"REDIS00"));
    master.ask_ok(&["SET", "a", "1"]);
    replica.read_until("the live stream follows", |commands| {
        commands.iter().any(|command| command.get(1).is_some_and(|key| key == "a"))
    });
}

fn as_replica([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let replica = Server::with(kind, &["masterauth pass", "masteruser user"]);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    let requests = link.handshake().expect("the replica asks for a synchronization");
    check_handshake(&requests, replica.port());
    link.full_resync(1000, &rdb_with("key", "value"));
    wait_value(&replica, "key", "value");
    assert_eq!(replica.info("replication").field("master_replid"), ID);

    // What is applied is acknowledged, within seconds unasked, at once when asked.
    let mut offset = 1000;
    let mut stream = |args: &[&str]| {
        let bytes = encode(args);
        offset += bytes.len() as u64;
        (bytes, offset)
    };
    let (select, _) = stream(&["SELECT", "0"]);
    let (set, end) = stream(&["SET", "a", "1"]);
    link.send(&select);
    // A command may arrive in pieces; half of one is not acknowledged.
    link.send(&set[..10]);
    link.send(&set[10..]);
    wait_value(&replica, "a", "1");
    let started = Instant::now();
    while link.ack().expect("the link stays") != end {
        assert!(started.elapsed() < DEADLINE, "the offset is acknowledged");
    }
    let next = Instant::now();
    assert_eq!(link.ack(), Some(end));
    let period = next.elapsed();
    assert!(
        (Duration::from_millis(500)..Duration::from_millis(2500)).contains(&period),
        "{period:?}"
    );

    let (getack, after) = stream(&["REPLCONF", "GETACK", "*"]);
    link.send(&getack);
    // The acknowledgement counts what comes before the request itself.
    assert_eq!(link.ack(), Some(end));
    while link.ack().expect("the link stays") != after {
        assert!(started.elapsed() < DEADLINE, "the request's bytes count too");
    }
    drop(link);
    check_asks_for_rest(&master, after);
}

fn check_handshake(requests: &[Request], port: u16) {
    let text: Vec<Vec<String>> = requests
        .iter()
        .map(|request| {
            request.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
        })
        .collect();
    assert_eq!(text[0], ["PING"]);
    assert_eq!(text[1], ["AUTH", "user", "pass"]);
    assert_eq!(text[2], ["REPLCONF", "listening-port", &port.to_string()]);
    let capabilities: Vec<_> = text
        .iter()
        .filter(|request| request[0] == "REPLCONF")
        .flat_map(|request| request[1..].chunks(2))
        .filter(|pair| pair[0] == "capa")
        .map(|pair| pair[1].as_str())
        .collect();
    assert!(capabilities.contains(&"eof") && capabilities.contains(&"psync2"), "{capabilities:?}");
    let last = text.last().expect("a request");
    assert_eq!(last[0], "PSYNC");
    assert_eq!(last.len(), 3);
    assert!(text[2..text.len() - 1].iter().all(|request| request[0] == "REPLCONF"), "{text:?}");
}

/// After the link is lost the replica asks for what follows its last complete command.
fn check_asks_for_rest(master: &FakeMaster, offset: u64) {
    let mut link = master.accept();
    let requests = link.handshake().expect("the replica comes back");
    let psync = requests.last().expect("a request");
    assert_eq!(psync[1], ID.as_bytes());
    assert_eq!(psync[2], (offset + 1).to_string().as_bytes());
    link.send(b"+CONTINUE\r\n");
    let (set, more) = (encode(&["SET", "rest", "1"]), encode(&["SET", "half", "1"]));
    link.send(&set);
    let end = offset + set.len() as u64;
    // Half a command dies with its link.
    link.send(&more[..more.len() / 2]);
    while link.ack().expect("the link stays") != end {}
    drop(link);
    let mut link = master.accept();
    let requests = link.handshake().expect("the replica comes back");
    assert_eq!(requests.last().expect("a request")[2], (end + 1).to_string().as_bytes());
}

/// A master that knows neither REPLCONF nor PSYNC is asked with SYNC.
fn to_old_master([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let replica = Server::start(kind);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    loop {
        let request = link.request().expect("the replica goes on");
        match request[0].to_ascii_uppercase().as_slice() {
            b"PING" => link.send(b"+PONG\r\n"),
            b"SYNC" => break,
            name => link.send(
                format!("-ERR unknown command '{}'\r\n", String::from_utf8_lossy(name)).as_bytes(),
            ),
        }
    }
    link.send(format!("${}\r\n", EMPTY_RDB.len()).as_bytes());
    link.send(EMPTY_RDB);
    link.send(&encode(&["SET", "a", "1"]));
    wait_value(&replica, "a", "1");
}
