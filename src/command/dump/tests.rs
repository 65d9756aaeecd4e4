//! Payloads with something broken in them, of every type and in every form: each is refused, or is
//! a value that every command can work on and that comes back from DUMP as it is.

use crate::base::crc64::crc64;
use crate::base::ids::DbIndex;
use crate::command::fixture::Fixture;
use crate::keyspace::digest::Digest;
use crate::keyspace::key::{Key, slot_of};
use crate::rdb::ziplist::tests::write as ziplist;
use crate::rdb::zipmap::tests::write as zipmap;

/// Makes one small key of each type and encoding, all of them with `key` in the place of the key.
const MAKERS: &[&[&str]] = &[
    &["SET key 12345"],
    &["SET key 9223372036854775807"],
    &["SET key aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    &["HSET key a 1 b two cc 70000 dd -1"],
    &[
        "HSET key a 1 b two",
        "HSET key b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
    &["SADD key 1 2 -300"],
    &["SADD key 1 70000"],
    &["SADD key 1 9000000000"],
    &["SADD key 1 two three"],
    &["SADD key 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    &["ZADD key 1 a 2.5 b -inf c 17 d"],
    &["ZADD key 1 a 2.5 b +inf aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    &["RPUSH key a 1 bb 300 -70000 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    &["PFADD key a b c"],
    &["XADD key 1-1 a 1", "XADD key 2-1 a 2", "XADD key 3-0 b x c y", "XDEL key 2-1"],
    &[
        "XADD key 1-1 a 1",
        "XADD key 2-1 a 2",
        "XGROUP CREATE key g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS key >",
        "XREADGROUP GROUP g d STREAMS key >",
        "XGROUP CREATECONSUMER key g e",
    ],
    &["XGROUP CREATE key g $ MKSTREAM"],
];

/// What is done to a value that was accepted; wrong types are answered, that is all. Reads first.
const USES: &[&str] = &[
    "TYPE key",
    "OBJECT ENCODING key",
    "GET key",
    "GETRANGE key 0 -1",
    "BITCOUNT key",
    "BITFIELD key GET i64 3 GET u8 100",
    "PFCOUNT key",
    "HGETALL key",
    "HLEN key",
    "HGET key a",
    "HSCAN key 0 COUNT 100",
    "HRANDFIELD key -5 WITHVALUES",
    "SMEMBERS key",
    "SISMEMBER key 1",
    "SRANDMEMBER key -5",
    "SSCAN key 0",
    "SUNION key key",
    "ZRANGE key 0 -1 WITHSCORES",
    "ZRANGEBYSCORE key -inf +inf",
    "ZRANGEBYLEX key - +",
    "ZRANK key a",
    "ZSCORE key a",
    "ZRANDMEMBER key -3 WITHSCORES",
    "LRANGE key 0 -1",
    "LRANGE key -2 -1",
    "LINDEX key -1",
    "LPOS key a",
    "XRANGE key - +",
    "XREVRANGE key + -",
    "XLEN key",
    "XINFO STREAM key FULL",
    "XINFO GROUPS key",
    "XINFO CONSUMERS key g",
    "XPENDING key g - + 10",
    "SORT key ALPHA",
    "MEMORY USAGE key SAMPLES 0",
    "COPY key copy",
    // Writes.
    "APPEND key x",
    "PFADD key z",
    "HSET key a 5 new 1",
    "HINCRBY key a 1",
    "HDEL key b",
    "SADD key 7 eight",
    "SREM key 1",
    "SPOP key",
    "ZADD key 3 new 4 a",
    "ZINCRBY key 1 b",
    "ZREMRANGEBYRANK key 0 0",
    "ZPOPMAX key",
    "LINSERT key BEFORE a new",
    "LSET key 0 new",
    "LREM key 0 a",
    "LPOP key",
    "RPOP key",
    "LTRIM key 1 -1",
    "XREADGROUP GROUP g c COUNT 1 STREAMS key >",
    "XREADGROUP GROUP g c STREAMS key 0",
    "XAUTOCLAIM key g d 0 0",
    "XACK key g 1-1",
    "XADD key * a 1",
    "XDEL key 1-1",
    "XTRIM key MAXLEN 1",
    "XGROUP DELCONSUMER key g c",
    "DEL key copy",
];

/// The word as DUMP's reply has it.
fn dumped(fixture: &mut Fixture) -> Vec<u8> {
    let reply = fixture.run_line("DUMP key");
    let start = reply.iter().position(|byte| *byte == b'\n').expect("a bulk") + 1;
    reply[start..reply.len() - 2].to_vec()
}

/// What DEBUG DIGEST-VALUE says of the key.
fn digest(fixture: &mut Fixture) -> Digest {
    let key = Key::new(b"key");
    let mut spaces = fixture.spaces();
    let entry = spaces.of(slot_of(b"key")).keys.peek(DbIndex(0), &key).expect("it was restored");
    Digest::of_value(entry)
}

/// The value behind a right footer of version 11.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &11_u16.to_le_bytes()].concat();
    payload.extend_from_slice(&crc64(&payload).to_le_bytes());
    payload
}

/// Restores the value; if it is taken, it must be of use. Whether it was.
fn check(fixture: &mut Fixture, body: &[u8]) -> bool {
    let restore = |fixture: &mut Fixture, payload: &[u8]| {
        fixture.run(&[&b"RESTORE"[..], b"key", b"0", payload, b"REPLACE"])
    };
    let reply = restore(fixture, &sealed(body));
    if reply != b"+OK\r\n" {
        assert_eq!(reply, b"-ERR Bad data format\r\n", "{}", body.escape_ascii());
        return false;
    }
    let restored = digest(fixture);
    for version in [9, 10, 11] {
        fixture.settings.rdb.version = version;
        let payload = dumped(fixture);
        let shown = body.escape_ascii();
        assert_eq!(restore(fixture, &payload), b"+OK\r\n", "{shown} from version {version}");
        assert_eq!(digest(fixture), restored, "{shown}");
    }
    for line in USES {
        fixture.run_line(line);
    }
    fixture.invariants();
    true
}

/// The values of all makers in all versions that are written, and the forms that are only read.
fn bodies() -> Vec<Vec<u8>> {
    let mut fixture = Fixture::new();
    let mut bodies = Vec::new();
    for maker in MAKERS {
        for version in [9, 10, 11] {
            fixture.settings.rdb.version = version;
            fixture.run_line("DEL key");
            for line in *maker {
                let reply = fixture.run_line(line);
                assert_ne!(reply.first(), Some(&b'-'), "{line}: {}", reply.escape_ascii());
            }
            let payload = dumped(&mut fixture);
            bodies.push(payload[..payload.len() - 10].to_vec());
        }
    }
    let list = ziplist(&[b"a", b"1", b"bb", b"300"]);
    let flat = |code: u8, flat: &[u8]| {
        let length = u8::try_from(flat.len()).expect("a small one");
        assert!(length < 64);
        [&[code, length][..], flat].concat()
    };
    bodies.push(flat(9, &zipmap(&[(b"a", b"1"), (b"b", b"two")], 1)));
    bodies.extend([10, 12, 13].map(|code| flat(code, &list)));
    bodies.push([&[14, 1][..], &flat(0, &list)[1..]].concat());
    bodies.push(b"\x01\x02\x01a\xc0\x07".to_vec());
    bodies.push(b"\x03\x02\x01a\x031.5\x01b\xfe".to_vec());
    bodies.sort();
    bodies.dedup();
    bodies
}

#[test]
fn payloads_cut_anywhere_are_refused() {
    let mut fixture = Fixture::new();
    for body in bodies() {
        assert!(check(&mut fixture, &body), "whole: {}", body.escape_ascii());
        for end in 0..body.len() {
            assert!(!check(&mut fixture, &body[..end]), "{} of {}", end, body.escape_ascii());
        }
        assert!(!check(&mut fixture, &[&body[..], &[0]].concat()), "a byte too much");
    }
}

#[test]
fn payloads_with_any_byte_changed_are_refused_or_of_use() {
    let mut fixture = Fixture::new();
    for body in bodies() {
        for at in 0..body.len() {
            let old = body[at];
            let bits = (0..8).map(|bit| old ^ 1 << bit);
            for new in
                bits.chain([0, 1, 0x7f, 0xfe, 0xff, old.wrapping_add(1), old.wrapping_sub(1)])
            {
                let mut body = body.clone();
                body[at] = new;
                check(&mut fixture, &body);
            }
        }
    }
}
