//! `compare-speed`: measures this server beside stock Redis and Valkey.
//!
//! The main thread, pinned to the load's core, starts servers on theirs, generates the load and
//! reads what the kernel counted. A missed target is printed; only errors end with another code.

mod connection;
mod error;
#[path = "../load/generator/mod.rs"]
mod generator;
mod histogram;
mod lab;
mod measure;
mod options;
mod procfs;
mod progress;
mod replay;
mod results;
mod server;
mod statistics;
mod svg;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use error::Error;
use lab::Lab;
use measure::catalogue::{ALL, Measurement};
use options::Options;
use progress::Progress;
use results::{Field, Results};
use server::Program;

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        for measurement in &ALL {
            println!("{:16} {}", measurement.name, measurement.about);
        }
        return ExitCode::SUCCESS;
    }
    match compare(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare-speed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: Options) -> Result<(), Error> {
    let chosen = choose(&options.measurements)?;
    let programs = programs(&options)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let results = Results::create(&options.results, &command_line(), &head(&options, &programs))?;
    server::pin(&[options.load_core])?;
    let progress = Progress::new(chosen.len());
    let mut lab = Lab { options, programs, results, progress, stop };
    let mut failed = None;
    for measurement in chosen {
        lab.progress.begin(measurement.name);
        let table = (measurement.run)(&mut lab);
        lab.progress.clear();
        match table {
            Ok(table) => {
                lab.results.table(measurement.name, &table)?;
                print!("{}", table.render());
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // The others can still be made.
            Err(error) => {
                eprintln!("compare-speed: {}: {error}", measurement.name);
                failed = Some(measurement.name);
            }
        }
    }
    println!("\nraw results: {}", lab.results.path().display());
    match failed {
        None => Ok(()),
        Some(name) => Err(Error::Usage(format!("not all could be measured, last {name}"))),
    }
}

fn choose(names: &[String]) -> Result<Vec<&'static Measurement>, Error> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let unknown = || Error::Usage(format!("no measurement is named {name:?}; see --list"));
        ALL.iter().find(|measurement| measurement.name == name).ok_or_else(unknown)
    };
    names.iter().map(find).collect()
}

fn programs(options: &Options) -> Result<Vec<Program>, Error> {
    let beside = || {
        let here = std::env::current_exe().unwrap_or_default();
        here.parent().map_or_else(PathBuf::new, |folder| folder.join("tributary-server"))
    };
    let own = options.own_binary.clone().unwrap_or_else(beside);
    let mut programs = vec![Program::find("own", &own)?];
    programs.push(Program::find("redis", &options.redis_binary)?);
    if !options.no_valkey {
        programs.push(Program::find("valkey", &options.valkey_binary)?);
    }
    if !programs[0].has_shards {
        eprintln!("note: {} stands in for our own server", programs[0].version);
    }
    Ok(programs)
}

/// What repeats this run.
fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    std::iter::once("tools/compare-speed".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn head(options: &Options, programs: &[Program]) -> Vec<(&'static str, Field)> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or_else(String::new, |(_, model)| model.trim().to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut head: Vec<(&'static str, Field)> = vec![
        ("cpu", model.into()),
        ("cores", (cores as f64).into()),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().into()),
        ("rounds", (options.rounds() as f64).into()),
        ("sample_seconds", options.sample_time().as_secs_f64().into()),
        ("server_core", (options.server_core as f64).into()),
        ("load_core", (options.load_core as f64).into()),
    ];
    let names = ["own", "redis", "valkey"];
    head.extend(names.into_iter().zip(programs).map(|(name, p)| (name, p.version.clone().into())));
    head
}
