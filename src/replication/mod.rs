//! The replication stream itself, blind to roles and without I/O: shards build entries, take
//! tickets and publish; the merger puts the entries of all shards in ticket order into the backlog,
//! whose byte position is the replication offset. Links, the append-only file and WAIT read it.
//! Start with `stream`, which joins the other files.

pub mod ack;
pub mod backlog;
pub mod entry;
pub mod follow_state;
pub mod history;
pub mod local_stream;
pub mod merger;
pub mod order;
pub mod psync;
pub mod retained;
pub mod stream;
