//! Full resynchronization of a large data set while SETs come at full rate.
//!
//! The master keeps its core; load, probe and replica share the other. The replica is started
//! beforehand and then told to follow, so that the time is that of the resynchronization alone. One
//! round, unless rounds are asked for: it is long, and what varies is seen within it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::generator::engine::{self, Outcome};
use crate::generator::error::LoadError;
use crate::generator::plan::{Limit, Mix, Operation, Plan};
use crate::lab::{Lab, Subject};
use crate::procfs;
use crate::server::{Server, Setup, wait_until};
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let keys = if lab.options.quick { 200_000 } else { 5_000_000 };
    let (subjects, mut notes) = lab.one_of_each()?;
    for subject in &subjects {
        lab.fill(&subject.server, keys, VALUE_BYTES)?;
    }
    let rounds = lab.options.rounds.unwrap_or(1).max(1);
    let mut observed: Vec<Vec<Observed>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        for (index, subject) in subjects.iter().enumerate() {
            lab.progress.step(&format!("{}, round {round}/{rounds}", subject.name));
            let seen = resynchronize(lab, index, subject, keys)?;
            if let Some(note) = &seen.note {
                notes.push(format!("WARNING: {}, round {round}: {note}", subject.name));
            }
            let mut fields = vec![
                ("measurement", "full-resync".into()),
                ("subject", subject.name.clone().into()),
            ];
            fields.push(("round", (round as f64).into()));
            fields.extend(
                FIGURES.iter().map(|f| (f.key, (f.value)(&seen).unwrap_or(f64::NAN).into())),
            );
            lab.results.record("sample", &fields)?;
            observed[index].push(seen);
        }
    }
    let rows = FIGURES.iter().map(|figure| row(figure, &observed)).collect();
    notes.push(format!(
        "MB/s counts keys and values ({} bytes a key) over the time until the link is up",
        KEY_AND_VALUE
    ));
    notes.push("stalls: longest wait for a GET, one a millisecond, by a client of its own".into());
    notes.push("memory: master and its child, pages that both have counted once".to_owned());
    notes.push("a child the master forks shares the master's core".to_owned());
    Ok(Table {
        title: format!("Full resynchronization of {keys} keys under SETs at pipeline 16"),
        subjects: lab.names(),
        figure: "figure".to_owned(),
        rows,
        notes,
    })
}

/// What one resynchronization showed.
#[derive(Debug, Default)]
struct Observed {
    keys: u64,
    link_up: Option<Duration>,
    caught_up: Option<Duration>,
    full_resyncs: u64,
    stall: Duration,
    stall_before: Duration,
    per_second: f64,
    same_keys: bool,
    received: u64,
    memory_before: u64,
    memory_peak: u64,
    note: Option<String>,
}

/// A line of the table.
struct Figure {
    key: &'static str,
    case: &'static str,
    unit: &'static str,
    value: fn(&Observed) -> Option<f64>,
    target: Option<Target>,
}

const FIGURES: [Figure; 11] = [
    Figure {
        key: "seconds",
        case: "until the link is up (own/redis)",
        unit: "s",
        value: |seen| seen.link_up.map(|time| time.as_secs_f64()),
        target: None,
    },
    Figure {
        key: "mb_per_second",
        case: "data moved (own/redis)",
        unit: "MB/s",
        value: |seen| {
            let bytes = (seen.keys * KEY_AND_VALUE) as f64;
            seen.link_up.map(|time| bytes / 1e6 / time.as_secs_f64())
        },
        target: None,
    },
    Figure {
        key: "received_mb",
        case: "received until then (own/redis)",
        unit: "MB",
        value: |seen| Some(seen.received as f64 / 1e6),
        target: None,
    },
    Figure {
        key: "memory_before_mb",
        case: "memory before (own/redis)",
        unit: "MB",
        value: |seen| Some(seen.memory_before as f64 / 1e6),
        target: None,
    },
    Figure {
        key: "memory_peak_mb",
        case: "peak memory, child included (own/redis)",
        unit: "MB",
        value: |seen| Some(seen.memory_peak as f64 / 1e6),
        target: None,
    },
    Figure {
        key: "sync_full",
        case: "full resynchronizations (own)",
        unit: "count",
        value: |seen| Some(seen.full_resyncs as f64),
        target: Some(Target::Exactly(1.0)),
    },
    Figure {
        key: "same_keys",
        case: "replica has the same keys (own)",
        unit: "1 = yes",
        value: |seen| Some(f64::from(u8::from(seen.same_keys))),
        target: Some(Target::Exactly(1.0)),
    },
    Figure {
        key: "stall_ms",
        case: "longest stall of a client (own/redis)",
        unit: "ms",
        value: |seen| Some(seen.stall.as_secs_f64() * 1e3),
        target: None,
    },
    Figure {
        key: "stall_before_ms",
        case: "longest stall before (own/redis)",
        unit: "ms",
        value: |seen| Some(seen.stall_before.as_secs_f64() * 1e3),
        target: None,
    },
    Figure {
        key: "sets_per_second",
        case: "SETs meanwhile (own/redis)",
        unit: "op/s",
        value: |seen| Some(seen.per_second),
        target: None,
    },
    Figure {
        key: "catch_up_seconds",
        case: "catching up after the load's end (own/redis)",
        unit: "s",
        value: |seen| seen.caught_up.map(|time| time.as_secs_f64()),
        target: None,
    },
];

