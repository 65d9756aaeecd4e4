use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, number, one_of};
use crate::command::twin::Twin;
use fastrand::Rng;

#[test]
fn elements_come_and_go_at_both_ends() {
    let mut fixture = Fixture::new();
    fixture.check("RPUSH a 1 two 3", ":3\r\n", &["RPUSH a 1 two 3"]);
    fixture.check("LPUSH a 0", ":4\r\n", &["LPUSH a 0"]);
    fixture.check("LPOP a", "$1\r\n0\r\n", &["LPOP a"]);
    fixture.check("RPOP a 2", "*2\r\n$1\r\n3\r\n$3\r\ntwo\r\n", &["RPOP a 2"]);
    fixture.check("LPOP a 9", "*1\r\n$1\r\n1\r\n", &["LPOP a 9"]);
    fixture.check("LPOP a", "$-1\r\n", &[]);
    fixture.check("LPOP a 1", "*-1\r\n", &[]);
    fixture.check("EXISTS a", ":0\r\n", &[]);
    fixture.check("LPUSHX a 1", ":0\r\n", &[]);
}

#[test]
fn a_move_is_one_unit() {
    let mut fixture = Fixture::new();
    fixture.run_line("RPUSH a 1 2");
    fixture.check("LMOVE a b LEFT RIGHT", "$1\r\n1\r\n", &["LMOVE a b LEFT RIGHT"]);
    fixture.check("RPOPLPUSH a b", "$1\r\n2\r\n", &["RPOPLPUSH a b"]);
    fixture.check("RPOPLPUSH a b", "$-1\r\n", &[]);
    fixture.check("RPOPLPUSH b b", "$1\r\n1\r\n", &["RPOPLPUSH b b"]);
    fixture.check("LRANGE b 0 -1", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n", &[]);
    fixture.check("EXISTS a", ":0\r\n", &[]);
}

/// Recorded from the stream of valkey-server 8.0.1.
#[test]
fn taking_from_the_first_of_several_streams_what_was_taken() {
    let mut fixture = Fixture::new();
    fixture.run_line("RPUSH b 1 2 3");
    let reply = "*2\r\n$1\r\nb\r\n*2\r\n$1\r\n3\r\n$1\r\n2\r\n";
    fixture.check("LMPOP 2 a b RIGHT COUNT 2", reply, &["RPOP b 2"]);
    fixture.check("LMPOP 2 a b LEFT COUNT 9", "*2\r\n$1\r\nb\r\n*1\r\n$1\r\n1\r\n", &["LPOP b 1"]);
    fixture.check("LMPOP 2 a b LEFT", "*-1\r\n", &[]);
}

/// An element: mostly short, so that equal ones meet; now and then one that fills or bursts a
/// node.
fn text(random: &mut Rng) -> Vec<u8> {
    match random.u8(..40) {
        0 => vec![b'x'; random.usize(..9000)],
        1..5 => vec![b'y'; random.usize(..300)],
        5..15 => random.i64(-9..9).to_string().into_bytes(),
        15..20 => (random.i64(..) >> random.u8(..64)).to_string().into_bytes(),
        20 => number(random),
        _ => one_of(random, &["a", "b", "c", "dd", ""]),
    }
}

fn index(random: &mut Rng) -> Vec<u8> {
    match random.u8(..20) {
        0 => number(random),
        _ => random.i64(-30..30).to_string().into_bytes(),
    }
}

fn index_of_32_bits(random: &mut Rng) -> Vec<u8> {
    match random.u8(..20) {
        0 => one_of(random, &["x", "", "1.5", "-0", "007", "9223372036854775808"]),
        _ => random.i64(-30..30).to_string().into_bytes(),
    }
}

/// A random command on lists.
pub fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    let name = one_of(
        random,
        &[
            "LPUSH",
            "RPUSH",
            "LPUSH",
            "RPUSH",
            "LPUSHX",
            "RPUSHX",
            "LPOP",
            "RPOP",
            "LLEN",
            "LINDEX",
            "LSET",
            "LINSERT",
            "LINSERT",
            "LRANGE",
            "LTRIM",
            "LREM",
            "LPOS",
            "LMOVE",
            "RPOPLPUSH",
            "LMPOP",
            "SET",
            "LSET",
            "RPUSH",
        ],
    );
    let mut words = vec![name.clone(), key(random)];
    let ends = |random: &mut Rng| one_of(random, &["LEFT", "RIGHT", "left", "RIGHT", "x"]);
    match name.as_slice() {
        b"LPUSH" | b"RPUSH" | b"LPUSHX" | b"RPUSHX" => {
            let many = if random.u8(..8) == 0 { 100 } else { 4 };
            words.extend((0..random.usize(1..many)).map(|_| text(random)));
        }
        b"LPOP" | b"RPOP" if random.bool() => words.push(index(random)),
        b"LINDEX" => words.push(index(random)),
        // Stock servers take the low 32 bits of this index; here it is out of range.
        b"LSET" => words.extend([index_of_32_bits(random), text(random)]),
        b"LINSERT" => {
            let side = one_of(random, &["BEFORE", "after", "AFTER", "before", "x"]);
            words.extend([side, text(random), text(random)]);
        }
        b"LRANGE" => words.extend([index(random), index(random)]),
        b"LTRIM" if random.u8(..3) > 0 => {
            words.extend([random.i64(..4).to_string().into_bytes(), b"-2".to_vec()]);
        }
        b"LTRIM" => words.extend([index(random), index(random)]),
        b"LREM" => words.extend([index(random), text(random)]),
        b"LPOS" => {
            words.push(text(random));
            for _ in 0..random.u8(..3) {
                words.push(one_of(random, &["RANK", "COUNT", "maxlen", "x"]));
                words.push(index(random));
            }
        }
        b"LMOVE" => words.extend([key(random), ends(random), ends(random)]),
        b"RPOPLPUSH" => words.push(key(random)),
        b"LMPOP" => {
            words[1] = one_of(random, &["1", "2", "2", "0", "x", "3"]);
            words.extend([key(random), key(random), ends(random)]);
            if random.bool() {
                words.extend([b"COUNT".to_vec(), index(random)]);
            }
        }
        b"SET" => {
            words[0] = one_of(random, &["DEL", "SET"]);
            if words[0] == b"SET" && random.u8(..4) == 0 {
                words.push(b"x".to_vec());
            } else {
                words[0] = b"EXISTS".to_vec();
            }
        }
        _ => {}
    }
    words
}

