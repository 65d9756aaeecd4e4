//! Time from a write's reply on the master to its visibility on a replica.
//!
//! One client writes a rising number and then reads it from the replica until it is there. What a
//! read sees at its first attempt counts with that read's round trip, so a round trip is the
//! resolution; it is printed beside. Keys change, so that all shards of a server take part.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::connection::{Connection, Reply};
use crate::error::Error;
use crate::generator::engine;
use crate::generator::plan::{Limit, Mix, Operation, Plan};
use crate::histogram::{Curve, Panel, drawing};
use crate::lab::{Lab, Subject};
use crate::server::{Server, Setup};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let subjects = subjects(lab)?;
    let mut notes = lab.warnings(&subjects)?;
    let redis = subjects.iter().position(|subject| subject.name == "redis").unwrap_or(0);
    let (mut rows, mut panels) = (Vec::new(), Vec::new());
    for half_load in [false, true] {
        let name = if half_load { "half load" } else { "idle" };
        let mut seen = Vec::new();
        for subject in &subjects {
            lab.progress.step(&format!("{name}, {}", subject.name));
            let rate = if half_load { Some(full_rate(lab, subject)? / 2.0) } else { None };
            let histograms = observe(lab, subject, rate)?;
            record(lab, (name, subject, rate), &histograms.delay)?;
            seen.push(histograms);
        }
        for (label, percent) in [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0)] {
            let at = |seen: &Seen| seen.delay.value_at_percentile(percent);
            let mut row = row(format!("{name}, {label}"), &seen, redis, at);
            row.target = ["p50", "p99"].contains(&label).then_some(Target::AtMost(1.0));
            rows.push(row);
        }
        let round_trip = |seen: &Seen| seen.round_trip.value_at_percentile(50.0);
        rows.push(row(format!("{name}, GET round trip p50"), &seen, redis, round_trip));
        let curves = subjects.iter().zip(&seen).map(|(subject, seen)| curve(subject, seen));
        panels.push(Panel { title: name.to_owned(), curves: curves.collect() });
    }
    let title = "From the reply on the master to visibility on a replica".to_owned();
    lab.results.plot("visibility-histogram", &drawing(&title, &panels))?;
    notes.push("half load: pipeline-16 SET at half the rate reached before, 50 connections".into());
    notes
        .push("client, load and replica share one core: at half load their turns count too".into());
    Ok(Table {
        title,
        subjects: subjects.into_iter().map(|subject| subject.name).collect(),
        figure: "1 shard/redis".to_owned(),
        rows,
        notes,
    })
}

/// Masters with a replica each: our server with one and with two shards on both sides, and the
/// others.
fn subjects(lab: &Lab) -> Result<Vec<Subject>, Error> {
    let mut subjects = Vec::new();
    for (index, program) in lab.programs.iter().enumerate() {
        for shards in if index == 0 { 1..=2 } else { 1..=1 } {
            let name = match (index, shards) {
                (0, 1) => "own 1 shard".to_owned(),
                (0, _) => "own 2 shards".to_owned(),
                _ => program.name.clone(),
            };
            let setup = Setup { shards, ..Setup::on(lab.options.server_core) };
            let mut subject = lab.subject(&name, program, &setup)?;
            let mut setup = Setup { shards, ..Setup::on(lab.options.load_core) };
            setup.nice = lab.options.replica_nice;
            setup.replica_of = Some(subject.server.port());
            subject.replicas.push(Server::start(program, &setup)?);
            subjects.push(subject);
        }
    }
    Ok(subjects)
}

fn curve(subject: &Subject, seen: &Seen) -> Curve {
    let recorded = seen.delay.iter_recorded();
    let counts = recorded.map(|at| (at.value_iterated_to() as f64 / 1e3, at.count_at_value()));
    Curve { name: subject.name.clone(), counts: counts.collect() }
}

struct Seen {
    /// Nanoseconds from reply to visibility.
    delay: Histogram<u64>,
    /// Nanoseconds of one GET on the replica.
    round_trip: Histogram<u64>,
}

fn row(case: String, seen: &[Seen], redis: usize, value: impl Fn(&Seen) -> u64) -> Row {
    let values: Vec<_> = seen.iter().map(|seen| Some(value(seen) as f64 / 1000.0)).collect();
    let figure = values[0].zip(values[redis]).map(|(own, redis)| own / redis);
    Row { case, unit: "µs", values, figure, target: None, spread: 0.0 }
}

