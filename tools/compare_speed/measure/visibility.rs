//! Time from a write's reply on the master to its visibility on a replica.
//!
//! One client writes a rising number and then reads it from the replica until it is there. What a
//! read sees at its first attempt counts with that read's round trip, so a round trip is the
//! resolution; it is printed beside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::connection::{Connection, Reply};
use crate::error::Error;
use crate::generator::engine;
use crate::generator::plan::{Limit, Mix, Operation, Plan};
use crate::lab::{Lab, Subject};
use crate::server::{Server, Setup};
use crate::table::{Row, Table};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (mut subjects, mut notes) = lab.one_of_each()?;
    for (subject, program) in subjects.iter_mut().zip(&lab.programs) {
        let mut setup = Setup::on(lab.options.load_core);
        setup.nice = lab.options.replica_nice;
        setup.replica_of = Some(subject.server.port());
        subject.replicas.push(Server::start(program, &setup)?);
    }
    let mut rows = Vec::new();
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
            rows.push(row(format!("{name}, {label}"), &seen, at));
        }
        let round_trip = |seen: &Seen| seen.round_trip.value_at_percentile(50.0);
        rows.push(row(format!("{name}, GET round trip p50"), &seen, round_trip));
    }
    notes.push("half load: pipeline-16 SET at half the rate reached before, 50 connections".into());
    notes
        .push("client, load and replica share one core: at half load their turns count too".into());
    Ok(Table {
        title: "From the reply on the master to visibility on a replica".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows,
        notes,
    })
}

struct Seen {
    /// Nanoseconds from reply to visibility.
    delay: Histogram<u64>,
    /// Nanoseconds of one GET on the replica.
    round_trip: Histogram<u64>,
}

fn row(case: String, seen: &[Seen], value: impl Fn(&Seen) -> u64) -> Row {
    let values: Vec<_> = seen.iter().map(|seen| Some(value(seen) as f64 / 1000.0)).collect();
    let figure = values[0].zip(values[1]).map(|(own, redis)| own / redis);
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
        let reply = master.ask(&["SET", PROBE, &written])?;
        if reply != Reply::Text("OK".to_owned()) {
            return Err(Error::Answer {
                server: subject.name.clone(),
                request: "SET".to_owned(),
                answer: format!("{reply:?}"),
            });
        }
        let began = Instant::now();
        while !is_visible(&mut replica, &written, &mut seen.round_trip)? {
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
    written: &str,
    round_trip: &mut Histogram<u64>,
) -> Result<bool, Error> {
    let asked = Instant::now();
    let reply = replica.ask(&["GET", PROBE])?;
    round_trip.saturating_record((asked.elapsed().as_nanos() as u64).max(1));
    Ok(matches!(reply, Reply::Text(text) if text == written))
}

const PROBE: &str = "visibility:probe";
const GIVE_UP: Duration = Duration::from_secs(20);
/// Between two writes, so that an idle server is idle.
const PAUSE: Duration = Duration::from_millis(1);
