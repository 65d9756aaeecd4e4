//! `load`: puts load on a RESP server and prints throughput and latency.
//!
//! Each thread is one engine with its share of the connections; they share nothing until the end.

mod generator;
mod options;
mod report;

use std::process::ExitCode;
use std::thread;

use clap::Parser;
use generator::engine::{self, Outcome};
use generator::error::LoadError;
use generator::keys::Distribution;
use generator::plan::{Limit, Mix, Operation, Plan};
use options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    match measure(&options) {
        Ok(outcome) => {
            println!("{}", report::render(&outcome, options.json));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<Outcome, LoadError> {
    if let Some(core) = options.core {
        pin(core)?;
    }
    let address = options.address()?;
    if options.fill {
        let limit = Limit::Operations(options.keys);
        let mut plan = Plan::new(address, Mix::only(Operation::Set), limit);
        plan.pipeline = 100;
        plan.keys = options.keys;
        plan.value_bytes = options.value_bytes;
        plan.distribution = Distribution::Sequential;
        engine::run(&plan, &mut |_| {})?;
    }
    let plans: Vec<Plan> = options.plans(address);
    let threads: Vec<_> = plans
        .into_iter()
        .map(|plan| thread::spawn(move || engine::run(&plan, &mut |_| {})))
        .collect();
    let outcomes: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().expect("an engine does not panic"))
        .collect::<Result<_, _>>()?;
    Ok(report::sum(outcomes))
}

/// Keeps this thread, and those it starts, on one core.
fn pin(core: usize) -> Result<(), LoadError> {
    let mut cores = nix::sched::CpuSet::new();
    cores.set(core)?;
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &cores)?;
    Ok(())
}
