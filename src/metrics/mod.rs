//! Counters, latency histograms and the slow log: where things are counted, not printed.
//!
//! Per shard, written by that shard and read by any: `counters`, `command_stats` (with
//! `histogram`). Shared: `error_stats`, `slowlog`, `latency`. Of the process: `memory`, `cpu`.
//! Pure: `rate`.

pub mod command_stats;
pub mod counters;
pub mod cpu;
pub mod error_stats;
pub mod histogram;
pub mod latency;
pub mod latency_graph;
pub mod memory;
pub mod rate;
pub mod slowlog;
