//! One shard's data: databases, tables, values, expiry, eviction samples. No sockets, no stream.
//!
//! A [`keyspace::Keyspace`] is `Send` and owned by one core at a time: its shard's, or the core
//! that holds it under a lease. Below it stand, from the outside in: `db` (one database: its
//! slots), `dict` (one slot: a tree of tables), `table` (entries in hash order), `entry` (one key
//! with its value, in one heap block), `value` (what a value is), `types` (collections), `encoding`
//! (their flat forms). `expires`, `evict`, `watch` and `awaited` are the parts of the same
//! structure that serve those subjects; `digest` sums up several keyspaces as DEBUG DIGEST does.

pub mod awaited;
pub mod db;
pub mod dict;
pub mod digest;
pub mod encoding;
pub mod entry;
pub mod evict;
pub mod expires;
pub mod gauges;
pub mod handle;
pub mod key;
#[expect(clippy::module_inception, reason = "the folder is named for what this file holds")]
pub mod keyspace;
pub mod memory;
pub mod placement;
pub mod scan;
pub mod table;
pub mod totals;
pub mod tracked;
pub mod types;
pub mod value;
pub mod watch;
