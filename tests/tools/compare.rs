//! `compare` tells whether two servers hold the same, and names keys that differ.

use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::{address, run, text};

const PROGRAM: &str = env!("CARGO_BIN_EXE_compare");

/// Two servers with the same keys, given in different orders.
fn twins(kinds: [Kind; 2], directives: &[&str]) -> Option<[Server; 2]> {
    installed(&kinds).then(|| {
        let servers = kinds.map(|kind| Server::with(kind, directives));
        for number in 0..200 {
            servers[0].ask_ok(&["SET", &format!("key:{number}"), &number.to_string()]);
            let number = 199 - number;
            servers[1].ask_ok(&["SET", &format!("key:{number}"), &number.to_string()]);
        }
        servers
    })
}

#[test]
fn equal_data_has_equal_digests_whoever_holds_it() {
    for other in [own(3), Kind::Redis, Kind::Valkey] {
        let directives = ["enable-debug-command yes"];
        let Some([ours, theirs]) = twins([own(1), other], &directives) else { continue };
        let ended = run(PROGRAM, &[&address(&ours), &address(&theirs)]);
        assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
        assert!(text(&ended.stdout).starts_with("equal: both have the digest "));
    }
}

#[test]
fn keys_that_differ_are_named() {
    // Without DEBUG it compares types, values and expiries.
    for directives in [&["enable-debug-command yes"][..], &["enable-debug-command no"]] {
        let kinds = [own(2), Kind::Valkey];
        let Some([ours, theirs]) = twins(kinds, directives) else { return };
        ours.ask_ok(&["SET", "key:7", "other"]);
        theirs.ask(&["DEL", "key:8"]);
        ours.ask(&["EXPIRE", "key:9", "1000"]);
        let addresses = [address(&ours), address(&theirs)];
        let ended = run(PROGRAM, &[&addresses[0], &addresses[1], "--settle", "0"]);
        assert_eq!(ended.status.code(), Some(1), "{}", text(&ended.stderr));
        let printed = text(&ended.stdout);
        let mut named: Vec<&str> = printed
            .lines()
            .filter_map(|line| line.strip_prefix("db0 "))
            .filter_map(|line| line.split_once(": ").map(|(key, _)| key))
            .collect();
        named.sort_unstable();
        assert_eq!(named, ["\"key:7\"", "\"key:8\"", "\"key:9\""], "{printed}");
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let server = Server::start(own(1));
    let ended = run(PROGRAM, &[&address(&server), "127.0.0.1:1"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("127.0.0.1:1"), "{}", text(&ended.stderr));
}
