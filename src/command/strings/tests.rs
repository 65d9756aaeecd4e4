use crate::command::fixture::{Fixture, START_MS};
use crate::command::gate::Role;
use crate::command::mirror::beside_stock;
use crate::command::table::table;
use crate::resp::reply::Output;
use bytes::Bytes;
use fastrand::Rng;

/// Words for random commands: few keys, so that they meet.
pub fn key(random: &mut Rng) -> Vec<u8> {
    format!("key{}", random.u8(..4)).into_bytes()
}

/// One of `choices`.
pub fn one_of(random: &mut Rng, choices: &[&str]) -> Vec<u8> {
    choices[random.usize(..choices.len())].as_bytes().to_vec()
}

/// A whole number, often at an edge, seldom none at all.
pub fn number(random: &mut Rng) -> Vec<u8> {
    match random.u8(..10) {
        0 => one_of(
            random,
            &["9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0", "007"],
        ),
        1 => one_of(random, &["x", "", " 1", "1.5", "+1", "0"]),
        _ => random.i64(-40..40).to_string().into_bytes(),
    }
}

/// A value: text, numbers, bytes.
pub fn value(random: &mut Rng) -> Vec<u8> {
    match random.u8(..4) {
        0 => number(random),
        1 => one_of(random, &["", "abc", "3.0e3", "-1.5", "0x10", "inf", "10000000000000000000"]),
        2 => (0..random.usize(..40)).map(|_| random.u8(..)).collect(),
        _ => (0..random.usize(..100)).map(|_| random.u8(b'a'..b'd')).collect(),
    }
}

/// Now and then, once there are lists, a command that makes a key one.
pub fn list(random: &mut Rng) -> Option<Vec<Vec<u8>>> {
    let exists = table().find(b"rpush").is_some();
    (exists && random.u8(..20) == 0).then(|| vec![b"RPUSH".to_vec(), key(random), b"x".to_vec()])
}

#[test]
fn set_stores_and_get_reads() {
    let mut fixture = Fixture::new();
    fixture.check("GET a", "$-1\r\n", &[]);
    fixture.check("SET a 1", "+OK\r\n", &["SET a 1"]);
    fixture.check("GET a", "$1\r\n1\r\n", &[]);
    fixture.check("SET a ''", "+OK\r\n", &["SET a "]);
    fixture.check("GET a", "$0\r\n\r\n", &[]);
}

#[test]
fn conditions_of_set_hold_back_the_write() {
    let mut fixture = Fixture::new();
    fixture.check("SET a 1 XX", "$-1\r\n", &[]);
    fixture.check("SET a 1 NX", "+OK\r\n", &["SET a 1 NX"]);
    fixture.check("SET a 2 NX", "$-1\r\n", &[]);
    fixture.check("SET a 2 NX GET", "$1\r\n1\r\n", &[]);
    fixture.check("SET a 3 xx get", "$1\r\n1\r\n", &["SET a 3 xx"]);
    fixture.check("SET b 3 NX GET", "$-1\r\n", &["SET b 3 NX"]);
    fixture.check("SET a 3 NX XX", "-ERR syntax error\r\n", &[]);
    fixture.check("SETNX a 9", ":0\r\n", &[]);
    fixture.check("SETNX c 9", ":1\r\n", &["SETNX c 9"]);
}

/// Recorded from the stream of valkey-server 8.0.1.
#[test]
fn every_expiry_is_streamed_as_an_instant() {
    let mut fixture = Fixture::new();
    let soon = "SET a 1 PXAT 1700000010000";
    fixture.check("SET a 1 EX 10", "+OK\r\n", &[soon]);
    fixture.check("SET a 1 PX 10000 XX", "+OK\r\n", &[soon]);
    fixture.check("SET a 1 EXAT 1700000010 GET", "$1\r\n1\r\n", &[soon]);
    fixture.check("SET a 1 XX PXAT 1700000010000", "+OK\r\n", &["SET a 1 XX PXAT 1700000010000"]);
    fixture.check("SET a 2 KEEPTTL", "+OK\r\n", &["SET a 2 KEEPTTL"]);
    fixture.check("SETEX a 10 1", "+OK\r\n", &[soon]);
    fixture.check("PSETEX a 10000 1", "+OK\r\n", &[soon]);
    fixture.check("GETEX a", "$1\r\n1\r\n", &[]);
    fixture.check("GETEX a EX 20", "$1\r\n1\r\n", &["PEXPIREAT a 1700000020000"]);
    fixture.check("GETEX a PERSIST", "$1\r\n1\r\n", &["PERSIST a"]);
    fixture.check("GETEX a PERSIST", "$1\r\n1\r\n", &[]);
    fixture.check("GETSET a 5", "$1\r\n1\r\n", &["SET a 5"]);
    fixture.check("GETDEL a", "$1\r\n5\r\n", &["DEL a"]);
    fixture.check("GETDEL a", "$-1\r\n", &[]);
}

