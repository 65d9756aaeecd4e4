use super::*;

fn live() -> Live {
    Live::new(Settings::default())
}

/// Sets pairs on a fresh configuration; `Ok` gives the value of the first name afterwards.
fn set(pairs: &[(&str, &str)]) -> Result<String, String> {
    let live = live();
    let bytes: Vec<(&[u8], &[u8])> =
        pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    live.set(&bytes, Caller::Remote).map_err(|error| error.to_string())?;
    Ok(live.matching(&[pairs[0].0.as_bytes()]).remove(0).1)
}

#[track_caller]
fn refused(name: &str, value: &str, reason: &str) {
    let text = format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
    assert_eq!(set(&[(name, value)]), Err(text));
}

#[track_caller]
fn accepted(name: &str, value: &str, shown: &str) {
    assert_eq!(set(&[(name, value)]), Ok(shown.to_owned()), "{name} {value}");
}

/// The texts were recorded from a stock server.
#[test]
fn each_kind_refuses_with_its_text() {
    refused("port", "99999", "argument must be between 0 and 65535 inclusive");
    refused("timeout", "05", "argument couldn't be parsed into an integer");
    refused("appendonly", "1", "argument must be 'yes' or 'no'");
    refused("maxmemory", "1t", "argument must be a memory value");
    refused("maxmemory-clients", "x", "argument must be a memory or percent value");
    refused("maxmemory-clients", "101%", "percentage argument must be less or equal to 100");
    let words =
        "argument(s) must be one of the following: debug, verbose, notice, warning, nothing";
    refused("loglevel", "x", words);
    let words = "argument(s) must be one of the following: default, save, nosave, now, force";
    refused("shutdown-on-sigterm", "", words);
    let both = "shutdown options SAVE and NOSAVE can't be used simultaneously";
    refused("shutdown-on-sigint", "save nosave", both);
    refused("daemonize", "yes", "can't set immutable config");
    refused("replicaof", "a 1", "can't set immutable config");
    refused("dir", "/tmp", "can't set protected config");
    refused("save", "900 1 300", "Invalid save parameters");
    refused("save", "0 1", "Invalid save parameters");
    refused("save", "1 -1", "Invalid save parameters");
    refused("notify-keyspace-events", "q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    let wrong = "Wrong number of arguments in buffer limit configuration.";
    refused("client-output-buffer-limit", "normal 1 2", wrong);
    let class = "Invalid client class specified in buffer limit configuration.";
    refused("client-output-buffer-limit", "master 1 2 3", class);
    let number = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    refused("client-output-buffer-limit", "normal 1 2 -3", number);
    refused("oom-score-adj-values", "1 2", "wrong number of arguments");
    let range = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
    refused("oom-score-adj-values", "-2001 0 0", range);
    let percentiles = "Invalid latency-tracking-info-percentiles parameters";
    refused("latency-tracking-info-percentiles", "x", percentiles);
    let range = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    refused("latency-tracking-info-percentiles", "101", range);
    refused("masterauth", "a\0b", "argument must be valid UTF-8 text without NUL bytes");
    refused("snapshot-method", "cow", "can't set immutable config");
    let many = vec!["1"; 17].join(" ");
    refused("bind", &many, "Too many bind addresses specified.");
}

#[test]
fn values_are_shown_as_clients_know_them() {
    accepted("maxmemory", "1gb", "1073741824");
    accepted("repl-backlog-size", "1001", "16384");
    accepted("hz", "1000", "500");
    accepted("loglevel", "DEBUG", "debug");
    accepted("oom-score-adj", "relative", "yes");
    accepted("shutdown-on-sigterm", "force now nosave", "nosave now force");
    accepted("save", "", "");
    accepted("save", "900 1 300 10", "900 1 300 10");
    accepted("bind", "127.0.0.1 -::1", "127.0.0.1 -::1");
    accepted("latency-tracking-info-percentiles", "99.9 50.123456789", "99.9 50.123457");
    let shown = "normal 0 0 0 slave 1 2 3 pubsub 4 5 6";
    accepted("client-output-buffer-limit", "replica 1 2 3 pubsub 4 5 6", shown);
    accepted("activedefrag", "YES", "yes");
    accepted("cluster-link-sendbuf-limit", "1kb", "1024");
}

#[test]
fn several_pairs_count_together_or_not_at_all() {
    let live = live();
    let before = live.version();
    let pairs: [(&[u8], &[u8]); 2] = [(b"timeout", b"7"), (b"hz", b"x")];
    assert!(live.set(&pairs, Caller::Remote).is_err());
    assert_eq!((live.load().network.timeout, live.version()), (0, before));
    let pairs: [(&[u8], &[u8]); 2] = [(b"TIMEOUT", b"7"), (b"hz", b"10")];
    assert_eq!(live.set(&pairs, Caller::Remote), Ok(vec!["timeout"]));
    assert_eq!((live.load().network.timeout, live.version()), (7, before + 1));
}

#[test]
fn unknown_and_doubled_names_are_refused() {
    let unknown = "Unknown option or number of arguments for CONFIG SET - 'nosuch'";
    assert_eq!(set(&[("daemonize", "yes"), ("nosuch", "1")]), Err(unknown.to_owned()));
    let twice = "CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter";
    assert_eq!(set(&[("timeout", "1"), ("timeout", "2")]), Err(twice.to_owned()));
    assert!(set(&[("include", "x")]).is_err());
}

#[test]
fn protected_directives_follow_the_permission() {
    let mut settings = Settings::default();
    settings.security.enable_protected_configs = Permission::Local;
    let live = Live::new(settings);
    let pairs: [(&[u8], &[u8]); 1] = [(b"dbfilename", b"x.rdb")];
    assert!(live.set(&pairs, Caller::Remote).is_err());
    assert_eq!(live.set(&pairs, Caller::Local), Ok(vec!["dbfilename"]));
    let path: [(&[u8], &[u8]); 1] = [(b"dbfilename", b"a/b")];
    let error = live.set(&path, Caller::Local).expect_err("a path").to_string();
    assert!(error.ends_with("dbfilename can't be a path, just a filename"), "{error}");
    let dir: [(&[u8], &[u8]); 1] = [(b"dir", b"/nonexistent")];
    let error = live.set(&dir, Caller::Local).expect_err("no directory").to_string();
    assert!(error.ends_with("No such file or directory"), "{error}");
}

#[test]
fn the_server_may_refuse_a_change() {
    let live = live();
    let pairs: [(&[u8], &[u8]); 1] = [(b"slave-priority", b"7")];
    let error = live.set_if(&pairs, Caller::Remote, |proposal| {
        assert_eq!(proposal.changed, ["replica-priority"]);
        let (before, after) = (&proposal.before.replication, &proposal.after.replication);
        assert_eq!((before.replica_priority, after.replica_priority), (100, 7));
        Err(("replica-priority", Reason::Invalid("no")))
    });
    let text = "CONFIG SET failed (possibly related to argument 'slave-priority') - no";
    assert_eq!(error.expect_err("refused").to_string(), text);
    assert_eq!(live.load().replication.replica_priority, 100);
}

#[test]
fn patterns_find_names_and_aliases_once() {
    let live = live();
    let names = |patterns: &[&[u8]]| -> Vec<String> {
        live.matching(patterns).into_iter().map(|(name, _)| name).collect()
    };
    let found = names(&[b"slave-pri*", b"replica-PRI*", b"slave-priority", b"nosuch"]);
    assert_eq!(found, ["slave-priority", "replica-priority"]);
    assert_eq!(names(&[b"TimeOut"]), ["TimeOut"]);
    assert_eq!(names(&[b"rdb-key-save-delay"]), ["rdb-key-save-delay"]);
    assert!(names(&[b"rdb-key-save*"]).is_empty());
    assert!(names(&[b"\xff*"]).is_empty());
    assert!(is_sensitive(b"MasterAuth") && !is_sensitive(b"port"));
}
