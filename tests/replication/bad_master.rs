//! Masters that send what no master should: the replica stays alive and keeps trying.

use crate::checks::{wait_link_up, wait_value};
use crate::support::client::encode;
use crate::support::fake_master::{EMPTY_RDB, FakeLink, FakeMaster, ID, rdb_with};
use crate::support::server::Server;
use crate::support::stock::{Kind, note};

mod broken_transfers {
    one_server_or_stock!(super::broken_transfers);
}
mod corrupt_rdb {
    one_server!(super::corrupt_rdb);
}
mod refusals {
    one_server_or_stock!(super::refusals);
}
mod broken_streams {
    one_server!(super::broken_streams);
}

/// A transfer that breaks off leaves the old data in place; the next one that is whole counts.
fn broken_transfers([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let mut replica = Server::start(kind);
    replica.ask_ok(&["SET", "own", "1"]);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let rdb = rdb_with("key", "value");
    let short = |link: &mut FakeLink| {
        link.send(format!("+FULLRESYNC {ID} 0\r\n${}\r\n", rdb.len()).as_bytes());
        link.send(&rdb[..rdb.len() / 2]);
    };
    let endless = |link: &mut FakeLink| {
        link.send(format!("+FULLRESYNC {ID} 0\r\n$EOF:{}\r\n", "e".repeat(40)).as_bytes());
        link.send(&rdb);
    };
    let no_header =
        |link: &mut FakeLink| link.send(format!("+FULLRESYNC {ID} 0\r\nnonsense\r\n").as_bytes());
    let only_answer = |link: &mut FakeLink| link.send(format!("+FULLRESYNC {ID} 0\r\n").as_bytes());
    let broken: [&dyn Fn(&mut FakeLink); 4] = [&short, &endless, &no_header, &only_answer];
    for send in broken {
        let mut link = master.accept();
        link.handshake().expect("the replica keeps trying");
        send(&mut link);
        drop(link);
        assert!(replica.runs());
        assert_eq!(replica.value_of("own").as_deref(), Some("1"), "the old data stays");
    }
    check_recovers(&master, &mut replica);
}

/// An RDB that came whole and is wrong inside.
fn corrupt_rdb([kind]: [Kind; 1]) {
    if !kind.is_tributary() {
        note("not played: a stock server ends at a corrupt RDB of its master");
        return;
    }
    let master = FakeMaster::new();
    let mut replica = Server::start(kind);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let rdb = rdb_with("key", "value");
    let mut wrong_checksum = rdb.clone();
    *wrong_checksum.last_mut().expect("a checksum") = 1;
    let mut long_length = rdb.clone();
    long_length[12] = 0x3f;
    let mut unknown_type = rdb.clone();
    unknown_type[11] = 0x66;
    let no_rdb = b"this is no RDB at all".to_vec();
    let newer = [b"REDIS9999".as_slice(), &rdb[9..]].concat();
    for bad in [wrong_checksum, long_length, unknown_type, no_rdb, newer] {
        let mut link = master.accept();
        link.handshake().expect("the replica keeps trying");
        link.full_resync(0, &bad);
        drop(link);
        assert!(replica.runs());
    }
    check_recovers(&master, &mut replica);
}

/// Errors, silence and nonsense in place of the handshake's answers.
fn refusals([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let mut replica = Server::start(kind);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let answers: [&[u8]; 4] =
        [b"-ERR no\r\n", b"-NOMASTERLINK wait\r\n", b"+WHAT\r\n", b"-LOADING wait\r\n"];
    // Gone before a word, and gone after the first.
    drop(master.accept());
    let mut link = master.accept();
    link.request().expect("a PING");
    drop(link);
    for answer in answers {
        let mut link = master.accept();
        link.handshake().expect("the replica keeps trying");
        link.send(answer);
        drop(link);
        assert!(replica.runs());
    }
    check_recovers(&master, &mut replica);
}

/// After a good RDB the stream itself is no RESP: the link is closed, the data stays.
fn broken_streams([kind]: [Kind; 1]) {
    if !kind.is_tributary() {
        note("not played: stock servers differ in what they make of a broken stream");
        return;
    }
    let master = FakeMaster::new();
    let mut replica = Server::start(kind);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let good = encode(&["SET", "good", "1"]);
    for bad in [b"*2\r\n$3\r\nSET\r\n:5\r\n".as_slice(), b"*99999999999\r\n", b"$5\r\nhello\r\n"] {
        let mut link = master.accept();
        link.handshake().expect("the replica keeps trying");
        link.full_resync(0, EMPTY_RDB);
        link.send(&good);
        link.send(bad);
        wait_value(&replica, "good", "1");
        drop(link);
        assert!(replica.runs());
    }
    check_recovers(&master, &mut replica);
}

fn check_recovers(master: &FakeMaster, replica: &mut Server) {
    let mut link = master.accept();
    link.handshake().expect("the replica keeps trying");
    link.full_resync(0, &rdb_with("key", "value"));
    wait_value(replica, "key", "value");
    wait_link_up(replica);
    assert_eq!(replica.value_of("own"), None);
    assert!(replica.runs());
}
