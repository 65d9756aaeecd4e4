use super::*;

use std::collections::{HashMap, HashSet};

use crate::config::kinds::Kind;
use crate::config::settings::Settings;
use crate::config::values::{self, Mode};

#[test]
fn names_are_unique_and_lower_case() {
    let mut seen = HashSet::new();
    for name in all().flat_map(Directive::names) {
        assert!(seen.insert(name), "{name} stands twice");
        assert_eq!(name, name.to_ascii_lowercase());
        assert!(find(&name.to_ascii_uppercase()).is_some_and(|row| row.is_called(name)));
    }
    for row in all() {
        assert!(row.reason.ends_with('.') && row.reason.len() > 10, "{}", row.name);
    }
}

#[test]
fn defaults_and_bounds_fit_their_fields() {
    for row in all() {
        let mut settings = Settings::default();
        let set = row.set(&mut settings, &row.words(row.default), Mode::Replace);
        set.unwrap_or_else(|error| panic!("{}: {error}", row.name));
        assert_eq!(&settings, Settings::defaults(), "{}", row.name);
        if let Kind::Integer(number, min, max) | Kind::Memory(number, min, max) = &row.kind {
            for bound in [*min, *max] {
                (number.write)(&mut settings, bound);
                let clamped = ["hz", "repl-backlog-size"].contains(&row.name);
                assert!(clamped || (number.read)(&settings) == bound, "{}", row.name);
            }
        }
    }
}

#[test]
fn a_refused_value_changes_nothing() {
    for row in all() {
        for value in ["", "x y z", "-99999999999", "1%", "normal 1 2 3 slave x", "1 2 x", "9 9 x 1"]
        {
            let mut settings = Settings::default();
            if row.set(&mut settings, &row.words(value), Mode::Append).is_err() {
                assert_eq!(&settings, Settings::defaults(), "{} {value:?}", row.name);
            }
        }
    }
}

/// The file we ship names each directive once, with its default unless it says otherwise here, and
/// nothing else.
#[test]
fn shipped_file_and_table_agree() {
    let text = include_str!("../../../conf/tributary.conf");
    let mut lines: HashMap<&'static str, Vec<(bool, Vec<String>)>> = HashMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && *line != "#") {
        if line.starts_with("# ") {
            continue;
        }
        let (active, line) = line.strip_prefix('#').map_or((true, line), |rest| (false, rest));
        let words = values::split_line(line).expect("well quoted");
        let row = find(&words[0]).unwrap_or_else(|| panic!("{line}: no such directive"));
        assert_eq!(row.name, words[0], "the file uses the present name");
        lines.entry(row.name).or_default().push((active, words[1..].to_vec()));
    }
    for row in all() {
        let Some(lines) = lines.get(row.name) else {
            assert!(row.hidden, "{} is missing in the file", row.name);
            continue;
        };
        assert!(!row.hidden, "{} should not be in the file", row.name);
        let mut settings = Settings::default();
        for (index, (active, words)) in lines.iter().enumerate() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mode = if index == 0 { Mode::Replace } else { Mode::Append };
            row.set(&mut settings, &words, mode).expect("a valid line");
            let chosen = ["bind", "port", "protected-mode"].contains(&row.name);
            assert_eq!(*active, chosen, "{}", row.name);
        }
        if row.name == "bind" {
            assert_eq!(row.print(&settings), "127.0.0.1 -::1");
        } else {
            assert_eq!(row.print(&settings), row.print(Settings::defaults()), "{}", row.name);
        }
    }
}

/// What `CONFIG GET *` of Redis 7.2 lists, as recorded from a server of that level.
#[test]
fn every_parameter_of_redis_is_answered() {
    for name in PARAMETERS.split_whitespace() {
        assert!(find(name).is_some_and(|row| !row.hidden), "{name}");
    }
}

const PARAMETERS: &str = "
    acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min
    active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower
    active-defrag-threshold-upper active-expire-effort activedefrag activerehashing
    always-show-logo aof-load-truncated aof-rewrite-incremental-fsync aof-timestamp-enabled
    aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename appendfsync
    appendonly auto-aof-rewrite-min-size auto-aof-rewrite-percentage bgsave_cpulist bind
    bind-source-addr bio_cpulist busy-reply-threshold client-output-buffer-limit
    client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down
    cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-hostname
    cluster-announce-human-nodename cluster-announce-ip cluster-announce-port
    cluster-announce-tls-port cluster-config-file cluster-enabled cluster-link-sendbuf-limit
    cluster-migration-barrier cluster-node-timeout cluster-port cluster-preferred-endpoint-type
    cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage
    cluster-slave-no-failover cluster-slave-validity-factor crash-log-enabled
    crash-memcheck-enabled daemonize databases dbfilename dir disable-thp dynamic-hz
    enable-debug-command enable-module-command enable-protected-configs
    hash-max-listpack-entries hash-max-listpack-value hash-max-ziplist-entries
    hash-max-ziplist-value hll-sparse-max-bytes hz ignore-warnings io-threads
    io-threads-do-reads jemalloc-bg-thread latency-monitor-threshold latency-tracking
    latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire
    lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time
    lfu-log-factor list-compress-depth list-max-listpack-size list-max-ziplist-size
    locale-collate logfile loglevel lua-time-limit masterauth masteruser maxclients maxmemory
    maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples
    min-replicas-max-lag min-replicas-to-write min-slaves-max-lag min-slaves-to-write
    no-appendfsync-on-rewrite notify-keyspace-events oom-score-adj oom-score-adj-values pidfile
    port proc-title-template propagation-error-behavior protected-mode proto-max-bulk-len
    rdb-del-sync-files rdb-save-incremental-fsync rdbchecksum rdbcompression repl-backlog-size
    repl-backlog-ttl repl-disable-tcp-nodelay repl-diskless-load repl-diskless-sync
    repl-diskless-sync-delay repl-diskless-sync-max-replicas repl-ping-replica-period
    repl-ping-slave-period repl-timeout replica-announce-ip replica-announce-port
    replica-announced replica-ignore-disk-write-errors replica-ignore-maxmemory
    replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data replicaof
    requirepass sanitize-dump-payload save server_cpulist set-max-intset-entries
    set-max-listpack-entries set-max-listpack-value set-proc-title shutdown-on-sigint
    shutdown-on-sigterm shutdown-timeout slave-announce-ip slave-announce-port
    slave-ignore-maxmemory slave-lazy-flush slave-priority slave-read-only
    slave-serve-stale-data slaveof slowlog-log-slower-than slowlog-max-len socket-mark-id
    stop-writes-on-bgsave-error stream-node-max-bytes stream-node-max-entries supervised
    syslog-enabled syslog-facility syslog-ident tcp-backlog tcp-keepalive timeout
    tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers
    tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass
    tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port
    tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size
    tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket
    unixsocketperm zset-max-listpack-entries zset-max-listpack-value zset-max-ziplist-entries
    zset-max-ziplist-value";
