//! Generators of arguments: mostly valid, often at an edge, sometimes wrong.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::sorted_sets;

/// What stands for a lower-case word of a usage.
#[derive(Clone, Copy)]
pub enum Argument {
    Key,
    Value,
    Integer,
    Float,
    Index,
    Offset,
    Bit,
    Encoding,
    Field,
    Seconds,
    Milliseconds,
    At,
    AtMilliseconds,
    Database,
    Pattern,
    Cursor,
    Count,
    Word,
    Member,
    /// One of `sorted_sets`.
    SortedSet(&'static str),
    EntryId,
    RangeEnd,
    GroupName,
    ConsumerName,
    FieldName,
}

/// Keys are few, so that commands meet what others left.
const KEYS: usize = 24;

impl Argument {
    /// The generator of that name.
    pub fn named(name: &str) -> Option<Argument> {
        Some(match name {
            "key" => Argument::Key,
            "value" => Argument::Value,
            "int" => Argument::Integer,
            "float" => Argument::Float,
            "index" => Argument::Index,
            "offset" => Argument::Offset,
            "bit" => Argument::Bit,
            "encoding" => Argument::Encoding,
            "field" => Argument::Field,
            "sec" => Argument::Seconds,
            "ms" => Argument::Milliseconds,
            "at" => Argument::At,
            "atms" => Argument::AtMilliseconds,
            "db" => Argument::Database,
            "pattern" => Argument::Pattern,
            "cursor" => Argument::Cursor,
            "count" => Argument::Count,
            "word" => Argument::Word,
            "hash-member" => Argument::Member,
            "entry-id" => Argument::EntryId,
            "range-end" => Argument::RangeEnd,
            "group-name" => Argument::GroupName,
            "consumer-name" => Argument::ConsumerName,
            "field-name" => Argument::FieldName,
            _ => {
                let name = sorted_sets::NAMES.iter().find(|known| **known == name)?;
                Argument::SortedSet(name)
            }
        })
    }

    /// One argument.
    pub fn generate(self, rng: &mut fastrand::Rng) -> Vec<u8> {
        match self {
            Argument::Key => key(rng),
            Argument::Value => value(rng),
            Argument::Integer => integer(rng),
            Argument::Float => pick(rng, FLOATS),
            Argument::Index => match rng.u8(..10) {
                0 => pick(rng, &["junk", "9223372036854775807", "-9223372036854775808", ""]),
                _ => rng.i64(-20..40).to_string().into_bytes(),
            },
            // Never so large that a string of hundreds of megabytes is made.
            Argument::Offset => match rng.u8(..10) {
                0 => pick(rng, &["-1", "junk", "4294967296", "536870912", "9223372036854775807"]),
                1 => pick(rng, &["1000", "65535", "100000"]),
                _ => rng.u8(..80).to_string().into_bytes(),
            },
            Argument::Bit => pick(rng, &["0", "1", "0", "1", "0", "1", "2", "-1", "junk"]),
            Argument::Encoding => encoding(rng),
            Argument::Field => match rng.u8(..10) {
                0 => pick(rng, &["-1", "junk", "#", "#-1", "4294967296", "#99999999999999"]),
                1..4 => format!("#{}", rng.u8(..20)).into_bytes(),
                _ => rng.u8(..100).to_string().into_bytes(),
            },
            Argument::Seconds => time(rng, 0, 1),
            Argument::Milliseconds => time(rng, 0, 1000),
            Argument::At => time(rng, now_seconds(), 1),
            Argument::AtMilliseconds => time(rng, now_seconds(), 1000),
            Argument::Database => match rng.u8(..20) {
                0 => pick(rng, &["16", "-1", "junk", "99999999999"]),
                1 => rng.u8(..16).to_string().into_bytes(),
                _ => rng.u8(..2).to_string().into_bytes(),
            },
            Argument::Pattern => pick(rng, PATTERNS),
            Argument::Cursor => pick(rng, &["0", "0", "0", "0", "0", "0", "junk", "-1"]),
            Argument::Count => pick(rng, &["1", "2", "10", "1000", "0", "-1", "junk"]),
            // Few, so that commands meet what others left.
            Argument::Member => match rng.u8(..12) {
                0 => value(rng),
                1..4 => format!("m{}", rng.u8(..6)).into_bytes(),
                _ => rng.i8(-5..12).to_string().into_bytes(),
            },
            Argument::SortedSet(name) => sorted_sets::generate(name, rng),
            Argument::EntryId => entry_id(rng),
            Argument::RangeEnd => match rng.u8(..4) {
                0 => pick(rng, &["-", "+", "(", "junk"]),
                1 => [b"(".to_vec(), entry_id(rng)].concat(),
                _ => entry_id(rng),
            },
            Argument::GroupName => pick(rng, &["group", "group", "group", "other", "{t}"]),
            Argument::ConsumerName => pick(rng, &["anna", "bert", "", "anna"]),
            Argument::FieldName => pick(rng, &["a", "b", "12", ""]),
            Argument::Word => pick(rng, &["junk", "", "no-such-word", "\u{e9}t\u{e9}", "a b"]),
        }
    }
}

const FLOATS: &[&str] = &[
    "1",
    "-1",
    "0",
    "1.5",
    "-0.25",
    "0.1",
    "3.0e3",
    "1e-7",
    "1e17",
    "1e308",
    "-1e308",
    "inf",
    "-inf",
    "nan",
    "junk",
    "",
    " 1",
    "1 ",
    "0x10",
    "1e400",
    "5.0",
    "-0.0",
    "0.30000000000000004",
];

const PATTERNS: &[&str] = &[
    "*", "k*", "?1", "k[0-9]", "k[^1]*", "{t}*", "*\\**", "[", "\\", "**a**", "", "k1?", "[a-k]?",
    "none",
];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "4294967296",
    "-2147483649",
    "junk",
    "",
    "1.0",
    "01",
    "+1",
    " 1",
    "1e3",
    "-0",
];

