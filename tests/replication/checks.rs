//! What several scenarios do and ask: attach a replica, wait until all are equal, compare.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::wait::{DEADLINE, wait_until};

/// `REPLICAOF` to that master.
pub fn replicaof(replica: &Server, master: &Server) {
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
}

/// `REPLICAOF`, then waits until the link is up.
pub fn attach(replica: &Server, master: &Server) {
    replicaof(replica, master);
    wait_link_up(replica);
}

/// Waits until a replica's link to its master is up.
pub fn wait_link_up(replica: &Server) {
    wait_until(DEADLINE, "master_link_status:up", || {
        replica.info("replication").field("master_link_status") == "up"
    });
}

/// Waits until a replica knows that its link is down.
pub fn wait_link_down(replica: &Server) {
    wait_until(DEADLINE, "master_link_status:down", || {
        replica.info("replication").field("master_link_status") == "down"
    });
}

/// Waits until a master has that many replicas online.
pub fn wait_replicas(master: &Server, count: usize) {
    wait_until(DEADLINE, &format!("{count} replicas are online"), || {
        let info = master.info("replication");
        let online =
            (0..count).filter(|n| info.part(&format!("slave{n}"), "state") == "online").count();
        info.field("connected_slaves") == count.to_string() && online == count
    });
}

/// Waits until a key has that value there.
pub fn wait_value(server: &Server, key: &str, value: &str) {
    wait_until(DEADLINE, &format!("{key} becomes {value}"), || {
        server.value_of(key).as_deref() == Some(value)
    });
}

/// Waits until all links are up and all offsets equal the master's, then asserts that the data
/// sets are equal too.
pub fn wait_equal(master: &Server, replicas: &[&Server]) {
    let mut seen = Vec::new();
    let equal = crate::support::wait::holds_within(DEADLINE, || {
        let offset = master.info("replication").number("master_repl_offset");
        seen = replicas
            .iter()
            .map(|replica| {
                let info = replica.info("replication");
                let up = info.field("master_link_status") == "up";
                (up, info.field("slave_repl_offset").parse().unwrap_or(-1))
            })
            .collect();
        seen.iter().all(|state| *state == (true, offset))
    });
    let offset = master.info("replication").number("master_repl_offset");
    assert!(equal, "offsets are not equal: master {offset}, replicas (link up, offset) {seen:?}");
    let digest = master.digest();
    for replica in replicas {
        assert_eq!(replica.digest(), digest, "{:?} holds what its master holds", replica.kind());
    }
}

/// Writes `count` keys `prefix:n` with `size` bytes each, in one pipeline.
pub fn write_keys(server: &Server, prefix: &str, count: usize, size: usize) {
    let value = vec![b'v'; size];
    let commands: Vec<_> = (0..count)
        .map(|n| vec![b"SET".to_vec(), format!("{prefix}:{n}").into_bytes(), value.clone()])
        .collect();
    for reply in server.client().pipeline(&commands) {
        assert!(reply.is_ok(), "{reply:?}");
    }
}

/// A mixed data set: two databases, integers, long and binary values, expiring keys.
pub fn write_sample(server: &Server) {
    write_keys(server, "plain", 200, 20);
    let mut client = server.client();
    sample(&mut client, "0");
    assert!(client.cmd(&["SELECT", "3"]).is_ok());
    sample(&mut client, "3");
}

/// A counter of INFO `stats`.
pub fn stat(server: &Server, name: &str) -> i64 {
    server.info("stats").number(name)
}

fn sample(client: &mut Client, tag: &str) {
    assert!(client.cmd(&["SET", &format!("number:{tag}"), "12345"]).is_ok());
    assert!(client.cmd(&["SET", &format!("long:{tag}"), &"x".repeat(50_000)]).is_ok());
    let binary: Vec<u8> = (0..=255).collect();
    assert!(client.cmd(&[b"SET".as_slice(), b"binary", &binary]).is_ok());
    assert!(client.cmd(&["SET", &format!("expiring:{tag}"), "v", "EX", "1000"]).is_ok());
    assert!(client.cmd(&["MSET", "{t}a", "1", "{t}b", "2", "c", "3", "d", "4"]).is_ok());
}

/// Ends a writer even when the test fails, else its thread would never be joined.
pub struct EndOnDrop<'a>(pub &'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Writes to a master, one command after the other, until `ended`.
pub fn write_until(master: &Server, ended: &AtomicBool) {
    let mut client = master.client();
    let mut n = 0;
    while !ended.load(Ordering::SeqCst) {
        let key = format!("k:{}", n % 1000);
        assert!(client.cmd(&["SET", &key, &format!("value {n}")]).is_ok());
        n += 1;
    }
}
