//! What was saved is there after a restart, whatever the number of shards.

use super::support::server::Server;
use super::support::stock::own;
use super::{background_save, fill, keys};

const KEYS: usize = 5000;

fn check(shards: u16, shards_after: u16, save: impl Fn(&mut Server)) {
    let mut server = Server::start(own(shards));
    fill(&server, KEYS);
    let digest = server.digest();
    save(&mut server);
    server.kill();
    let mut config = std::fs::read_to_string(server.config_file()).expect("it is there");
    config = config.replace(&format!("shards {shards}\n"), &format!("shards {shards_after}\n"));
    std::fs::write(server.config_file(), config).expect("the config file is written");
    server.launch();
    assert_eq!(keys(&server), KEYS as i64);
    assert_eq!(server.digest(), digest);
    server.wait_log(&["DB loaded from disk"]);
}

#[test]
fn save_keeps_the_data() {
    for shards in [1, 2, 3] {
        check(shards, shards, |server| server.ask_ok(&["SAVE"]));
    }
}

#[test]
fn a_background_save_keeps_the_data_whatever_the_number_of_shards_later() {
    for (shards, later) in [(1, 3), (3, 2), (2, 1)] {
        check(shards, later, |server| background_save(server));
    }
}

#[test]
fn later_writes_are_not_in_the_file() {
    let mut server = Server::start(own(2));
    server.ask_ok(&["SET", "a", "1"]);
    background_save(&server);
    server.ask_ok(&["SET", "a", "2"]);
    server.kill();
    server.launch();
    assert_eq!(server.value_of("a").as_deref(), Some("1"));
}

#[test]
fn debug_reload_gives_the_same_data() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        fill(&server, KEYS);
        let digest = server.digest();
        server.ask_ok(&["DEBUG", "RELOAD"]);
        assert_eq!(server.digest(), digest);
        server.ask_ok(&["SET", "key:1", "changed"]);
        server.ask_ok(&["DEBUG", "RELOAD", "NOSAVE"]);
        assert_eq!(server.digest(), digest, "what the file does not have is gone");
        server.ask_ok(&["SET", "more", "1"]);
        let reply = server.ask(&["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH"]);
        assert!(reply.is_error("ERR"), "{reply:?}: keys stand twice");
        server.ask_ok(&["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE"]);
        assert_eq!(keys(&server), KEYS as i64 + 1);
    }
}

#[test]
fn loading_refuses_what_needs_keys_and_ends() {
    let mut server = Server::with(own(2), &["key-load-delay 100"]);
    fill(&server, 3000);
    server.ask_ok(&["SAVE"]);
    server.kill();
    server.launch();
    // `launch` waits for PING, which is answered with -LOADING before.
    assert_eq!(keys(&server), 3000);
    let log = server.log();
    let (loaded, ready) = ("DB loaded from disk", "Ready to accept connections tcp");
    assert!(log.rfind(loaded) < log.rfind(ready), "{log}");
}
