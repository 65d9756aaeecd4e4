//! The command line of `compare-speed`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Measures this server beside stock Redis and Valkey and prints tables with targets.
///
/// All servers of a measurement are started at its beginning, listen on loopback and are pinned to
/// one core; the load is pinned to another. They are measured in turn, round by round, and the
/// median of the rounds is printed. CPU per operation is the server's user and system time, all
/// threads, children not, in microseconds, divided by the replies in the same span. The figure a
/// row is judged by is named in the heading of its column. A missed target is not an error.
///
/// Raw results (JSON lines), tables and bar charts go to the results folder.
#[derive(Debug, Clone, Parser)]
#[command(name = "compare-speed", version)]
pub struct Options {
    /// Measurements to make, by name; default: all.
    pub measurements: Vec<String>,
    /// List the measurements and end.
    #[arg(long)]
    pub list: bool,
    /// Short: one round, 1 s a sample, smaller data sets. Too noisy to judge by.
    #[arg(long)]
    pub quick: bool,
    /// Rounds, each measuring every case on every server; default 3, with --quick 1.
    #[arg(long)]
    pub rounds: Option<usize>,
    /// Seconds of each sample; default 3, with --quick 1.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Seconds of load before each sample; default 0.5, with --quick 0.2.
    #[arg(long)]
    pub warm_up: Option<f64>,
    /// The server to judge; default: `tributary-server` beside this program.
    #[arg(long)]
    pub own_binary: Option<PathBuf>,
    /// Stock Redis, the base of every ratio (targets are meant against 7.0.15).
    #[arg(long, default_value = "redis-server")]
    pub redis_binary: PathBuf,
    /// Stock Valkey, printed beside.
    #[arg(long, default_value = "valkey-server")]
    pub valkey_binary: PathBuf,
    /// Leave Valkey out.
    #[arg(long)]
    pub no_valkey: bool,
    /// Core of the measured servers.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// Core of the load, and of replicas.
    #[arg(long, default_value_t = 1)]
    pub load_core: usize,
    /// Niceness of replicas, which share the load's core; 0: an equal share.
    #[arg(long, default_value_t = 0)]
    pub replica_nice: u32,
    /// Folder of the results.
    #[arg(long, default_value = "benches/results")]
    pub results: PathBuf,
}

impl Options {
    /// Rounds of each measurement, at least 1.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1)
    }

    /// Length of each sample.
    pub fn sample_time(&self) -> Duration {
        let seconds = self.seconds.unwrap_or(if self.quick { 1.0 } else { 3.0 });
        Duration::from_secs_f64(seconds.clamp(0.05, 3600.0))
    }

    /// Load before each sample.
    pub fn warm_up(&self) -> Duration {
        let seconds = self.warm_up.unwrap_or(if self.quick { 0.2 } else { 0.5 });
        Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))
    }
}
