//! Every type in every encoding goes every way between stock servers and ours: in files, in full
//! resynchronizations, by DUMP and RESTORE. What arrives is equal, and held as the stock server
//! holds it that reads the same bytes.

use std::path::Path;
use std::process::Command;

use super::all_types::{DATABASES, DIRECTIVES, details, encodings, fill_all_types, keys_of};
use super::support::server::{Server, free_port};
use super::support::stock::{Kind, installed, own, tool};
use super::support::value::Value;
use super::support::wait::{DEADLINE, wait_until};

const STOCK: [Kind; 2] = [Kind::Redis, Kind::Valkey];

fn filled(kind: Kind, digits: bool) -> Server {
    let server = Server::with(kind, DIRECTIVES);
    fill_all_types(&server, digits);
    server
}

/// A server that loads a file at its start.
fn loading(kind: Kind, file: &Path) -> Server {
    let mut server = Server::prepared(kind, free_port(), DIRECTIVES);
    std::fs::copy(file, server.dir().join("dump.rdb")).expect("a copy");
    server.launch();
    server
}

/// The first difference, not all of both.
fn same(what: &str, found: &[String], expected: &[String]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected, "{what}");
    }
    assert_eq!(found.len(), expected.len(), "{what}");
}

/// Loads `source`'s file everywhere it can be read; Redis takes no part if there are `digits`.
fn check_file(source: &Server, version: u16, digits: bool) {
    source.ask_ok(&["SAVE"]);
    let file = source.dir().join("dump.rdb");
    let (digest, told) = (source.digest(), details(source, version));
    let oracle = loading(Kind::Valkey, &file);
    let held = encodings(&oracle);
    let mut readers = vec![own(1), own(3)];
    readers.extend((version <= 10 && !digits).then_some(Kind::Redis));
    for reader in readers.into_iter().map(|kind| loading(kind, &file)) {
        let what = format!("version {version} of {:?} in {:?}", source.kind(), reader.kind());
        // Redis 7.0 prints fewer fields, and knows no moment of a consumer's last entry.
        if reader.kind() != Kind::Redis {
            same(&what, &encodings(&reader), &held);
            let told_version = if source.kind() == Kind::Redis { 9 } else { version };
            same(&what, &details(&reader, told_version), &details(&oracle, told_version));
        }
        assert_eq!(reader.digest(), digest, "{what}");
    }
    let told_version = if source.kind() == Kind::Redis { 9 } else { version };
    let told = if told_version == version { told } else { details(source, 9) };
    let what = format!("version {version} of {:?} in Valkey", source.kind());
    same(&what, &details(&oracle, told_version), &told);
    assert_eq!(oracle.digest(), digest, "{what}");
}

#[test]
fn files_of_stock_servers_with_all_types_load_equal() {
    if installed(&STOCK) {
        check_file(&filled(Kind::Redis, false), 10, false);
        check_file(&filled(Kind::Valkey, true), 11, true);
    }
}

#[test]
fn our_files_with_all_types_load_equal_and_pass_the_checkers() {
    if !installed(&STOCK) {
        return;
    }
    for (shards, digits) in [(1, false), (3, true)] {
        let ours = filled(own(shards), digits);
        for version in [9, 10, 11] {
            ours.ask_ok(&["CONFIG", "SET", "rdb-version", &version.to_string()]);
            check_file(&ours, version, digits);
            for (name, newest) in [("redis-check-rdb", 10), ("valkey-check-rdb", 11)] {
                let Some(tool) = tool(name).filter(|_| version <= newest) else { continue };
                let file = ours.dir().join("dump.rdb");
                let output = Command::new(tool).arg(file).output().expect("it runs");
                let text = String::from_utf8_lossy(&output.stdout);
                assert!(text.contains("RDB looks OK"), "{name}, version {version}: {text}");
            }
        }
    }
}

#[test]
fn full_resynchronizations_carry_all_types_both_ways() {
    if !installed(&STOCK) {
        return;
    }
    let ways = [
        (Kind::Redis, own(2)),
        (Kind::Valkey, own(3)),
        (own(3), Kind::Redis),
        (own(2), Kind::Valkey),
        (own(3), own(2)),
    ];
    for (from, to) in ways {
        let digits = from != Kind::Redis && to != Kind::Redis;
        let (master, replica) = (filled(from, digits), Server::with(to, DIRECTIVES));
        replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
        wait_until(DEADLINE, "the link is up", || {
            replica.info("replication").field("master_link_status") == "up"
        });
        let version = if from == Kind::Redis || to == Kind::Redis { 9 } else { 10 };
        let what = format!("{from:?} to {to:?}");
        same(&what, &details(&replica, version), &details(&master, version));
        assert_eq!(replica.digest(), master.digest(), "{what}");
    }
}

/// Every key by DUMP there and RESTORE here; `version` is what the source writes.
fn check_dumps(source: &Server, target: &Server) {
    target.ask_ok(&["FLUSHALL"]);
    let (mut from, mut to) = (source.client(), target.client());
    for db in DATABASES {
        to.cmd(&["SELECT", db]);
        for key in keys_of(&mut from, db) {
            let payload = from.cmd(&[&b"DUMP"[..], &key]);
            let payload = payload.bytes().expect("it is there");
            let reply = to.cmd(&[&b"RESTORE"[..], &key, b"0", payload]);
            let what = format!("{} of {:?}", key.escape_ascii(), source.kind());
            assert!(reply.is_ok(), "{what} in {:?}: {reply:?}", target.kind());
            from.cmd(&[&b"PERSIST"[..], &key]);
            let digest = |reply: Value| format!("{reply:?}");
            let ask = [&b"DEBUG"[..], b"DIGEST-VALUE", &key];
            assert_eq!(digest(to.cmd(&ask)), digest(from.cmd(&ask)), "{what}");
        }
    }
}

#[test]
fn payloads_of_all_types_go_both_ways() {
    if !installed(&STOCK) {
        return;
    }
    let (redis, valkey) = (filled(Kind::Redis, false), filled(Kind::Valkey, true));
    let ours = filled(own(2), false);
    let (from_ours, to_ours) = (Server::with(Kind::Redis, DIRECTIVES), Server::start(own(3)));
    check_dumps(&redis, &to_ours);
    check_dumps(&valkey, &to_ours);
    for version in ["9", "10", "11"] {
        ours.ask_ok(&["CONFIG", "SET", "rdb-version", version]);
        let target = if version == "11" { &valkey } else { &from_ours };
        check_dumps(&ours, target);
    }
}

/// Fields of hashes do not expire here: a file that has such loses no field, and it is said that
/// they will stay. Who restores a single value is told instead.
#[test]
fn fields_that_would_expire_are_loaded_with_a_warning() {
    let least = 1_900_000_000_000_u64.to_le_bytes();
    let value = [&[24][..], &least, b"\x02\x01\x01a\x01x\x00\x01b\x01y"].concat();
    let file = [b"REDIS0012", &value[..1], b"\x04hash", &value[1..], &[0xff], &[0; 8]].concat();
    for shards in [1, 3] {
        let mut ours = Server::prepared(own(shards), free_port(), &[]);
        std::fs::write(ours.dir().join("dump.rdb"), &file).expect("a file");
        ours.launch();
        ours.wait_log(&["Fields of hashes in the RDB with an expiry of their own: 1."]);
        let mut fields: Vec<_> =
            ours.ask(&["HGETALL", "hash"]).items().iter().map(Value::text).collect();
        fields.sort();
        assert_eq!(fields, ["a", "b", "x", "y"]);
    }
}
