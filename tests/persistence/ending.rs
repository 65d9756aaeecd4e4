//! The end in order: saved if so configured, files removed, exit code 0; refused if saving fails.

use super::support::client::Client;
use super::support::server::{Running, Server, free_port, run};
use super::support::stock::own;
use super::support::value::Value;
use super::support::wait::{DEADLINE, wait_until};
use super::{fill, keys, refused};

fn server(directives: &[&str]) -> Server {
    let server = Server::with(own(2), directives);
    fill(&server, 500);
    server
}

fn kept(mut server: Server) -> i64 {
    server.launch();
    keys(&server)
}

#[test]
fn signals_save_when_save_points_are_set() {
    let mut saving = server(&["save 3600 1"]);
    assert_eq!(saving.terminate().code(), Some(0));
    let log = saving.log();
    for text in [
        "Received SIGTERM scheduling shutdown...",
        "User requested shutdown...",
        "Saving the final RDB snapshot before exiting.",
        "DB saved on disk",
        "Redis is now ready to exit, bye bye...",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
    assert_eq!(kept(saving), 500);
    let mut plain = server(&[]);
    assert_eq!(plain.terminate().code(), Some(0));
    assert_eq!(kept(plain), 0);
}

#[test]
fn shutdown_does_as_it_is_told() {
    let mut told = server(&[]);
    assert!(told.client().try_cmd(&["SHUTDOWN", "SAVE"]).is_err(), "the reply is the end");
    assert_eq!(told.wait_end().code(), Some(0));
    assert_eq!(kept(told), 500);
    let mut told = server(&["save 3600 1"]);
    assert!(told.client().try_cmd(&["SHUTDOWN", "NOSAVE", "NOW"]).is_err());
    assert_eq!(told.wait_end().code(), Some(0));
    assert_eq!(kept(told), 0);
}

#[test]
fn shutdown_refuses_what_makes_no_sense() {
    let server = server(&[]);
    let mut client = server.client();
    refused(&mut client, &["SHUTDOWN", "SAVE", "NOSAVE"], "ERR syntax error");
    refused(&mut client, &["SHUTDOWN", "SOON"], "ERR syntax error");
    refused(&mut client, &["SHUTDOWN", "ABORT", "NOW"], "ERR syntax error");
    refused(&mut client, &["SHUTDOWN", "ABORT"], "ERR No shutdown in progress.");
}

#[test]
fn a_last_save_that_fails_keeps_the_server_unless_forced() {
    let mut server = server(&["save 3600 1"]);
    std::fs::create_dir(server.dir().join("dump.rdb")).expect("a directory in the file's place");
    let mut client = server.client();
    refused(&mut client, &["SHUTDOWN"], "ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(client.cmd(&["GET", "key:2"]).text(), "value:2");
    assert!(client.cmd(&["SET", "a", "1"]).is_ok());
    assert!(client.try_cmd(&["SHUTDOWN", "FORCE"]).is_err());
    assert_eq!(server.wait_end().code(), Some(0));
}

#[test]
fn a_child_that_saves_does_not_hold_up_the_end() {
    let mut server = server(&["rdb-key-save-delay 100000"]);
    assert_eq!(server.ask(&["BGSAVE"]).text(), "Background saving started");
    assert_eq!(server.terminate().code(), Some(0));
    assert!(server.log().contains("There is a child saving an .rdb. Killing it!"));
    let names = std::fs::read_dir(server.dir()).expect("it is there").flatten();
    let left = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("temp-"));
    assert_eq!(left.count(), 0);
}

#[test]
fn the_end_while_loading_leaves_the_file_alone() {
    let mut server = server(&["save 3600 1"]);
    server.terminate();
    let file = std::fs::read(server.dir().join("dump.rdb")).expect("it was saved");
    let mut slow = Server::prepared(own(2), free_port(), &["save 3600 1", "key-load-delay 100000"]);
    std::fs::write(slow.dir().join("dump.rdb"), &file).expect("the file is written");
    let (log, path) = (slow.dir().join("output"), slow.config_file());
    let mut child = Running(run(own(2), slow.dir(), &[&path.display().to_string()]));
    wait_until(DEADLINE, "it answers -LOADING", || {
        let client = Client::connect(slow.port());
        client.is_ok_and(|mut client| {
            client.try_cmd(&["GET", "a"]).is_ok_and(|reply| reply.is_error("LOADING"))
        })
    });
    let mut client = Client::connect(slow.port()).expect("it listens");
    assert!(client.cmd(&["LASTSAVE"]).integer() > 0, "what needs no keys is answered");
    assert!(client.try_cmd(&["SHUTDOWN"]).is_err());
    wait_until(DEADLINE, "it ends", || matches!(child.0.try_wait(), Ok(Some(_))));
    assert_eq!(std::fs::read(slow.dir().join("dump.rdb")).expect("it stays"), file);
    let text = std::fs::read_to_string(log).expect("a log");
    assert!(!text.contains("Saving the final RDB snapshot"), "{text}");
    slow.kill();
}

#[test]
fn replicas_that_lag_are_waited_for() {
    let mut master = server(&["shutdown-timeout 60"]);
    let directives = [format!("replicaof 127.0.0.1 {}", master.port())];
    let replica = Server::with(own(1), &[&directives[0]]);
    wait_until(DEADLINE, "the replica has the data", || {
        matches!(replica.ask(&["DBSIZE"]), Value::Integer(500))
    });
    let behind = |value: &str| {
        replica.pause();
        master.ask_ok(&["SET", "last", value]);
        let mut client = master.client();
        std::thread::spawn(move || client.try_cmd(&["SHUTDOWN"]))
    };
    let waits = behind("1");
    master.wait_log(&["Waiting for replicas before shutting down."]);
    let mut client = master.client();
    assert!(client.cmd(&["SHUTDOWN", "ABORT"]).is_ok());
    let reply = waits.join().expect("no panic").expect("a reply");
    assert!(reply.is_error("ERR Errors trying to SHUTDOWN"), "{reply:?}");
    replica.resume();
    wait_until(DEADLINE, "the replica follows", || {
        replica.value_of("last").as_deref() == Some("1")
    });
    let ends = behind("2");
    wait_until(DEADLINE, "the end is put off again", || {
        master.log().matches("Waiting for replicas before shutting down.").count() == 2
    });
    replica.resume();
    assert!(ends.join().expect("no panic").is_err(), "the reply is the end");
    assert_eq!(master.wait_end().code(), Some(0));
    assert!(master.log().contains("1 of 1 replicas are in sync when shutting down."));
    assert_eq!(replica.value_of("last").as_deref(), Some("2"));
}
