//! Rows of the directive table: directives of Redis that have no effect here. They are checked,
//! kept, answered and rewritten like the others, so that a file that names them works, with a
//! warning when it asks for more than the default. Here `reason` says why there is no effect. A
//! static table.

use crate::config::kinds::{Directive, Kept, Kind, row};

/// The rows.
pub static ROWS: &[Directive] = &[
    row(
        "io-threads",
        "1",
        Kind::Kept(Kept::Integer(1, 128)),
        "Every shard does its own I/O; see shards.",
    )
    .immutable(),
    row(
        "io-threads-do-reads",
        "no",
        Kind::Kept(Kept::Bool),
        "Every shard does its own I/O; see shards.",
    )
    .immutable(),
    row(
        "activerehashing",
        "yes",
        Kind::Kept(Kept::Bool),
        "Tables are small and grow one by one; nothing is rehashed in the background.",
    ),
    row("activedefrag", "no", Kind::Kept(Kept::Bool), "The allocator does this by itself."),
    row(
        "active-defrag-ignore-bytes",
        "104857600",
        Kind::Kept(Kept::Memory(1, MEMORY_MAX)),
        "The allocator does this by itself.",
    ),
    row(
        "active-defrag-threshold-lower",
        "10",
        Kind::Kept(Kept::Integer(0, 1000)),
        "The allocator does this by itself.",
    ),
    row(
        "active-defrag-threshold-upper",
        "100",
        Kind::Kept(Kept::Integer(0, 1000)),
        "The allocator does this by itself.",
    ),
    row(
        "active-defrag-cycle-min",
        "1",
        Kind::Kept(Kept::Integer(1, 99)),
        "The allocator does this by itself.",
    ),
    row(
        "active-defrag-cycle-max",
        "25",
        Kind::Kept(Kept::Integer(1, 99)),
        "The allocator does this by itself.",
    ),
    row(
        "active-defrag-max-scan-fields",
        "1000",
        Kind::Kept(Kept::Integer(1, i64::MAX)),
        "The allocator does this by itself.",
    ),
    row(
        "jemalloc-bg-thread",
        "yes",
        Kind::Kept(Kept::Bool),
        "The allocator is configured at build time.",
    ),
    row(
        "sanitize-dump-payload",
        "no",
        Kind::Kept(Kept::Choice(&["no", "yes", "clients"])),
        "Every RDB and RESTORE payload is checked in depth, always.",
    ),
    row(
        "server_cpulist",
        "",
        Kind::Kept(Kept::Text),
        "Shards are pinned to the cores the process may use; limit those with taskset.",
    )
    .or(&["server-cpulist"])
    .immutable(),
    row("bio_cpulist", "", Kind::Kept(Kept::Text), "Background work runs on the shards.")
        .or(&["bio-cpulist"])
        .immutable(),
    row("aof_rewrite_cpulist", "", Kind::Kept(Kept::Text), "The scheduler places it.")
        .or(&["aof-rewrite-cpulist"])
        .immutable(),
    row("bgsave_cpulist", "", Kind::Kept(Kept::Text), "The scheduler places it.")
        .or(&["bgsave-cpulist"])
        .immutable(),
    row("always-show-logo", "no", Kind::Kept(Kept::Bool), "There is no logo.").immutable(),
    row(
        "set-proc-title",
        "yes",
        Kind::Kept(Kept::Bool),
        "The name in the process list stays as it was started.",
    )
    .immutable(),
    row(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        Kind::Kept(Kept::Text),
        "The name in the process list stays as it was started.",
    ),
    row(
        "crash-log-enabled",
        "yes",
        Kind::Kept(Kept::Bool),
        "A failed assertion always prints where it happened.",
    ),
    row(
        "crash-memcheck-enabled",
        "yes",
        Kind::Kept(Kept::Bool),
        "Memory is not tested after a crash.",
    ),
    row(
        "watchdog-period",
        "0",
        Kind::Kept(Kept::Integer(0, INT_MAX)),
        "There is no software watchdog.",
    )
    .hidden(),
    row(
        "enable-module-command",
        "no",
        Kind::Kept(Kept::Choice(&["no", "yes", "local"])),
        "There are no modules here.",
    )
    .immutable(),
    row(
        "ignore-warnings",
        "",
        Kind::Kept(Kept::Text),
        "Warnings about the system do not stop the start.",
    ),
    row("locale-collate", "", Kind::Kept(Kept::Text), "Text is compared byte by byte."),
    row("socket-mark-id", "0", Kind::Kept(Kept::Integer(0, UINT_MAX)), "Sockets carry no mark.")
        .immutable(),
    row("cluster-enabled", "no", Kind::Kept(Kept::Bool), "There are no cluster nodes here.")
        .immutable(),
    row(
        "cluster-config-file",
        "nodes.conf",
        Kind::Kept(Kept::Text),
        "There are no cluster nodes here.",
    )
    .immutable(),
    row(
        "cluster-node-timeout",
        "15000",
        Kind::Kept(Kept::Integer(0, i64::MAX)),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-port",
        "0",
        Kind::Kept(Kept::Integer(0, 65535)),
        "There are no cluster nodes here.",
    )
    .immutable(),
    row("cluster-announce-ip", "", Kind::Kept(Kept::Text), "There are no cluster nodes here."),
    row(
        "cluster-announce-port",
        "0",
        Kind::Kept(Kept::Integer(0, 65535)),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-announce-bus-port",
        "0",
        Kind::Kept(Kept::Integer(0, 65535)),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-announce-tls-port",
        "0",
        Kind::Kept(Kept::Integer(0, 65535)),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-announce-hostname",
        "",
        Kind::Kept(Kept::Text),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-announce-human-nodename",
        "",
        Kind::Kept(Kept::Text),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-preferred-endpoint-type",
        "ip",
        Kind::Kept(Kept::Choice(&["ip", "hostname", "unknown-endpoint"])),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-migration-barrier",
        "1",
        Kind::Kept(Kept::Integer(0, INT_MAX)),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-allow-replica-migration",
        "yes",
        Kind::Kept(Kept::Bool),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-replica-validity-factor",
        "10",
        Kind::Kept(Kept::Integer(0, INT_MAX)),
        "There are no cluster nodes here.",
    )
    .or(&["cluster-slave-validity-factor"]),
    row(
        "cluster-replica-no-failover",
        "no",
        Kind::Kept(Kept::Bool),
        "There are no cluster nodes here.",
    )
    .or(&["cluster-slave-no-failover"]),
    row(
        "cluster-require-full-coverage",
        "yes",
        Kind::Kept(Kept::Bool),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-allow-reads-when-down",
        "no",
        Kind::Kept(Kept::Bool),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-allow-pubsubshard-when-down",
        "yes",
        Kind::Kept(Kept::Bool),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-link-sendbuf-limit",
        "0",
        Kind::Kept(Kept::Memory(0, u64::MAX)),
        "There are no cluster nodes here.",
    ),
    row(
        "cluster-ping-interval",
        "0",
        Kind::Kept(Kept::Integer(0, i64::MAX)),
        "There are no cluster nodes here.",
    )
    .hidden(),
    row(
        "tls-port",
        "0",
        Kind::Kept(Kept::Integer(0, 65535)),
        "There is no TLS here; put a proxy in front.",
    ),
    row("tls-cluster", "no", Kind::Kept(Kept::Bool), "There is no TLS here; put a proxy in front."),
    row(
        "tls-replication",
        "no",
        Kind::Kept(Kept::Bool),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-auth-clients",
        "yes",
        Kind::Kept(Kept::Choice(&["no", "yes", "optional"])),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-prefer-server-ciphers",
        "no",
        Kind::Kept(Kept::Bool),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-session-caching",
        "yes",
        Kind::Kept(Kept::Bool),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-session-cache-size",
        "20480",
        Kind::Kept(Kept::Integer(0, INT_MAX)),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-session-cache-timeout",
        "300",
        Kind::Kept(Kept::Integer(0, INT_MAX)),
        "There is no TLS here; put a proxy in front.",
    ),
    row("tls-cert-file", "", Kind::Kept(Kept::Text), "There is no TLS here; put a proxy in front."),
    row("tls-key-file", "", Kind::Kept(Kept::Text), "There is no TLS here; put a proxy in front."),
    row(
        "tls-key-file-pass",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    )
    .sensitive(),
    row(
        "tls-client-cert-file",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-client-key-file",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-client-key-file-pass",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    )
    .sensitive(),
    row(
        "tls-dh-params-file",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-ca-cert-file",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    ),
    row(
        "tls-ca-cert-dir",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    ),
    row("tls-protocols", "", Kind::Kept(Kept::Text), "There is no TLS here; put a proxy in front."),
    row("tls-ciphers", "", Kind::Kept(Kept::Text), "There is no TLS here; put a proxy in front."),
    row(
        "tls-ciphersuites",
        "",
        Kind::Kept(Kept::Text),
        "There is no TLS here; put a proxy in front.",
    ),
    // Names that Valkey 8 has beyond Redis 7.2: its files, and the ones it rewrites, load here too,
    // but CONFIG GET with a pattern lists what Redis does.
    row("availability-zone", "", Kind::Kept(Kept::Text), "Nothing here asks for the zone.")
        .hidden(),
    row(
        "cluster-announce-client-ipv4",
        "",
        Kind::Kept(Kept::Text),
        "There are no cluster nodes here.",
    )
    .hidden(),
    row(
        "cluster-announce-client-ipv6",
        "",
        Kind::Kept(Kept::Text),
        "There are no cluster nodes here.",
    )
    .hidden(),
    row(
        "cluster-blacklist-ttl",
        "60",
        Kind::Kept(Kept::Integer(i64::MIN, i64::MAX)),
        "There are no cluster nodes here.",
    )
    .hidden(),
    row(
        "cluster-slot-stats-enabled",
        "no",
        Kind::Kept(Kept::Bool),
        "There are no cluster nodes here.",
    )
    .hidden(),
    row(
        "dual-channel-replication-enabled",
        "no",
        Kind::Kept(Kept::Bool),
        "A full resynchronization uses one connection.",
    )
    .hidden(),
    row(
        "events-per-io-thread",
        "2",
        Kind::Kept(Kept::Integer(0, INT_MAX)),
        "Every shard does its own I/O; see shards.",
    )
    .hidden(),
    row(
        "extended-redis-compatibility",
        "no",
        Kind::Kept(Kept::Bool),
        "The server always presents itself at a level of Redis.",
    )
    .hidden(),
    row(
        "hide-user-data-from-log",
        "yes",
        Kind::Kept(Kept::Bool),
        "What is logged does not depend on it.",
    )
    .hidden(),
    row(
        "max-new-connections-per-cycle",
        "10",
        Kind::Kept(Kept::Integer(1, 1000)),
        "The kernel accepts for each shard.",
    )
    .hidden(),
    row(
        "max-new-tls-connections-per-cycle",
        "1",
        Kind::Kept(Kept::Integer(1, 1000)),
        "There is no TLS here; put a proxy in front.",
    )
    .hidden(),
    row(
        "prefetch-batch-max-size",
        "16",
        Kind::Kept(Kept::Integer(0, 128)),
        "Commands are not batched for the cache.",
    )
    .hidden(),
    row(
        "unixsocketgroup",
        "",
        Kind::Kept(Kept::Text),
        "The socket belongs to the group of the process.",
    )
    .hidden()
    .immutable(),
];

const MEMORY_MAX: u64 = i64::MAX as u64;
const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