fn row(figure: &Figure, observed: &[Vec<Observed>]) -> Row {
    let values: Vec<Vec<f64>> =
        observed.iter().map(|rounds| rounds.iter().filter_map(figure.value).collect()).collect();
    // A count that was wrong once is wrong: the worst round is judged, not the median.
    let summed = |values: &Vec<f64>| match figure.target {
        Some(Target::Exactly(count)) => {
            values.iter().copied().max_by(|a, b| (a - count).abs().total_cmp(&(b - count).abs()))
        }
        _ => median(values),
    };
    let medians: Vec<_> = values.iter().map(summed).collect();
    let judged = match figure.target {
        Some(_) => medians[0],
        None => medians[0].zip(medians[1]).map(|(own, redis)| own / redis),
    };
    Row {
        case: figure.case.to_owned(),
        unit: figure.unit,
        values: medians,
        figure: judged,
        target: figure.target,
        spread: values.iter().map(|values| spread(values)).fold(0.0, f64::max),
    }
}

/// Lets a fresh replica follow the subject under load and watches.
fn resynchronize(lab: &Lab, index: usize, subject: &Subject, keys: u64) -> Result<Observed, Error> {
    let master = &subject.server;
    let replica = Server::start(&lab.programs[index], &Setup::on(lab.options.load_core))?;
    let mut seen = Observed { keys, ..Observed::default() };
    let load = Background::start(load_plan(lab, master, keys));
    let probe = Background::start(probe_plan(lab, master, keys));
    thread::sleep(BEFORE);
    seen.stall_before = Duration::from_nanos(probe.finish()?.latency.max());

    seen.memory_before = procfs::proportional_bytes(master.pid())?;
    let memory = Peak::watch(master.pid());
    let full_before = master.info_number("stats", "sync_full")?;
    let probe = Background::start(probe_plan(lab, master, keys));
    let port = master.port().to_string();
    replica.ask(&["REPLICAOF", "127.0.0.1", &port])?;
    let began = Instant::now();
    let timeout = Duration::from_secs(if lab.options.quick { 30 } else { 120 });
    let up = wait_until("the link is up", timeout, || {
        lab.go_on()?;
        let status = replica.connect()?.info("replication", "master_link_status")?;
        Ok(status.as_deref() == Some("up"))
    });
    match up {
        Ok(()) => seen.link_up = Some(began.elapsed()),
        Err(Error::Timeout { seconds, .. }) => {
            seen.note = Some(format!("under load the link did not come up in {seconds} s"));
        }
        Err(error) => return Err(error),
    }
    seen.received = replica.info_number("stats", "total_net_repl_input_bytes")?;
    // Keeps writing for a while: a replica that cannot follow is thrown out only now.
    thread::sleep(BEFORE);
    seen.stall = Duration::from_nanos(probe.finish()?.latency.max());
    seen.memory_peak = memory.finish().max(seen.memory_before);
    let outcome = load.finish()?;
    lab.check(master, &outcome)?;
    seen.per_second = outcome.per_second();
    let ended = Instant::now();
    replica.wait_caught_up(master, timeout)?;
    seen.caught_up = Some(ended.elapsed());
    seen.full_resyncs = master.info_number("stats", "sync_full")? - full_before;
    seen.same_keys = replica.ask(&["DBSIZE"])? == master.ask(&["DBSIZE"])?;
    Ok(seen)
}

fn load_plan(lab: &Lab, master: &Server, keys: u64) -> Plan {
    let mut plan = lab.plan(Mix::only(Operation::Set), 16);
    plan.address = master.address();
    plan.limit = Limit::Time(FOREVER);
    plan.warm_up = Duration::ZERO;
    plan.keys = keys;
    plan.value_bytes = VALUE_BYTES;
    plan
}

fn probe_plan(lab: &Lab, master: &Server, keys: u64) -> Plan {
    let mut plan = load_plan(lab, master, keys);
    plan.mix = Mix::only(Operation::Get);
    plan.connections = 1;
    plan.pipeline = 1;
    plan.rate = Some(1000.0);
    plan
}

/// Load in a thread of its own, until `finish`.
struct Background {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Outcome, LoadError>>>,
}

impl Background {
    fn start(mut plan: Plan) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        plan.stop = Some(Arc::clone(&stop));
        let thread = thread::spawn(move || engine::run(&plan, &mut |_| {}));
        Self { stop, thread: Some(thread) }
    }

    fn finish(mut self) -> Result<Outcome, Error> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("only this call, which consumes, takes it");
        Ok(thread.join().expect("an engine does not panic")?)
    }
}

/// Watches the memory of a process with its children, until `finish`.
struct Peak {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Peak {
    fn watch(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut peak = 0;
            while !stopped.load(Ordering::Relaxed) {
                let children = procfs::children(pid).unwrap_or_default();
                // A child may end between the listing and the reading.
                let all = children.into_iter().chain([pid]);
                let now = all.filter_map(|pid| procfs::proportional_bytes(pid).ok()).sum();
                peak = peak.max(now);
                thread::sleep(MEMORY_PERIOD);
            }
            peak
        });
        Self { stop, thread: Some(thread) }
    }

    fn finish(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("only this call, which consumes, takes it");
        thread.join().expect("reading files does not panic")
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

const VALUE_BYTES: usize = 64;
const KEY_AND_VALUE: u64 = 16 + VALUE_BYTES as u64;
/// Load before the replica comes, and after it is up.
const BEFORE: Duration = Duration::from_secs(1);
/// Between two readings of memory; each takes some milliseconds of the load's core.
const MEMORY_PERIOD: Duration = Duration::from_millis(100);
/// Longer than any run: somebody stops it.
const FOREVER: Duration = Duration::from_secs(24 * 3600);
