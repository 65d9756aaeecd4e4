//! INFO: the server described in sections of `name:value` lines. A file a section; any core, from
//! what all cores share, and no shard is asked.

pub mod clients;
pub mod commands;
pub mod cpu;
pub mod errors;
pub mod human;
pub mod keyspace;
pub mod memory;
pub mod page;
pub mod persistence;
pub mod replication;
pub mod role;
pub mod sections;
pub mod server;
pub mod shards;
pub mod stats;
