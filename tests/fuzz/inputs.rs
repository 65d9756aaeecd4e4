//! Inputs: valid ones of each format, small and with every form in them, and what breaks them.

use fastrand::Rng;
use tributary::base::crc64::crc64;
use tributary::base::ids::DbIndex;
use tributary::base::lzf::Compressor;
use tributary::rdb::dump;
use tributary::rdb::encode::{EncodeOptions, Encoder};
use tributary::rdb::record::{KeyMeta, StringRef, ValueRef};
use tributary::resp::encode;

use crate::values;

/// Up to `max` bytes; sometimes any, sometimes only such as formats give a meaning to.
pub fn random(rng: &mut Rng, max: usize) -> Vec<u8> {
    let meaning: &[u8] = b"*$+-:_#,(!=%~>|\r\n0123456789\"'\\x []^? aEOF";
    let any = rng.bool();
    let byte = |rng: &mut Rng| if any { rng.u8(..) } else { meaning[rng.usize(..meaning.len())] };
    (0..rng.usize(..=max)).map(|_| byte(rng)).collect()
}

/// Breaks an input in one to four places, or leaves it as it is.
pub fn mutate(rng: &mut Rng, mut input: Vec<u8>) -> Vec<u8> {
    for _ in 0..rng.usize(..5) {
        let at = rng.usize(..=input.len());
        let end = (at + rng.usize(..20)).min(input.len());
        match rng.u8(..9) {
            0 if at < end => input[at] = rng.u8(..),
            1 if at < end => input[at] ^= 1 << rng.u8(..8),
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => drop(input.splice(at..at, input[at..end].to_vec())),
            5 => input.insert(at, *rng.choice(b"*$\r\n0129-\"\\[").expect("some")),
            6 => drop(input.splice(at..end, rng.choice(LARGE).expect("some").iter().copied())),
            // What says how long something is: raised to the highest.
            7 => input[at..end.min(at + 4)].fill(0xff),
            _ => drop(input.splice(at..at, random(rng, 12))),
        }
    }
    input
}

/// Numbers around the bounds, as text and as the lengths of an RDB file.
const LARGE: &[&[u8]] = &[
    b"2147483647",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"99999999999999999999",
    b"1048577",
    b"\x80\xff\xff\xff\xff",
    b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xc3\x02\xbf\xff",
    b"\x80\x00\x10\x00\x00",
];

/// Arguments of a request: words, numbers, bytes, seldom a large one.
fn argument(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..60) {
        0 => vec![b'v'; rng.usize(30_000..36_000)],
        1..20 => rng.i64(..).to_string().into_bytes(),
        20..30 => random(rng, 40),
        _ => format!("key:{}", rng.u32(..100)).into_bytes(),
    }
}

const NAMES: [&str; 12] = [
    "SET", "GET", "DEL", "MSET", "PING", "SELECT", "MULTI", "EXEC", "REPLCONF", "INCRBY",
    "FLUSHALL", "nonsense",
];

/// Requests as arrays of bulks, and some as typed lines.
pub fn pipeline(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.usize(1..8) {
        let name = rng.choice(NAMES).expect("some");
        if rng.u8(..5) == 0 {
            let quoted =
                rng.choice(["plain", "\"in \\x41 quotes\"", "'single'", ""]).expect("some");
            out.extend_from_slice(format!("{name} {quoted} {}\r\n", rng.u8(..)).as_bytes());
            continue;
        }
        let rest: Vec<Vec<u8>> = (0..rng.usize(..5)).map(|_| argument(rng)).collect();
        let mut args = vec![name.as_bytes()];
        args.extend(rest.iter().map(Vec::as_slice));
        encode::command(&mut out, &args);
    }
    out
}

/// A stream as a master sends it: with transactions.
pub fn stream(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let transaction = rng.bool();
        if transaction {
            encode::command(&mut out, &[b"MULTI"]);
        }
        let db = rng.u8(..18).to_string();
        encode::command(&mut out, &[b"SELECT", db.as_bytes()]);
        out.extend_from_slice(&pipeline(rng));
        if transaction {
            encode::command(&mut out, &[b"EXEC"]);
        }
    }
    out
}

/// Replies of every kind, aggregates in aggregates.
pub fn replies(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.usize(1..6) {
        reply(rng, &mut out, 4);
    }
    out
}

fn reply(rng: &mut Rng, out: &mut Vec<u8>, depth: usize) {
    let marks = if depth == 0 { 0 } else { 6 };
    match rng.u8(..12 + marks) {
        mark @ 12.. => {
            let count = rng.usize(..4);
            let mark = b"*~>%|*"[usize::from(mark - 12)];
            encode::header(out, mark, count);
            let elements = if matches!(mark, b'%' | b'|') { 2 * count } else { count };
            // An attribute is followed by what it belongs to.
            for _ in 0..elements + usize::from(mark == b'|') {
                reply(rng, out, depth - 1);
            }
        }
        simple => out.extend_from_slice(match simple {
            0 => b"+OK\r\n",
            1 => b"-ERR no\r\n",
            2 => b":-12\r\n",
            3 => b"$5\r\nhello\r\n",
            4 => b"$-1\r\n",
            5 => b"*-1\r\n",
            6 => b"_\r\n",
            7 => b"#t\r\n",
            8 => b",1.5e3\r\n",
            9 => b"(12345678901234567890123\r\n",
            10 => b"!5\r\nERR x\r\n",
            _ => b"=8\r\ntxt:text\r\n",
        }),
    }
}

