//! Rows of the directive table: listening, the process, its log, its end. A static table, any core.

use crate::base::ids::SHARDS_MAX;
use crate::config::kinds::{Directive, Kind, Number, boolean, choice, integer, number, row, text};
use crate::config::special;

/// Values outside 1 to 500 are accepted and drawn to the nearer end.
const HZ: Number = Number {
    read: |s| i128::from(s.server.hz),
    write: |s, value| s.server.hz = value.clamp(1, 500).try_into().expect("500 fits"),
};

/// The rows.
pub static ROWS: &[Directive] = &[
    row(
        "port",
        "6379",
        integer!(network.port, 0, 65535),
        "The TCP port clients and replicas connect to; 0 opens none.",
    ),
    row(
        "bind",
        "* -::*",
        Kind::Special(&special::BIND),
        "The addresses to listen on; one with a leading - may be missing.",
    ),
    row(
        "bind-source-addr",
        "",
        text!(network.bind_source_addr),
        "The local address that links to a master start from.",
    ),
    row(
        "protected-mode",
        "yes",
        boolean!(network.protected_mode),
        "Without a password, only clients of this machine are served.",
    ),
    row(
        "tcp-backlog",
        "511",
        integer!(network.tcp_backlog, 0, i32::MAX),
        "How many connections the kernel holds until they are accepted.",
    )
    .immutable(),
    row(
        "tcp-keepalive",
        "300",
        integer!(network.tcp_keepalive, 0, i32::MAX),
        "Seconds between probes that find dead peers; 0 sends none.",
    ),
    row(
        "timeout",
        "0",
        integer!(network.timeout, 0, i32::MAX),
        "Seconds after which a silent client is closed; 0 lets it stay.",
    ),
    row(
        "unixsocket",
        "",
        text!(network.unixsocket),
        "The path of a unix socket to listen on as well.",
    )
    .immutable(),
    row(
        "unixsocketperm",
        "0",
        Kind::Octal(number!(network.unixsocketperm), 0o777),
        "The octal mode of that socket; 0 leaves it to the umask.",
    )
    .immutable(),
    row(
        "shards",
        "0",
        integer!(server.shards, 0, SHARDS_MAX),
        "How many cores serve, each owning a part of the keys; 0 takes every usable core.",
    )
    .immutable(),
    row(
        "pipeline-order",
        "strict",
        choice!(server.pipeline_order, PipelineOrder),
        "Commands of one connection take effect in the order sent.",
    )
    .immutable(),
    row("daemonize", "no", boolean!(server.daemonize), "Go to the background after the start.")
        .immutable(),
    row(
        "supervised",
        "no",
        choice!(server.supervised, Supervised),
        "Which supervisor is told when the server is ready.",
    )
    .immutable(),
    row(
        "pidfile",
        "",
        text!(server.pidfile),
        "Where the process id is written; with daemonize, /var/run/redis.pid if nothing is said.",
    )
    .immutable(),
    row(
        "databases",
        "16",
        integer!(server.databases, 1, 65535),
        "How many databases SELECT may choose from.",
    )
    .immutable(),
    row("dir", "./", Kind::Special(&special::DIR), "Where files with relative names live.")
        .protected(),
    row(
        "hz",
        "10",
        Kind::Integer(HZ, 0, i32::MAX as i128),
        "Rounds of background work a second; 1 to 500 are used.",
    ),
    row(
        "dynamic-hz",
        "yes",
        boolean!(server.dynamic_hz),
        "More rounds of background work when many clients are connected.",
    ),
    row(
        "active-expire-effort",
        "1",
        integer!(server.active_expire_effort, 1, 10),
        "How much CPU may go into finding expired keys nobody asks for.",
    ),
    row(
        "busy-reply-threshold",
        "5000",
        integer!(server.busy_reply_threshold, 0, i64::MAX),
        "Milliseconds of one script after which other clients are told BUSY.",
    )
    .or(&["lua-time-limit"]),
    row(
        "oom-score-adj",
        "no",
        choice!(server.oom_score_adj, OomScoreAdj),
        "Whether the kernel is told whom to kill first when memory runs out.",
    ),
    row(
        "oom-score-adj-values",
        "0 200 800",
        Kind::Special(&special::OOM_SCORE_ADJ_VALUES),
        "Those scores for a master, a replica and a saving child.",
    ),
    row(
        "disable-thp",
        "yes",
        boolean!(server.disable_thp),
        "Turn huge pages off for this process; they make forks slow and large.",
    )
    .immutable(),
    row(
        "loglevel",
        "notice",
        choice!(log.level, LogLevel),
        "The least important line that is logged.",
    ),
    row("logfile", "", text!(log.file), "The file to log to; empty is standard output.")
        .immutable(),
    row("syslog-enabled", "no", boolean!(log.syslog_enabled), "Send log lines to syslog as well.")
        .immutable(),
    row("syslog-ident", "tributary", text!(log.syslog_ident), "The name those lines carry.")
        .immutable(),
    row(
        "syslog-facility",
        "local0",
        choice!(log.syslog_facility, SyslogFacility),
        "The facility those lines carry.",
    )
    .immutable(),
    row(
        "shutdown-timeout",
        "10",
        integer!(shutdown.timeout, 0, i32::MAX),
        "Seconds a stopping master waits for replicas that lag.",
    ),
    row(
        "shutdown-on-sigint",
        "default",
        Kind::Special(&special::ON_SIGINT),
        "What an interrupt from the terminal does besides stopping.",
    ),
    row(
        "shutdown-on-sigterm",
        "default",
        Kind::Special(&special::ON_SIGTERM),
        "What a termination signal does besides stopping.",
    ),
    row(
        "rdb-key-save-delay",
        "0",
        integer!(testing.rdb_key_save_delay, i32::MIN, i32::MAX),
        "For tests: microseconds lost on each key saved.",
    )
    .hidden(),
    row(
        "key-load-delay",
        "0",
        integer!(testing.key_load_delay, i32::MIN, i32::MAX),
        "For tests: microseconds lost on each key loaded.",
    )
    .hidden(),
    row(
        "loading-process-events-interval-bytes",
        "2097152",
        integer!(testing.loading_process_events_interval_bytes, 1024, i32::MAX),
        "Bytes loaded between two looks at the network.",
    )
    .hidden(),
    row(
        "use-exit-on-panic",
        "no",
        boolean!(testing.use_exit_on_panic),
        "For tests: end by exit instead of abort.",
    )
    .hidden(),
];
