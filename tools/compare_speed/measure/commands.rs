//! CPU per operation over the whole default list of redis-benchmark at pipeline 16, one shard. The
//! tests follow one another on the same keys, as redis-benchmark runs them, so that what one pops
//! another has pushed. Its whole run counts, connecting included.

use super::stock_benchmark::sample;
use crate::error::Error;
use crate::lab::Lab;
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (subjects, mut notes) = lab.one_of_each()?;
    let rounds = lab.options.rounds();
    let mut values = vec![vec![Vec::new(); subjects.len()]; TESTS.len()];
    for round in 1..=rounds {
        for (test, (name, per_second)) in TESTS.iter().enumerate() {
            for (index, subject) in subjects.iter().enumerate() {
                lab.progress.step(&format!("{name}, {}, round {round}/{rounds}", subject.name));
                lab.go_on()?;
                let requests = (lab.options.sample_time().as_secs_f64() * per_second) as u64;
                let cpu_us = sample(subject, name, PIPELINE, requests)?;
                values[test][index].push(cpu_us);
                lab.results.record(
                    "sample",
                    &[
                        ("measurement", "commands".into()),
                        ("case", (*name).into()),
                        ("subject", subject.name.clone().into()),
                        ("round", (round as f64).into()),
                        ("cpu_us_per_operation", cpu_us.into()),
                    ],
                )?;
            }
        }
    }
    let rows = TESTS.iter().zip(&values).map(|((name, _), values)| {
        let medians: Vec<_> = values.iter().map(|values| median(values)).collect();
        Row {
            case: name.to_uppercase(),
            unit: "CPU µs/op",
            figure: medians[0].zip(medians[1]).map(|(own, redis)| own / redis),
            values: medians,
            target: Some(Target::AtMost(WANTED)),
            spread: values.iter().map(|values| spread(values)).fold(0.0, f64::max),
        }
    });
    notes.push("50 connections, 64-byte values, 100 k keys or members at random".to_owned());
    Ok(Table {
        title: "CPU per operation of redis-benchmark's tests at pipeline 16, one shard".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows: rows.collect(),
        notes,
    })
}

const PIPELINE: u64 = 16;
/// Of what it costs Redis.
const WANTED: f64 = 0.7;
/// redis-benchmark's default tests in its order, and about how many requests take Redis a second.
/// Those of LRANGE push their list first.
const TESTS: [(&str, f64); 19] = [
    ("ping_inline", 700_000.0),
    ("ping_mbulk", 800_000.0),
    ("set", 600_000.0),
    ("get", 700_000.0),
    ("incr", 700_000.0),
    ("lpush", 600_000.0),
    ("rpush", 600_000.0),
    ("lpop", 600_000.0),
    ("rpop", 600_000.0),
    ("sadd", 600_000.0),
    ("hset", 500_000.0),
    ("spop", 700_000.0),
    ("zadd", 400_000.0),
    ("zpopmin", 700_000.0),
    ("lrange_100", 60_000.0),
    ("lrange_300", 20_000.0),
    ("lrange_500", 12_000.0),
    ("lrange_600", 10_000.0),
    ("mset", 120_000.0),
];
