//! Following a master: what is said before the stream flows, the framing of a full
//! resynchronization, and how the stream's bytes become units on their way to the shards. State
//! machines without I/O; the link's socket, files and threads are in `server/`.

pub mod dispatch;
pub mod handshake;
pub mod transfer;
pub mod units;
