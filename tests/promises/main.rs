//! What the server promises of order, atomicity, snapshots and acknowledgements, tested under
//! concurrency against the real server with 1, 2 and 3 shards. Each test runs for a few seconds on
//! seeded random work; a failure names the seed.

#[path = "../support/mod.rs"]
mod support;

mod common;
mod stream_model;

mod acknowledgements;
mod chains;
mod collections;
mod cuts;
mod moving;
mod no_hang;
mod own_pipelines;
mod read_order;
mod replica_reads;
mod stream_order;
mod units;
mod watching;
