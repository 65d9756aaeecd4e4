//! Sockets on our own io_uring, one ring a shard. Knows nothing of RESP, clients or replication.
//!
//! `sockets::Net` is the door: the shard's loop calls `turn` for events and `park` when idle. The
//! files beside it each hold one of its concerns; `probe` runs in `main`, before any executor.

pub mod accept;
pub mod buffers;
pub mod connect;
pub mod error;
pub mod event;
pub mod listener;
pub mod options;
pub mod park;
pub mod probe;
pub mod receive;
pub mod ring;
pub mod send;
pub mod socket;
pub mod socket_options;
pub mod sockets;
pub mod table;
pub mod token;
pub mod waker;

#[cfg(test)]
mod tests;
