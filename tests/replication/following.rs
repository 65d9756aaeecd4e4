//! What a replica shows and answers while it is not in step with its master.

use std::fs;

use crate::checks::{replicaof, wait_link_up, wait_value};
use crate::support::fake_master::{FakeMaster, rdb_with};
use crate::support::server::{Server, free_port};
use crate::support::stock::Kind;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

mod shown_while_synchronizing {
    one_server_or_stock!(super::shown_while_synchronizing);
}
mod no_stale_data {
    one_server_or_stock!(super::no_stale_data);
}
mod rewritten {
    one_server_or_stock!(super::rewritten);
}

/// ROLE's third word but one: how the link is.
fn link_state(server: &Server) -> String {
    match server.ask(&["ROLE"]) {
        Value::Array(items) => items.get(3).map(Value::text).unwrap_or_default(),
        other => panic!("ROLE answers an array, not {other:?}"),
    }
}

fn shown_while_synchronizing([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let replica = Server::start(kind);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    wait_until(DEADLINE, "the replica has begun to speak", || link_state(&replica) == "handshake");
    link.handshake().expect("the replica asks for a synchronization");
    let rdb = rdb_with("key", "value");
    let (first, rest) = rdb.split_at(10);
    let id = crate::support::fake_master::ID;
    link.send(format!("+FULLRESYNC {id} 500\r\n${}\r\n", rdb.len()).as_bytes());
    link.send(first);
    wait_until(DEADLINE, "the first bytes are in", || {
        let info = replica.info("replication");
        info.has("master_sync_read_bytes") && info.field("master_sync_read_bytes") == "10"
    });
    let info = replica.info("replication");
    for (field, value) in [
        ("role", "slave"),
        ("master_link_status", "down"),
        ("master_last_io_seconds_ago", "-1"),
        ("master_sync_in_progress", "1"),
        ("master_sync_total_bytes", &rdb.len().to_string()),
        ("master_sync_left_bytes", &rest.len().to_string()),
    ] {
        assert_eq!(info.field(field), value, "{field}");
    }
    let percent: f64 = info.field("master_sync_perc").parse().expect("a number");
    assert!((percent - 1000.0 / rdb.len() as f64).abs() < 0.01, "{percent}");
    for field in ["master_sync_last_io_seconds_ago", "master_link_down_since_seconds"] {
        assert!((-1..20).contains(&info.number(field)), "{field}");
    }
    assert_eq!(link_state(&replica), "sync");
    link.send(rest);
    wait_link_up(&replica);
    wait_value(&replica, "key", "value");
    let info = replica.info("replication");
    assert!(!info.has("master_sync_total_bytes") && !info.has("master_link_down_since_seconds"));
    assert_eq!(info.field("slave_repl_offset"), "500");
    assert_eq!(info.field("slave_read_repl_offset"), "500");
    assert_eq!(link_state(&replica), "connected");
}

fn no_stale_data([kind]: [Kind; 1]) {
    let port = free_port();
    let replica = Server::with(kind, &["replica-serve-stale-data no"]);
    replica.ask_ok(&["SET", "k", "own"]);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    let refused = Value::Error(
        b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
            .to_vec(),
    );
    for command in [&["GET", "k"][..], &["DBSIZE"], &["KEYS", "*"], &["SCAN", "0"]] {
        assert_eq!(replica.ask(command), refused, "{command:?}");
    }
    let readonly = replica.ask(&["SET", "k", "2"]);
    assert!(readonly.is_error("READONLY") || readonly == refused, "{readonly:?}");
    // In a transaction it is refused as it is queued, and with it the whole.
    let mut client = replica.client();
    assert!(client.cmd(&["MULTI"]).is_ok());
    assert_eq!(client.cmd(&["GET", "k"]), refused);
    assert!(client.cmd(&["EXEC"]).is_error("EXECABORT"));
    assert_eq!(replica.info("replication").field("master_link_status"), "down");
    replica.ask_ok(&["CONFIG", "SET", "replica-serve-stale-data", "yes"]);
    assert_eq!(replica.value_of("k").as_deref(), Some("own"));
    replica.ask_ok(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let master = Server::on_port(kind, port, &[]);
    wait_link_up(&replica);
    master.ask_ok(&["SET", "k", "new"]);
    wait_value(&replica, "k", "new");
}

/// CONFIG REWRITE stores whom a server follows, and that it follows nobody any more.
fn rewritten([kind]: [Kind; 1]) {
    let (one, other) = (Server::start(kind), Server::start(kind));
    let mut replica = Server::start(kind);
    let lines = |server: &Server| -> Vec<String> {
        let config = fs::read_to_string(server.config_file()).expect("it is there");
        let found = config
            .lines()
            .filter(|line| line.starts_with("replicaof ") || line.starts_with("slaveof "));
        found.map(|line| line.split_once(' ').expect("it has words").1.to_owned()).collect()
    };
    for master in [&one, &other] {
        replicaof(&replica, master);
        replica.ask_ok(&["CONFIG", "REWRITE"]);
        assert_eq!(lines(&replica), [format!("127.0.0.1 {}", master.port())]);
    }
    replica.shutdown();
    replica.launch();
    wait_link_up(&replica);
    let info = replica.info("replication");
    assert_eq!(info.field("master_port"), other.port_text());
    replica.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    replica.ask_ok(&["CONFIG", "REWRITE"]);
    assert!(lines(&replica).is_empty());
    replica.shutdown();
    replica.launch();
    assert_eq!(replica.info("replication").field("role"), "master");
}
