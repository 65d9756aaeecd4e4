//! The directives of replication by their effect, not only by their value.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::checks::{attach, replicaof, stat, wait_equal, wait_link_up, wait_replicas, write_keys};
use crate::support::fake_master::{FakeMaster, ID, rdb_with};
use crate::support::fake_replica::FakeReplica;
use crate::support::server::Server;
use crate::support::stock::{Kind, own, tool};
use crate::support::wait::{DEADLINE, stays, wait_until};

mod diskless_sync_waits_for_more {
    one_server_or_stock!(super::diskless_sync_waits_for_more);
}
mod by_way_of_the_disk {
    one_server_or_stock!(super::by_way_of_the_disk);
}
mod diskless_load {
    one_server_or_stock!(super::diskless_load);
}
mod swapdb {
    one_server!(super::swapdb);
}
mod backlog_size {
    one_server_or_stock!(super::backlog_size);
}
mod pings {
    one_server_or_stock!(super::pings);
}
mod lazy_flush {
    one_server_or_stock!(super::lazy_flush);
}
mod announced_address {
    one_server_or_stock!(super::announced_address);
}
mod min_replicas {
    one_server_or_stock!(super::min_replicas);
}
mod maxmemory_of_a_replica {
    one_server_or_stock!(super::maxmemory_of_a_replica);
}
mod oom_score {
    one_server_or_stock!(super::oom_score);
}
mod filtered {
    one_server_or_stock!(super::filtered);
}
mod redis_cli {
    one_server_or_stock!(super::redis_cli);
}
mod flushall_while_saving {
    one_server_or_stock!(super::flushall_while_saving);
}

/// How a replica's synchronization is, as its master sees it.
fn stage(master: &Server, replica: usize) -> String {
    master.info("replication").part(&format!("slave{replica}"), "state").to_owned()
}

/// The snapshot waits for `repl-diskless-sync-delay`, unless as many as
/// `repl-diskless-sync-max-replicas` have come.
fn diskless_sync_waits_for_more([kind]: [Kind; 1]) {
    let master =
        Server::with(kind, &["repl-diskless-sync-delay 60", "repl-diskless-sync-max-replicas 2"]);
    let (one, other) = (Server::start(own(1)), Server::start(own(2)));
    replicaof(&one, &master);
    wait_until(DEADLINE, "the first waits", || stage(&master, 0) == "wait_bgsave");
    stays(Duration::from_millis(300), "it goes on waiting", || stage(&master, 0) == "wait_bgsave");
    replicaof(&other, &master);
    wait_replicas(&master, 2);
    wait_equal(&master, &[&one, &other]);
    assert_eq!(stat(&master, "total_forks"), 1, "one snapshot serves both");
}

/// `repl-diskless-sync no`: by way of a file, which `rdb-del-sync-files` removes on both sides.
fn by_way_of_the_disk([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["repl-diskless-sync no"]);
    write_keys(&master, "k", 100, 100);
    let replica = Server::start(kind);
    attach(&replica, &master);
    wait_equal(&master, &[&replica]);
    let log = replica.log();
    let line = log.lines().find(|line| line.contains("sync: receiving")).expect("it is logged");
    assert!(line.contains(" bytes from ") && line.ends_with(" to disk"), "{line}");
    let kept = |server: &Server| server.dir().join("dump.rdb").exists();
    assert!(kept(&master) && kept(&replica), "the files stay");
    let tidy = Server::with(kind, &["rdb-del-sync-files yes"]);
    attach(&tidy, &master);
    wait_until(DEADLINE, "the file is removed", || !kept(&tidy));
    wait_equal(&master, &[&tidy]);
}

/// `repl-diskless-load on-empty-db`: straight from the socket as long as there is nothing to lose.
fn diskless_load([kind]: [Kind; 1]) {
    let (one, other) = (Server::start(own(1)), Server::start(own(1)));
    write_keys(&one, "k", 10, 10);
    let replica = Server::with(kind, &["repl-diskless-load on-empty-db"]);
    attach(&replica, &one);
    wait_equal(&one, &[&replica]);
    replica.wait_log(&["with EOF to parser"]);
    assert!(!replica.log().contains(" to disk"));
    attach(&replica, &other);
    wait_equal(&other, &[&replica]);
    replica.wait_log(&["with EOF to disk"]);
}

