//! The generic key commands beside a stock server, and what they stream.

use crate::base::stock::Stock;
use crate::command::fixture::{Fixture, START_MS};
use crate::command::gate::Role;
use crate::command::twin::Twin;
use crate::config::choices::MaxmemoryPolicy;
use crate::keyspace::evict::AccessClock;
use crate::rdb::dump;
use crate::rdb::encode::EncodeOptions;
use crate::rdb::record::{StringRef, ValueRef};

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.replace("\\s", " ").into_bytes()).collect()
}

/// Replies are compared with a live server's for each line, in order.
const LINES: &[&str] = &[
    "set k v",
    "expire k abc",
    "expire k abc FOO",
    "expire k 9223372036854775807",
    "expire k 9223372036854775",
    "expire k -9223372036854775808",
    "pexpire k 9223372036854775807",
    "expireat k 9223372036854775807",
    "expire k 10 NX XX",
    "expire k 10 NX GT",
    "expire k 10 GT LT",
    "expire k 10 lt gt xx",
    "expire nokey 9223372036854775807",
    "expire nokey 10",
    "expire k 10 XX",
    "expire k 10 GT",
    "expire k 10000 NX",
    "expire k 20000 NX",
    "expire k 5000 GT",
    "expire k 20000 gt xx",
    "expire k 30000 lt",
    "expire k 9000 LT XX",
    "ttl k",
    "persist k",
    "persist k",
    "ttl k",
    "pttl k",
    "expiretime k",
    "pexpiretime nokey",
    "expire k 10000 lt",
    "pexpireat k 9223372036854775807",
    "pexpiretime k",
    "expiretime k",
    "expireat k 99999999999 GT",
    "expireat k 99999999999",
    "pexpiretime k",
    "expiretime k",
    "expire k -1",
    "exists k",
    "set k v",
    "pexpireat k 0",
    "exists k",
    "set k v",
    "pexpire k -9223372036854775808",
    "exists k",
    "expire k",
    "ttl",
    "set k v",
    "move k 0",
    "move nokey 0",
    "move k 99",
    "move k abc",
    "move k -1",
    "move k 9999999999",
    "move k 99999999999999999999",
    "move nokey 1",
    "move k 1",
    "exists k",
    "set k w",
    "move k 1",
    "copy k k",
    "copy k k2 DB abc",
    "copy k k2 DB 99",
    "copy k k2 DB 9999999999",
    "copy k k2 DB -1",
    "copy k k2 DB",
    "copy k k2 FOO",
    "copy k k2 DB 99 FOO",
    "copy k k2 REPLACE DB 0",
    "copy k k2",
    "copy k k2 replace replace",
    "copy k k DB 0",
    "copy k k DB 1",
    "copy k k DB 1 REPLACE",
    "copy nokey k DB 1",
    "copy nokey nokey",
    "rename k k",
    "rename nokey nokey",
    "rename nokey k",
    "renamenx nokey k",
    "renamenx k k",
    "renamenx k k2",
    "renamenx k k3",
    "rename k3 k2",
    "get k2",
    "exists k k2 k3 k2",
    "type k2",
    "type nokey",
    "touch k2 nokey k2",
    "swapdb a 1",
    "swapdb 1 a",
    "swapdb a b",
    "swapdb 0 99",
    "swapdb 99 a",
    "swapdb -1 0",
    "swapdb 0 9999999999",
    "swapdb 0 0",
    "swapdb 0 1",
    "get k",
    "swapdb 0 1",
    "get k",
    "flushall foo",
    "flushall async foo",
    "flushdb sync async",
    "flushdb SYNC",
    "exists k2",
    "flushall ASYNC",
    "set k v",
    "set n 9999",
    "object encoding k",
    "object encoding n",
    "object encoding nokey",
    "object freq k",
    "object freq nokey",
    "object idletime k",
    "object idletime nokey",
    "object refcount k",
    "object refcount n",
    "set n 10000",
    "object refcount n",
    "object refcount nokey",
    "object foo",
    "object encoding",
    "object help x",
    "object",
    "del n",
    "scan abc",
    "scan -1",
    "scan \\s0",
    "scan 1\\s",
    "scan +0 count 100",
    "scan 18446744073709551616",
    "scan 0x10",
    "scan 0 count 0",
    "scan 0 count -1",
    "scan 0 count abc",
    "scan 0 count",
    "scan 0 foo",
    "scan 0 foo bar",
    "scan abc foo bar",
    "scan 0 type foo",
    "scan 0 type foo count 0",
    "scan 0 count 0 type foo",
    "scan 0 count 99999999999999999999",
    "keys *",
    "keys x*",
    "randomkey",
    "keys",
    "randomkey x",
    "restore x 0 abc",
    "restore x abc abc",
    "restore x -1 abc",
    "restore x 0 abc FOO",
    "restore x 0 abc IDLETIME -1",
    "restore x 0 abc FREQ 256",
    "restore x 0 abc FREQ -1",
    "restore x 0 abc FREQ abc",
    "restore x 0 abc IDLETIME abc",
    "restore x 0 abc IDLETIME 1 FREQ 1",
    "restore x 0 abc FREQ 1 IDLETIME 1",
    "restore x 0 abc IDLETIME",
    "restore x 0 abc REPLACE ABSTTL IDLETIME 1 IDLETIME 2",
    "restore k 0 abc",
    "restore k -1 abc",
    "restore k abc abc",
    "restore k abc abc replace",
    "dump nokey",
    "del k k nokey",
    "unlink nokey",
    "flushall",
    "randomkey",
    "keys *",
];