fn record(
    lab: &mut Lab,
    (case, subject, rate): (&str, &Subject, Option<f64>),
    delay: &Histogram<u64>,
) -> Result<(), Error> {
    let mut fields = vec![
        ("measurement", "visibility".into()),
        ("case", case.into()),
        ("subject", subject.name.clone().into()),
        ("rate_per_second", rate.unwrap_or(0.0).into()),
        ("samples", (delay.len() as f64).into()),
    ];
    let percents = [
        ("p10_us", 10.0),
        ("p25_us", 25.0),
        ("p50_us", 50.0),
        ("p75_us", 75.0),
        ("p90_us", 90.0),
        ("p99_us", 99.0),
        ("p99_9_us", 99.9),
        ("max_us", 100.0),
    ];
    for (name, percent) in percents {
        fields.push((name, (delay.value_at_percentile(percent) as f64 / 1000.0).into()));
    }
    lab.results.record("sample", &fields)
}

fn load_plan(lab: &Lab, subject: &Subject) -> Plan {
    let mut plan = lab.plan(Mix::only(Operation::Set), 16);
    plan.address = subject.server.address();
    plan
}

/// SETs a second the subject reaches with its replica.
fn full_rate(lab: &Lab, subject: &Subject) -> Result<f64, Error> {
    let mut plan = load_plan(lab, subject);
    plan.limit = Limit::Time(Duration::from_secs(1));
    let outcome = engine::run(&plan, &mut |_| {})?;
    lab.check(&subject.server, &outcome)?;
    Ok(outcome.per_second())
}

/// Observes writes, with background load where a rate is given.
fn observe(lab: &Lab, subject: &Subject, rate: Option<f64>) -> Result<Seen, Error> {
    for replica in &subject.replicas {
        replica.wait_caught_up(&subject.server, Duration::from_secs(60))?;
    }
    let Some(rate) = rate else {
        return probe(lab, subject);
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut plan = load_plan(lab, subject);
    plan.limit = Limit::Time(Duration::from_secs(3600));
    plan.rate = Some(rate);
    plan.stop = Some(Arc::clone(&stop));
    let load = thread::spawn(move || engine::run(&plan, &mut |_| {}));
    let seen = probe(lab, subject);
    stop.store(true, Ordering::Relaxed);
    let outcome = load.join().expect("an engine does not panic")?;
    lab.check(&subject.server, &outcome)?;
    seen
}

fn probe(lab: &Lab, subject: &Subject) -> Result<Seen, Error> {
    let mut master = subject.server.connect()?;
    let mut replica = subject.replicas[0].connect()?;
    let mut seen =
        Seen { delay: engine::latency_histogram(), round_trip: engine::latency_histogram() };
    let samples = if lab.options.quick { 300 } else { 3000 };
    for number in 0..samples {
        lab.go_on()?;
        let written = number.to_string();
        let key = format!("visibility:{}", number % PROBES);
        let reply = master.ask(&["SET", &key, &written])?;
        if reply != Reply::Text("OK".to_owned()) {
            return Err(Error::Answer {
                server: subject.name.clone(),
                request: "SET".to_owned(),
                answer: format!("{reply:?}"),
            });
        }
        let began = Instant::now();
        while !is_visible(&mut replica, (&key, &written), &mut seen.round_trip)? {
            if began.elapsed() > GIVE_UP {
                let what = format!("a write is visible on the replica of {}", subject.name);
                return Err(Error::Timeout { what, seconds: GIVE_UP.as_secs() });
            }
        }
        seen.delay.saturating_record((began.elapsed().as_nanos() as u64).max(1));
        thread::sleep(PAUSE);
    }
    Ok(seen)
}

fn is_visible(
    replica: &mut Connection,
    (key, written): (&str, &str),
    round_trip: &mut Histogram<u64>,
) -> Result<bool, Error> {
    let asked = Instant::now();
    let reply = replica.ask(&["GET", key])?;
    round_trip.saturating_record((asked.elapsed().as_nanos() as u64).max(1));
    Ok(matches!(reply, Reply::Text(text) if text == written))
}

/// Keys written in turn.
const PROBES: u32 = 64;
const GIVE_UP: Duration = Duration::from_secs(20);
/// Between two writes, so that an idle server is idle.
const PAUSE: Duration = Duration::from_millis(1);