/// A file with values of every type in every form.
pub fn rdb_file_of_all_types(rng: &mut Rng) -> Vec<u8> {
    let mut file = if rng.bool() { b"REDIS0012".to_vec() } else { b"VALKEY080".to_vec() };
    for index in 0..rng.u8(1..6) {
        let value = values::value(rng);
        file.extend_from_slice(&[value[0], 1, b'a' + index]);
        file.extend_from_slice(&value[1..]);
    }
    file.push(0xff);
    file.extend_from_slice(&[0; 8]);
    file
}

/// A value of every type and form behind the footer of a payload, with one thing broken.
pub fn sealed(rng: &mut Rng) -> Vec<u8> {
    let value = values::value(rng);
    seal(mutate(rng, value), if rng.bool() { 11 } else { 80 })
}

/// Puts a right footer behind a value.
pub fn seal(mut value: Vec<u8>, version: u16) -> Vec<u8> {
    value.extend_from_slice(&version.to_le_bytes());
    value.extend_from_slice(&crc64(&value).to_le_bytes());
    value
}

/// A file with every record that is written.
pub fn rdb_file(rng: &mut Rng) -> Vec<u8> {
    let options = EncodeOptions { compress: rng.bool(), ..EncodeOptions::default() };
    let mut encoder = Encoder::new(options);
    encoder.header();
    encoder.aux(b"redis-ver", b"7.2.4");
    encoder.aux(b"repl-offset", rng.u32(..).to_string().as_bytes());
    for db in 0..rng.u16(1..3) {
        encoder.select_db(DbIndex(db));
        encoder.resize_db(u64::from(rng.u32(..)) << 6, 1);
        for index in 0..rng.usize(..8) {
            let meta = KeyMeta {
                expire_ms: rng.bool().then(|| rng.u64(..1 << 50)),
                idle_seconds: rng.bool().then(|| rng.u64(..1 << 33)),
                freq: rng.bool().then(|| rng.u8(..)),
            };
            let (int, text) = (rng.i64(..), text(rng));
            let value = if rng.bool() { StringRef::Int(int) } else { StringRef::Bytes(&text) };
            encoder.key(format!("key:{index}").as_bytes(), &meta, ValueRef::String(value));
        }
    }
    encoder.function(b"#!lua name=one\n");
    encoder.end();
    encoder.take()
}

/// Bytes that may be worth compressing.
pub fn text(rng: &mut Rng) -> Vec<u8> {
    let letters = rng.u8(1..20);
    (0..rng.usize(..400)).map(|_| b'a' + rng.u8(..letters)).collect()
}

/// What DUMP replies, without its footer or with it; mostly of other types than strings.
pub fn payload(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..8) > 0 {
        return values::value(rng);
    }
    let text = text(rng);
    let value = ValueRef::String(StringRef::Bytes(&text));
    let mut payload = dump::encode(value, &EncodeOptions::default());
    if rng.bool() {
        payload.truncate(payload.len() - 10);
    }
    payload
}

/// A declared length of two bytes, then compressed text.
pub fn packed(rng: &mut Rng) -> Vec<u8> {
    let text = text(rng);
    let mut packed = (text.len() as u16).to_be_bytes().to_vec();
    if !Compressor::new().compress(&text, &mut packed, text.len()) {
        packed.extend_from_slice(&text);
    }
    packed
}

/// The file that comes with the server, some of its lines.
pub fn config(rng: &mut Rng) -> Vec<u8> {
    let lines: Vec<&str> = CONFIG.lines().filter(|line| !line.starts_with('#')).collect();
    let start = rng.usize(..lines.len());
    lines[start..lines.len().min(start + rng.usize(1..12))].join("\n").into_bytes()
}

const CONFIG: &str = include_str!("../../conf/tributary.conf");

/// Pattern, line break, text.
pub fn pattern(rng: &mut Rng) -> Vec<u8> {
    let parts = ["*", "?", "[a-c]", "[^a]", "\\*", "a", "b", "key:", "[", "]", "z"];
    let some = |rng: &mut Rng| -> String {
        (0..rng.usize(..8)).map(|_| parts[rng.usize(..parts.len())]).collect()
    };
    let (pattern, text) = (some(rng), some(rng));
    format!("{pattern}\n{text}").into_bytes()
}

/// A full resynchronization behind the size of its pieces.
pub fn transfer(rng: &mut Rng) -> Vec<u8> {
    let rdb = random(rng, 300);
    let mut out = vec![rng.u8(..), b'\n'];
    if rng.bool() {
        out.extend_from_slice(format!("${}\r\n", rdb.len()).as_bytes());
        out.extend_from_slice(&rdb);
    } else {
        out.extend_from_slice(format!("$EOF:{}\r\n", "m".repeat(40)).as_bytes());
        out.extend_from_slice(&rdb);
        out.extend_from_slice(&[b'm'; 40]);
    }
    out
}

/// What a master answers.
pub fn answers(rng: &mut Rng) -> Vec<u8> {
    let id = "c".repeat(40);
    let last = [
        format!("+FULLRESYNC {id} {}", rng.u64(..)),
        format!("+CONTINUE {id}"),
        "+CONTINUE".to_owned(),
        "-NOMASTERLINK Can't SYNC".to_owned(),
        "-LOADING wait".to_owned(),
        "-ERR unknown command".to_owned(),
    ];
    let last = rng.choice(&last).expect("some");
    format!("+PONG\r\n+OK\r\n\n+OK\r\n-ERR no\r\n+OK\r\n{last}\r\n").into_bytes()
}

/// See `fuzz_psync`.
pub fn psync(rng: &mut Rng) -> Vec<u8> {
    let mut out = rng.i64(..600).to_le_bytes().to_vec();
    out.extend_from_slice(&[rng.u8(..), rng.u8(..)]);
    out.extend_from_slice(&[*rng.choice(b"abAB?").expect("some"); 40]);
    out
}
