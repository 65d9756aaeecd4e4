//! CPU per operation and throughput of GET and SET, one shard, by pipeline depth.

use crate::error::Error;
use crate::generator::plan::{Mix, Operation};
use crate::lab::{Case, Lab};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (subjects, mut notes) = lab.one_of_each()?;
    for subject in &subjects {
        lab.fill(&subject.server, KEYS, 64)?;
    }
    let mut cases = Vec::new();
    let mut targets = Vec::new();
    for (pipeline, target) in [(1, Some(1.0)), (16, Some(0.55)), (100, None)] {
        for (name, operation) in [("GET", Operation::Get), ("SET", Operation::Set)] {
            let plan = lab.plan(Mix::only(operation), pipeline);
            cases.push(Case { name: format!("{name}, pipeline {pipeline}"), plan });
            targets.push(target.map(Target::AtMost));
        }
    }
    let grid = lab.rounds("throughput", &cases, &subjects)?;
    let mut rows = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let ratio = |field| Some(grid.median(index, 0, field) / grid.median(index, 1, field));
        rows.push(Row {
            case: case.name.clone(),
            unit: "CPU µs/op",
            values: grid.medians(index, |s| s.cpu_us),
            figure: ratio(|s| s.cpu_us),
            target: targets[index],
            spread: grid.spread(index, |s| s.cpu_us),
        });
        rows.push(Row {
            case: case.name.clone(),
            unit: "op/s",
            values: grid.medians(index, |s| s.per_second),
            figure: ratio(|s| s.per_second),
            target: None,
            spread: grid.spread(index, |s| s.per_second),
        });
    }
    notes.extend(grid.noise());
    notes.push("50 connections, 64-byte values, 100 k keys uniformly".to_owned());
    Ok(Table {
        title: "CPU per operation and throughput, one shard".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows,
        notes,
    })
}

const KEYS: u64 = 100_000;
