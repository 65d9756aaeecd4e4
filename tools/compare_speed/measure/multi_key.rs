//! Commands whose keys are on several shards, both shards on one core.

use crate::error::Error;
use crate::generator::keys::Distribution;
use crate::lab::{Case, Grid, Lab, Sample};
use crate::server::Setup;
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let core = lab.options.server_core;
    let (own, redis) = (lab.programs[0].clone(), lab.programs[1].clone());
    let mut subjects = Vec::new();
    for (name, program, shards) in
        [("1 shard", &own, 1), ("2 shards", &own, 2), (redis.name.as_str(), &redis, 1)]
    {
        let setup = Setup { shards, ..Setup::on(core) };
        let subject = lab.subject(name, program, &setup)?;
        lab.fill(&subject.server, 100_000, 64)?;
        subjects.push(subject);
    }
    let mut notes = lab.warnings(&subjects)?;
    if !own.has_shards {
        notes.push(format!("{} has no shards", own.version));
    }
    let cases = cases(lab)?;
    let grid = lab.rounds("multi-key", &cases, &subjects)?;
    notes.extend(grid.noise());
    notes.push("mixed: commands of both kinds a second, beside SET alone".to_owned());
    Ok(Table {
        title: "MSET of 10 keys".to_owned(),
        subjects: subjects.iter().map(|subject| subject.name.clone()).collect(),
        figure: "figure".to_owned(),
        rows: rows(&grid),
        notes,
    })
}

/// For each pipeline depth: spread MSET, MSET on one shard, SET, half MSET and half SET.
fn cases(lab: &Lab) -> Result<Vec<Case>, Error> {
    let mut cases = Vec::new();
    for pipeline in PIPELINES {
        for (name, mix, distribution) in [
            ("MSET spread", "mset10", Distribution::Uniform),
            ("MSET one tag", "mset10", Distribution::TagPerCommand),
            ("SET", "set", Distribution::Uniform),
            ("MSET and SET", "mset10,set", Distribution::Uniform),
        ] {
            let mix = mix.parse().map_err(|error| Error::Usage(format!("{error}")))?;
            let mut plan = lab.plan(mix, pipeline);
            plan.distribution = distribution;
            if distribution == Distribution::TagPerCommand {
                // 65 536 tags: few keys in each keep the data set as large as the spread one.
                plan.keys = 2;
            }
            cases.push(Case { name: format!("{name}, pipeline {pipeline}"), plan });
        }
    }
    Ok(cases)
}

fn rows(grid: &Grid) -> Vec<Row> {
    type Kind = (fn(&Sample) -> f64, &'static str);
    let cpu: Kind = (|sample| sample.cpu_us, "CPU µs/op");
    let rate: Kind = (|sample| sample.per_second, "op/s");
    let mut rows = Vec::new();
    for (index, pipeline) in PIPELINES.iter().enumerate() {
        let [mset, tagged, set, mixed] = [0, 1, 2, 3].map(|case| index * 4 + case);
        let judged = *pipeline == 1;
        let at = format!("pipeline {pipeline}");
        let row = |case: String, measured: usize, (field, unit), figure, target| Row {
            case,
            unit,
            values: grid.medians(measured, field),
            figure: Some(figure),
            target,
            spread: grid.spread(measured, field),
        };
        let growth = grid.median(mset, 1, cpu.0) / grid.median(mset, 0, cpu.0);
        let name = format!("keys spread, {at} (2 shards/1)");
        rows.push(row(name, mset, cpu, growth, Some(Target::AtMost(2.0))));
        let fan_out = grid.median(mset, 1, cpu.0) / grid.median(tagged, 1, cpu.0);
        let name = format!("keys on one shard, {at} (spread/this)");
        rows.push(row(name, tagged, cpu, fan_out, None));
        rows.push(row(format!("SET alone, {at}"), set, rate, 1.0, None));
        let kept = grid.median(mixed, 1, rate.0) / grid.median(set, 1, rate.0);
        let target = judged.then_some(Target::AtLeast(0.5));
        rows.push(row(
            format!("half MSET, half SET, {at} (of SET alone)"),
            mixed,
            rate,
            kept,
            target,
        ));
    }
    rows
}

const PIPELINES: [usize; 2] = [1, 16];
