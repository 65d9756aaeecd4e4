//! Full resynchronizations of replicas that are slow, and of many at once: the master goes on, its
//! memory stays bounded, and everybody gets there in the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::checks::{EndOnDrop, replicaof, stat, wait_equal, write_keys};
use crate::support::fake_replica::FakeReplica;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::wait::{DEADLINE, holds_within, wait_until};

mod dropped_while_it_loads {
    tests_of! { super::dropped_while_it_loads, &[(1, 0)];
        own2_own2: [own(2), own(2)];
        own1_redis: [own(1), Redis];
    }
}
mod stock_loops {
    tests_of! { super::stock_loops, &[(1, 0)];
        redis_own1: [Redis, own(1)];
    }
}
mod phases {
    tests_of! { super::phases, &[(1, 0)];
        own1_own2: [own(1), own(2)];
    }
}
mod storm {
    tests_of! { super::storm, &[];
        own2: [own(2)];
    }
}

/// Loads its 1500 keys in 1.5 s, in which it is owed some three times as much as may wait.
const SLOW: [&str; 2] = ["repl-diskless-load disabled", "key-load-delay 1000"];
const NARROW: [&str; 2] =
    ["client-output-buffer-limit replica 512kb 0 0", "repl-backlog-size 16kb"];

/// A replica that loads more slowly than its limit allows is dropped, is allowed more the next
/// times, and gets there while the writes go on.
fn dropped_while_it_loads([master, replica]: [Kind; 2]) {
    let master = Server::with(master, &NARROW);
    let replica = Server::with(replica, &SLOW);
    write_keys(&master, "start", 1500, 100);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = EndOnDrop(&ended);
        scope.spawn(|| write_steadily(&master, &ended));
        replicaof(&replica, &master);
        wait_until(DEADLINE * 2, "it catches up", || {
            master.log().contains("has caught up: its limit is as configured")
        });
        drop(end);
    });
    wait_equal(&master, &[&replica]);
    let full = stat(&master, "sync_full");
    let dropped = stat(&master, "client_output_buffer_limit_disconnections");
    assert!((2..=7).contains(&full), "{full} full resynchronizations, each with twice the room");
    assert_eq!(dropped, full - 1);
    for text in ["scheduled to be closed ASAP for overcoming of output buffer limits", "next time"]
    {
        assert_eq!(master.log().matches(text).count() as i64, dropped, "{text}");
    }
}

/// The same load and the same limits with a stock master: the replica begins anew and never gets
/// there.
fn stock_loops([master, replica]: [Kind; 2]) {
    let master = Server::with(master, &NARROW);
    let replica = Server::with(replica, &SLOW);
    write_keys(&master, "start", 1500, 100);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = EndOnDrop(&ended);
        scope.spawn(|| write_steadily(&master, &ended));
        replicaof(&replica, &master);
        wait_until(DEADLINE * 2, "it begins anew", || stat(&master, "sync_full") >= 4);
        drop(end);
    });
    let text = "scheduled to be closed ASAP for overcoming of output buffer limits";
    assert!(master.log().matches(text).count() >= 3);
}

/// About a megabyte a second.
fn write_steadily(master: &Server, ended: &AtomicBool) {
    const PERIOD: Duration = Duration::from_millis(50);
    let mut round = 0;
    while !ended.load(Ordering::SeqCst) {
        write_keys(master, &format!("later{}", round % 4), 50, 1000);
        round += 1;
        holds_within(PERIOD, || ended.load(Ordering::SeqCst));
    }
}

/// Eight replicas that ask at once, while much is written: at most two snapshots serve them, one
/// after the other, and what they are owed is kept once.
fn storm([kind]: [Kind; 1]) {
    const REPLICAS: usize = 8;
    const WRITTEN: usize = 16 << 20;
    let master = Server::with(kind, &["rdb-key-save-delay 200", "repl-backlog-size 1mb"]);
    write_keys(&master, "start", 2000, 100);
    let forks = stat(&master, "total_forks");
    let mut replicas: Vec<FakeReplica> = (0..REPLICAS)
        .map(|_| {
            let mut replica = FakeReplica::connect(master.port());
            replica.handshake(&["eof", "psync2"]);
            replica.tell(&["PSYNC", "?", "-1"]);
            replica
        })
        .collect();
    wait_until(DEADLINE, "all have asked", || {
        master.info("replication").field("connected_slaves") == REPLICAS.to_string()
    });
    let before = master.resident_bytes();
    for part in 0..16 {
        write_keys(&master, &format!("part{}", part % 2), WRITTEN / 16 / 16384, 16384);
    }
    let grown = master.resident_bytes().saturating_sub(before);
    // The keys written are two parts of a megabyte.
    assert!(grown < 3 * WRITTEN as u64, "{grown} bytes more for {WRITTEN} written");
    for replica in &mut replicas {
        replica.greeted();
        replica.read_rdb();
        replica.ack(replica.start);
    }
    let end = master.info("replication").number("master_repl_offset") as u64;
    for replica in &mut replicas {
        replica.read_to(end);
    }
    let one = &replicas[0];
    for other in &replicas[1..] {
        let common = (end - one.start.max(other.start)) as usize;
        let tail = |replica: &FakeReplica| {
            let until = (end - replica.start) as usize;
            replica.stream[until - common..until].to_vec()
        };
        assert!(tail(one) == tail(other), "all are sent the same stream");
    }
    let forks = stat(&master, "total_forks") - forks;
    assert!((1..=2).contains(&forks), "{forks} snapshots for {REPLICAS} replicas");
    assert_eq!(stat(&master, "sync_full"), REPLICAS as i64);
    wait_until(DEADLINE, "what they were owed is let go", || {
        master.info("memory").number("mem_total_replication_buffers") <= 2 << 20
    });
}

/// Each phase is told in the log with its time and its bytes, and what took long in LATENCY.
fn phases([master, replica]: [Kind; 2]) {
    let threshold = "latency-monitor-threshold 1";
    let (master, replica) =
        (Server::with(master, &[threshold]), Server::with(replica, &[threshold]));
    write_keys(&master, "k", 100, 100);
    replicaof(&replica, &master);
    master.wait_log(&["bytes were sent to a replica within"]);
    assert!(
        master.log().contains("The snapshot of 100 keys at offset 0 serves 1 replicas; its cut")
    );
    replica.wait_log(&["bytes received in"]);
    // Fifty megabytes of zeros by a few bytes of the stream.
    assert_eq!(master.ask(&["SETRANGE", "big", "50000000", "x"]).integer(), 50_000_001);
    wait_until(DEADLINE, "the replica tells that it took long", || {
        !replica.ask(&["LATENCY", "HISTORY", "apply"]).items().is_empty()
    });
}
