//! What all measurements share: the programs, the load on its core, sampling in rounds.
//! Runs on the load's core; servers are pinned elsewhere when they are started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::error::Error;
use super::generator::engine::{self, Mark, Outcome};
use super::generator::keys::Distribution;
use super::generator::plan::{Limit, Mix, Operation, Plan};
use super::options::Options;
use super::procfs;
use super::progress::Progress;
use super::results::Results;
use super::server::{Program, Server, Setup};
use super::statistics::{median, spread};

/// The bench everything is measured on.
pub struct Lab {
    /// The command line.
    pub options: Options,
    /// The judged program, Redis, and Valkey unless left out: the order of columns.
    pub programs: Vec<Program>,
    /// Where results are kept.
    pub results: Results,
    /// Tells what is going on.
    pub progress: Progress,
    /// Set by a signal: end soon.
    pub stop: Arc<AtomicBool>,
}

/// A server to be sampled, with the replicas that follow it.
pub struct Subject {
    /// Name in records and warnings.
    pub name: String,
    /// The sampled server.
    pub server: Server,
    /// Its replicas; all have caught up when a sample begins.
    pub replicas: Vec<Server>,
}

/// A kind of load; the plan's address is filled in for each subject.
pub struct Case {
    /// Name in tables and records.
    pub name: String,
    /// What to send.
    pub plan: Plan,
}

/// One sample of one subject.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// CPU microseconds of an operation.
    pub cpu_us: f64,
    /// Operations a second.
    pub per_second: f64,
    /// Part of a core the server used.
    pub share: f64,
    /// Part of the server's core that something else used; 0 where the server has several cores.
    pub others: f64,
}

/// The samples of all rounds, by case and subject.
pub struct Grid {
    samples: Vec<Vec<Vec<Sample>>>,
}

impl Grid {
    /// The median over the rounds.
    pub fn median(&self, case: usize, subject: usize, field: fn(&Sample) -> f64) -> f64 {
        median(&self.values(case, subject, field)).unwrap_or(f64::NAN)
    }

    /// The medians of one case over all subjects.
    pub fn medians(&self, case: usize, field: fn(&Sample) -> f64) -> Vec<Option<f64>> {
        (0..self.samples[case].len())
            .map(|subject| Some(self.median(case, subject, field)))
            .collect()
    }

    /// The worst spread of a case over all subjects.
    pub fn spread(&self, case: usize, field: fn(&Sample) -> f64) -> f64 {
        (0..self.samples[case].len())
            .map(|subject| spread(&self.values(case, subject, field)))
            .fold(0.0, f64::max)
    }

    /// Warnings if some case's CPU time differs much between rounds, or if something else ran on
    /// the server's core.
    pub fn noise(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let spreads = (0..self.samples.len()).map(|case| self.spread(case, |s| s.cpu_us));
        let worst = spreads.fold(0.0, f64::max);
        if worst > NOISY_SPREAD {
            warnings.push(format!(
                "WARNING: rounds differ by up to {:.0} %: this machine is noisy, repeat with more \
                 rounds before judging by it",
                worst * 100.0
            ));
        }
        let samples = self.samples.iter().flatten().flatten();
        let others = samples.map(|sample| sample.others).fold(0.0, f64::max);
        if others > BUSY_SHARE {
            warnings.push(format!(
                "WARNING: something else took up to {:.0} % of the server's core during a sample",
                others * 100.0
            ));
        }
        warnings
    }

    /// The values of all rounds, in their order.
    pub fn values(&self, case: usize, subject: usize, field: fn(&Sample) -> f64) -> Vec<f64> {
        self.samples[case][subject].iter().map(field).collect()
    }
}

impl Lab {
    /// Names of the programs: the usual columns.
    pub fn names(&self) -> Vec<String> {
        self.programs.iter().map(|program| program.name.clone()).collect()
    }