#[test]
fn replies_are_those_of_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    // The shard of a walk's beginning is one of three here; one shard ends a walk as stock does.
    twin.fixture = Fixture::with_shards(1);
    twin.fixture.follow_host_clock();
    for line in LINES {
        twin.check(&words(line), "in order");
    }
}

#[test]
fn random_commands_answer_as_a_stock_server_s() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random(0..40, 150, |random| {
        let mut key = || vec![b'k', b'a' + random.u8(..4)];
        let (one, two) = (key(), key());
        let times = ["-5", "0", "100", "2000", "99999999", "9999999999999", "x"];
        let time = random.choice(times).expect("some").as_bytes().to_vec();
        let flags: [&[&str]; 8] =
            [&[], &[], &[], &["nx"], &["XX"], &["gt"], &["LT"], &["xx", "gt"]];
        let flags = random.choice(flags).expect("some");
        let db = random.choice(["0", "1", "2", "16"]).expect("some").as_bytes().to_vec();
        let (mut command, rest): (Vec<&str>, Vec<Vec<u8>>) = match random.u8(..18) {
            0..=2 => (vec!["set"], vec![one, two]),
            3 => (vec!["del"], vec![one, two]),
            4 => (vec!["unlink"], vec![one]),
            5 => (vec!["exists"], vec![one.clone(), two, one]),
            6 => (vec!["type"], vec![one]),
            7 => (vec!["rename"], vec![one, two]),
            8 => (vec!["renamenx"], vec![one, two]),
            9 => (vec!["copy"], vec![one, two]),
            10 => (vec!["copy"], vec![one, two, b"DB".to_vec(), db]),
            11 => (vec!["move"], vec![one, db]),
            12 => (vec!["expireat"], vec![one, time]),
            13 => (vec!["pexpireat"], vec![one, time]),
            14 => (vec!["pexpiretime"], vec![one]),
            15 => (vec!["persist"], vec![one]),
            16 => (vec!["get"], vec![one]),
            _ => (vec!["select"], vec![db]),
        };
        let mut words: Vec<Vec<u8>> =
            command.drain(..).map(|word| word.as_bytes().to_vec()).collect();
        words.extend(rest);
        if words[0].ends_with(b"expireat") {
            words.extend(flags.iter().map(|flag| flag.as_bytes().to_vec()));
        }
        words
    });
}

