//! One master, two replicas on one machine.

use std::fs;

use crate::checks::{replicaof, wait_equal, wait_link_up, wait_replicas, wait_value};
use crate::support::client::Client;
use crate::support::info::Info;
use crate::support::server::{Running, Server, free_port, run};
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, wait_until};

three_servers!(scenario, &[(1, 0), (2, 0)]);

mod daemonized {
    use super::daemonized;
    one_server!(daemonized);
}

fn scenario(cast: [Kind; 3]) {
    let [master, first, second] = cast.map(Server::start);
    for server in [&master, &first, &second] {
        check_fresh(server);
    }
    master.ask_ok(&["SET", "before", "1"]);
    first.ask_ok(&["SET", "own", "1"]);
    second.ask_ok(&["SET", "own", "2"]);
    assert_eq!(first.value_of("before"), None);
    assert_eq!(master.value_of("own"), None);

    first.ask_ok(&["SLAVEOF", "127.0.0.1", &master.port_text()]);
    replicaof(&second, &master);
    for replica in [&first, &second] {
        wait_link_up(replica);
        assert_eq!(replica.value_of("before").as_deref(), Some("1"));
        assert_eq!(replica.value_of("own"), None, "what a replica held of its own is gone");
        assert_eq!(replica.ask(&["KEYS", "*"]).items().len(), 1);
    }
    wait_replicas(&master, 2);

    master.ask_ok(&["SET", "after", "2"]);
    for replica in [&first, &second] {
        wait_value(replica, "after", "2");
    }
    wait_equal(&master, &[&first, &second]);
    check_master(&master, &[&first, &second]);
    for replica in [&first, &second] {
        check_replica(replica, &master);
    }
    check_read_only(&first);
}

/// What a server says of itself before any relation.
fn check_fresh(server: &Server) {
    let info = server.info("replication");
    assert_eq!(info.field("role"), "master");
    assert_eq!(info.field("connected_slaves"), "0");
    let id = info.field("master_replid");
    assert!(id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    assert_eq!(info.field("master_replid2"), "0".repeat(40));
    assert_eq!(info.field("master_repl_offset"), "0");
    assert_eq!(info.field("second_repl_offset"), "-1");
    assert_eq!(info.field("repl_backlog_active"), "0");
    if !server.kind().brand_is("valkey") {
        assert_eq!(info.field("repl_backlog_size"), "1048576");
    }
    assert_eq!(info.field("repl_backlog_first_byte_offset"), "0");
    assert_eq!(info.field("repl_backlog_histlen"), "0");
}

fn check_master(master: &Server, replicas: &[&Server]) {
    wait_until(DEADLINE, "the replicas' lines show the master's offset", || {
        let info = master.info("replication");
        let offset = info.field("master_repl_offset");
        (0..replicas.len()).all(|n| info.part(&format!("slave{n}"), "offset") == offset)
    });
    let info = master.info("replication");
    assert_eq!(info.field("connected_slaves"), replicas.len().to_string());
    let mut ports = Vec::new();
    for n in 0..replicas.len() {
        let line = format!("slave{n}");
        assert_eq!(info.part(&line, "ip"), "127.0.0.1");
        assert_eq!(info.part(&line, "state"), "online");
        assert!(["0", "1"].contains(&info.part(&line, "lag")), "{}", info.field(&line));
        ports.push(info.part(&line, "port").to_owned());
    }
    ports.sort();
    let mut expected: Vec<_> = replicas.iter().map(|replica| replica.port_text()).collect();
    expected.sort();
    assert_eq!(ports, expected);
}

fn check_replica(replica: &Server, master: &Server) {
    let info = replica.info("replication");
    let expected = [
        ("role", "slave"),
        ("master_host", "127.0.0.1"),
        ("master_port", &master.port_text()),
        ("master_link_status", "up"),
        ("master_sync_in_progress", "0"),
        ("slave_priority", "100"),
        ("slave_read_only", "1"),
        ("repl_backlog_active", "1"),
        ("master_replid", master.info("replication").field("master_replid")),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in &expected {
        assert_eq!(info.field(name), value, "{name}");
    }
    assert!(info.number("master_last_io_seconds_ago") <= 2);
    assert!(info.number("slave_repl_offset") > 0);
    check_order(&info);
}

/// The fields that scripts know come in the order they know.
fn check_order(info: &Info) {
    const ORDER: [&str; 22] = [
        "role",
        "master_host",
        "master_port",
        "master_link_status",
        "master_last_io_seconds_ago",
        "master_sync_in_progress",
        "slave_read_repl_offset",
        "slave_repl_offset",
        "slave_priority",
        "slave_read_only",
        "replica_announced",
        "connected_slaves",
        "master_failover_state",
        "master_replid",
        "master_replid2",
        "master_repl_offset",
        "second_repl_offset",
        "repl_backlog_active",
        "repl_backlog_size",
        "repl_backlog_first_byte_offset",
        "repl_backlog_histlen",
        "",
    ];
    let names: Vec<_> = info.names().into_iter().filter(|name| ORDER.contains(name)).collect();
    assert_eq!(names, ORDER[..ORDER.len() - 1]);
}

fn check_read_only(replica: &Server) {
    let refused = replica.ask(&["SET", "k", "v"]);
    assert!(
        refused.is_error("READONLY You can't write against a read only replica."),
        "{refused:?}"
    );
    replica.ask_ok(&["CONFIG", "SET", "replica-read-only", "no"]);
    replica.ask_ok(&["SET", "k", "v"]);
    assert_eq!(replica.value_of("k").as_deref(), Some("v"));
}

/// `daemonize yes` with `pidfile` and `logfile`: the command returns, the server stays.
fn daemonized([kind]: [Kind; 1]) {
    let port = free_port();
    let prepared = Server::prepared(kind, port, &["daemonize yes"]);
    let dir = prepared.dir();
    let path = |name: &str| dir.join(name).display().to_string();
    prepared.add_config(&format!("pidfile {}", path("server.pid")));
    prepared.add_config(&format!("logfile {}", path("daemon.log")));
    prepared.add_config(&format!("dbfilename dump{port}.rdb"));
    let mut started = Running(run(kind, dir, &[&path("server.conf")]));
    wait_until(DEADLINE, "the command returns", || matches!(started.0.try_wait(), Ok(Some(_))));

    let mut pid = 0;
    wait_until(DEADLINE, "the pidfile is there", || {
        let text = fs::read_to_string(path("server.pid")).unwrap_or_default();
        pid = text.trim().parse().unwrap_or(0);
        pid != 0
    });
    let daemon = Daemon(pid);
    wait_until(DEADLINE, "it answers", || {
        Client::connect(port).is_ok_and(|mut client| client.try_cmd(&["PING"]).is_ok())
    });
    let mut client = Client::connect(port).expect("it listens");
    assert!(client.cmd(&["SET", "k", "v"]).is_ok());
    assert!(client.cmd(&["SAVE"]).is_ok());
    assert!(dir.join(format!("dump{port}.rdb")).is_file());
    assert!(fs::read_to_string(path("daemon.log")).is_ok_and(|log| !log.is_empty()));
    assert!(client.try_cmd(&["SHUTDOWN", "NOSAVE"]).is_err());
    wait_until(DEADLINE, "the pidfile is removed", || !dir.join("server.pid").exists());
    drop(daemon);
}

/// A daemon has no parent that would end it.
struct Daemon(i32);

impl Drop for Daemon {
    fn drop(&mut self) {
        // SAFETY: kill(2) touches no memory. The id was read from the daemon's own pidfile.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
    }
}
