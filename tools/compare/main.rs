//! `compare`: whether two servers hold the same data, and if not, which keys differ.
//!
//! One thread, one connection to each. Writes nothing.

mod options;
mod server;
#[path = "../shared/mod.rs"]
mod shared;
mod value;
mod walk;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use options::Options;
use server::{CompareError, Server};
use walk::Walk;

fn main() -> ExitCode {
    let mut options = Options::parse();
    options.first = options.first.or_password_of_environment();
    options.second = options.second.or_password_of_environment();
    match compare(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether they are equal; prints what it found.
fn compare(options: &Options) -> Result<bool, CompareError> {
    let timeout = Duration::from_secs(options.timeout);
    let mut first = Server::open(&options.first, timeout)?;
    let mut second = Server::open(&options.second, timeout)?;
    let mut digests_differ = false;
    if !options.walk {
        match (first.digest()?, second.digest()?) {
            (Ok(one), Ok(other)) if one == other => {
                tell(options, &format!("equal: both have the digest {one}"));
                return Ok(true);
            }
            (Ok(one), Ok(other)) => {
                tell(options, &format!("digests differ: {one} / {other}"));
                digests_differ = true;
            }
            (one, other) => {
                for (address, reply) in [(&options.first, one), (&options.second, other)] {
                    if let Err(refused) = reply {
                        tell(options, &format!("{address} refuses DEBUG DIGEST: {refused}"));
                    }
                }
            }
        }
    }
    let mut walk = Walk::new(options, [first, second]);
    let walked = walk.run()?;
    for finding in &walked.findings {
        print(&finding.line());
    }
    if !walked.complete {
        tell(options, "more keys may differ (--keys)");
    }
    if !walked.findings.is_empty() {
        return Ok(false);
    }
    if digests_differ && walk.digests_equal()? == Some(false) {
        print("no key stays different, but the digests do: the data may be changing");
        return Ok(false);
    }
    tell(options, &format!("equal: {} keys compared", walked.keys));
    Ok(true)
}

fn tell(options: &Options, text: &str) {
    if !options.quiet {
        print(text);
    }
}

fn print(text: &str) {
    // Nobody reads any more: the exit status still says what was found.
    let _ = writeln!(io::stdout(), "{text}");
}
