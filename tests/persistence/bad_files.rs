//! A file that cannot be loaded keeps the server from starting, with the reason in the log.

use super::support::server::{Ended, Server, run_to_end};
use super::support::stock::own;
use super::{fill, keys};

/// Starts a server beside `file` and waits for its end.
fn start_with(file: &[u8], shards: u16) -> Ended {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("dump.rdb"), file).expect("the file is written");
    let port = super::support::server::free_port().to_string();
    let (shards, path) = (shards.to_string(), dir.path().display().to_string());
    let args = ["--port", &port, "--shards", &shards, "--dir", &path, "--save", ""];
    let ended = run_to_end(own(1), dir.path(), &args);
    let kept = std::fs::read(dir.path().join("dump.rdb")).expect("it is there");
    assert_eq!(kept, file, "a file that was refused stays as it was");
    ended
}

fn check(file: &[u8], text: &str) {
    for shards in [1, 2] {
        let ended = start_with(file, shards);
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        assert!(ended.output.contains(text), "{text}: {}", ended.output);
        assert!(!ended.output.contains("Ready to accept"), "{}", ended.output);
    }
}

fn good_file() -> Vec<u8> {
    let server = Server::start(own(2));
    fill(&server, 3000);
    server.ask_ok(&["SAVE"]);
    std::fs::read(server.dir().join("dump.rdb")).expect("it was saved")
}

#[test]
fn a_file_that_is_none_is_refused() {
    check(b"JUNKJUNKJUNKJUNKJUNK", "Wrong signature trying to load DB from file");
    check(b"REDIS0099\xff\0\0\0\0\0\0\0\0", "Can't handle RDB format version 99");
    check(b"", "Short read or OOM loading DB");
}

#[test]
fn a_damaged_file_is_refused() {
    let file = good_file();
    check(&file[..file.len() / 2], "Short read or OOM loading DB");
    let mut flipped = file.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    check(&flipped, "Wrong RDB checksum");
}

#[test]
fn a_database_that_is_not_there_is_refused() {
    check(b"REDIS0010\xfe\x1f\x00\x01a\x01b\xff\0\0\0\0\0\0\0\0", "more than 16 databases");
}

#[test]
fn no_file_is_an_empty_data_set() {
    let server = Server::start(own(2));
    assert_eq!(keys(&server), 0);
    assert!(!server.log().contains("DB loaded"));
}
