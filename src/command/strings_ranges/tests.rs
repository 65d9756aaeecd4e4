use super::clamp;
use crate::command::fixture::Fixture;
use crate::command::mirror::beside_stock;
use crate::command::strings::tests::{key, list, number, value};
use crate::resp::reply::Output;
use bytes::Bytes;
use fastrand::Rng;

#[test]
fn positions_are_clamped_into_the_string() {
    let check = |start, end, expected| assert_eq!(clamp(start, end, 5), expected, "{start} {end}");
    check(0, -1, Some(0..5));
    check(-3, -2, Some(2..4));
    check(-100, 100, Some(0..5));
    check(0, -100, Some(0..1));
    check(-7, -9, Some(0..1));
    check(3, 2, None);
    check(5, 9, None);
    check(i64::MIN, i64::MAX, Some(0..5));
    assert_eq!(clamp(0, -1, 0), None);
}

#[test]
fn appending_grows_and_streams_even_nothing() {
    let mut fixture = Fixture::new();
    fixture.check("APPEND a xx", ":2\r\n", &["APPEND a xx"]);
    fixture.check("APPEND a yy", ":4\r\n", &["APPEND a yy"]);
    fixture.check("APPEND a ''", ":4\r\n", &["APPEND a "]);
    fixture.check("GET a", "$4\r\nxxyy\r\n", &[]);
    fixture.check("STRLEN a", ":4\r\n", &[]);
    fixture.check("STRLEN none", ":0\r\n", &[]);
}

#[test]
fn a_range_is_overwritten_behind_zeros() {
    let mut fixture = Fixture::new();
    fixture.check("SETRANGE a 2 xy", ":4\r\n", &["SETRANGE a 2 xy"]);
    fixture.check("GET a", "$4\r\n\0\0xy\r\n", &[]);
    fixture.check("SETRANGE a 9 ''", ":4\r\n", &[]);
    fixture.check("SETRANGE none 9 ''", ":0\r\n", &[]);
    fixture.check("GET none", "$-1\r\n", &[]);
    fixture.check("SETRANGE a -1 x", "-ERR offset is out of range\r\n", &[]);
    fixture.run_line("SET n 12345");
    fixture.check("SETRANGE n 1 x", ":5\r\n", &["SETRANGE n 1 x"]);
    fixture.check("GETRANGE n 0 2", "$3\r\n1x3\r\n", &[]);
}

#[test]
fn strings_end_at_the_limit() {
    let mut fixture = Fixture::new();
    let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    fixture.check("SETRANGE a 536870911 xx", too_long, &[]);
    fixture.check("SETRANGE a 9223372036854775807 xx", too_long, &[]);
    fixture.settings.clients.proto_max_bulk_len = 8;
    fixture.run_line("SET a 12345678");
    fixture.check("APPEND a 9", too_long, &[]);
    fixture.view.is_master_link = true;
    fixture.check("APPEND a 9", ":9\r\n", &["APPEND a 9"]);
}

#[test]
fn a_part_of_a_large_string_goes_out_by_reference() {
    let mut fixture = Fixture::new();
    let value = Bytes::from(vec![b'v'; 1 << 20]);
    fixture.run_shared(&["SET".into(), "a".into(), value.clone()]);
    let reply = &mut fixture.run_shared(&["GETRANGE", "a", "100", "-1"].map(Bytes::from));
    let Output::Chunks(chunks) = reply.take(Vec::new()) else { panic!("the part was copied") };
    assert_eq!(chunks[1], value.slice(100..));
    assert_eq!(chunks[1].as_ptr(), value.slice(100..).as_ptr());
}

beside_stock!(command, &["GET", "KEY"], 0..30);

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if let Some(words) = list(random) {
        return words;
    }
    let names = ["SET", "APPEND", "STRLEN", "SETRANGE", "GETRANGE", "GETRANGE", "SUBSTR"];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "SET" | "APPEND" => words.push(value(random)),
        "SETRANGE" => words.extend([number(random), value(random)]),
        "GETRANGE" | "SUBSTR" => words.extend([number(random), number(random)]),
        _ => {}
    }
    words
}
