//! `stream-tail` prints each command of the stream with its offset, from a full resynchronization
//! on or from a place in the history.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::info::Info;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::wait::{DEADLINE, wait_until};
use crate::{address, run, text};

const PROGRAM: &str = env!("CARGO_BIN_EXE_stream-tail");

fn attached(server: &Server, args: &[&str]) -> Child {
    let child = Command::new(PROGRAM)
        .arg(address(server))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool was built with the tests");
    wait_until(DEADLINE, "stream-tail is online", || {
        let info = server.info("replication");
        info.has("slave0") && info.part("slave0", "state") == "online"
    });
    child
}

fn offset(info: &Info) -> u64 {
    u64::try_from(info.number("master_repl_offset")).expect("no offset is negative")
}

/// What it prints of some writes, and where the stream ends by INFO.
fn check(kind: Kind) {
    if !installed(&[kind]) {
        return;
    }
    let server =
        Server::with(kind, &["repl-diskless-sync-delay 0", "repl-ping-replica-period 3600"]);
    let mut child = attached(&server, &["-n", "6", "--json"]);
    let before = server.info("replication");
    let mut client = server.client();
    for words in [
        &["SELECT", "3"][..],
        &["SET", "{a}1", "x"],
        &["MULTI"],
        &["INCR", "{a}2"],
        &["APPEND", "{a}1", "y"],
        &["EXEC"],
    ] {
        client.cmd(words);
    }
    let stdout = child.stdout.take().expect("piped");
    let lines: Vec<String> =
        BufReader::new(stdout).lines().map(|line| line.expect("text")).collect();
    assert!(child.wait().expect("it was started").success());
    let words = |line: &str| line.split_once("\"command\":").map(|(_, words)| words.to_owned());
    let commands: Vec<_> = lines.iter().filter_map(|line| words(line)).collect();
    assert_eq!(
        commands,
        [
            r#"["SELECT","3"]}"#,
            r#"["SET","{a}1","x"]}"#,
            r#"["MULTI"]}"#,
            r#"["INCR","{a}2"]}"#,
            r#"["APPEND","{a}1","y"]}"#,
            r#"["EXEC"]}"#,
        ]
    );
    assert!(lines[1].contains("\"db\":3,\"in_transaction\":false"), "{}", lines[1]);
    assert!(lines[3].contains("\"db\":3,\"in_transaction\":true"), "{}", lines[3]);
    assert!(
        lines[0].starts_with(&format!("{{\"offset\":{},", offset(&before) + 1)),
        "{}",
        lines[0]
    );

    // The same place again, by partial resynchronization.
    let end = offset(&server.info("replication")).to_string();
    let from = format!("{}:{}", before.field("master_replid"), offset(&before) + 1);
    let again =
        run(PROGRAM, &[&address(&server), "--from", &from, "--no-full", "--until-offset", &end]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    let printed = text(&again.stdout);
    assert_eq!(printed.lines().count(), 6, "{printed}");
    assert!(text(&again.stderr).contains("partial resynchronization"), "{}", text(&again.stderr));
    assert_eq!(server.info("stats").number("sync_full"), 1);
}

#[test]
fn prints_our_stream_with_offsets() {
    check(own(3));
}

#[test]
fn prints_the_stream_of_stock_servers() {
    check(Kind::Redis);
    check(Kind::Valkey);
}

#[test]
fn refuses_a_full_resynchronization_that_was_not_wanted() {
    let server = Server::start(own(2));
    let from = format!("{}:17", "0".repeat(40));
    let ended = run(PROGRAM, &[&address(&server), "--from", &from, "--no-full"]);
    assert_eq!(ended.status.code(), Some(3), "{}", text(&ended.stderr));
}
