//! Tributary: a Redis-compatible in-memory server whose shards, one a core, write one replication
//! stream. The folders are floors; each imports only the floors below it (`tests/tidy` checks).

pub mod base;
pub mod client;
pub mod command;
pub mod config;
pub mod keyspace;
pub mod master;
pub mod metrics;
pub mod net;
pub mod persist;
pub mod rdb;
pub mod replica;
pub mod replication;
pub mod resp;
pub mod router;
pub mod server;
pub mod shard;
pub mod snapshot;
