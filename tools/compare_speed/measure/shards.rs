//! What a second shard costs. Both shards on one core show the price of the software alone; two
//! cores, printed beside, add the price of waking cores and share one of them with the load.

use crate::error::Error;
use crate::generator::keys::Distribution;
use crate::generator::plan::{Mix, Operation};
use crate::lab::{Case, Lab};
use crate::server::Setup;
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let program = lab.programs[0].clone();
    let mut notes = Vec::new();
    if !program.has_shards {
        notes.push(format!("{} has no shards: all columns are the same server", program.version));
    }
    let (core, load_core) = (lab.options.server_core, lab.options.load_core);
    let setups = [
        ("1 shard", 1, vec![core]),
        ("2 shards", 2, vec![core]),
        ("2 on 2 cores", 2, vec![core, load_core]),
    ];
    let mut subjects = Vec::new();
    for (name, shards, cores) in setups {
        let setup = Setup { shards, cores, ..Setup::default() };
        let subject = lab.subject(name, &program, &setup)?;
        lab.fill(&subject.server, 100_000, 64)?;
        if name != "2 on 2 cores"
            && let Some(warning) = subject.server.misplaced(&[core])?
        {
            notes.push(format!("WARNING: {warning}"));
        }
        subjects.push(subject);
    }
    notes.extend(lab.warnings(&subjects)?);
    let (cases, targets) = cases(lab);
    let grid = lab.rounds("shards", &cases, &subjects)?;
    let mut rows = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        rows.push(Row {
            case: case.name.clone(),
            unit: "CPU µs/op",
            values: grid.medians(index, |s| s.cpu_us),
            figure: Some(grid.median(index, 1, |s| s.cpu_us) / grid.median(index, 0, |s| s.cpu_us)),
            target: targets[index].map(Target::AtMost),
            spread: grid.spread(index, |s| s.cpu_us),
        });
        let rate = |subject| grid.median(index, subject, |s| s.per_second);
        rows.push(Row {
            case: case.name.clone(),
            unit: "op/s",
            values: grid.medians(index, |s| s.per_second),
            figure: Some(rate(1) / rate(0)),
            target: None,
            spread: grid.spread(index, |s| s.per_second),
        });
    }
    notes.extend(grid.noise());
    notes.push("one tag a connection: all keys of a connection are on one shard".to_owned());
    Ok(Table {
        title: "Cost of a second shard".to_owned(),
        subjects: subjects.iter().map(|subject| subject.name.clone()).collect(),
        figure: "2 shards/1".to_owned(),
        rows,
        notes,
    })
}

fn cases(lab: &Lab) -> (Vec<Case>, Vec<Option<f64>>) {
    let mut cases = Vec::new();
    let mut targets = Vec::new();
    // SET first: it makes the tagged keys that GET then finds.
    for (name, operation) in [("SET", Operation::Set), ("GET", Operation::Get)] {
        let get = operation == Operation::Get;
        for (pipeline, target) in [(1, 1.25), (16, if get { 1.4 } else { 2.0 })] {
            let plan = lab.plan(Mix::only(operation), pipeline);
            cases.push(Case { name: format!("{name}, pipeline {pipeline}"), plan });
            targets.push(Some(target));
            let mut plan = lab.plan(Mix::only(operation), pipeline);
            plan.distribution = Distribution::TagPerConnection;
            plan.keys = 2_000;
            let name = format!("{name}, pipeline {pipeline}, one tag a connection");
            cases.push(Case { name, plan });
            targets.push(Some(1.05));
        }
        let mut plan = lab.plan(Mix::only(operation), 100);
        plan.connections = 1;
        cases.push(Case { name: format!("{name}, pipeline 100, 1 connection"), plan });
        targets.push(None);
    }
    (cases, targets)
}