/// `repl-diskless-load swapdb`: while a later state of the same history comes in, the old one is
/// read; where it breaks, the old one stays.
fn swapdb([kind]: [Kind; 1]) {
    if !kind.is_tributary() {
        return;
    }
    let master = FakeMaster::new();
    let replica = Server::with(kind, &["repl-diskless-load swapdb", "replica-read-only no"]);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    link.handshake().expect("it asks");
    link.full_resync(0, &rdb_with("k", "old"));
    wait_link_up(&replica);
    drop(link);
    let rdb = rdb_with("k", "new");
    let (first, rest) = rdb.split_at(rdb.len() / 2);
    let begin = |offset: u64| {
        let mut link = master.accept();
        link.handshake().expect("it asks again");
        link.send(format!("+FULLRESYNC {ID} {offset}\r\n${}\r\n", rdb.len()).as_bytes());
        link.send(first);
        wait_until(DEADLINE, "it loads beside", || {
            replica.info("persistence").field("async_loading") == "1"
        });
        link
    };
    for offset in [500, 600] {
        let link = begin(offset);
        assert_eq!(replica.info("persistence").field("loading"), "0");
        assert_eq!(replica.value_of("k").as_deref(), Some("old"), "reads go on");
        let write = replica.ask(&["SET", "own", "1"]);
        assert!(write.is_error("LOADING"), "{write:?}");
        assert!(replica.ask(&["REPLICAOF", "127.0.0.1", "1"]).is_error("LOADING"));
        drop(link);
        wait_until(DEADLINE, "the load is given up", || {
            replica.info("persistence").field("async_loading") == "0"
        });
        assert_eq!(replica.value_of("k").as_deref(), Some("old"), "what there was stays");
    }
    let mut link = begin(700);
    link.send(rest);
    wait_link_up(&replica);
    assert_eq!(replica.value_of("k").as_deref(), Some("new"));
    assert_eq!(replica.info("replication").field("slave_repl_offset"), "700");
    // Another history: the old data is not read any more, but stays until the new is whole.
    drop(link);
    let mut link = master.accept();
    link.handshake().expect("it asks again");
    let other = "f".repeat(40);
    link.send(format!("+FULLRESYNC {other} 1\r\n${}\r\n", rdb.len()).as_bytes());
    link.send(first);
    wait_until(DEADLINE, "it loads", || replica.info("persistence").field("loading") == "1");
    assert!(replica.ask(&["GET", "k"]).is_error("LOADING"));
    drop(link);
    wait_until(DEADLINE, "the load is given up", || replica.ask(&["GET", "k"]).text() == "new");
}

/// `repl-backlog-size` changed while the server runs decides who may continue.
fn backlog_size([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["repl-backlog-size 4mb", "repl-ping-replica-period 3600"]);
    let mut replica = FakeReplica::connect(master.port());
    replica.handshake(&["eof", "psync2"]);
    replica.full_resync();
    replica.ack(replica.start);
    let (id, next) = (replica.id.clone(), replica.start + 1);
    drop(replica);
    write_keys(&master, "k", 500, 1000);
    let continues = || {
        let mut replica = FakeReplica::connect(master.port());
        replica.handshake(&["eof", "psync2"]);
        replica.psync(&id, next).starts_with("CONTINUE")
    };
    assert!(continues());
    master.ask_ok(&["CONFIG", "SET", "repl-backlog-size", "65536"]);
    wait_until(DEADLINE, "nobody reads the backlog", || {
        master.info("replication").field("connected_slaves") == "0"
    });
    write_keys(&master, "k", 100, 1000);
    let info = master.info("replication");
    assert_eq!(info.field("repl_backlog_size"), "65536");
    assert!(info.number("repl_backlog_histlen") < 300_000, "what is too much goes");
    assert!(!continues());
}

/// `repl-ping-replica-period`.
fn pings([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["repl-ping-replica-period 1"]);
    let mut replica = FakeReplica::connect(master.port());
    replica.handshake(&["eof", "psync2"]);
    replica.full_resync();
    let pings = |commands: &[Vec<String>]| {
        commands.iter().filter(|it| it[0].eq_ignore_ascii_case("PING")).count()
    };
    replica.read_until("two PINGs arrive", |commands| pings(commands) >= 2);
    assert_eq!(pings(&replica.commands()), replica.commands().len(), "and nothing else");
}