#[test]
fn an_expiry_that_is_over_deletes() {
    let mut fixture = Fixture::new();
    fixture.check("SET a 1 EXAT 1", "+OK\r\n", &[]);
    fixture.check("SET a 1", "+OK\r\n", &["SET a 1"]);
    fixture.check("SET a 2 PXAT 1700000000000 GET", "$1\r\n1\r\n", &["DEL a"]);
    fixture.check("SET a 1", "+OK\r\n", &["SET a 1"]);
    fixture.check("GETEX a EXAT 1", "$1\r\n1\r\n", &["DEL a"]);
    fixture.check("GETEX a EX nonsense", "$-1\r\n", &[]);
}

#[test]
fn keepttl_keeps_the_expiry_until_it_is_over() {
    let mut fixture = Fixture::new();
    fixture.run_line("SET a 1 PX 1000");
    fixture.check("SET a 2 KEEPTTL", "+OK\r\n", &["SET a 2 KEEPTTL"]);
    fixture.now_ms = START_MS + 1000;
    fixture.check("GET a", "$1\r\n2\r\n", &[]);
    fixture.now_ms = START_MS + 1001;
    // A replica still has the key: without the DEL its copy would expire.
    let unit = ["MULTI", "DEL a", "SET a 3 KEEPTTL", "EXEC"];
    fixture.check("SET a 3 KEEPTTL", "+OK\r\n", &unit);
    fixture.now_ms = START_MS + 5000;
    fixture.check("GET a", "$1\r\n3\r\n", &[]);
}

#[test]
fn an_expired_key_met_is_deleted_on_the_stream() {
    let mut fixture = Fixture::new();
    fixture.run_line("SET a 1 PX 1");
    fixture.now_ms += 2;
    fixture.check("GET a", "$-1\r\n", &["DEL a"]);
    fixture.run_line("SET a 5 PX 1");
    fixture.now_ms += 2;
    fixture.check("INCR a", ":1\r\n", &["MULTI", "DEL a", "INCR a", "EXEC"]);
}

/// The replica's clock may be ahead: what the master writes must meet what it met there.
#[test]
fn a_replica_hides_expired_keys_from_all_but_its_master() {
    let mut fixture = Fixture::new();
    fixture.run_line("SET a 5 PX 1");
    fixture.set_role(Role::Replica);
    fixture.now_ms += 2;
    fixture.check("GET a", "$-1\r\n", &[]);
    fixture.view.is_master_link = true;
    fixture.check("INCR a", ":6\r\n", &[]);
    fixture.check("SET a 7 KEEPTTL", "+OK\r\n", &[]);
    fixture.check("SET b 7 PXAT 1", "+OK\r\n", &[]);
    fixture.check("GET b", "$1\r\n7\r\n", &[]);
    fixture.view.is_master_link = false;
    fixture.check("GET a", "$-1\r\n", &[]);
    fixture.check("GET b", "$-1\r\n", &[]);
}

#[test]
fn grammar_is_checked_before_numbers_and_those_before_types() {
    let mut fixture = Fixture::new();
    let invalid = "-ERR invalid expire time in 'set' command\r\n";
    let no_integer = "-ERR value is not an integer or out of range\r\n";
    let syntax = "-ERR syntax error\r\n";
    fixture.check("SET a 1 EX abc FOO", syntax, &[]);
    fixture.check("SET a 1 EX abc", no_integer, &[]);
    fixture.check("SET a 1 EX 0", invalid, &[]);
    fixture.check("SET a 1 EX 9223372036854775", invalid, &[]);
    fixture.check("SET a 1 PX 9223372036854775807", invalid, &[]);
    fixture.check("SET a 1 EX 5 PX 5", syntax, &[]);
    fixture.check("SET a 1 EX 5 KEEPTTL", syntax, &[]);
    fixture.check("SET a 1 KEEPTTL EX 5", syntax, &[]);
    fixture.check("SETEX a 0 v", "-ERR invalid expire time in 'setex' command\r\n", &[]);
    fixture.check("PSETEX a -1 v", "-ERR invalid expire time in 'psetex' command\r\n", &[]);
    fixture.run_line("SET a 1");
    fixture.check("GETEX a EX 0", "-ERR invalid expire time in 'getex' command\r\n", &[]);
    fixture.check("GETEX a PERSIST EX 5", syntax, &[]);
    fixture.check("GETEX a EX 5 PERSIST", syntax, &[]);
}

