//! A snapshot: the data set at one instant, written out while the server goes on.
//!
//! `wanted` says who wants one and in which form; `job` what a cut has to write, to which sinks;
//! `fork` makes the child that writes; `writer` turns keyspaces into an RDB; `file` and `sockets`
//! are where its bytes go; `report` is what the child tells its parent.

pub mod wanted;
