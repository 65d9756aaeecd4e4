//! Files of ours in stock servers, and theirs here: equal data, by DEBUG DIGEST.

use super::support::server::Server;
use super::support::stock::{Kind, installed, own, tool};
use super::support::wait::{DEADLINE, wait_until};
use super::{background_save, fill, keys};
use std::process::Command;

const KEYS: usize = 3000;

fn moved(from: &mut Server, to: Kind, directives: &[&str]) -> Server {
    from.kill();
    let mut target = Server::prepared(to, super::support::server::free_port(), directives);
    std::fs::copy(from.dir().join("dump.rdb"), target.dir().join("dump.rdb")).expect("a copy");
    target.launch();
    target
}

#[test]
fn stock_servers_load_our_file() {
    if !installed(&[Kind::Redis, Kind::Valkey]) {
        return;
    }
    for kind in [Kind::Redis, Kind::Valkey] {
        for (shards, extra) in
            [(1, "rdbcompression yes"), (3, "rdbcompression no"), (2, "rdbchecksum no")]
        {
            let mut ours = Server::with(own(shards), &[extra]);
            fill(&ours, KEYS);
            background_save(&ours);
            let digest = ours.digest();
            let theirs = moved(&mut ours, kind, &[]);
            assert_eq!(theirs.digest(), digest, "{kind:?}, {shards} shards, {extra}");
        }
    }
}

#[test]
fn we_load_files_of_stock_servers() {
    if !installed(&[Kind::Redis, Kind::Valkey]) {
        return;
    }
    for kind in [Kind::Redis, Kind::Valkey] {
        for shards in [1, 3] {
            let mut theirs = Server::start(kind);
            fill(&theirs, KEYS);
            theirs.ask_ok(&["SET", "soon", "x", "EX", "10000"]);
            let digest = theirs.digest();
            theirs.ask_ok(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
            theirs.ask_ok(&["SET", "gone", "x", "PX", "1"]);
            theirs.ask_ok(&["SAVE"]);
            let ours = moved(&mut theirs, own(shards), &[]);
            assert_eq!(ours.digest(), digest, "{kind:?}, {shards} shards");
            assert_eq!(keys(&ours), KEYS as i64 + 1);
        }
    }
}

#[test]
fn checkers_accept_our_file() {
    let ours = Server::start(own(2));
    fill(&ours, KEYS);
    ours.ask_ok(&["SAVE"]);
    for name in ["redis-check-rdb", "valkey-check-rdb"] {
        let Some(tool) = tool(name) else { continue };
        let output = Command::new(tool).arg(ours.dir().join("dump.rdb")).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("RDB looks OK"), "{name}: {text}");
        assert!(text.contains(&format!("{KEYS} keys read")), "{name}: {text}");
    }
}

const LIBRARY: &str = "#!lua name=mine\nredis.register_function('f', function() return 'kept' end)";

/// Functions are kept and passed on, in files and in full resynchronizations.
#[test]
fn functions_come_back_as_they_went() {
    if !installed(&[Kind::Redis, Kind::Valkey]) {
        return;
    }
    for kind in [Kind::Redis, Kind::Valkey] {
        let mut theirs = Server::start(kind);
        assert_eq!(theirs.ask(&["FUNCTION", "LOAD", LIBRARY]).text(), "mine");
        theirs.ask_ok(&["SAVE"]);
        let mut ours = moved(&mut theirs, own(2), &["repl-diskless-sync-delay 0"]);
        assert!(ours.log().contains("Keeping 1 function libraries"), "{}", ours.log());
        let replica = Server::start(kind);
        replica.ask_ok(&["REPLICAOF", "127.0.0.1", &ours.port_text()]);
        wait_until(DEADLINE, "the replica has the function", || {
            replica.ask(&["FUNCTION", "LIST"]).items().len() == 1
        });
        wait_until(DEADLINE, "no child is left of the resynchronization", || {
            ours.info("persistence").number("rdb_bgsave_in_progress") == 0
        });
        background_save(&ours);
        let back = moved(&mut ours, kind, &[]);
        assert_eq!(back.ask(&["FCALL", "f", "0"]).text(), "kept", "{kind:?}");
    }
}
