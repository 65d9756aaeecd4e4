//! The command line's other uses, the background, the pid file, the supervisor.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use crate::support::server::{Server, free_port, run_to_end};
use crate::support::stock::own;
use crate::support::wait::{DEADLINE, wait_until};

fn output(args: &[&str]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let ended = run_to_end(own(1), dir.path(), args);
    (ended.code, ended.output)
}

#[test]
fn the_command_line_answers_questions() {
    for option in ["-v", "--version"] {
        let (code, text) = output(&[option]);
        assert_eq!(code, Some(0));
        assert!(text.starts_with("Tributary server v=") && text.contains("redis=7.2.4"), "{text}");
    }
    let (code, text) = output(&["--help"]);
    assert!(code == Some(0) && text.starts_with("Usage: "), "{text}");
    let (code, text) = output(&["--check-system"]);
    assert!(code == Some(0) && text.contains("[io_uring] OK"), "{text}");
    let (code, text) = output(&["x.conf", "--sentinel"]);
    assert!(code == Some(1) && text.contains("not in this version"), "{text}");
}

#[test]
fn what_cannot_be_used_is_told_and_ends_it() {
    let busy = Server::start(own(1));
    let port = busy.port_text();
    let (code, text) = output(&["--port", &port, "--bind", "127.0.0.1"]);
    let expected = format!("Failed listening on port {port} (TCP), aborting.");
    assert!(code == Some(1) && text.contains(&expected), "{text}");
    let (code, text) = output(&["--prot", "1"]);
    assert!(code == Some(1) && text.contains("Bad directive"), "{text}");
    let (code, text) = output(&["--logfile", "/nosuch/log"]);
    assert!(code == Some(1) && text.contains("Can't open the log file"), "{text}");
}

#[test]
fn first_lines_come_in_order() {
    let mut server = Server::with(own(2), &[]);
    let texts = [
        format!(" PID: {}", server.pid()),
        "Server initialized".to_owned(),
        "Ready to accept connections tcp".to_owned(),
    ];
    let log = server.log();
    let places: Vec<Option<usize>> = texts.iter().map(|text| log.find(text.as_str())).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{log}");
    server.shutdown();
}

#[test]
fn it_goes_to_the_background_and_comes_to_an_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port().to_string();
    let place = dir.path().display().to_string();
    let args = [
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--daemonize",
        "yes",
        "--pidfile",
        "pid",
        "--logfile",
        "log",
        "--dir",
        &place,
        "--save",
        "",
        "--shards",
        "1",
    ];
    let ended = run_to_end(own(1), dir.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let pid_file = dir.path().join("pid");
    let log = || fs::read_to_string(dir.path().join("log")).unwrap_or_default();
    wait_until(DEADLINE, "the server serves", || log().contains("Ready to accept connections"));
    let pid = fs::read_to_string(&pid_file).expect("the pid file is there");
    assert!(log().contains(&format!(" PID: {}", pid.trim())));
    let mut client = crate::support::client::Client::connect(port.parse().expect("a number"))
        .expect("it is served");
    // The connection ends without an answer.
    let _ = client.try_cmd(&["SHUTDOWN", "NOSAVE"]);
    wait_until(DEADLINE, "the pid file is removed", || !pid_file.exists());
}

#[test]
fn systemd_is_told_when_it_serves() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("notify");
    let notified = UnixDatagram::bind(&socket).expect("a socket");
    let port = free_port().to_string();
    let program = own(1).program().expect("ours is built");
    let child = Command::new(program)
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--supervised", "systemd"])
        .args(["--shards", "1", "--logfile", "log", "--dir"])
        .arg(dir.path())
        .env("NOTIFY_SOCKET", &socket)
        .spawn()
        .expect("it starts");
    let _running = crate::support::server::Running(child);
    notified.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut buffer = [0; 200];
    let length = notified.recv(&mut buffer).expect("it says that it is ready");
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("READY=1"));
}
