use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, one_of, value};
use crate::command::twin::Twin;
use crate::resp::reply::RespVersion;
use fastrand::Rng;

/// A field's name: few, so that they meet.
fn field(random: &mut Rng) -> Vec<u8> {
    match random.u8(..12) {
        0 => value(random),
        1 => random.i64(-9..9).to_string().into_bytes(),
        number => format!("f{number}").into_bytes(),
    }
}

fn number(random: &mut Rng) -> Vec<u8> {
    one_of(
        random,
        &["1", "-1", "7", "0", "9223372036854775807", "-9223372036854775808", "x", "", "1.5", " 1"],
    )
}

fn float(random: &mut Rng) -> Vec<u8> {
    one_of(random, &["1", "-1.5", "0.1", "3.0e3", "1e-7", "inf", "-inf", "nan", "x", "", "1e4000"])
}

fn count(random: &mut Rng) -> Vec<u8> {
    // Never so that chance decides.
    one_of(random, &["0", "x", "-9223372036854775808", "", "1000000", "+1"])
}

/// A random command whose reply nothing but the data decides.
fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if random.u8(..40) == 0 {
        return vec![b"SET".to_vec(), key(random), b"x".to_vec()];
    }
    let names = [
        "HSET",
        "HSET",
        "HSET",
        "HMSET",
        "HSETNX",
        "HGET",
        "HMGET",
        "HLEN",
        "HSTRLEN",
        "HEXISTS",
        "HDEL",
        "HDEL",
        "HINCRBY",
        "HINCRBY",
        "HINCRBYFLOAT",
        "HRANDFIELD",
        "HSCAN",
        "HGETALL",
        "HKEYS",
        "HVALS",
        "DEL",
    ];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "HSET" | "HMSET" => {
            for _ in 0..random.usize(1..5) {
                words.extend([field(random), value(random)]);
            }
        }
        "HSETNX" => words.extend([field(random), value(random)]),
        "HGET" | "HSTRLEN" | "HEXISTS" => words.push(field(random)),
        "HMGET" | "HDEL" => words.extend((0..random.usize(1..6)).map(|_| field(random))),
        "HINCRBY" => words.extend([field(random), number(random)]),
        "HINCRBYFLOAT" => words.extend([field(random), float(random)]),
        "HRANDFIELD" => words.extend([count(random), one_of(random, &["WITHVALUES", "x"])]),
        "HSCAN" => {
            words.push(one_of(random, &["0", "0", "0", "x", "-1"]));
            scan_options(random, &mut words);
        }
        _ => {}
    }
    if random.u8(..40) == 0 {
        words.pop();
    }
    words
}

fn scan_options(random: &mut Rng, words: &mut Vec<Vec<u8>>) {
    for _ in 0..random.usize(..3) {
        words.push(one_of(random, &["MATCH", "COUNT", "NOVALUES", "TYPE", "x"]));
        words.push(one_of(random, &["f*", "1", "10", "0", "x", "hash"]));
    }
}

/// As `command`, where the order of fields may be any.
fn orderless(random: &mut Rng) -> Vec<Vec<u8>> {
    loop {
        let words = command(random);
        let ordered = ["HRANDFIELD", "HSCAN", "HGETALL", "HKEYS", "HVALS"];
        if !ordered.iter().any(|name| words[0] == name.as_bytes()) {
            return words;
        }
    }
}

fn limit(twin: &mut Twin, entries: usize, bytes: usize) {
    twin.fixture.settings.encoding.hash_max_listpack_entries = entries;
    twin.fixture.settings.encoding.hash_max_listpack_value = bytes;
    let (entries, bytes) = (entries.to_string(), bytes.to_string());
    twin.stock.call(&["CONFIG", "SET", "hash-max-listpack-entries", &entries]);
    twin.stock.call(&["CONFIG", "SET", "hash-max-listpack-value", &bytes]);
}

