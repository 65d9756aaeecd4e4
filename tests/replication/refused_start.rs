//! Starts that must be refused, with an exit status other than 0 and the reason.

use std::fs;
use std::net::TcpListener;

use crate::checks::write_sample;
use crate::support::seed::Seed;
use crate::support::server::{Server, run_to_end};
use crate::support::stock::{Kind, note};

mod bad_rdb {
    one_server_or_stock!(super::bad_rdb);
}
mod busy_port {
    one_server_or_stock!(super::busy_port);
}
mod bad_line {
    one_server_or_stock!(super::bad_line);
}
mod clean_stop {
    one_server_or_stock!(super::clean_stop);
}

/// A data set that cannot be read is not replaced by an empty one.
fn bad_rdb([kind]: [Kind; 1]) {
    let mut seed = Seed::new();
    let mut server = Server::start(kind);
    write_sample(&server);
    server.ask_ok(&["SAVE"]);
    let digest = server.digest();
    server.kill();
    let file = server.dir().join("dump.rdb");
    let whole = fs::read(&file).expect("it was saved");

    let cut = seed.rng().usize(9..whole.len() - 9);
    let mut flipped = whole.clone();
    let at = seed.rng().usize(9..whole.len() - 9);
    flipped[at] ^= 1 << seed.rng().u8(..8);
    let mut checksum = whole.clone();
    *checksum.last_mut().expect("a checksum") ^= 1;
    let bad = [
        (format!("cut at {cut}"), whole[..cut].to_vec()),
        ("no RDB".to_owned(), b"nonsense, and more nonsense".to_vec()),
        ("newer".to_owned(), [b"REDIS9999".as_slice(), &whole[9..]].concat()),
        (format!("bit flipped in byte {at}"), flipped),
        ("checksum".to_owned(), checksum),
    ];
    for (what, bytes) in bad {
        fs::write(&file, bytes).expect("the file is written");
        let config = server.config_file().display().to_string();
        let ended = loop {
            let ended = run_to_end(kind, server.dir(), &[&config]);
            // The kernel takes the sockets of a killed server down in its own time.
            if !ended.output.contains("Address already in use") {
                break ended;
            }
            fs::remove_file(server.dir().join("output")).expect("it was written");
        };
        assert_ne!(ended.code, Some(0), "{what}: {}", ended.output);
        if !kind.is_tributary() && ended.code.is_none() {
            note(&format!("{what}: the stock server crashes"));
            continue;
        }
        assert!(ended.code.is_some(), "{what}: a refusal, not a crash: {}", ended.output);
        let reasons = ["RDB", "checksum", "Short read", "signature", "error", "format version"];
        assert!(reasons.iter().any(|text| ended.output.contains(text)), "{what}: {}", ended.output);
    }
    fs::write(&file, whole).expect("the file is written");
    server.launch();
    assert_eq!(server.digest(), digest, "the whole file is still good");
}

fn busy_port([kind]: [Kind; 1]) {
    let busy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = busy.local_addr().expect("it is bound").port();
    let server = Server::prepared(kind, port, &[]);
    let config = server.config_file().display().to_string();
    let ended = run_to_end(kind, server.dir(), &[&config]);
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert!(ended.output.contains(&format!("Failed listening on port {port}")), "{}", ended.output);
}

/// The line, its number and the reason.
fn bad_line([kind]: [Kind; 1]) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("server.conf");
    let wrong = [
        ("no-such-directive 1", "Bad directive"),
        ("port notanumber", "argument couldn't be parsed into an integer"),
        ("port 99999", "argument must be between 0 and 65535"),
        ("appendonly maybe", "argument must be 'yes' or 'no'"),
        ("repl-backlog-size lots", "argument must be a memory value"),
        ("bind \"127.0.0.1", "Unbalanced quotes in configuration line"),
        ("include /no/such/file.conf", "/no/such/file.conf"),
    ];
    for (line, reason) in wrong {
        fs::write(&file, format!("# a comment\n\n{line}\n")).expect("a config file");
        let ended = run_to_end(kind, dir.path(), &[&file.display().to_string()]);
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.output);
        assert!(ended.output.contains(reason), "{line}: {}", ended.output);
        if !line.starts_with("include") {
            assert!(ended.output.contains("at line 3"), "{line}: {}", ended.output);
            assert!(ended.output.contains(line), "{line}: {}", ended.output);
        }
        fs::remove_file(dir.path().join("output")).expect("it was written");
    }
}

/// SIGTERM saves when save points are set, says goodbye and exits with 0.
fn clean_stop([kind]: [Kind; 1]) {
    let mut server = Server::with(kind, &["save 3600 1"]);
    server.ask_ok(&["SET", "k", "v"]);
    let status = server.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(server.log().contains("is now ready to exit, bye bye..."));
    assert!(server.log().contains("Ready to accept connections"));
    server.launch();
    assert_eq!(server.value_of("k").as_deref(), Some("v"));
}
