//! What `COMMAND DOCS` says beyond the rows of the command table: the arguments of each command as
//! a tree, and what took the place of commands that are out of use. Constants only; a file a group.

pub mod argument;
pub mod bitmap;
pub mod connection;
pub mod deprecated;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod index;
pub mod list;
pub mod pubsub;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;
pub mod transactions;
