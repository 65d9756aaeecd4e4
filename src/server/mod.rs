//! Composition: starts everything, runs each shard's loop, and holds what belongs to the server as
//! a whole. May import every other folder.

pub mod acl;
pub mod client_verbs;
pub mod clients;
pub mod config;
pub mod config_effects;
pub mod controller;
pub mod core;
pub mod dbsize;
pub mod debug;
pub mod debug_keys;
pub mod file_reader;
pub mod info;
pub mod latency;
pub mod listeners;
pub mod loading;
pub mod mail;
pub mod memory;
pub mod module;
pub mod persistence_info;
pub mod process;
pub mod run;
pub mod saving;
pub mod shutdown;
pub mod slowlog;
pub mod snapshots;
pub mod start;
pub mod statistics;
pub mod submit;
pub mod verbs;
