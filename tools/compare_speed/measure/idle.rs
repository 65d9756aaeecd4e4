//! CPU of servers that do nothing: all are started, and one span covers all of them.

use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::lab::{Lab, Subject};
use crate::server::Setup;
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (mut subjects, notes) = lab.one_of_each()?;
    let program = lab.programs[0].clone();
    let programs = subjects.len();
    for shards in [2, 4] {
        let setup = Setup { shards, ..Setup::on(lab.options.server_core) };
        subjects.push(lab.subject(&format!("own, {shards} shards"), &program, &setup)?);
    }
    // What a start leaves behind is over after a second.
    thread::sleep(Duration::from_secs(1));
    let window = Duration::from_secs(if lab.options.quick { 3 } else { 10 });
    lab.progress.step(&format!("doing nothing for {} s", window.as_secs()));
    let before: Vec<_> = subjects.iter().map(|s| s.server.cpu_time()).collect();
    thread::sleep(window);
    lab.go_on()?;
    let mut percents = Vec::new();
    for (subject, before) in subjects.iter().zip(before) {
        let percent = idle_percent(lab, subject, before?)?;
        percents.push(percent);
    }
    let target = Some(Target::AtMost(0.5));
    let row = |case: String, values: Vec<Option<f64>>| Row {
        case,
        unit: "% of a core a shard",
        figure: values[0],
        values,
        target,
        spread: 0.0,
    };
    let mut rows =
        vec![row("1 shard".to_owned(), percents[..programs].iter().copied().map(Some).collect())];
    for (subject, percent) in subjects.iter().zip(&percents).skip(programs) {
        let mut values = vec![None; programs];
        values[0] = Some(*percent);
        rows.push(row(subject.name.clone(), values));
    }
    Ok(Table {
        title: format!("Idle CPU over {} s", window.as_secs()),
        subjects: lab.names(),
        figure: "judged".to_owned(),
        rows,
        notes,
    })
}

fn idle_percent(
    lab: &mut Lab,
    subject: &Subject,
    before: crate::procfs::CpuTime,
) -> Result<f64, Error> {
    let used = subject.server.cpu_time()?.since(&before);
    let percent = used.share() * 100.0 / subject.server.shards as f64;
    lab.results.record(
        "sample",
        &[
            ("measurement", "idle".into()),
            ("subject", subject.name.clone().into()),
            ("shards", (subject.server.shards as f64).into()),
            ("percent_of_a_core_a_shard", percent.into()),
        ],
    )?;
    Ok(percent)
}
