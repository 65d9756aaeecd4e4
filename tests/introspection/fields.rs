//! The fields of INFO: all that the stock server prints are there, in its order.

use crate::pair;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::wait::{DEADLINE, wait_until};

/// Fields of the stock server that are its own: its name and version, its compiler, its way to
/// synchronize over two connections.
const THEIRS: [&str; 4] =
    ["valkey_version", "server_mode", "gcc_version", "replicas_waiting_psync"];

/// Sections by name, those without fields of a fixed name left out.
const SECTIONS: [&str; 8] =
    ["server", "clients", "memory", "persistence", "stats", "replication", "cpu", "cluster"];

#[test]
fn every_field_is_there_in_order() {
    let Some((ours, theirs)) = pair(&[]) else { return };
    for section in SECTIONS {
        let (ours, theirs) = (ours.info(section), theirs.info(section));
        let (ours, theirs) = (ours.names(), theirs.names());
        let expected: Vec<&str> =
            theirs.into_iter().filter(|name| !THEIRS.contains(name)).collect();
        let shared: Vec<&str> = ours.into_iter().filter(|name| expected.contains(name)).collect();
        assert_eq!(shared, expected, "section {section}");
    }
}

#[test]
fn sections_are_chosen_as_in_stock() {
    let Some((ours, theirs)) = pair(&[]) else { return };
    let choices: [&[&str]; 8] = [
        &[],
        &["default"],
        &["all"],
        &["everything"],
        &["cluster", "CPU"],
        &["cpu", "cpu", "nosuch"],
        &["nosuch"],
        &["commandstats", "default"],
    ];
    for choice in choices {
        let titles = |server: &Server| {
            let words: Vec<&str> = ["INFO"].iter().chain(choice).copied().collect();
            let text = server.ask(&words).text();
            let titles = text.lines().filter(|line| line.starts_with("# ") && *line != "# Shards");
            titles.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(titles(&ours), titles(&theirs), "{choice:?}");
    }
}

#[test]
fn counters_follow_what_is_done() {
    let server = Server::with(own(2), &[]);
    server.ask_ok(&["CONFIG", "RESETSTAT"]);
    for number in 0..10 {
        server.ask_ok(&["SET", &format!("key:{number}"), "value"]);
    }
    server.ask(&["GET", "key:1"]);
    server.ask(&["GET", "nosuch"]);
    server.ask(&["NOSUCH"]);
    let info = server.info("everything");
    assert_eq!(info.part("cmdstat_set", "calls"), "10");
    assert_eq!(info.part("cmdstat_get", "calls"), "2");
    assert_eq!(info.part("errorstat_ERR", "count"), "1");
    assert_eq!((info.number("keyspace_hits"), info.number("keyspace_misses")), (1, 1));
    assert_eq!(info.part("db0", "keys"), "10");
    assert_eq!(info.number("shards"), 2);
    let keys = |shard: &str| info.part(shard, "keys").parse::<u64>().expect("a number");
    assert_eq!(keys("shard0") + keys("shard1"), 10);
    assert!(info.number("used_memory") > info.number("used_memory_dataset"));
    wait_until(DEADLINE, "a rate of commands", || {
        server.ask(&["PING"]);
        server.info("stats").number("instantaneous_ops_per_sec") > 0
    });
}
