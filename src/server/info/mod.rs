//! INFO, a file per section, and the like: what the server tells of itself.

pub mod replication;
pub mod role;