#[test]
fn random_commands_answer_as_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    // Listpacks keep the order in which fields came.
    limit(&mut twin, 100_000, 100_000);
    twin.shows = &["HGETALL", "KEY"];
    twin.check_random(0..20, 300, command);
    twin.shows = &["OBJECT", "ENCODING", "KEY"];
    twin.check_random(20..24, 300, command);
}

#[test]
fn encodings_change_where_a_stock_server_changes_them() {
    let Some(mut twin) = Twin::start() else { return };
    limit(&mut twin, 4, 20);
    twin.shows = &["OBJECT", "ENCODING", "KEY"];
    twin.check_random(0..30, 120, orderless);
}

#[test]
fn random_commands_stream_what_a_stock_server_streams() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random_streams(0..8, 300, command);
}

#[test]
fn a_replica_of_random_commands_holds_the_same() {
    Mirror::check_random(0..20, 300, command);
}

#[test]
fn a_hash_without_fields_is_no_more() {
    let mut fixture = Fixture::new();
    fixture.check("HSET h a 1 b 2 a 3", ":2\r\n", &["HSET h a 1 b 2 a 3"]);
    fixture.check("HDEL h x", ":0\r\n", &[]);
    fixture.check("HDEL h a x b", ":2\r\n", &["HDEL h a x b"]);
    fixture.check("EXISTS h", ":0\r\n", &[]);
    fixture.check("HDEL h a", ":0\r\n", &[]);
    fixture.check("HINCRBYFLOAT h a 1.5", "$3\r\n1.5\r\n", &["HSET h a 1.5"]);
}

#[test]
fn many_fields_are_all_reached() {
    let mut fixture = Fixture::new();
    for index in 0..5000 {
        fixture.run_line(&format!("HSET h field{index} {index}"));
    }
    let (mut cursor, mut seen) = ("0".to_owned(), std::collections::HashSet::new());
    loop {
        let reply = fixture.run_line(&format!("HSCAN h {cursor} NOVALUES COUNT 100"));
        let reply = String::from_utf8(reply).expect("it is text");
        let mut words = reply.split("\r\n").skip(2).step_by(2);
        cursor = words.next().expect("a cursor").to_owned();
        // The header of the array stands between; every second line is a text.
        let fields = reply.split("\r\n").filter(|word| word.starts_with("field"));
        seen.extend(fields.map(str::to_owned));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 5000);
    for (line, lines) in [
        ("HRANDFIELD h 50", 50),
        ("HRANDFIELD h 3000", 3000),
        ("HRANDFIELD h -7", 7),
        ("HRANDFIELD h 9000", 5000),
    ] {
        let reply = String::from_utf8(fixture.run_line(line)).expect("it is text");
        assert!(reply.starts_with(&format!("*{lines}\r\n")), "{line}");
        let fields: Vec<&str> = reply.split("\r\n").filter(|it| it.starts_with("field")).collect();
        assert_eq!(fields.len(), lines);
        let different: std::collections::HashSet<&&str> = fields.iter().collect();
        assert!(line.contains('-') || different.len() == lines, "{line}");
    }
    fixture.invariants();
}

#[test]
fn pairs_are_nested_for_clients_that_know_how() {
    let mut fixture = Fixture::new();
    fixture.run_line("HSET h a 1");
    fixture.check("HRANDFIELD h 1 WITHVALUES", "*2\r\n$1\r\na\r\n$1\r\n1\r\n", &[]);
    fixture.check(
        "HRANDFIELD h -2 WITHVALUES",
        "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n1\r\n",
        &[],
    );
    fixture.view.version = RespVersion::V3;
    fixture.check("HRANDFIELD h 1 WITHVALUES", "*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n", &[]);
    fixture.check("HGETALL h", "%1\r\n$1\r\na\r\n$1\r\n1\r\n", &[]);
    fixture.check("HGETALL x", "%0\r\n", &[]);
}
