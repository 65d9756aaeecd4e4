//! One big collection: CPU of the commands on it, and its memory. One connection, pipeline 100, one
//! shard. The members are 16 bytes, as are the values of hashes; scores are random.

use fastrand::Rng;

use crate::connection::push_request;
use crate::error::Error;
use crate::lab::{Lab, Subject};
use crate::procfs;
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (subjects, mut notes) = lab.one_of_each()?;
    let members = if lab.options.quick { 100_000 } else { 1_000_000 };
    let mut rows = Vec::new();
    for (key, add) in [("zset", "ZADD"), ("hash", "HSET"), ("set", "SADD")] {
        let mut bytes = Vec::new();
        for subject in &subjects {
            lab.progress.step(&format!("{add}, {}", subject.name));
            lab.go_on()?;
            let before = procfs::resident_bytes(subject.server.pid())?;
            send(subject, members, &mut |number| filling(key, add, number))?;
            let after = procfs::resident_bytes(subject.server.pid())?;
            let each = after.saturating_sub(before) as f64 / members as f64;
            bytes.push(Some(each));
            note(lab, &format!("{key}, memory"), subject, ("resident_bytes_a_member", each))?;
        }
        rows.push(Row {
            case: format!("{key} of {members} members"),
            unit: "bytes/member",
            figure: bytes[0].zip(bytes[1]).map(|(own, redis)| own / redis),
            values: bytes,
            target: Some(Target::AtMost(MEMORY_WANTED)),
            spread: 0.0,
        });
    }
    let rounds = lab.options.rounds();
    for (name, target, case) in CASES {
        let mut values = vec![Vec::new(); subjects.len()];
        for round in 1..=rounds {
            for (subject, values) in subjects.iter().zip(&mut values) {
                lab.progress.step(&format!("{name}, {}, round {round}/{rounds}", subject.name));
                lab.go_on()?;
                let mut rng = Rng::with_seed(round as u64);
                let before = subject.server.cpu_time()?;
                send(subject, OPERATIONS, &mut |_| case(&mut rng, members))?;
                let used = subject.server.cpu_time()?.since(&before).micros_each(OPERATIONS);
                values.push(used);
                note(lab, name, subject, ("cpu_us_per_operation", used))?;
            }
        }
        let medians: Vec<_> = values.iter().map(|values| median(values)).collect();
        rows.push(Row {
            case: (*name).to_owned(),
            unit: "CPU µs/op",
            figure: medians[0].zip(medians[1]).map(|(own, redis)| own / redis),
            values: medians,
            target: target.map(Target::AtMost),
            spread: values.iter().map(|values| spread(values)).fold(0.0, f64::max),
        });
    }
    notes.push("one connection, pipeline 100; memory is the growth of VmRSS while filling".into());
    Ok(Table {
        title: format!("Collections of {members} members, one shard"),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows,
        notes,
    })
}

fn note(
    lab: &mut Lab,
    case: &str,
    subject: &Subject,
    value: (&'static str, f64),
) -> Result<(), Error> {
    lab.results.record(
        "sample",
        &[
            ("measurement", "collections".into()),
            ("case", case.into()),
            ("subject", subject.name.clone().into()),
            (value.0, value.1.into()),
        ],
    )
}

/// Sends `count` commands in pipelines of 100.
fn send(
    subject: &Subject,
    count: u64,
    command: &mut dyn FnMut(u64) -> Vec<String>,
) -> Result<(), Error> {
    let mut connection = subject.server.connect()?;
    let mut requests = Vec::new();
    for first in (0..count).step_by(PIPELINE as usize) {
        let last = count.min(first + PIPELINE);
        requests.clear();
        for number in first..last {
            let words = command(number);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            push_request(&mut requests, &words);
        }
        connection.ask_all(&requests, (last - first) as usize)?;
    }
    Ok(())
}

/// The command that adds member `number`, in an order that looks random.
fn filling(key: &str, add: &str, number: u64) -> Vec<String> {
    let member = member(number);
    let words: &[String] = match add {
        "ZADD" => &[score(number), member],
        "HSET" => &[member.clone(), member],
        _ => &[member],
    };
    let mut command = vec![add.to_owned(), key.to_owned()];
    command.extend_from_slice(words);
    command
}

fn member(number: u64) -> String {
    format!("member:{number:09}")
}

fn score(number: u64) -> String {
    (number.wrapping_mul(SCRAMBLE) >> SCORE_SHIFT).to_string()
}

fn any(rng: &mut Rng, members: u64) -> String {
    member(rng.u64(..members))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Makes a command.
type Case = fn(&mut Rng, u64) -> Vec<String>;

/// What is done, what it may cost of what it costs Redis, and the command.
const CASES: &[(&str, Option<f64>, Case)] = &[
    ("ZADD, new score", Some(WANTED), |rng, members| {
        let score = score(rng.u64(..));
        words(&["ZADD", "zset", &score, &any(rng, members)])
    }),
    ("ZRANK", Some(WANTED), |rng, members| words(&["ZRANK", "zset", &any(rng, members)])),
    ("ZRANGE by score, 10 members", Some(WANTED), |rng, _| {
        let from = score(rng.u64(..));
        words(&["ZRANGE", "zset", &from, "+inf", "BYSCORE", "LIMIT", "0", "10"])
    }),
    ("ZSCORE", None, |rng, members| words(&["ZSCORE", "zset", &any(rng, members)])),
    ("HGET", None, |rng, members| words(&["HGET", "hash", &any(rng, members)])),
    ("HSET, there already", None, |rng, members| {
        words(&["HSET", "hash", &any(rng, members), "0123456789abcdef"])
    }),
    ("SISMEMBER", None, |rng, members| words(&["SISMEMBER", "set", &any(rng, members)])),
];

const PIPELINE: u64 = 100;
/// Commands of one sample.
const OPERATIONS: u64 = 200_000;
/// Of what it costs Redis.
const WANTED: f64 = 0.8;
/// Of what it takes in Redis.
const MEMORY_WANTED: f64 = 0.9;
/// An odd multiplier spreads numbers over all 64 bits; the highest 30 become a score.
const SCRAMBLE: u64 = 0x9e37_79b9_7f4a_7c15;
const SCORE_SHIFT: u32 = 34;