const FORMS: &[(&str, &str)] = &[("-2", "0"), ("-1", "1"), ("4", "0"), ("1", "2"), ("128", "1")];

fn set_form(twin: &mut Twin, form: (&str, &str)) {
    let (size, depth) = form;
    twin.stock.call_bytes(&["CONFIG", "SET", "list-max-listpack-size", size]);
    twin.stock.call_bytes(&["CONFIG", "SET", "list-compress-depth", depth]);
    let encoding = &mut twin.fixture.settings.encoding;
    encoding.list_max_listpack_size = size.parse().expect("a number");
    encoding.list_compress_depth = depth.parse().expect("a number");
}

#[test]
fn random_commands_answer_as_stock() {
    let Some(mut twin) = Twin::start() else { return };
    for form in FORMS {
        set_form(&mut twin, *form);
        twin.shows = &["LRANGE", "KEY", "0", "-1"];
        twin.check_random(0..8, 250, command);
    }
}

#[test]
fn random_commands_change_forms_as_stock() {
    let Some(mut twin) = Twin::start() else { return };
    for form in FORMS {
        set_form(&mut twin, *form);
        twin.shows = &["OBJECT", "ENCODING", "KEY"];
        twin.check_random(100..110, 300, command);
    }
}

#[test]
fn random_commands_stream_as_stock() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check_random_streams(0..6, 200, command);
}

#[test]
fn effects_rebuild_the_lists() {
    Mirror::check_random(0..20, 200, command);
}

/// The text of a bulk reply.
fn bulk(reply: &[u8]) -> &[u8] {
    let start = reply.windows(2).position(|pair| pair == b"\r\n").expect("a header") + 2;
    &reply[start..reply.len() - 2]
}

#[test]
fn payloads_of_dump_go_both_ways() {
    let Some(mut twin) = Twin::start() else { return };
    for (seed, form) in FORMS.iter().enumerate() {
        twin.flush();
        set_form(&mut twin, *form);
        let mut random = Rng::with_seed(seed as u64);
        for step in 0..60 {
            let words = command(&mut random);
            twin.check(&words, &format!("step {step}"));
        }
        for key in ["key0", "key1", "key2", "key3"] {
            let theirs = twin.stock.call_bytes(&["DUMP", key]);
            if !theirs.starts_with(b"$-1") {
                let ours = twin.fixture.run(&["DUMP", key]);
                let payload = bulk(&theirs);
                twin.fixture.run(&[&b"RESTORE"[..], b"theirs", b"0", payload, b"REPLACE"]);
                twin.stock.call_bytes(&[&b"RESTORE"[..], b"theirs", b"0", bulk(&ours), b"REPLACE"]);
                twin.check(&["LRANGE", "theirs", "0", "-1"], key);
                twin.check(&["OBJECT", "ENCODING", "theirs"], key);
            }
        }
    }
}

#[test]
fn older_forms_of_payloads_are_read() {
    let check = |body: &[u8], expected: &[&str]| {
        let mut payload = body.to_vec();
        payload.extend_from_slice(&9_u16.to_le_bytes());
        payload.extend_from_slice(&crate::base::crc64::crc64(&payload).to_le_bytes());
        let mut fixture = Fixture::new();
        let reply = fixture.run(&[&b"RESTORE"[..], b"a", b"0", &payload]);
        assert_eq!(reply.escape_ascii().to_string(), "+OK\\r\\n", "{body:?}");
        let mut wanted = format!("*{}\r\n", expected.len());
        expected.iter().for_each(|it| wanted += &format!("${}\r\n{it}\r\n", it.len()));
        fixture.check("LRANGE a 0 -1", &wanted, &[]);
    };
    // Element by element: "x" and the integer 7.
    check(&[1, 2, 1, b'x', 0xc0, 7], &["x", "7"]);
    // A ziplist of "x" and 2, alone and in a row.
    let ziplist = [16, 0, 0, 0, 13, 0, 0, 0, 2, 0, 0, 1, b'x', 3, 0xf3, 0xff];
    check(&[&[10, 16][..], &ziplist].concat(), &["x", "2"]);
    check(&[&[14, 2, 16][..], &ziplist, &[16], &ziplist].concat(), &["x", "2", "x", "2"]);
}

#[test]
fn a_payload_with_any_byte_changed_is_read_or_refused() {
    let mut fixture = Fixture::new();
    fixture.settings.encoding.list_max_listpack_size = 2;
    fixture.run_line("RPUSH a 1 two -3000 4294967296 'five and more' 6");
    fixture.run(&[&b"RPUSH"[..], b"a", &[b'x'; 9000]]);
    let payload = fixture.run(&["DUMP", "a"]);
    let body = bulk(&payload);
    let body = &body[..body.len() - 10];
    for at in 0..body.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = body.to_vec();
            changed[at] ^= change;
            crate::rdb::dump::fuzz_dump(&changed);
        }
    }
}