#[test]
fn relative_times_are_streamed_as_moments() {
    let mut server = Fixture::new();
    let at = |ms: u64| START_MS + ms;
    server.check("set k v", "+OK\r\n", &["set k v"]);
    server.check("expire k 100 NX", ":1\r\n", &[&format!("PEXPIREAT k {} NX", at(100_000))]);
    server.check("expire k 200 GT", ":1\r\n", &[&format!("PEXPIREAT k {} GT", at(200_000))]);
    server.check("expire k 100 GT", ":0\r\n", &[]);
    server.check("ttl k", ":200\r\n", &[]);
    server.check("expireat k 99999999999", ":1\r\n", &["PEXPIREAT k 99999999999000"]);
    server.check("pexpireat k 99999999999 XX", ":1\r\n", &["DEL k"]);
    server.check("set k v", "+OK\r\n", &["set k v"]);
    server.check("pexpireat k 99999999999000", ":1\r\n", &["pexpireat k 99999999999000"]);
    server.check("persist k", ":1\r\n", &["persist k"]);
    server.check("persist k", ":0\r\n", &[]);
    server.settings.memory.lazyfree_lazy_expire = true;
    server.check("expire k -1", ":1\r\n", &["UNLINK k"]);
    server.check("expire k -1", ":0\r\n", &[]);
}

#[test]
fn only_what_happened_is_streamed() {
    let mut server = Fixture::new();
    for key in ["a", "b", "c"] {
        server.check(&format!("set {key} v"), "+OK\r\n", &[&format!("set {key} v")]);
    }
    server.check("del x y", ":0\r\n", &[]);
    server.check("del a x b a", ":2\r\n", &["del a x b a"]);
    server.check("unlink a", ":0\r\n", &[]);
    server.check("rename c c", "+OK\r\n", &[]);
    server.check("rename c d", "+OK\r\n", &["rename c d"]);
    server.check("renamenx d d", ":0\r\n", &[]);
    server.check("copy d e", ":1\r\n", &["copy d e"]);
    server.check("copy d e", ":0\r\n", &[]);
    server.check("move d 1", ":1\r\n", &["move d 1"]);
    server.check("move d 1", ":0\r\n", &[]);
    server.check("swapdb 0 0", "+OK\r\n", &["swapdb 0 0"]);
    server.check("flushdb async", "+OK\r\n", &["flushdb async"]);
    server.check("flushall", "+OK\r\n", &["flushall"]);
    server.check("touch d", ":0\r\n", &[]);
}

