//! The measurements, one a file. Each starts its servers, samples them and returns a table.

pub mod apply;
pub mod catalogue;
pub mod collections;
pub mod commands;
pub mod full_resync;
pub mod idle;
pub mod memory;
pub mod multi_key;
pub mod pubsub;
pub mod replicas;
pub mod shards;
pub mod stock_benchmark;
pub mod syscalls;
pub mod throughput;
pub mod visibility;
