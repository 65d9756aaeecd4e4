//! The list of measurements by name.

use super::{
    apply, collections, commands, full_resync, idle, memory, multi_key, pubsub, replicas, shards,
    stock_benchmark, syscalls, throughput, visibility,
};
use crate::error::Error;
use crate::lab::Lab;
use crate::table::Table;

/// A measurement.
pub struct Measurement {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Makes it.
    pub run: fn(&mut Lab) -> Result<Table, Error>,
}

/// All of them, in the order in which they are made.
pub const ALL: [Measurement; 15] = [
    Measurement {
        name: "throughput",
        about: "CPU per GET and SET at pipeline 1, 16, 100; one shard",
        run: throughput::run,
    },
    Measurement {
        name: "stock-benchmark",
        about: "the same at pipeline 1 and 16, driven by redis-benchmark instead of our load",
        run: stock_benchmark::run,
    },
    Measurement {
        name: "commands",
        about: "redis-benchmark's whole default list at pipeline 16",
        run: commands::run,
    },
    Measurement {
        name: "collections",
        about: "a sorted set, hash and set of 1 M members: CPU and memory",
        run: collections::run,
    },
    Measurement {
        name: "pubsub",
        about: "one publisher, 100 subscribers over two shards",
        run: pubsub::run,
    },
    Measurement {
        name: "replica",
        about: "what one replica costs the master at pipeline-16 SET",
        run: replicas::one,
    },
    Measurement {
        name: "replicas",
        about: "what 1, 2 and 5 replicas cost the master",
        run: replicas::several,
    },
    Measurement {
        name: "shards",
        about: "what a second shard costs: on the same core, and on two cores",
        run: shards::run,
    },
    Measurement { name: "idle", about: "CPU of a server that does nothing", run: idle::run },
    Measurement {
        name: "syscalls",
        about: "system calls per operation of one client at pipeline 1",
        run: syscalls::run,
    },
    Measurement {
        name: "multi-key",
        about: "MSET of 10 keys over all shards, alone and mixed with SET",
        run: multi_key::run,
    },
    Measurement { name: "memory", about: "resident bytes of a key", run: memory::run },
    Measurement {
        name: "full-resync",
        about: "full resynchronization of 5 M keys while SETs come at full rate",
        run: full_resync::run,
    },
    Measurement {
        name: "visibility",
        about: "time from a reply of the master to visibility on a replica, with a histogram",
        run: visibility::run,
    },
    Measurement {
        name: "apply",
        about: "what applying a master's stream costs a replica, and catching up 1 GB",
        run: apply::run,
    },
];
