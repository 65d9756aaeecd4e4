//! What replicas cost the master: pipeline-16 SET with and without them.
//!
//! Every number of replicas has a master of its own, so that nothing is resynchronized between
//! samples. Replicas are of the master's own kind and run on the load's core; a sample begins
//! when all have caught up.

use crate::error::Error;
use crate::generator::plan::{Mix, Operation};
use crate::lab::{Case, Grid, Lab, Sample, Subject};
use crate::server::{Program, Server, Setup};
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Without and with one replica.
pub fn one(lab: &mut Lab) -> Result<Table, Error> {
    measure(lab, "replica", &[0, 1])
}

/// Up to five replicas.
pub fn several(lab: &mut Lab) -> Result<Table, Error> {
    measure(lab, "replicas", if lab.options.quick { &[0, 2] } else { &[0, 1, 2, 5] })
}

fn measure(lab: &mut Lab, name: &str, counts: &[usize]) -> Result<Table, Error> {
    let mut subjects = Vec::new();
    for program in lab.programs.clone() {
        for count in counts {
            subjects.push(with_replicas(lab, &program, *count)?);
        }
    }
    let mut notes = lab.warnings(&subjects)?;
    let full_before = full_resyncs(&subjects)?;
    let case =
        Case { name: "SET, pipeline 16".to_owned(), plan: lab.plan(Mix::only(Operation::Set), 16) };
    let grid = lab.rounds(name, &[case], &subjects)?;
    for (subject, before) in subjects.iter().zip(full_before) {
        let again = full_resyncs(std::slice::from_ref(subject))?[0] - before;
        if again > 0 {
            let name = &subject.name;
            notes.push(format!("WARNING: {name} resynchronized {again} times while measured"));
        }
    }
    let rows = rows(&grid, lab.programs.len(), counts, &mut notes);
    notes.extend(grid.noise());
    notes.push(format!(
        "replicas share core {} with the load, niceness {}",
        lab.options.load_core, lab.options.replica_nice
    ));
    Ok(Table {
        title: "Cost of replicas to the master, SET at pipeline 16, 50 connections".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows,
        notes,
    })
}

fn with_replicas(lab: &Lab, program: &Program, count: usize) -> Result<Subject, Error> {
    lab.progress.step(&format!("{}: attaching {count} replicas", program.name));
    lab.go_on()?;
    let name = format!("{} with {count}", program.name);
    let mut subject = lab.subject(&name, program, &Setup::on(lab.options.server_core))?;
    lab.fill(&subject.server, 100_000, 64)?;
    for _ in 0..count {
        let mut setup = Setup::on(lab.options.load_core);
        setup.nice = lab.options.replica_nice;
        setup.replica_of = Some(subject.server.port());
        subject.replicas.push(Server::start(program, &setup)?);
    }
    Ok(subject)
}

fn full_resyncs(subjects: &[Subject]) -> Result<Vec<u64>, Error> {
    subjects
        .iter()
        .map(|subject| {
            for replica in &subject.replicas {
                let timeout = std::time::Duration::from_secs(60);
                replica.wait_caught_up(&subject.server, timeout)?;
            }
            subject.server.info_number("stats", "sync_full")
        })
        .collect()
}

fn rows(grid: &Grid, programs: usize, counts: &[usize], notes: &mut Vec<String>) -> Vec<Row> {
    let value = |program: usize, count: usize, field: fn(&Sample) -> f64| {
        grid.median(0, program * counts.len() + count, field)
    };
    let row = |case: String, unit, values: Vec<f64>, field| Row {
        case,
        unit,
        figure: Some(values[0] / values[1]),
        values: values.into_iter().map(Some).collect(),
        target: None,
        spread: grid.spread(0, field),
    };
    let all = |count: usize, field: fn(&Sample) -> f64| -> Vec<f64> {
        (0..programs).map(|program| value(program, count, field)).collect()
    };
    let cpu: fn(&Sample) -> f64 = |sample| sample.cpu_us;
    let per_second: fn(&Sample) -> f64 = |sample| sample.per_second;
    let mut rows = vec![
        row("no replica".to_owned(), "CPU µs/op", all(0, cpu), cpu),
        row("no replica".to_owned(), "op/s", all(0, per_second), per_second),
    ];
    for (index, count) in counts.iter().enumerate().skip(1) {
        let label = format!("{count} replica{}", if *count == 1 { "" } else { "s" });
        let with = all(index, cpu);
        let base = all(0, cpu);
        let (extra, extra_spread) = extras(grid, programs, counts.len(), index);
        let factor = with.iter().zip(&base).map(|(with, base)| with / base).collect();
        let mut judged = row(format!("{label}, extra"), "CPU µs/op", extra.clone(), cpu);
        judged.spread = extra_spread;
        judged.target = Some(Target::AtMost(0.5));
        if extra[1] <= 0.0 {
            judged.figure = None;
            notes.push(format!("{label}: no extra cost seen at Redis, nothing to compare with"));
        }
        rows.push(judged);
        rows.push(row(format!("{label}, factor"), "× CPU", factor, cpu));
        rows.push(row(label, "op/s", all(index, per_second), per_second));
    }
    rows
}

/// For each program the median of what the replicas cost more in the same round, and the worst
/// spread of that difference, which is much larger than that of either value.
fn extras(grid: &Grid, programs: usize, counts: usize, count: usize) -> (Vec<f64>, f64) {
    let mut worst = 0.0f64;
    let extra = (0..programs).map(|program| {
        let cpu = |count| grid.values(0, program * counts + count, |sample| sample.cpu_us);
        let differences: Vec<f64> =
            cpu(count).iter().zip(cpu(0)).map(|(with, without)| with - without).collect();
        worst = worst.max(spread(&differences));
        median(&differences).unwrap_or(f64::NAN)
    });
    (extra.collect(), worst)
}