fn pick(rng: &mut fastrand::Rng, from: &[&str]) -> Vec<u8> {
    from[rng.usize(..from.len())].as_bytes().to_vec()
}

/// Half of the keys share a hash tag, half are spread over the slots.
fn key(rng: &mut fastrand::Rng) -> Vec<u8> {
    let n = rng.usize(..KEYS);
    match n % 2 {
        0 => format!("k{n}").into_bytes(),
        _ => format!("{{t}}{n}").into_bytes(),
    }
}

fn value(rng: &mut fastrand::Rng) -> Vec<u8> {
    // 44 and 45 bytes are the last embedded and the first plain string, 20 digits no integer.
    const LENGTHS: [usize; 10] = [0, 1, 8, 20, 44, 45, 63, 64, 1024, 5000];
    match rng.u8(..20) {
        0..5 => integer(rng),
        5..8 => rng.i32(..).to_string().into_bytes(),
        8..10 => pick(rng, FLOATS),
        10 => pick(rng, &["\r\n", "\0", "\"quoted\"", "$-1\r\n", "a b"]),
        // Longer than what is received in one piece.
        11 if rng.u8(..20) == 0 => vec![rng.u8(..); rng.usize(30_000..70_000)],
        _ => {
            let len = LENGTHS[rng.usize(..LENGTHS.len())];
            if rng.bool() { vec![rng.alphanumeric() as u8; len] } else { random_bytes(rng, len) }
        }
    }
}

fn random_bytes(rng: &mut fastrand::Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes
}

fn integer(rng: &mut fastrand::Rng) -> Vec<u8> {
    match rng.u8(..4) {
        0 => pick(rng, INTEGERS),
        1 => rng.i64(..).to_string().into_bytes(),
        _ => rng.i64(-1000..1000).to_string().into_bytes(),
    }
}

/// An id of a stream's entry, small, so that commands meet what others added.
fn entry_id(rng: &mut fastrand::Rng) -> Vec<u8> {
    match rng.u8(..20) {
        0 => pick(rng, &["junk", "1-", "-", "18446744073709551616", "", "1-1-1"]),
        1 => pick(rng, &["0-0", "0-1", "1000", "18446744073709551615-0"]),
        2..6 => rng.u16(..1000).to_string().into_bytes(),
        _ => format!("{}-{}", rng.u16(..1000), rng.u8(..4)).into_bytes(),
    }
}

fn encoding(rng: &mut fastrand::Rng) -> Vec<u8> {
    match rng.u8(..20) {
        0 => pick(rng, &["u64", "i65", "u0", "i0", "x8", "u", "junk", ""]),
        1 => pick(rng, &["i64", "u63"]),
        2..10 => format!("u{}", rng.u8(1..=63)).into_bytes(),
        _ => format!("i{}", rng.u8(1..=64)).into_bytes(),
    }
}

/// A time long after now, long past, or no time. Never one that is over while a test runs.
fn time(rng: &mut fastrand::Rng, now: i64, unit: i64) -> Vec<u8> {
    match rng.u8(..12) {
        0 => pick(rng, &["0", "-1", "junk", "9223372036854775807", "-9223372036854775808", ""]),
        // A time of day that is past; for a time from now, a negative one.
        1 => ((now - 1000 - rng.i64(0..1000)) * unit).to_string().into_bytes(),
        _ => ((now + rng.i64(1000..5000)) * unit).to_string().into_bytes(),
    }
}

fn now_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    i64::try_from(now.as_secs()).expect("a time of this age")
}
