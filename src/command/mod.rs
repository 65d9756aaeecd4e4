//! The command table and its handlers. A handler sees a context: never a socket, a shard or the
//! server. Upper floors match the verbs of `spec::Scope` exhaustively.

pub mod bitfield;
pub mod bitmaps;
pub mod connection;
pub mod context;
pub mod effects;
pub mod environment;
pub mod error;
#[cfg(test)]
pub mod fixture;
pub mod flags;
pub mod gate;
pub mod key_spec;
pub mod lcs;
#[cfg(test)]
pub mod mirror;
pub mod replication;
pub mod server;
pub mod spaces;
pub mod spec;
pub mod strings;
pub mod strings_numbers;
pub mod strings_options;
pub mod strings_ranges;
pub mod table;
#[cfg(test)]
pub mod twin;
