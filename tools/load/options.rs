//! The command line of `load`. Owns nothing; turns options into plans.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::Parser;

use super::generator::error::LoadError;
use super::generator::keys::Distribution;
use super::generator::plan::{Limit, Mix, Plan};

/// Puts load on a Redis-compatible server and prints requests a second and latencies.
///
/// Each connection sends `--pipeline` requests at once and the next ones when all are answered.
/// Latency is the time from writing a batch to receiving each of its replies. Keys have 16 bytes.
#[derive(Debug, Parser)]
#[command(name = "load", version)]
pub struct Options {
    /// Host name or address of the server.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// TCP port of the server.
    #[arg(long, short, default_value_t = 6379)]
    pub port: u16,
    /// Connections, over all threads.
    #[arg(long, short, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: u32,
    /// Requests in flight on each connection.
    #[arg(long, short = 'P', default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub pipeline: u32,
    /// Bytes of each value.
    #[arg(long, short = 'd', default_value_t = 64)]
    pub value_bytes: usize,
    /// Distinct keys (of each tag, where keys are tagged).
    #[arg(long, short = 'k', default_value_t = 100_000)]
    pub keys: u64,
    /// How keys are drawn.
    #[arg(long, value_enum, default_value_t = Distribution::Uniform)]
    pub distribution: Distribution,
    /// What is sent, with weights: `set`, `get=9,set=1`, `mset10` (10 keys), `mget10`.
    #[arg(long, short, default_value = "set")]
    pub mix: Mix,
    /// Seconds that are measured.
    #[arg(long, short, default_value_t = 5.0)]
    pub seconds: f64,
    /// Send exactly so many requests instead of measuring for a time.
    #[arg(long, short = 'n', conflicts_with = "seconds")]
    pub count: Option<u64>,
    /// Seconds of load before measuring begins.
    #[arg(long, default_value_t = 0.5)]
    pub warm_up: f64,
    /// Requests a second at most, over all threads; default: as fast as replies come.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Threads, each with its share of the connections.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: u32,
    /// Keep all threads on this core.
    #[arg(long)]
    pub core: Option<usize>,
    /// Seed of the key choice.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Set every key once before measuring.
    #[arg(long)]
    pub fill: bool,
    /// Print one JSON object; times in it are microseconds.
    #[arg(long)]
    pub json: bool,
}

impl Options {
    /// The server's address.
    ///
    /// # Errors
    /// When the host name cannot be resolved.
    pub fn address(&self) -> Result<SocketAddr, LoadError> {
        let mut addresses = (self.host.as_str(), self.port).to_socket_addrs()?;
        let unknown = || io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        Ok(addresses.next().ok_or_else(unknown)?)
    }

    /// One plan a thread; together they have all connections, requests and the whole rate.
    pub fn plans(&self, address: SocketAddr) -> Vec<Plan> {
        let threads = self.threads.min(self.connections);
        let share = |total: u64, thread: u32| {
            let (thread, threads) = (u64::from(thread), u64::from(threads));
            total * (thread + 1) / threads - total * thread / threads
        };
        let connections = u64::from(self.connections);
        let mut first_connection = 0;
        (0..threads)
            .map(|thread| {
                let limit = match self.count {
                    Some(count) => Limit::Operations(share(count, thread)),
                    None => Limit::Time(Duration::from_secs_f64(self.seconds.max(0.0))),
                };
                let mut plan = Plan::new(address, self.mix.clone(), limit);
                plan.connections = share(connections, thread) as usize;
                plan.first_connection = first_connection;
                first_connection += plan.connections;
                plan.pipeline = self.pipeline as usize;
                plan.keys = self.keys;
                plan.distribution = self.distribution;
                plan.value_bytes = self.value_bytes;
                plan.warm_up = Duration::from_secs_f64(self.warm_up.max(0.0));
                plan.rate = self.rate.map(|rate| rate / f64::from(threads));
                plan.seed = self.seed.wrapping_add(u64::from(thread));
                plan
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_everything() {
        let options =
            Options::parse_from(["load", "-c", "7", "--threads", "3", "-n", "100", "--rate", "30"]);
        let plans = options.plans("127.0.0.1:1".parse().unwrap());
        let connections: Vec<_> =
            plans.iter().map(|plan| (plan.first_connection, plan.connections)).collect();
        assert_eq!(connections, [(0, 2), (2, 2), (4, 3)]);
        let count: u64 = plans
            .iter()
            .map(|plan| match plan.limit {
                Limit::Operations(count) => count,
                Limit::Time(_) => 0,
            })
            .sum();
        assert_eq!(count, 100);
        assert!(plans.iter().all(|plan| plan.rate == Some(10.0)));
    }
}
