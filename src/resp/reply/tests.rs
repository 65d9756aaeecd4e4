//! Replies in both versions, and moved about with large values in them.

use super::*;

/// What `write` writes in RESP2 and in RESP3.
fn check(write: impl Fn(&mut Reply), v2: &str, v3: &str) {
    for (version, expected) in [(RespVersion::V2, v2), (RespVersion::V3, v3)] {
        let mut reply = Reply::new(version);
        write(&mut reply);
        assert_eq!(String::from_utf8_lossy(&reply.buf), expected, "{version:?}");
        assert_eq!(reply.len(), expected.len());
    }
}

#[test]
fn types_of_both_versions_are_the_same() {
    let check = |write: fn(&mut Reply), expected: &str| check(write, expected, expected);
    check(Reply::ok, "+OK\r\n");
    check(|reply| reply.simple("PONG"), "+PONG\r\n");
    check(|reply| reply.error("ERR a\r\nb\n"), "-ERR a  b\r\n");
    check(|reply| reply.integer(-1234), ":-1234\r\n");
    check(|reply| reply.bulk(b"a\r\n"), "$3\r\na\r\n\r\n");
    check(|reply| reply.bulk_int(-7), "$2\r\n-7\r\n");
    check(|reply| reply.array(12), "*12\r\n");
    check(Reply::empty_array, "*0\r\n");
    check(|reply| reply.raw(b"+x\r\n"), "+x\r\n");
}

#[test]
fn types_of_version_three_have_older_spellings() {
    check(Reply::null, "$-1\r\n", "_\r\n");
    check(Reply::null_array, "*-1\r\n", "_\r\n");
    check(|reply| reply.map(3), "*6\r\n", "%3\r\n");
    check(|reply| reply.set(3), "*3\r\n", "~3\r\n");
    check(|reply| reply.push(3), "*3\r\n", ">3\r\n");
    check(|reply| reply.double(10.25), "$5\r\n10.25\r\n", ",10.25\r\n");
    check(|reply| reply.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    check(|reply| reply.boolean(true), ":1\r\n", "#t\r\n");
    check(|reply| reply.boolean(false), ":0\r\n", "#f\r\n");
    check(|reply| reply.big_number("123"), "$3\r\n123\r\n", "(123\r\n");
    check(|reply| reply.verbatim("txt", b"a\nb"), "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n");
}

#[test]
fn an_array_may_be_closed_when_its_length_is_known() {
    let nested = |reply: &mut Reply| {
        let outer = reply.open_array();
        let inner = reply.open_array();
        reply.integer(1);
        reply.close_map(inner, 1);
        let set = reply.open_array();
        reply.close_set(set, 0);
        reply.close_array(outer, 12);
    };
    check(nested, "*12\r\n*2\r\n:1\r\n*0\r\n", "*12\r\n%1\r\n:1\r\n~0\r\n");
}

/// A reply with a value kept by reference, and its bytes.
fn with_chunk(fill: u8) -> (Reply, Vec<u8>) {
    let value = vec![fill; CHUNK_BYTES_MIN];
    let mut reply = Reply::default();
    reply.ok();
    let slot = reply.open_array();
    reply.bulk_shared(Bytes::from(value.clone()));
    reply.integer(1);
    reply.close_array(slot, 2);
    let header = format!("+OK\r\n*2\r\n${CHUNK_BYTES_MIN}\r\n");
    let bytes = [header.as_bytes(), &value, b"\r\n:1\r\n"].concat();
    (reply, bytes)
}

fn joined(output: &Output) -> Vec<u8> {
    match output {
        Output::Flat(bytes) => bytes.clone(),
        Output::Chunks(pieces) => {
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            pieces.concat()
        }
    }
}

#[test]
fn large_values_go_out_by_reference() {
    let (mut reply, bytes) = with_chunk(b'a');
    assert_eq!((reply.len(), reply.to_vec()), (bytes.len(), bytes.clone()));
    let (mut other, other_bytes) = with_chunk(b'b');
    reply.append(&mut other);
    assert!(other.is_empty());
    assert_eq!(other.chunk_bytes, 0);
    let all = [bytes, other_bytes].concat();
    assert_eq!(reply.to_vec(), all);
    let output = reply.take(b"old".to_vec());
    assert_eq!((output.len(), joined(&output)), (all.len(), all));
    assert!(matches!(&output, Output::Chunks(pieces) if pieces.len() == 5));
    assert!(reply.is_empty());
    assert_eq!(reply.chunk_bytes, 0);
    let mut small = Reply::default();
    small.bulk_shared(Bytes::from_static(b"x"));
    assert_eq!(small.take(Vec::new()), Output::Flat(b"$1\r\nx\r\n".to_vec()));
}

#[test]
fn content_moves_into_an_empty_reply_without_a_copy() {
    let (mut from, bytes) = with_chunk(b'a');
    from.version = RespVersion::V3;
    let mut to = Reply::default();
    to.append(&mut from);
    assert_eq!((to.to_vec(), to.version), (bytes, RespVersion::V2));
    assert!(from.is_empty() && from.version == RespVersion::V3);
}

#[test]
fn truncating_forgets_what_came_later() {
    let (mut reply, bytes) = with_chunk(b'a');
    let mark = reply.mark();
    reply.bulk_shared(Bytes::from(vec![0; CHUNK_BYTES_MIN]));
    reply.truncate(mark);
    assert_eq!((reply.len(), reply.to_vec()), (bytes.len(), bytes));
}
