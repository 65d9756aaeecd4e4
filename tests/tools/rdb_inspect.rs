//! `rdb-inspect` says what is in a file, and whether it is whole.

use std::fs;

use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::{run, text};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rdb-inspect");

#[test]
fn files_of_every_server_are_described() {
    for kind in [own(3), Kind::Redis, Kind::Valkey] {
        if !installed(&[kind]) {
            continue;
        }
        let server = Server::start(kind);
        for number in 0..100 {
            server.ask_ok(&["SET", &format!("key:{number}"), "word"]);
        }
        server.ask(&["EXPIRE", "key:1", "1000"]);
        server.ask_ok(&["SAVE"]);
        let file =
            server.dir().join(server.ask(&["CONFIG", "GET", "dbfilename"]).items()[1].text());
        let path = file.to_str().expect("a plain path");
        let ended = run(PROGRAM, &[path, "--keys"]);
        assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
        let printed = text(&ended.stdout);
        let keys = printed.lines().filter(|line| line.starts_with("0 string ")).count();
        assert_eq!(keys, 100, "{printed}");
    }
}

#[test]
fn a_damaged_file_is_told_from_a_whole_one() {
    let server = Server::start(own(1));
    server.ask_ok(&["SET", "key", &"word ".repeat(100)]);
    server.ask_ok(&["SAVE"]);
    let file = server.dir().join(server.ask(&["CONFIG", "GET", "dbfilename"]).items()[1].text());
    let whole = fs::read(&file).expect("it was saved");
    let damaged = server.dir().join("damaged.rdb");
    let path = damaged.to_str().expect("a plain path");
    let mut wrong_sum = whole.clone();
    *wrong_sum.last_mut().expect("not empty") ^= 1;
    for bytes in [&whole[..whole.len() / 2], &wrong_sum] {
        fs::write(&damaged, bytes).expect("it is our directory");
        let ended = run(PROGRAM, &[path]);
        assert_eq!(ended.status.code(), Some(1), "{}", text(&ended.stdout));
        assert!(!ended.stderr.is_empty());
    }
    let ended = run(PROGRAM, &[server.dir().join("none").to_str().expect("a plain path")]);
    assert_eq!(ended.status.code(), Some(2));
}