fn payload(text: &[u8]) -> String {
    let payload = dump::encode(ValueRef::String(StringRef::Bytes(text)), &EncodeOptions::default());
    payload.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[test]
fn a_restored_key_is_streamed_with_the_moment_of_its_end() {
    let mut server = Fixture::new();
    let (payload, now) = (payload(b"v"), START_MS);
    let value: Vec<u8> =
        dump::encode(ValueRef::String(StringRef::Bytes(b"v")), &EncodeOptions::default());
    let shown = value.escape_ascii().to_string();
    let restore =
        |rest: &str| format!("restore k {}", rest.replace('@', &format!("\"{payload}\"")));
    let streamed = |rest: &str| format!("restore k {}", rest.replace('@', &shown));
    server.check(&restore("0 @"), "+OK\r\n", &[&streamed("0 @")]);
    server.check("get k", "$1\r\nv\r\n", &[]);
    assert_eq!(server.run(&["dump", "k"]), reply_of(&value));
    let busy = "-BUSYKEY Target key name already exists.\r\n";
    server.check(&restore("0 @"), busy, &[]);
    let moment = streamed(&format!("{} @ replace ABSTTL", now + 1000));
    server.check(&restore("1000 @ replace"), "+OK\r\n", &[&moment]);
    server.check("pttl k", ":1000\r\n", &[]);
    let absolute = format!("{} @ absttl replace", now + 5);
    server.check(&restore(&absolute), "+OK\r\n", &[&streamed(&absolute)]);
    server.check(&restore("1 @ replace absttl"), "+OK\r\n", &["DEL k"]);
    server.check(&restore("1 @ replace absttl"), "+OK\r\n", &[]);
    server.check(&restore("0 @ idletime 70"), "+OK\r\n", &[&streamed("0 @ idletime 70")]);
    server.check("object idletime k", ":70\r\n", &[]);
}

fn reply_of(value: &[u8]) -> Vec<u8> {
    let mut reply = format!("${}\r\n", value.len()).into_bytes();
    reply.extend_from_slice(value);
    reply.extend_from_slice(b"\r\n");
    reply
}

#[test]
fn dumps_are_exchanged_with_a_stock_server() {
    let Some(mut stock) = Stock::start("valkey-server", &[]) else { return };
    let mut server = Fixture::new();
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let length = random.usize(..300);
        let text: Vec<u8> = match seed % 2 {
            0 => (random.i64(..) >> random.u32(..64)).to_string().into_bytes(),
            _ => (0..length).map(|_| random.u8(b'a'..=b'c')).collect(),
        };
        server.run(&[&b"set"[..], b"k", &text]);
        let ours = server.run(&["dump", "k"]);
        let start = ours.iter().position(|byte| *byte == b'\n').expect("a bulk") + 1;
        let ours = &ours[start..ours.len() - 2];
        stock.call(&[&b"restore"[..], b"k", b"0", ours, b"replace"]);
        let reply = stock.call_bytes(&["get", "k"]);
        assert_eq!(reply, server.run(&["get", "k"]), "seed {seed}");
        let theirs = stock.call_bytes(&["dump", "k"]);
        let start = theirs.iter().position(|byte| *byte == b'\n').expect("a bulk") + 1;
        let theirs = &theirs[start..theirs.len() - 2];
        server.run(&[&b"restore"[..], b"back", b"0", theirs, b"replace"]);
        assert_eq!(server.run(&["get", "back"]), reply, "seed {seed}");
        let encoding = server.run(&["object", "encoding", "k"]);
        assert_eq!(server.run(&["object", "encoding", "back"]), encoding, "seed {seed}");
    }
}

#[test]
fn a_key_whose_time_is_over_is_gone_and_its_deletion_streamed() {
    let mut server = Fixture::new();
    for key in ["a", "b", "c", "d"] {
        server.run(&["set", key, "v"]);
        server.run(&["pexpire", key, "10"]);
    }
    server.now_ms += 10;
    server.check("exists a", ":1\r\n", &[]);
    server.now_ms += 1;
    server.check("exists a", ":0\r\n", &["DEL a"]);
    server.check("exists a", ":0\r\n", &[]);
    server.check("rename b x", "-ERR no such key\r\n", &["DEL b"]);
    server.check("keys *", "*0\r\n", &[]);
    server.settings.memory.lazyfree_lazy_expire = true;
    server.check("set x v", "+OK\r\n", &["set x v"]);
    server.check("copy x c", ":1\r\n", &["MULTI", "UNLINK c", "copy x c", "EXEC"]);
    let mut effects = Vec::new();
    walk(&mut server, "scan {} match d", &mut effects);
    assert_eq!(effects, ["UNLINK d"]);
}

#[test]
fn a_replica_hides_what_its_master_has_not_deleted() {
    let mut server = Fixture::new();
    for key in ["a", "b"] {
        server.run(&["set", key, "v"]);
        server.run(&["pexpire", key, "10"]);
    }
    server.set_role(Role::Replica);
    server.now_ms += 1000;
    server.check("exists a", ":0\r\n", &[]);
    server.check("ttl a", ":-2\r\n", &[]);
    server.check("keys *", "*0\r\n", &[]);
    server.view.is_master_link = true;
    server.check("persist a", ":1\r\n", &[]);
    server.check("rename b c", "+OK\r\n", &[]);
    server.check(&format!("pexpireat c {}", START_MS + 5), ":1\r\n", &[]);
    server.view.is_master_link = false;
    server.check("exists a c", ":1\r\n", &[]);
    server.check("del c", ":1\r\n", &[]);
}

