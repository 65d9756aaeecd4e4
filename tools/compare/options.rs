//! The command line of `compare`.

use clap::Parser;

use super::shared::address::Address;

/// Compares the data sets of two Redis-compatible servers and names keys that differ.
///
/// First by DEBUG DIGEST, where both allow it. When that differs or is refused, key by key: SCAN
/// on both, then DEBUG DIGEST-VALUE of each key or, where refused, its type, value and expiry. A
/// key that differs is looked at again before it is reported, so that a replica under writes has
/// time to catch up. Nothing is written; a master may find that a key's time is over when it is
/// read, and delete it.
///
/// Exit status: 0 equal, 1 different, 2 an error or wrong usage.
#[derive(Debug, Parser)]
#[command(name = "compare", version)]
pub struct Options {
    /// A server: [redis://][[USER]:PASSWORD@]HOST[:PORT]; a password may also stand in the
    /// environment variable REDISCLI_AUTH.
    #[arg(value_name = "SERVER")]
    pub first: Address,
    /// The other server.
    #[arg(value_name = "OTHER")]
    pub second: Address,
    /// Name at most so many keys, then end.
    #[arg(long, short, default_value_t = 10, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub keys: u64,
    /// Compare key by key without DEBUG DIGEST, which stops a server while it runs.
    #[arg(long)]
    pub walk: bool,
    /// Read types and values instead of DEBUG DIGEST-VALUE.
    #[arg(long)]
    pub values: bool,
    /// Milliseconds a key that differs is given to become equal.
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    pub settle: u64,
    /// Seconds a reply may take.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
    /// Print only what differs.
    #[arg(long, short)]
    pub quiet: bool,
}
