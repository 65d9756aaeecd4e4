//! What shards say to each other. Replies, grants and returns always have room: they answer
//! something whose sender is waiting, one a connection or one a lease.

use super::batch::Batch;
use super::blocked::Served;
use super::load::{LoadBatch, Loaded};
use crate::base::ids::{ReplOffset, ShardId};
use crate::command::blocked::Waiter;
use crate::command::spaces::Space;
use std::sync::Arc;

/// A message from one shard to another; order is kept between any two shards.
pub enum Message {
    /// Execute on your keyspace and send it back.
    Run(Box<Batch>),
    /// Executed: back on the shard of its connection.
    Done(Box<Batch>),
    /// Your lease: the keyspace of shard `from`.
    Granted {
        /// Which lease of the coordinator.
        lease: LeaseId,
        /// Whose keyspace.
        from: ShardId,
        /// The keyspace.
        space: Box<Space>,
    },
    /// Your keyspace comes home.
    Returned(Box<Space>),
    /// Put these keys into your staging keyspace.
    Load(Box<LoadBatch>),
    /// A client of yours that waited need wait no more.
    Served(Box<Served>),
    /// What a client of yours waits for is there: ask for the keyspaces that it needs besides.
    Attempt(Arc<Waiter>),
    /// A batch of the load that you conduct is in.
    Loaded(Loaded),
}

/// A coordinator's leases, counted from 1 on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// What stands in the one order that all shards agree on: it is put into the inboxes of all shards
/// concerned under one lock.
pub enum Sequenced {
    /// Lend your keyspace to a coordinator.
    Lease {
        /// The shard that asks.
        coordinator: ShardId,
        /// Its number for the lease.
        lease: LeaseId,
    },
    /// Apply units of the master's stream.
    Apply {
        /// The units, as commands of the master's link.
        batch: Box<Batch>,
        /// The stream up to here is applied on this shard once the batch is.
        through: ReplOffset,
    },
}