    /// A server of each program with one shard on the server core, and warnings.
    pub fn one_of_each(&self) -> Result<(Vec<Subject>, Vec<String>), Error> {
        let setup = Setup::on(self.options.server_core);
        let mut subjects = Vec::new();
        for program in &self.programs {
            subjects.push(self.subject(&program.name, program, &setup)?);
        }
        let warnings = self.warnings(&subjects)?;
        Ok((subjects, warnings))
    }

    /// A started server as a subject without replicas.
    pub fn subject(&self, name: &str, program: &Program, setup: &Setup) -> Result<Subject, Error> {
        let server = Server::start(program, setup)?;
        Ok(Subject { name: name.to_owned(), server, replicas: Vec::new() })
    }

    /// Subjects whose threads are not where they were put, and cores that are busy already.
    pub fn warnings(&self, subjects: &[Subject]) -> Result<Vec<String>, Error> {
        let both = [self.options.server_core, self.options.load_core];
        let mut warnings = Vec::new();
        for subject in subjects {
            warnings.extend(subject.server.misplaced(&both)?);
        }
        let before = procfs::core_ticks()?;
        thread::sleep(BUSY_WINDOW);
        let after = procfs::core_ticks()?;
        for core in both {
            let share = procfs::busy_share(&before, &after, core).unwrap_or(0.0);
            if share > BUSY_SHARE {
                warnings.push(format!(
                    "WARNING: core {core} was {:.0} % busy with something else at the beginning",
                    share * 100.0
                ));
            }
        }
        Ok(warnings)
    }

    /// The usual plan: 50 connections, 64-byte values, 100 k keys, timed as the options say.
    pub fn plan(&self, mix: Mix, pipeline: usize) -> Plan {
        let nowhere = ([127, 0, 0, 1], 0).into();
        let mut plan = Plan::new(nowhere, mix, Limit::Time(self.options.sample_time()));
        plan.warm_up = self.options.warm_up();
        plan.pipeline = pipeline;
        plan.stop = Some(Arc::clone(&self.stop));
        plan
    }

    /// Sets the keys 0 to `keys`, one after the other.
    pub fn fill(&self, server: &Server, keys: u64, value_bytes: usize) -> Result<(), Error> {
        self.fill_on(server, 0, keys, value_bytes)
    }

    /// Sets the keys `first` to `keys`, so that there are `keys` where there were `first`.
    pub fn fill_on(
        &self,
        server: &Server,
        first: u64,
        keys: u64,
        value_bytes: usize,
    ) -> Result<(), Error> {
        self.progress.step(&format!("{}: filling {keys} keys", server.name));
        let set = Mix::only(Operation::Set);
        let mut plan = Plan::new(server.address(), set, Limit::Operations(keys - first));
        plan.pipeline = 100;
        plan.first_key = first;
        plan.keys = keys;
        plan.value_bytes = value_bytes;
        plan.distribution = Distribution::Sequential;
        plan.stop = Some(Arc::clone(&self.stop));
        let outcome = engine::run(&plan, &mut |_| {})?;
        self.check(server, &outcome)
    }

    /// Samples every case on every subject, in turn, round by round, and keeps the samples.
    pub fn rounds(
        &mut self,
        measurement: &str,
        cases: &[Case],
        subjects: &[Subject],
    ) -> Result<Grid, Error> {
        let rounds = self.options.rounds();
        let mut samples = vec![vec![Vec::with_capacity(rounds); subjects.len()]; cases.len()];
        for round in 1..=rounds {
            for (case_index, case) in cases.iter().enumerate() {
                for (index, subject) in subjects.iter().enumerate() {
                    self.progress
                        .step(&format!("{}, {}, round {round}/{rounds}", case.name, subject.name));
                    let (sample, outcome) = self.sample_enough(subject, &case.plan)?;
                    samples[case_index][index].push(sample);
                    let micros =
                        |percent| outcome.latency.value_at_percentile(percent) as f64 / 1000.0;
                    self.results.record(
                        "sample",
                        &[
                            ("measurement", measurement.into()),
                            ("case", case.name.clone().into()),
                            ("subject", subject.name.clone().into()),
                            ("round", (round as f64).into()),
                            ("operations", (outcome.operations as f64).into()),
                            ("null_replies", (outcome.nulls as f64).into()),
                            ("seconds", outcome.elapsed.as_secs_f64().into()),
                            ("cpu_us_per_operation", sample.cpu_us.into()),
                            ("per_second", sample.per_second.into()),
                            ("server_core_share", sample.share.into()),
                            ("others_core_share", sample.others.into()),
                            ("p50_us", micros(50.0).into()),
                            ("p99_us", micros(99.0).into()),
                            ("max_us", micros(100.0).into()),
                        ],
                    )?;
                }
            }
        }
        Ok(Grid { samples })
    }