#[test]
fn several_keys_are_read_and_written_at_once() {
    let mut fixture = Fixture::new();
    fixture.check("MSET a 1 b 2 a 3", "+OK\r\n", &["MSET a 1 b 2 a 3"]);
    fixture.check("MGET a b c", "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$-1\r\n", &[]);
    fixture.check("MSETNX c 1 a 2", ":0\r\n", &[]);
    fixture.check("MSETNX c 1 d 2", ":1\r\n", &["MSETNX c 1 d 2"]);
    let arity = |name| format!("-ERR wrong number of arguments for '{name}' command\r\n");
    fixture.check("MSET a 1 b", &arity("mset"), &[]);
    fixture.check("MSETNX a 1 b", &arity("msetnx"), &[]);
}

#[test]
fn a_large_value_is_neither_copied_in_nor_out() {
    let mut fixture = Fixture::new();
    let value = Bytes::from(vec![b'v'; 1 << 20]);
    for words in [&["SET", "a"][..], &["SETEX", "a", "9"], &["GETSET", "a"], &["MSET", "a"]] {
        let mut request: Vec<Bytes> = words.iter().map(|word| Bytes::from(*word)).collect();
        request.push(value.clone());
        fixture.run_shared(&request);
        let get = ["GET", "a"].map(Bytes::from);
        let Output::Chunks(chunks) = fixture.run_shared(&get).take(Vec::new()) else {
            panic!("{words:?}: the value was copied into the reply")
        };
        assert_eq!(chunks[1].as_ptr(), value.as_ptr(), "{words:?}");
        assert_eq!(chunks[1].len(), value.len());
    }
    fixture.invariants();
}

#[test]
fn small_values_out_of_line_are_stored_as_others() {
    let mut fixture = Fixture::new();
    fixture.run_shared(&["SET", "a", "12"].map(Bytes::from));
    fixture.check("INCR a", ":13\r\n", &["INCR a"]);
}

beside_stock!(command, &["GET", "KEY"], 0..30);

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if let Some(words) = list(random) {
        return words;
    }
    let names = [
        "GET", "SET", "SET", "SET", "SET", "SETNX", "SETEX", "PSETEX", "GETSET", "GETDEL", "GETEX",
        "GETEX", "MGET", "MSET", "MSETNX",
    ];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "SET" => {
            words.push(value(random));
            options(random, &mut words);
        }
        "GETEX" => options(random, &mut words),
        "SETEX" | "PSETEX" => {
            words.push(time(random));
            words.push(value(random));
        }
        "SETNX" | "GETSET" => words.push(value(random)),
        "MGET" => words.extend((0..random.usize(..4)).map(|_| key(random))),
        "MSET" | "MSETNX" => words.extend((0..random.usize(..7)).map(|_| key(random))),
        _ => {}
    }
    if random.u8(..30) == 0 {
        words.pop();
    }
    words
}

/// A time that is long ago or far away, so that no clock decides.
fn time(random: &mut Rng) -> Vec<u8> {
    one_of(
        random,
        &["1000000", "99999999", "0", "-1", "x", "9223372036854775", "9223372036854775807"],
    )
}

fn options(random: &mut Rng, words: &mut Vec<Vec<u8>>) {
    for _ in 0..random.usize(..3) {
        let word = one_of(
            random,
            &["NX", "xx", "GET", "KEEPTTL", "EX", "px", "EXAT", "PXAT", "PERSIST", "nonsense"],
        );
        let takes_time = [&b"EX"[..], b"px", b"EXAT", b"PXAT"].contains(&word.as_slice());
        words.push(word);
        if takes_time {
            words.push(time(random));
        }
    }
}
