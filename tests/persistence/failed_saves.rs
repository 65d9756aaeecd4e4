//! A save that fails is said and survived: the old file stays, the server goes on.

use super::support::server::Server;
use super::support::stock::own;
use super::support::wait::{DEADLINE, wait_until};
use super::{background_save, children, fill, refused};

fn slow(directives: &[&str]) -> Server {
    let mut all = vec!["rdb-key-save-delay 10000"];
    all.extend(directives);
    Server::with(own(2), &all)
}

fn the_child(server: &Server) -> i32 {
    let mut found = Vec::new();
    wait_until(DEADLINE, "a child runs", || {
        found = children(server.pid());
        !found.is_empty()
    });
    assert_eq!(found.len(), 1, "one child at a time");
    found[0]
}

fn temporary_files(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.dir()).expect("it is there");
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp-")).collect()
}

#[test]
fn a_killed_child_leaves_the_server_well() {
    let server = slow(&[]);
    fill(&server, 2000);
    assert_eq!(server.ask(&["BGSAVE"]).text(), "Background saving started");
    let mut client = server.client();
    refused(&mut client, &["BGSAVE"], "ERR Background save already in progress");
    refused(&mut client, &["BGSAVE", "SCHEDULE"], "ERR Background save already in progress");
    refused(&mut client, &["SAVE"], "ERR Background save already in progress");
    refused(&mut client, &["BGSAVE", "NOW"], "ERR syntax error");
    let child = the_child(&server);
    // SAFETY: kill(2) touches no memory; the process is a child of the server that is running.
    assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
    server.wait_log(&["Background saving terminated by signal 9"]);
    assert_eq!(temporary_files(&server), [""; 0], "what it left is removed");
    server.ask_ok(&["SET", "still", "writable"]);
    assert!(children(server.pid()).is_empty(), "no child is left unwaited");
}

#[test]
fn clients_go_on_and_close_while_a_child_runs() {
    let server = slow(&[]);
    fill(&server, 2000);
    let mut leaving = server.client();
    leaving.cmd(&["SET", "a", "1"]);
    assert_eq!(server.ask(&["BGSAVE"]).text(), "Background saving started");
    the_child(&server);
    server.ask_ok(&["SET", "b", "2"]);
    // Closed by the server, the client must see its end although the child runs on.
    assert!(leaving.cmd(&["QUIT"]).is_ok());
    assert!(leaving.try_cmd(&["GET", "a"]).is_err());
}

#[test]
fn a_file_that_cannot_be_put_in_place_is_an_error_and_writes_are_refused() {
    let server = Server::with(own(2), &["save 3600 100000"]);
    server.ask_ok(&["SET", "a", "1"]);
    background_save(&server);
    // A directory under the file's name: the temporary file cannot be moved there.
    let path = server.dir().join("dump.rdb");
    std::fs::remove_file(&path).expect("it was saved");
    std::fs::create_dir(&path).expect("a directory");
    assert_eq!(server.ask(&["BGSAVE"]).text(), "Background saving started");
    server.wait_log(&["Background saving error"]);
    server.wait_log(&["Error moving temp DB file"]);
    assert_eq!(temporary_files(&server), [""; 0]);
    let mut client = server.client();
    refused(&mut client, &["SET", "a", "2"], "MISCONF");
    assert_eq!(client.cmd(&["GET", "a"]).text(), "1");
    assert!(client.cmd(&["SAVE"]).is_error("ERR"));
    std::fs::remove_dir(&path).expect("it is empty");
    background_save(&server);
    assert!(client.cmd(&["SET", "a", "2"]).is_ok(), "a good save ends the refusal");
}

#[test]
fn save_points_save_by_themselves() {
    let server = Server::with(own(2), &["save 1 10"]);
    fill(&server, 20);
    server.wait_log(&["10 changes in 1 seconds. Saving..."]);
    server.wait_log(&["Background saving terminated with success"]);
    assert!(server.dir().join("dump.rdb").exists());
}

#[test]
fn a_full_disk_is_an_error_and_the_old_file_stays() {
    let server = Server::start(own(2));
    server.ask_ok(&["SET", "a", "1"]);
    server.ask_ok(&["SAVE"]);
    let file = std::fs::read(server.dir().join("dump.rdb")).expect("it was saved");
    fill(&server, 1000);
    // The temporary file's name is known: it leads to a device that is always full.
    let temporary = server.dir().join(format!("temp-{}.rdb", server.pid()));
    std::os::unix::fs::symlink("/dev/full", &temporary).expect("a link");
    assert!(server.ask(&["SAVE"]).is_error("ERR"));
    server.wait_log(&["No space left on device"]);
    assert_eq!(std::fs::read(server.dir().join("dump.rdb")).expect("it stays"), file);
    server.ask_ok(&["SAVE"]);
}
