//! What the operators' programs share: a server's address, a blocking connection, printing bytes,
//! and a line of progress. Included by path; each program uses a part of it.
#![allow(dead_code, reason = "each program uses a part of it")]

pub mod address;
pub mod connection;
pub mod escape;
pub mod progress;
