//! System calls per operation of one client at pipeline 1, counted by perf, or by strace where
//! perf may not. strace stops the server at every call, so its count is a hint only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::Error;
use crate::generator::engine;
use crate::generator::plan::{Limit, Mix, Operation, Plan};
use crate::lab::{Lab, Subject};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (subjects, mut notes) = lab.one_of_each()?;
    let mut rows = Vec::new();
    for (name, operation) in [("GET", Operation::Get), ("SET", Operation::Set)] {
        let mut values = Vec::new();
        for subject in &subjects {
            lab.progress.step(&format!("{name}, {}", subject.name));
            let counted = count(lab, subject, operation)?;
            let by = counted.map_or("nobody", |(_, by)| by.name());
            lab.results.record(
                "sample",
                &[
                    ("measurement", "syscalls".into()),
                    ("case", name.into()),
                    ("subject", subject.name.clone().into()),
                    ("per_operation", counted.map_or(f64::NAN, |(each, _)| each).into()),
                    ("counted_by", by.into()),
                ],
            )?;
            let note = match counted {
                Some((_, Counter::Perf)) => "counted by perf (raw_syscalls:sys_enter)",
                Some((_, Counter::Strace)) => {
                    "WARNING: perf is not permitted here (kernel.perf_event_paranoid, tracefs); \
                     counted by strace, which slows the server and changes when it sleeps"
                }
                None => "WARNING: neither perf nor strace may attach to the servers: not measured",
            };
            if !notes.iter().any(|known| known == note) {
                notes.push(note.to_owned());
            }
            values.push(counted.map(|(each, _)| each));
        }
        rows.push(Row {
            case: format!("{name}, pipeline 1, 1 connection"),
            unit: "syscalls/op",
            figure: values[0],
            values,
            target: Some(Target::AtMost(3.0)),
            spread: 0.0,
        });
    }
    notes.push("what the server's timers call meanwhile is in it".to_owned());
    Ok(Table {
        title: "System calls per operation".to_owned(),
        subjects: lab.names(),
        figure: "judged".to_owned(),
        rows,
        notes,
    })
}

#[derive(Debug, Clone, Copy)]
enum Counter {
    Perf,
    Strace,
}

impl Counter {
    fn name(self) -> &'static str {
        match self {
            Self::Perf => "perf",
            Self::Strace => "strace",
        }
    }

    fn command(self, pid: u32, output: &Path) -> Command {
        let mut command = Command::new(self.name());
        match self {
            Self::Perf => {
                command.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-o"]).arg(output);
            }
            Self::Strace => {
                command.args(["-c", "-f", "-o"]).arg(output);
            }
        }
        command.args(["-p", &pid.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Perf => parse_perf(text),
            Self::Strace => parse_strace(text),
        }
    }
}

/// System calls per operation, by the first counter that works.
fn count(
    lab: &Lab,
    subject: &Subject,
    operation: Operation,
) -> Result<Option<(f64, Counter)>, Error> {
    for counter in [Counter::Perf, Counter::Strace] {
        let file = format!("compare-speed-{}-{}", std::process::id(), subject.server.pid());
        let output = std::env::temp_dir().join(file);
        let each = count_with(lab, subject, operation, (counter, &output));
        let _ = fs::remove_file(&output);
        if let Some(each) = each? {
            return Ok(Some((each, counter)));
        }
    }
    Ok(None)
}

fn count_with(
    lab: &Lab,
    subject: &Subject,
    operation: Operation,
    (counter, output): (Counter, &PathBuf),
) -> Result<Option<f64>, Error> {
    let Ok(mut attached) = counter.command(subject.server.pid(), output).spawn() else {
        return Ok(None);
    };
    // Neither program says when it has attached.
    thread::sleep(ATTACH);
    if attached.try_wait()?.is_some() {
        return Ok(None);
    }
    let limit = Limit::Operations(if lab.options.quick { 5_000 } else { 20_000 });
    let mut plan = Plan::new(subject.server.address(), Mix::only(operation), limit);
    plan.connections = 1;
    plan.stop = Some(lab.stop.clone());
    let outcome = engine::run(&plan, &mut |_| {});
    interrupt(&mut attached)?;
    let outcome = outcome?;
    lab.check(&subject.server, &outcome)?;
    let text = fs::read_to_string(output).unwrap_or_default();
    Ok(counter.parse(&text).map(|calls| calls as f64 / outcome.operations.max(1) as f64))
}

/// Ends the counting program so that it writes its sum.
fn interrupt(child: &mut Child) -> Result<(), Error> {
    let pid = Pid::from_raw(child.id().cast_signed());
    let _ = kill(pid, Signal::SIGINT);
    let deadline = Instant::now() + Duration::from_secs(5);
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The line of the event: `count,unit,event,...`; the count is `<not ...>` where perf may not.
fn parse_perf(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("raw_syscalls:sys_enter"))?;
    line.split(',').next()?.trim().parse().ok()
}

/// The line of the sum: `100.00 seconds usecs/call calls [errors] total`.
fn parse_strace(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.trim_end().ends_with(" total"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

const ATTACH: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_perf_is_found() {
        let text = "# started on\n\n60123,,raw_syscalls:sys_enter,1000,100.00,,\n";
        assert_eq!(parse_perf(text), Some(60_123));
        assert_eq!(parse_perf("<not supported>,,raw_syscalls:sys_enter,0,100.00,,"), None);
        assert_eq!(parse_perf("Access denied"), None);
    }

    #[test]
    fn the_sum_of_strace_is_found() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                     60.00    0.100000           5     20000       100 read\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.200000           4     40012       100 total\n";
        assert_eq!(parse_strace(text), Some(40_012));
        assert_eq!(parse_strace(""), None);
    }
}
