//! Rows of the directive table: being a master, being a replica. A static table, any core.

use crate::config::kinds::{Directive, Kind, Number, boolean, choice, integer, memory, row, text};
use crate::config::special;

/// Bytes below which a backlog would not outlive even one burst; less is drawn up to it.
const BACKLOG_BYTES_MIN: i128 = 16 << 10;

const BACKLOG: Number = Number {
    read: |s| i128::from(s.replication.repl_backlog_size),
    write: |s, value| {
        let bytes = value.max(BACKLOG_BYTES_MIN);
        s.replication.repl_backlog_size = bytes.try_into().expect("the row's range fits the field");
    },
};

/// The rows.
pub static ROWS: &[Directive] = &[
    row(
        "replicaof",
        "",
        Kind::Special(&special::REPLICAOF),
        "The master to follow: host and port, or no one.",
    )
    .or(&["slaveof"])
    .immutable(),
    row(
        "masterauth",
        "",
        text!(replication.masterauth),
        "The password this replica gives its master.",
    )
    .or(&["primaryauth"])
    .sensitive(),
    row(
        "masteruser",
        "",
        text!(replication.masteruser),
        "The ACL user it gives; empty is the default user.",
    )
    .or(&["primaryuser"])
    .sensitive(),
    row(
        "replica-serve-stale-data",
        "yes",
        boolean!(replication.replica_serve_stale_data),
        "Answer from old data while the master is away, instead of MASTERDOWN.",
    )
    .or(&["slave-serve-stale-data"]),
    row(
        "replica-read-only",
        "yes",
        boolean!(replication.replica_read_only),
        "Refuse clients' writes on a replica.",
    )
    .or(&["slave-read-only"]),
    row(
        "repl-diskless-sync",
        "yes",
        boolean!(replication.repl_diskless_sync),
        "Send the snapshot straight to the sockets, without a file.",
    ),
    row(
        "repl-diskless-sync-delay",
        "5",
        integer!(replication.repl_diskless_sync_delay, 0, i32::MAX),
        "Seconds to wait for more replicas before such a transfer starts.",
    ),
    row(
        "repl-diskless-sync-max-replicas",
        "0",
        integer!(replication.repl_diskless_sync_max_replicas, 0, i32::MAX),
        "This many waiting replicas end the wait early; 0 never does.",
    ),
    row(
        "repl-diskless-load",
        "disabled",
        choice!(replication.repl_diskless_load, DisklessLoad),
        "How a replica takes its master's snapshot: by a file or from the socket.",
    ),
    row(
        "repl-ping-replica-period",
        "10",
        integer!(replication.repl_ping_replica_period, 1, i32::MAX),
        "Seconds between the pings that tell replicas the master lives.",
    )
    .or(&["repl-ping-slave-period"]),
    row(
        "repl-timeout",
        "60",
        integer!(replication.repl_timeout, 1, i32::MAX),
        "Seconds of silence after which a replication link is given up.",
    ),
    row(
        "repl-disable-tcp-nodelay",
        "no",
        boolean!(replication.repl_disable_tcp_nodelay),
        "Save bandwidth on replication links at the price of latency.",
    ),
    row(
        "repl-backlog-size",
        "1mb",
        Kind::Memory(BACKLOG, 1, i64::MAX as i128),
        "Bytes of history kept, so that a replica that was away can go on from where it was.",
    ),
    row(
        "repl-resync-buffer-limit",
        "0",
        memory!(replication.repl_resync_buffer_limit, 0, i64::MAX),
        "Bytes of the stream that may wait for a replica that was dropped while it was sent all.",
    ),
    row(
        "repl-backlog-ttl",
        "3600",
        integer!(replication.repl_backlog_ttl, 0, i64::MAX),
        "Seconds without any replica after which that history is dropped; 0 keeps it.",
    ),
    row(
        "replica-priority",
        "100",
        integer!(replication.replica_priority, 0, i32::MAX),
        "Sentinel promotes the lowest first; 0 is never promoted.",
    )
    .or(&["slave-priority"]),
    row(
        "replica-announced",
        "yes",
        boolean!(replication.replica_announced),
        "Whether Sentinel tells clients of this replica.",
    ),
    row(
        "replica-announce-ip",
        "",
        text!(replication.replica_announce_ip),
        "The address the master shows for this replica, behind NAT.",
    )
    .or(&["slave-announce-ip"]),
    row(
        "replica-announce-port",
        "0",
        integer!(replication.replica_announce_port, 0, 65535),
        "The port the master shows for this replica; 0 is the real one.",
    )
    .or(&["slave-announce-port"]),
    row(
        "min-replicas-to-write",
        "0",
        integer!(replication.min_replicas_to_write, 0, i32::MAX),
        "Refuse writes with fewer replicas in good health; 0 never refuses.",
    )
    .or(&["min-slaves-to-write"]),
    row(
        "min-replicas-max-lag",
        "10",
        integer!(replication.min_replicas_max_lag, 0, i32::MAX),
        "Seconds since its last acknowledgement that still count as good health.",
    )
    .or(&["min-slaves-max-lag"]),
    row(
        "replica-ignore-maxmemory",
        "yes",
        boolean!(replication.replica_ignore_maxmemory),
        "Leave eviction to the master, so that both hold the same keys.",
    )
    .or(&["slave-ignore-maxmemory"]),
    row(
        "replica-lazy-flush",
        "no",
        boolean!(replication.replica_lazy_flush),
        "Free the old data set in the background when a new one arrives.",
    )
    .or(&["slave-lazy-flush"]),
    row(
        "rdb-del-sync-files",
        "no",
        boolean!(replication.rdb_del_sync_files),
        "Delete snapshot files that only replication needed.",
    ),
    row(
        "propagation-error-behavior",
        "ignore",
        choice!(replication.propagation_error_behavior, PropagationError),
        "What a command of the stream that fails does to the process.",
    ),
    row(
        "replica-ignore-disk-write-errors",
        "no",
        boolean!(replication.replica_ignore_disk_write_errors),
        "Go on as a replica when its own files cannot be written.",
    ),
];
