//! What applying a master's stream costs a replica, and how fast it comes back from a cut link.
//!
//! Every replica gets the same prepared bytes from a stand-in for a master on the load's core; its
//! CPU time runs from the first byte to the acknowledgement of the last. For the backlog the link
//! is cut and, when the replica asks to continue, the backlog is sent as fast as it is taken.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::lab::{Lab, Subject};
use crate::procfs::CpuUsed;
use crate::replay::Replay;
use crate::server::Setup;
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let quick = lab.options.quick;
    let mut followers = followers(lab)?;
    let subjects: Vec<String> = followers.iter().map(|one| one.subject.name.clone()).collect();
    let redis = subjects.iter().position(|name| name == "redis").unwrap_or(0);
    let mut cases = cases(quick);
    let mut rounds: Vec<Vec<Vec<Applied>>> = Vec::new();
    for case in &mut cases {
        let stream = case.stream();
        let mut applied: Vec<Vec<Applied>> = subjects.iter().map(|_| Vec::new()).collect();
        for round in 1..=if case.once { 1 } else { lab.options.rounds() } {
            for index in 0..followers.len() {
                lab.go_on()?;
                let name = &subjects[index];
                lab.progress.step(&format!("{}, {name}, round {round}", case.name));
                // Silent masters are given up.
                followers.iter_mut().try_for_each(|one| one.master.send(PING))?;
                let seen = followers[index].apply(case, &stream)?;
                let fields = [
                    ("measurement", "apply".into()),
                    ("case", case.name.into()),
                    ("subject", name.clone().into()),
                    ("round", (round as f64).into()),
                    ("operations", (seen.operations as f64).into()),
                    ("bytes", (seen.bytes as f64).into()),
                    ("seconds", seen.wall.as_secs_f64().into()),
                    ("cpu_us_per_operation", seen.micros().into()),
                ];
                lab.results.record("sample", &fields)?;
                applied[index].push(seen);
            }
        }
        rounds.push(applied);
    }
    let rows = cases.iter().zip(&rounds).flat_map(|(case, seen)| rows(case, seen, redis));
    Ok(Table {
        title: "Applying a master's stream, the same bytes for each".to_owned(),
        rows: rows.collect(),
        subjects,
        figure: "redis/own 2".to_owned(),
        notes: vec![
            "own: one and two shards on the servers' core; target for two shards".to_owned(),
            "what a case is judged by: Redis's value divided by that of two shards".to_owned(),
            format!("keys drawn from {KEYS}; the stream comes from the load's core"),
        ],
    })
}

/// A replica and what it follows.
struct Follower {
    subject: Subject,
    master: Replay,
}

/// A kind of stream.
struct Case {
    name: &'static str,
    /// Appends one unit, of which the operations are counted.
    unit: fn(&mut Vec<u8>, &mut fastrand::Rng) -> u64,
    /// Bytes of a sample.
    bytes: usize,
    /// The link is cut before.
    behind: bool,
    /// One round only: it takes long.
    once: bool,
    target: [Option<Target>; 2],
    operations: u64,
}

/// One sample.
struct Applied {
    operations: u64,
    bytes: u64,
    wall: Duration,
    used: CpuUsed,
}

impl Applied {
    fn micros(&self) -> f64 {
        self.used.micros_each(self.operations)
    }
}

impl Case {
    /// A part of the stream, to be sent again and again.
    fn stream(&mut self) -> Vec<u8> {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut stream = Vec::with_capacity(PART_BYTES + 4096);
        while stream.len() < PART_BYTES {
            self.operations += (self.unit)(&mut stream, &mut rng);
        }
        stream
    }
}

impl Follower {
    fn apply(&mut self, case: &Case, stream: &[u8]) -> Result<Applied, Error> {
        if case.behind {
            self.master.cut();
            if !self.master.accept()? {
                return Err(Error::Answer {
                    server: self.subject.name.clone(),
                    request: "a cut link".to_owned(),
                    answer: "asked for a full resynchronization".to_owned(),
                });
            }
        } else {
            self.master.wait_applied()?;
        }
        let server = &self.subject.server;
        let (before, began) = (server.cpu_time()?, Instant::now());
        let parts = case.bytes.div_ceil(stream.len());
        for _ in 0..parts {
            self.master.send(stream)?;
        }
        self.master.wait_applied()?;
        Ok(Applied {
            operations: parts as u64 * case.operations,
            bytes: (parts * stream.len()) as u64,
            wall: began.elapsed(),
            used: server.cpu_time()?.since(&before),
        })
    }
}