    /// A sample with enough replies to divide by: on a busy machine a server may not run at all
    /// for seconds, and nothing divided by nothing would look like a very good figure.
    fn sample_enough(&self, subject: &Subject, plan: &Plan) -> Result<(Sample, Outcome), Error> {
        let enough = (BATCHES_MIN * plan.connections * plan.pipeline) as u64;
        for _ in 0..ATTEMPTS {
            let (sample, outcome) = self.sample(subject, plan)?;
            if outcome.operations >= enough {
                return Ok((sample, outcome));
            }
        }
        Err(Error::Starved { server: subject.name.clone(), enough, attempts: ATTEMPTS })
    }

    fn sample(&self, subject: &Subject, plan: &Plan) -> Result<(Sample, Outcome), Error> {
        for replica in &subject.replicas {
            replica.wait_caught_up(&subject.server, CATCH_UP_TIMEOUT)?;
        }
        let mut plan = plan.clone();
        plan.address = subject.server.address();
        let mut readings = Vec::with_capacity(2);
        let outcome = engine::run(&plan, &mut |mark| match mark {
            Mark::Begin | Mark::End => {
                readings
                    .push(subject.server.cpu_time().and_then(|t| Ok((t, procfs::core_ticks()?))));
            }
        })?;
        self.check(&subject.server, &outcome)?;
        let mut readings = readings.into_iter();
        let (Some(begin), Some(end)) = (readings.next(), readings.next()) else {
            return Err(Error::Interrupted);
        };
        let ((begin, ticks_before), (end, ticks_after)) = (begin?, end?);
        let used = end.since(&begin);
        let core = self.options.server_core;
        let one_core = subject.server.misplaced(&[core])?.is_none();
        let busy = procfs::busy_share(&ticks_before, &ticks_after, core).filter(|_| one_core);
        let sample = Sample {
            cpu_us: used.micros_each(outcome.operations),
            per_second: outcome.per_second(),
            share: used.share(),
            others: busy.map_or(0.0, |busy| (busy - used.share()).max(0.0)),
        };
        Ok((sample, outcome))
    }

    /// Refuses an outcome with error replies, and ends the run after a signal.
    pub fn check(&self, server: &Server, outcome: &Outcome) -> Result<(), Error> {
        self.go_on()?;
        match &outcome.first_error {
            None => Ok(()),
            Some(error) => Err(Error::Answer {
                server: server.name.clone(),
                request: format!("{} requests of the load", outcome.errors),
                answer: error.clone(),
            }),
        }
    }

    /// Ends the run after a signal.
    pub fn go_on(&self) -> Result<(), Error> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Batches each connection must complete, on the average, for a sample to count.
const BATCHES_MIN: usize = 5;
/// Samples taken in the hope that one has enough replies.
const ATTEMPTS: usize = 4;
/// Rounds that differ by more than this part of their median make a figure doubtful.
const NOISY_SPREAD: f64 = 0.15;
/// A core that is busier than this before anything was measured is worth a warning.
const BUSY_SHARE: f64 = 0.10;
const BUSY_WINDOW: Duration = Duration::from_millis(300);
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);
