//! A snapshot: the data set at one instant, written out while the server goes on.
//!
//! `wanted` says who wants one and in which form; `job` what is to be written and to whom;
//! `fork` makes the child; `child` is what runs in it; `writer` turns keyspaces into an RDB;
//! `file` and `sockets` take its bytes; `report` is what the child tells its parent.

pub mod child;
pub mod file;
pub mod fork;
pub mod job;
pub mod report;
pub mod sockets;
pub mod wanted;
pub mod writer;