/// Our server with one and with two shards, and the others; each holds all keys.
fn followers(lab: &Lab) -> Result<Vec<Follower>, Error> {
    let mut followers = Vec::new();
    for (index, program) in lab.programs.iter().enumerate() {
        for shards in if index == 0 { 1..=2 } else { 1..=1 } {
            let name = match (index, shards) {
                (0, 1) => "own 1 shard".to_owned(),
                (0, _) => "own 2 shards".to_owned(),
                _ => program.name.clone(),
            };
            lab.progress.step(&format!("{name}: filling {KEYS} keys"));
            let mut master = Replay::listen()?;
            let mut setup = Setup::on(lab.options.server_core);
            (setup.shards, setup.replica_of) = (shards, Some(master.port()?));
            let subject = lab.subject(&name, program, &setup)?;
            master.accept()?;
            let mut stream = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n".to_vec();
            (0..KEYS).for_each(|key| push_set(&mut stream, key));
            master.send(&stream)?;
            master.wait_applied()?;
            followers.push(Follower { subject, master });
        }
    }
    Ok(followers)
}

fn cases(quick: bool) -> Vec<Case> {
    let megabytes = |quick_mb: usize, mb: usize| (if quick { quick_mb } else { mb }) << 20;
    let faster = Some(Target::AtLeast(1.0));
    let case = |name, unit, bytes, target| Case {
        name,
        unit,
        bytes,
        behind: false,
        once: false,
        target: [target, None],
        operations: 0,
    };
    let judged = Some(Target::AtLeast(1.5));
    let mut behind = case("1 GB behind, SET of 64 bytes", set, megabytes(128, 1024), None);
    (behind.behind, behind.once, behind.target) = (true, true, [None, faster]);
    vec![
        case("SET of 64 bytes", set, megabytes(64, 192), judged),
        case("INCR", incr, megabytes(16, 64), None),
        case("transactions of 4 SETs", transaction, megabytes(32, 96), None),
        behind,
    ]
}

fn rows(case: &Case, seen: &[Vec<Applied>], redis: usize) -> [Row; 2] {
    let row = |unit, target, value: &dyn Fn(&Applied) -> f64| {
        let values: Vec<Vec<f64>> =
            seen.iter().map(|rounds| rounds.iter().map(value).collect()).collect();
        let medians: Vec<Option<f64>> = values.iter().map(|values| median(values)).collect();
        Row {
            case: case.name.to_owned(),
            unit,
            figure: medians[redis].zip(medians[1]).map(|(redis, own)| redis / own),
            values: medians,
            target,
            spread: values.iter().map(|values| spread(values)).fold(0.0, f64::max),
        }
    };
    [
        row("CPU µs/op", case.target[0], &Applied::micros),
        row("s", case.target[1], &|seen: &Applied| seen.wall.as_secs_f64()),
    ]
}

fn set(stream: &mut Vec<u8>, rng: &mut fastrand::Rng) -> u64 {
    push_set(stream, rng.u64(..KEYS));
    1
}

fn push_set(stream: &mut Vec<u8>, key: u64) {
    let text = format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{key:012}\r\n$64\r\n{key:0>64}\r\n");
    stream.extend_from_slice(text.as_bytes());
}

fn incr(stream: &mut Vec<u8>, rng: &mut fastrand::Rng) -> u64 {
    let number = rng.u64(..KEYS / 10);
    let text = format!("*2\r\n$4\r\nINCR\r\n$14\r\ncounter:{number:06}\r\n");
    stream.extend_from_slice(text.as_bytes());
    1
}

fn transaction(stream: &mut Vec<u8>, rng: &mut fastrand::Rng) -> u64 {
    stream.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
    (0..4).for_each(|_| push_set(stream, rng.u64(..KEYS)));
    stream.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
    4
}

const KEYS: u64 = 1_000_000;
/// The stream is a part of this size again and again; it fits no cache.
const PART_BYTES: usize = 16 << 20;
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