/// Walks a database as a client does; the keys in the order they came.
fn walk(server: &mut Fixture, command: &str, effects: &mut Vec<String>) -> Vec<String> {
    let mut cursor = "0".to_owned();
    let mut keys = Vec::new();
    loop {
        let reply = server.run_line(&command.replace("{}", &cursor));
        effects.extend(server.effects());
        let text = String::from_utf8(reply).expect("keys are ASCII");
        let mut bulks = text.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
        cursor = bulks.next().expect("a cursor").to_owned();
        keys.extend(bulks.filter(|bulk| !bulk.is_empty()).map(str::to_owned));
        if cursor == "0" {
            return keys;
        }
    }
}

#[test]
fn a_walk_passes_every_key_once_on_any_number_of_shards() {
    for shards in [1, 2, 3, 7] {
        for count in [1, 10, 1000] {
            let mut server = Fixture::with_shards(shards);
            let mut expected: Vec<String> =
                (0..300).map(|number| format!("key:{number}")).collect();
            for key in &expected {
                server.run(&["set", key, "v"]);
            }
            let mut keys = walk(&mut server, &format!("scan {{}} count {count}"), &mut Vec::new());
            keys.sort();
            expected.sort();
            assert_eq!(keys, expected, "{shards} shards, count {count}");
            let strings = walk(&mut server, "scan {} type string match *9", &mut Vec::new());
            assert_eq!(strings.len(), 30);
            assert!(walk(&mut server, "scan {} type zset", &mut Vec::new()).is_empty());
        }
    }
}

#[test]
fn any_key_may_be_the_random_one() {
    let mut server = Fixture::new();
    let mut missing: std::collections::BTreeSet<String> =
        (0..50).map(|number| format!("k{number}")).collect();
    for key in &missing {
        server.run(&["set", key, "v"]);
    }
    for _ in 0..3000 {
        let reply = String::from_utf8(server.run(&["randomkey"])).expect("keys are ASCII");
        missing.remove(reply.split("\r\n").nth(1).expect("a bulk"));
    }
    assert!(missing.is_empty(), "never chosen: {missing:?}");
}

#[test]
fn use_is_counted_by_the_policy_in_force() {
    let mut server = Fixture::new();
    server.run(&["set", "k", "v"]);
    let later = |server: &mut Fixture, seconds: u64| {
        server.now_ms += seconds * 1000;
        let clock = AccessClock::lru(server.now_ms);
        server.spaces().each().for_each(|space| space.keys.set_clock(clock));
    };
    later(&mut server, 100);
    server.check("object idletime k", ":100\r\n", &[]);
    server.run(&["exists", "k"]);
    server.run(&["ttl", "k"]);
    server.check("object idletime k", ":100\r\n", &[]);
    server.view.no_touch = true;
    server.run(&["get", "k"]);
    server.check("object idletime k", ":100\r\n", &[]);
    server.check("touch k", ":1\r\n", &[]);
    server.check("object idletime k", ":0\r\n", &[]);
    server.settings.memory.policy = MaxmemoryPolicy::AllkeysLfu;
    let clock = AccessClock::lfu(server.now_ms, 0, 1);
    server.spaces().each().for_each(|space| space.keys.set_clock(clock));
    server.run(&["set", "new", "v"]);
    server.check("object freq new", ":5\r\n", &[]);
    server.check("touch new new", ":2\r\n", &[]);
    server.check("object freq new", ":7\r\n", &[]);
    server.check("copy new other", ":1\r\n", &["copy new other"]);
    server.check("object freq other", ":5\r\n", &[]);
    server.check("rename new moved", "+OK\r\n", &["rename new moved"]);
    server.check("object freq moved", ":7\r\n", &[]);
    assert!(server.run(&["object", "idletime", "moved"]).starts_with(b"-ERR An LFU"));
}
