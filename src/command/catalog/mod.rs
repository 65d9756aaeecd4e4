//! COMMAND: the command table told to clients. A file a subcommand; all of them run anywhere.

pub mod docs;
pub mod info;
pub mod keys;
pub mod list;
pub mod rows;
