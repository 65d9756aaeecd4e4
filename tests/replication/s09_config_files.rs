//! Config files: include, overrides, both spellings, the command line on top.

use std::fs;

use crate::checks::wait_link_up;
use crate::support::client::Client;
use crate::support::server::{Running, Server, free_port, run, run_to_end};
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, wait_until};

mod include {
    one_server_or_stock!(super::include);
}
mod spellings {
    one_server_or_stock!(super::spellings);
}
mod command_line {
    two_servers!(super::command_line, &[(1, 0)]);
}
mod wrong_path {
    one_server_or_stock!(super::wrong_path);
}

/// `include base.conf` first, then what differs.
fn include([kind]: [Kind; 1]) {
    let dir = tempfile::tempdir().expect("a directory");
    let base = dir.path().join("base.conf");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("a directory");
    fs::write(&base, "port 1\nbind 127.0.0.1\ndbfilename base.rdb\nmaxclients 77\n")
        .expect("a config file");
    let server = Server::prepared(kind, free_port(), &[]);
    let own = fs::read_to_string(server.config_file()).expect("a config file");
    let own = format!(
        "include {}\n{own}dbfilename over.rdb\npidfile {}\ndir {}\n",
        base.display(),
        data.join("over.pid").display(),
        data.display(),
    );
    fs::write(server.config_file(), own).expect("a config file");
    let mut server = server;
    server.launch();
    let value_of = |name: &str| server.ask(&["CONFIG", "GET", name]).items()[1].text();
    assert_eq!(value_of("maxclients"), "77", "from the included file");
    assert_eq!(value_of("dbfilename"), "over.rdb", "the later line counts");
    assert_eq!(value_of("port"), server.port_text());
    assert_eq!(value_of("dir"), data.display().to_string());
    server.ask_ok(&["SET", "k", "v"]);
    server.ask_ok(&["SAVE"]);
    assert!(data.join("over.rdb").is_file());
}

/// `slave` and `replica` name the same directive, in the file and in CONFIG.
fn spellings([kind]: [Kind; 1]) {
    let lines = [
        "slave-priority 42",
        "replica-serve-stale-data no",
        "slave-read-only no",
        "slaveof no one",
    ];
    let server = Server::with(kind, &lines[..3]);
    for (name, value) in [("priority", "42"), ("serve-stale-data", "no"), ("read-only", "no")] {
        for spelling in ["slave", "replica"] {
            let reply = server.ask(&["CONFIG", "GET", &format!("{spelling}-{name}")]);
            assert_eq!(reply.items()[1].text(), value, "{spelling}-{name}");
        }
    }
    server.ask_ok(&["CONFIG", "SET", "slave-priority", "7"]);
    assert_eq!(server.ask(&["CONFIG", "GET", "replica-priority"]).items()[1].text(), "7");
}

/// Options after the file override it; arguments with blanks are quoted.
fn command_line([master, replica]: [Kind; 2]) {
    let master = Server::start(master);
    let port = free_port();
    let prepared = Server::prepared(replica, free_port(), &["maxclients 50"]);
    let config = prepared.config_file().display().to_string();
    let relation = format!("127.0.0.1 {}", master.port());
    let args =
        [&config, "--port", &port.to_string(), "--replicaof", &relation, "--maxclients", "60"];
    let started = Running(run(replica, prepared.dir(), &args));
    wait_until(DEADLINE, "the replica answers on the port of the command line", || {
        Client::connect(port).is_ok_and(|mut client| client.try_cmd(&["PING"]).is_ok())
    });
    let mut client = Client::connect(port).expect("it listens");
    assert_eq!(client.cmd(&["CONFIG", "GET", "maxclients"]).items()[1].text(), "60");
    wait_until(DEADLINE, "the link is up", || {
        let text = client.cmd(&["INFO", "replication"]).text();
        text.contains("master_link_status:up")
    });
    drop(started);

    // The same relation in the file, in the older spelling.
    let replica = Server::with(replica, &[&format!("slaveof {relation}")]);
    wait_link_up(&replica);
}

/// `dbfilename` is a name, not a path.
fn wrong_path([kind]: [Kind; 1]) {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("server.conf");
    fs::write(&config, "bind 127.0.0.1\ndbfilename some/where.rdb\n").expect("a config file");
    let ended = run_to_end(kind, dir.path(), &[&config.display().to_string()]);
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert!(ended.output.contains("dbfilename can't be a path"), "{}", ended.output);
    let server = Server::start(kind);
    let refused = server.ask(&["CONFIG", "SET", "dbfilename", "../a.rdb"]);
    assert!(refused.is_error("ERR"), "{refused:?}");
}
