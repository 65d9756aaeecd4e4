//! Rows of the directive table: clients, observation, security. A static table, any core.

use crate::config::kinds::{Directive, Kind, boolean, choice, integer, memory, row, text};
use crate::config::special;

/// The rows.
pub static ROWS: &[Directive] = &[
    row(
        "maxclients",
        "10000",
        integer!(clients.maxclients, 1, u32::MAX),
        "Connections served at once.",
    ),
    row(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
        Kind::Special(&special::OUTPUT_LIMITS),
        "Close a client that does not read: at the hard limit, or some seconds above the soft one.",
    ),
    row(
        "client-query-buffer-limit",
        "1gb",
        memory!(clients.query_buffer_limit, 1048576, i64::MAX),
        "Bytes of requests one client may pile up.",
    ),
    row(
        "proto-max-bulk-len",
        "512mb",
        memory!(clients.proto_max_bulk_len, 1048576, i64::MAX),
        "Bytes of the longest argument and the longest string.",
    ),
    row(
        "tracking-table-max-keys",
        "1000000",
        integer!(clients.tracking_table_max_keys, 0, i64::MAX),
        "Keys remembered for clients that cache; 0 sets no limit.",
    ),
    row(
        "slowlog-log-slower-than",
        "10000",
        integer!(observe.slowlog_log_slower_than, -1, i64::MAX),
        "Microseconds from which a command enters the slow log; -1 turns it off.",
    ),
    row(
        "slowlog-max-len",
        "128",
        integer!(observe.slowlog_max_len, 0, i64::MAX),
        "Entries the slow log keeps.",
    ),
    row(
        "latency-monitor-threshold",
        "0",
        integer!(observe.latency_monitor_threshold, 0, i64::MAX),
        "Milliseconds from which an event enters LATENCY HISTORY; 0 turns it off.",
    ),
    row(
        "latency-tracking",
        "yes",
        boolean!(observe.latency_tracking),
        "Keep a histogram of the duration of each command.",
    ),
    row(
        "latency-tracking-info-percentiles",
        "50 99 99.9",
        Kind::Special(&special::PERCENTILES),
        "The percentiles INFO shows of those histograms.",
    ),
    row(
        "notify-keyspace-events",
        "",
        Kind::Special(&special::NOTIFY),
        "Which changes of keys are published, a letter a class; empty publishes none.",
    ),
    row(
        "requirepass",
        "",
        text!(security.requirepass),
        "The password of the default user; empty asks for none.",
    )
    .sensitive(),
    row(
        "aclfile",
        "",
        text!(security.aclfile),
        "The file that holds the ACL users; empty keeps them in this one.",
    )
    .immutable(),
    row(
        "acllog-max-len",
        "128",
        integer!(security.acllog_max_len, 0, i64::MAX),
        "Refusals that ACL LOG remembers.",
    ),
    row(
        "acl-pubsub-default",
        "resetchannels",
        choice!(security.acl_pubsub_default, AclPubsubDefault),
        "The channels a new user may use: all or none.",
    ),
    row(
        "enable-debug-command",
        "no",
        choice!(security.enable_debug_command, Permission),
        "Who may use DEBUG, which can stop or crash a server.",
    )
    .immutable(),
    row(
        "enable-protected-configs",
        "no",
        choice!(security.enable_protected_configs, Permission),
        "Who may change dir and dbfilename while the server runs.",
    )
    .immutable(),
];
