//! Composition: starts everything, runs each shard's loop, and holds what belongs to the server as
//! a whole. May import every other folder.

pub mod admission;
pub mod backlog_cron;
pub mod client_verbs;
pub mod clients;
pub mod controller;
pub mod core;
pub mod dbsize;
pub mod file_reader;
pub mod flow;
pub mod hello;
pub mod info;
pub mod link_stream;
pub mod link_transfer;
pub mod loading;
pub mod mail;
pub mod master_link;
pub mod monitors;
pub mod moving;
pub mod pause;
pub mod persistence_info;
pub mod process;
pub mod replica_links;
pub mod replica_verbs;
pub mod role;
pub mod run;
pub mod saving;
pub mod shutdown;
pub mod snapshots;
pub mod submit;
pub mod verbs;
pub mod waits;
