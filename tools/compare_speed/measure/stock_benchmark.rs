//! CPU per operation as redis-benchmark drives it: a check that the figures do not depend on our
//! own load generator. It counts the benchmark's whole run, connecting included.

use std::process::{Command, Stdio};

use crate::error::Error;
use crate::lab::{Lab, Subject};
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (subjects, mut notes) = lab.one_of_each()?;
    for subject in &subjects {
        lab.fill(&subject.server, 100_000, 64)?;
    }
    let rounds = lab.options.rounds();
    let mut values = vec![vec![Vec::new(); subjects.len()]; CASES.len()];
    for round in 1..=rounds {
        for (case, (test, pipeline, _)) in CASES.iter().enumerate() {
            for (index, subject) in subjects.iter().enumerate() {
                let name = format!("{test} {pipeline}, {}, round {round}/{rounds}", subject.name);
                lab.progress.step(&name);
                lab.go_on()?;
                let per_second = if *pipeline == 1 { 100_000.0 } else { 700_000.0 };
                let requests = (lab.options.sample_time().as_secs_f64() * per_second) as u64;
                let cpu_us = sample(subject, test, *pipeline, requests)?;
                values[case][index].push(cpu_us);
                lab.results.record(
                    "sample",
                    &[
                        ("measurement", "stock-benchmark".into()),
                        ("case", format!("{test}, pipeline {pipeline}").into()),
                        ("subject", subject.name.clone().into()),
                        ("round", (round as f64).into()),
                        ("cpu_us_per_operation", cpu_us.into()),
                    ],
                )?;
            }
        }
    }
    let rows = CASES.iter().zip(&values).map(|((test, pipeline, target), values)| {
        let medians: Vec<_> = values.iter().map(|values| median(values)).collect();
        Row {
            case: format!("{}, pipeline {pipeline}", test.to_uppercase()),
            unit: "CPU µs/op",
            figure: medians[0].zip(medians[1]).map(|(own, redis)| own / redis),
            values: medians,
            target: Some(Target::AtMost(*target)),
            spread: values.iter().map(|values| spread(values)).fold(0.0, f64::max),
        }
    });
    notes.push("50 connections, 64-byte values, 100 k keys; load is redis-benchmark".to_owned());
    Ok(Table {
        title: "CPU per operation under redis-benchmark, one shard".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows: rows.collect(),
        notes,
    })
}

/// One run of redis-benchmark, which inherits the load's core: CPU microseconds a request.
pub(super) fn sample(
    subject: &Subject,
    test: &str,
    pipeline: u64,
    requests: u64,
) -> Result<f64, Error> {
    let before = subject.server.cpu_time()?;
    let status = Command::new(PROGRAM)
        .args(["-h", "127.0.0.1", "-p", &subject.server.port().to_string(), "-t", test])
        .args(["-P", &pipeline.to_string(), "-n", &requests.to_string()])
        .args(["-c", "50", "-d", "64", "-r", "100000", "-q"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|source| Error::Start { program: PROGRAM.into(), source })?;
    let used = subject.server.cpu_time()?.since(&before);
    if status.success() {
        return Ok(used.micros_each(requests));
    }
    Err(Error::Answer {
        server: subject.name.clone(),
        request: format!("{PROGRAM} -t {test}"),
        answer: status.to_string(),
    })
}

const PROGRAM: &str = "redis-benchmark";
/// Test, pipeline depth, most it may cost of what it costs Redis.
const CASES: [(&str, u64, f64); 4] =
    [("get", 1, 1.0), ("set", 1, 1.0), ("get", 16, 0.55), ("set", 16, 0.55)];
