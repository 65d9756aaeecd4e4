//! Replication end to end: the scenarios operators live through, each with ours in every role and
//! with a stock Redis or Valkey in each role. Only sockets, signals, files and stock tools.

#[path = "../support/mod.rs"]
mod support;

#[macro_use]
mod casts;
mod checks;

mod s01_master_and_replicas;
mod s02_master_returns;
mod s03_replica_returns;
mod s04_chain;
mod s05_takeover;
mod s06_absent_master;
mod s07_passwords;
mod s08_three_hosts;
mod s09_config_files;
mod s10_handshake;
mod s12_moving_over;
mod s13_read_write_split;

mod bad_master;
mod bad_peers;
mod directives;
mod failover;
mod following;
mod lifetimes;
mod links;
mod load;
mod refused_start;
mod restarts;
mod serving;
mod slow_resync;
mod topology;