/// `replica-lazy-flush yes`: the old data is freed away from the shards.
fn lazy_flush([kind]: [Kind; 1]) {
    let master = Server::start(own(1));
    let replica = Server::with(kind, &["replica-lazy-flush yes"]);
    write_keys(&replica, "own", 5000, 10);
    attach(&replica, &master);
    wait_until(DEADLINE, "the old keys are freed", || {
        replica.info("memory").number("lazyfreed_objects") >= 5000
    });
    assert_eq!(replica.ask(&["DBSIZE"]).integer(), 0);
    replica.ask_ok(&["CONFIG", "RESETSTAT"]);
    assert_eq!(replica.info("memory").field("lazyfreed_objects"), "0");
}

/// `replica-announce-ip`, `replica-announce-port`, `replica-priority`, `replica-announced`.
fn announced_address([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let replica = Server::with(
        kind,
        &[
            "replica-announce-ip 10.1.2.3",
            "replica-announce-port 7001",
            "replica-priority 42",
            "replica-announced no",
        ],
    );
    attach(&replica, &master);
    wait_replicas(&master, 1);
    let info = master.info("replication");
    assert_eq!((info.part("slave0", "ip"), info.part("slave0", "port")), ("10.1.2.3", "7001"));
    let role = master.ask(&["ROLE"]);
    let listed = &role.items()[2].items()[0];
    assert_eq!(
        (listed.items()[0].text(), listed.items()[1].text()),
        ("10.1.2.3".into(), "7001".into())
    );
    let info = replica.info("replication");
    assert_eq!((info.field("slave_priority"), info.field("replica_announced")), ("42", "0"));
    replica.ask_ok(&["CONFIG", "SET", "replica-priority", "0", "replica-announced", "yes"]);
    let info = replica.info("replication");
    assert_eq!((info.field("slave_priority"), info.field("replica_announced")), ("0", "1"));
}

/// `min-replicas-to-write` counts those that acknowledged within `min-replicas-max-lag`.
fn min_replicas([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["min-replicas-to-write 1", "min-replicas-max-lag 1"]);
    let replica = Server::start(own(1));
    let refused = || {
        let reply = master.ask(&["SET", "k", "v"]);
        assert!(reply.is_ok() || reply.is_error("NOREPLICAS Not enough good replicas to write."));
        !reply.is_ok()
    };
    assert!(refused());
    assert!(master.value_of("k").is_none(), "reads are answered");
    assert_eq!(master.info("replication").field("min_slaves_good_slaves"), "0");
    attach(&replica, &master);
    wait_until(DEADLINE, "writes are taken", || !refused());
    assert_eq!(master.info("replication").field("min_slaves_good_slaves"), "1");
    replica.pause();
    wait_until(DEADLINE, "the replica lags", refused);
    replica.resume();
    wait_until(DEADLINE, "the replica is back", || !refused());
    master.ask_ok(&["CONFIG", "SET", "min-replicas-to-write", "2"]);
    assert!(refused());
    master.ask_ok(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    assert!(!refused());
}

/// `replica-ignore-maxmemory`: a replica holds what its master holds, unless it is told to look at
/// its own limit.
fn maxmemory_of_a_replica([kind]: [Kind; 1]) {
    const KEYS: usize = 6000;
    let master = Server::start(own(1));
    let limits = ["maxmemory 4mb", "maxmemory-policy allkeys-random"];
    let obedient = Server::with(kind, &limits);
    let own_will = Server::with(kind, &[&limits[..], &["replica-ignore-maxmemory no"]].concat());
    attach(&obedient, &master);
    attach(&own_will, &master);
    write_keys(&master, "k", KEYS, 1000);
    wait_equal(&master, &[&obedient]);
    wait_until(DEADLINE, "the other one evicts", || {
        own_will.ask(&["DBSIZE"]).integer() < KEYS as i64 && stat(&own_will, "evicted_keys") > 0
    });
    assert_eq!(stat(&obedient, "evicted_keys"), 0);
}

/// `oom-score-adj` follows the role.
fn oom_score([kind]: [Kind; 1]) {
    let score = |server: &Server| {
        let text = fs::read_to_string(format!("/proc/{}/oom_score_adj", server.pid()));
        text.expect("it runs").trim().to_owned()
    };
    let master = Server::start(own(1));
    // A score may be raised by anybody, lowered by few.
    let directives = ["oom-score-adj absolute", "oom-score-adj-values 300 400 800"];
    let replica = Server::with(kind, &directives);
    assert_eq!(score(&replica), "300");
    replicaof(&replica, &master);
    wait_until(DEADLINE, "the score of a replica", || score(&replica) == "400");
}

/// `rdb-filter-only`: the file without the keys.
fn filtered([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    write_keys(&master, "key", 50, 20);
    let rdb = |filter: Option<&str>| {
        let mut replica = FakeReplica::connect(master.port());
        if let Some(filter) = filter {
            assert!(replica.ask(&["REPLCONF", "rdb-filter-only", filter]).is_ok());
        }
        assert!(replica.ask(&["REPLCONF", "rdb-only", "1"]).is_ok());
        replica.handshake(&["eof", "psync2"]);
        let rdb = replica.full_resync();
        replica.wait_closed();
        rdb
    };
    let holds_keys = |rdb: &[u8]| rdb.windows(6).any(|bytes| bytes == b"key:11");
    assert!(holds_keys(&rdb(None)));
    for filter in ["functions", ""] {
        let rdb = rdb(Some(filter));
        assert!(rdb.starts_with(b"REDIS00") && !holds_keys(&rdb), "{filter:?}");
        assert_eq!(rdb[rdb.len() - 9], 0xff, "it is whole");
    }
    let mut replica = FakeReplica::connect(master.port());
    assert!(replica.ask(&["REPLCONF", "rdb-filter-only", "functions"]).is_ok());
    let refused = replica.ask(&["PSYNC", "?", "-1"]);
    assert!(refused.is_error("ERR Filtered replica requires EOF capability"), "{refused:?}");
}

/// `redis-cli --rdb`, `--functions-rdb` and `--replica`.
fn redis_cli([kind]: [Kind; 1]) {
    let Some(cli) = tool("redis-cli") else { return };
    let master = Server::start(kind);
    write_keys(&master, "key", 100, 20);
    let file = master.dir().join("fetched.rdb");
    let fetch = |option: &str| {
        let run = Command::new(&cli)
            .args(["-p", &master.port_text(), option])
            .arg(&file)
            .output()
            .expect("redis-cli runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let rdb = fs::read(&file).expect("a file");
        assert!(rdb.starts_with(b"REDIS00"));
        rdb.len()
    };
    let whole = fetch("--rdb");
    let functions = fetch("--functions-rdb");
    assert!(whole > 1000 && functions < 400, "{whole} bytes whole, {functions} without keys");
    let output = fs::File::create(master.dir().join("shown")).expect("a file");
    let shown = crate::support::server::Running(
        Command::new(&cli)
            .args(["-p", &master.port_text(), "--replica"])
            .stdout(output)
            .spawn()
            .expect("redis-cli runs"),
    );
    wait_until(DEADLINE, "the tool follows the stream", || {
        master.ask_ok(&["SET", "seen", "1"]);
        let text = fs::read_to_string(master.dir().join("shown")).unwrap_or_default();
        text.to_lowercase().contains("\"set\",\"seen\",\"1\"")
    });
    drop(shown);
}

/// FLUSHALL ends a save that would bring back what is gone, and the file follows.
fn flushall_while_saving([kind]: [Kind; 1]) {
    let server = Server::with(kind, &["save 3600 1000000", "rdb-key-save-delay 10000"]);
    write_keys(&server, "k", 5000, 10);
    server.ask(&["BGSAVE"]);
    let saving = || server.info("persistence").field("rdb_bgsave_in_progress") == "1";
    wait_until(DEADLINE, "a save runs", saving);
    server.ask_ok(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    server.ask_ok(&["FLUSHALL"]);
    wait_until(DEADLINE, "the file is there", || {
        !saving() && server.dir().join("dump.rdb").exists()
    });
    let file = fs::read(server.dir().join("dump.rdb")).expect("a file");
    assert!(file.len() < 400, "it holds no keys");
}
