//! The command table and its handlers. A handler sees a context: never a socket, a shard or the
//! server. Upper floors match the verbs of `spec::Scope` exhaustively.

pub mod acl;
pub mod administer;
pub mod bitfield;
pub mod bitmaps;
pub mod catalog;
pub mod client_info;
pub mod clients;
pub mod connection;
pub mod context;
pub mod databases;
pub mod docs;
pub mod dump;
pub mod effects;
pub mod environment;
pub mod error;
#[cfg(test)]
pub mod fixture;
pub mod flags;
pub mod gate;
pub mod geo;
pub mod help;
pub mod key_spec;
pub mod keys;
pub mod keys_expire;
pub mod keys_move;
pub mod keys_scan;
pub mod lcs;
pub mod lists;
pub mod lists_edit;
pub mod lists_move;
pub mod lolwut;
#[cfg(test)]
pub mod mirror;
pub mod notify;
pub mod object;
pub mod observe;
pub mod own_lives;
pub mod publication;
pub mod pubsub;
pub mod redact;
pub mod replication;
pub mod server;
pub mod sorted_sets;
pub mod spaces;
pub mod spec;
pub mod streams;
pub mod streams_access;
pub mod streams_claim;
pub mod streams_effects;
pub mod streams_groups;
pub mod streams_ids;
pub mod streams_info;
pub mod streams_pending;
pub mod streams_read;
pub mod streams_read_options;
pub mod streams_trim;
pub mod strings;
pub mod strings_numbers;
pub mod strings_options;
pub mod strings_ranges;
pub mod subscriptions;
pub mod table;
pub mod time;
#[cfg(test)]
pub mod twin;
