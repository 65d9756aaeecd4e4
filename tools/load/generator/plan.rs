//! What to send: a plan is plain data, read by the engine and built by the command line or a
//! measurement. Always holds: a mix has at least one operation and a positive total weight.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::keys::Distribution;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `GET key`.
    Get,
    /// `SET key value`.
    Set,
    /// `MSET` of that many keys.
    Mset(u32),
    /// `MGET` of that many keys.
    Mget(u32),
}

/// Operations and how often each is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Operation, u32)>);

impl Mix {
    /// Only this operation.
    pub fn only(operation: Operation) -> Self {
        Self(vec![(operation, 1)])
    }

    /// The operations with their weights; weights are at least 1.
    pub fn parts(&self) -> &[(Operation, u32)] {
        &self.0
    }
}

/// Why a mix could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not like `set`, `get=9,set=1` or `mset10`")]
pub struct MixError(String);

impl FromStr for Mix {
    type Err = MixError;

    /// Reads `get=9,set=1,mset10=2`; a missing weight is 1, `msetN` and `mgetN` carry their keys.
    fn from_str(text: &str) -> Result<Self, MixError> {
        let wrong = || MixError(text.to_owned());
        let mut parts = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let weight: u32 = weight.trim().parse().map_err(|_| wrong())?;
            let operation = operation(name.trim()).ok_or_else(wrong)?;
            if weight == 0 {
                return Err(wrong());
            }
            parts.push((operation, weight));
        }
        Ok(Self(parts))
    }
}

fn operation(name: &str) -> Option<Operation> {
    let name = name.to_ascii_lowercase();
    let keys = |text: &str| text.parse::<u32>().ok().filter(|keys| (1..=10_000).contains(keys));
    match name.as_str() {
        "get" => Some(Operation::Get),
        "set" => Some(Operation::Set),
        other => match other.strip_prefix("mset") {
            Some(rest) => keys(rest).map(Operation::Mset),
            None => other.strip_prefix("mget").and_then(keys).map(Operation::Mget),
        },
    }
}

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// After this time of measuring, the warm-up not included.
    Time(Duration),
    /// After exactly so many requests.
    Operations(u64),
}

/// Everything the engine needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// Connections held open, each a closed loop.
    pub connections: usize,
    /// Requests sent at once on a connection; the next ones follow when all are answered.
    pub pipeline: usize,
    /// What is sent.
    pub mix: Mix,
    /// Number of distinct keys (of each tag where keys are tagged).
    pub keys: u64,
    /// How keys are drawn.
    pub distribution: Distribution,
    /// Bytes of each value.
    pub value_bytes: usize,
    /// When to stop.
    pub limit: Limit,
    /// Load before the measured part begins; not used with `Limit::Operations`.
    pub warm_up: Duration,
    /// Requests a second at most, over all connections; none: as fast as replies come.
    pub rate: Option<f64>,
    /// Number of the first connection, so that several engines draw different tags.
    pub first_connection: usize,
    /// Where a sequential distribution begins.
    pub first_key: u64,
    /// Seed of the key choice.
    pub seed: u64,
    /// Ends the run early when set by somebody else.
    pub stop: Option<Arc<AtomicBool>>,
}

impl Plan {
    /// The plan all measurements start from: 50 connections, no pipeline, 64-byte values, 100 k
    /// keys drawn uniformly.
    pub fn new(address: SocketAddr, mix: Mix, limit: Limit) -> Self {
        Self {
            address,
            connections: 50,
            pipeline: 1,
            mix,
            keys: 100_000,
            distribution: Distribution::Uniform,
            value_bytes: 64,
            limit,
            warm_up: Duration::ZERO,
            rate: None,
            first_connection: 0,
            first_key: 0,
            seed: 1,
            stop: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[(Operation, u32)]>) {
        assert_eq!(text.parse::<Mix>().ok().as_ref().map(Mix::parts), expected, "{text}");
    }

    #[test]
    fn mixes_are_read() {
        check("set", Some(&[(Operation::Set, 1)]));
        check("get=9, SET=1", Some(&[(Operation::Get, 9), (Operation::Set, 1)]));
        check("mset10=2,mget3", Some(&[(Operation::Mset(10), 2), (Operation::Mget(3), 1)]));
        check("mset", None);
        check("mset0", None);
        check("set=0", None);
        check("", None);
    }
}
