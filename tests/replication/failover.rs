//! FAILOVER: the role passes from a master to its replica without losing a write, or the master
//! stays what it was.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::checks::{attach, stat, wait_equal, wait_link_up, wait_replicas, wait_value};
use crate::support::client::{Client, encode};
use crate::support::proxy::Proxy;
use crate::support::server::{Server, free_port};
use crate::support::stock::{Kind, own};
use crate::support::wait::{DEADLINE, wait_until};

mod under_load {
    two_servers!(super::under_load, &[(1, 0), (0, 1)]);
}
mod to_a_named_replica {
    two_servers!(super::to_a_named_replica, &[(1, 0), (0, 1)]);
}
mod mistakes {
    one_server_or_stock!(super::mistakes);
}
mod abort_while_waiting {
    one_server_or_stock!(super::abort_while_waiting);
}
mod timeout {
    one_server_or_stock!(super::timeout);
}
mod force {
    one_server_or_stock!(super::force);
}
mod nobody_answers {
    one_server_or_stock!(super::nobody_answers);
}
mod rejected {
    one_server_or_stock!(super::rejected);
}
mod clients_that_wait {
    one_server_or_stock!(super::clients_that_wait);
}
mod in_a_transaction {
    one_server_or_stock!(super::in_a_transaction);
}
mod request_to_take_over {
    one_server_or_stock!(super::request_to_take_over);
}
mod lost_answer {
    one_server!(super::lost_answer);
}

/// What INFO says of a failover.
fn state(server: &Server) -> String {
    server.info("replication").field("master_failover_state").to_owned()
}

fn role(server: &Server) -> String {
    server.info("replication").field("role").to_owned()
}

fn wait_role(server: &Server, expected: &str) {
    wait_until(DEADLINE, &format!("the role becomes {expected}"), || role(server) == expected);
}

fn wait_over(server: &Server) {
    wait_until(DEADLINE, "the failover is over", || state(server) == "no-failover");
}

/// Waits until a replica has acknowledged everything there is.
fn wait_acknowledged(master: &Server) {
    wait_until(DEADLINE, "the replica has acknowledged everything", || {
        let info = master.info("replication");
        info.part("slave0", "offset") == info.field("master_repl_offset")
    });
}

/// Four clients write all the time and move over to the heir as they are told that their server
/// takes no more writes. Every write that was acknowledged by either is there at the end.
fn under_load([master, heir]: [Kind; 2]) {
    let (master, heir) = (Server::start(master), Server::start(heir));
    let other = Server::start(own(2));
    attach(&heir, &master);
    attach(&other, &master);
    wait_replicas(&master, 2);
    let ended = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let (from, to, end) = (&master, &heir, &ended);
        let write = |writer| scope.spawn(move || write_on(writer, from, to, end));
        let writers: Vec<_> = (0..4).map(write).collect();
        wait_until(DEADLINE, "the load runs", || master.ask(&["DBSIZE"]).integer() > 500);
        master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &heir.port_text()]);
        wait_role(&heir, "master");
        wait_link_up(&master);
        let before = heir.ask(&["DBSIZE"]).integer();
        wait_until(DEADLINE, "the heir takes writes", || {
            heir.ask(&["DBSIZE"]).integer() > before + 500
        });
        ended.store(true, Ordering::SeqCst);
        let written = writers.into_iter().flat_map(|it| it.join().expect("a writer ends"));
        written.collect::<Vec<_>>()
    });
    assert_eq!(state(&master), "no-failover");
    assert_eq!(role(&master), "slave");
    wait_link_up(&other);
    wait_equal(&heir, &[&master, &other]);
    let mut client = heir.client();
    let asked: Vec<_> =
        acknowledged.iter().map(|key| vec![b"EXISTS".to_vec(), key.clone().into_bytes()]).collect();
    for (reply, key) in client.pipeline(&asked).iter().zip(&acknowledged) {
        assert_eq!(reply.integer(), 1, "{key} was acknowledged and is lost");
    }
    assert_eq!(stat(&master, "sync_full"), 2, "nobody needed everything again");
    assert_eq!(stat(&heir, "sync_full"), 0, "the old master goes on where it was");
}

/// Writes until told to end; the keys that were acknowledged.
fn write_on(writer: usize, master: &Server, heir: &Server, ended: &AtomicBool) -> Vec<String> {
    let mut client = master.client();
    let mut written = Vec::new();
    for n in 0.. {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("w{writer}:{n}");
        let reply = client.cmd(&["SET", &key, "v"]);
        if reply.is_ok() {
            written.push(key);
        } else {
            assert!(reply.is_error("READONLY"), "{reply:?}");
            client = heir.client();
        }
    }
    written
}

/// There and back again, by name and by chance.
fn to_a_named_replica([master, heir]: [Kind; 2]) {
    let (master, heir) = (Server::start(master), Server::start(heir));
    attach(&heir, &master);
    wait_replicas(&master, 1);
    master.ask_ok(&["SET", "k", "1"]);
    let id = master.info("replication").field("master_replid").to_owned();
    master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &heir.port_text(), "TIMEOUT", "15000"]);
    wait_role(&heir, "master");
    wait_link_up(&master);
    wait_over(&master);
    master.wait_log(&[&format!("FAILOVER requested to 127.0.0.1:{}.", heir.port())]);
    master.wait_log(&[&format!(
        "Failover target 127.0.0.1:{} is synced, failing over.",
        heir.port()
    )]);
    heir.wait_log(&[&format!("Failover request received for replid {id}.")]);
    heir.wait_log(&["MODE enabled (failover request from '"]);
    let info = heir.info("replication");
    assert_eq!(info.field("master_replid2"), id);
    assert_ne!(info.field("master_replid"), id);
    heir.ask_ok(&["SET", "k", "2"]);
    wait_value(&master, "k", "2");
    wait_replicas(&heir, 1);
    heir.ask_ok(&["FAILOVER"]);
    wait_role(&master, "master");
    wait_link_up(&heir);
    wait_over(&heir);
    heir.wait_log(&["FAILOVER requested to any replica."]);
    master.ask_ok(&["SET", "k", "3"]);
    wait_value(&heir, "k", "3");
    wait_equal(&master, &[&heir]);
    assert_eq!(stat(&master, "sync_full") + stat(&heir, "sync_full"), 1);
}

/// Recorded from Redis 7.0.15 and Valkey 8.0.1, which the same test asks.
fn mistakes([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let check = |line: &str, text: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let reply = master.ask(&words);
        assert!(reply.is_error(text), "{line}: {reply:?}, not {text}");
    };
    const NO_REPLICAS: &str = "ERR FAILOVER requires connected replicas.";
    const SYNTAX: &str = "ERR syntax error";
    const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
    const FORCE: &str =
        "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
    const TIMEOUT: &str = "ERR FAILOVER timeout must be greater than 0";
    for (line, text) in [
        ("FAILOVER", NO_REPLICAS),
        ("FAILOVER FORCE", NO_REPLICAS),
        ("FAILOVER TO 127.0.0.1 7777", NO_REPLICAS),
        ("FAILOVER ABORT", "ERR No failover in progress."),
        ("FAILOVER ABORT NOW", SYNTAX),
        ("FAILOVER TO", SYNTAX),
        ("FAILOVER TO 127.0.0.1", SYNTAX),
        ("FAILOVER WHAT", SYNTAX),
        ("FAILOVER TO a 1 TO b 2", SYNTAX),
        ("FAILOVER TO 127.0.0.1 abc", NOT_INTEGER),
        ("FAILOVER TIMEOUT abc", NOT_INTEGER),
        ("FAILOVER TIMEOUT 0", TIMEOUT),
        ("FAILOVER TIMEOUT -5", TIMEOUT),
    ] {
        check(line, text);
    }
    let replica = Server::start(own(1));
    attach(&replica, &master);
    wait_replicas(&master, 1);
    let port = replica.port();
    check("FAILOVER FORCE TIMEOUT 100", FORCE);
    check(&format!("FAILOVER TO 127.0.0.1 {port} FORCE"), FORCE);
    check("FAILOVER TO 127.0.0.1 9", "ERR FAILOVER target HOST and PORT is not a replica.");
    check("FAILOVER TO 127.0.0.1 99999999", "ERR FAILOVER target HOST and PORT is not a replica.");
    // One that waits for its snapshot.
    master.ask_ok(&["CONFIG", "SET", "repl-diskless-sync-delay", "60"]);
    let late = Server::start(own(1));
    crate::checks::replicaof(&late, &master);
    wait_until(DEADLINE, "the second replica waits", || {
        master.info("replication").part("slave1", "state") == "wait_bgsave"
    });
    let late = late.port();
    check(&format!("FAILOVER TO 127.0.0.1 {late}"), "ERR FAILOVER target replica is not online.");
    let reply = replica.ask(&["FAILOVER"]);
    assert!(reply.is_error("ERR FAILOVER is not valid when server is a replica."), "{reply:?}");
    assert_eq!(state(&master), "no-failover");
}

/// A master whose replica stands still, so that a failover to it waits. The replica has one write
/// less than its master.
fn with_stopped_replica(kind: Kind) -> (Server, Server) {
    let (master, replica) = (Server::start(kind), Server::start(own(1)));
    attach(&replica, &master);
    wait_replicas(&master, 1);
    replica.pause();
    master.ask_ok(&["SET", "k", "1"]);
    (master, replica)
}

/// A client whose write is held back.
fn held_write(server: &Server) -> Client {
    let mut client = server.client();
    client.send(&encode(&["SET", "held", "1"])).expect("the server reads");
    assert_eq!(client.read_some(Duration::from_millis(50)).expect("it is connected"), b"");
    client
}

fn abort_while_waiting([kind]: [Kind; 1]) {
    let (master, replica) = with_stopped_replica(kind);
    let to = replica.port_text();
    master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &to]);
    assert_eq!((state(&master), role(&master)), ("waiting-for-sync".into(), "master".into()));
    let mut held = held_write(&master);
    assert_eq!(master.value_of("k").as_deref(), Some("1"), "reads go on");
    // The pause of a failover is not the one that UNPAUSE ends.
    master.ask_ok(&["CLIENT", "UNPAUSE"]);
    assert_eq!(held.read_some(Duration::from_millis(50)).expect("it is connected"), b"");
    let reply = master.ask(&["FAILOVER"]);
    assert!(reply.is_error("ERR FAILOVER already in progress."), "{reply:?}");
    for order in [&["REPLICAOF", "NO", "ONE"], &["REPLICAOF", "127.0.0.1", &to]] {
        let reply = master.ask(order);
        assert!(reply.is_error("ERR REPLICAOF not allowed while failing over."), "{reply:?}");
    }
    master.ask_ok(&["FAILOVER", "ABORT"]);
    assert!(held.read_reply().expect("an answer").is_ok());
    assert_eq!(state(&master), "no-failover");
    master.wait_log(&[&format!("FAILOVER to 127.0.0.1:{to} aborted: Failover manually aborted")]);
    replica.resume();
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1);
}

fn timeout([kind]: [Kind; 1]) {
    let (master, replica) = with_stopped_replica(kind);
    master.ask_ok(&["FAILOVER", "TIMEOUT", "300"]);
    let mut held = held_write(&master);
    assert!(held.read_reply().expect("an answer").is_ok());
    wait_over(&master);
    assert_eq!(role(&master), "master");
    master.wait_log(&["FAILOVER to any replica aborted: Replica never caught up before timeout"]);
    replica.resume();
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1);
}

/// When time is over the role is given away all the same; first taken back, then not.
fn force([kind]: [Kind; 1]) {
    let (master, replica) = with_stopped_replica(kind);
    let to = replica.port_text();
    let forced = ["FAILOVER", "TO", "127.0.0.1", &to, "TIMEOUT", "200", "FORCE"];
    master.ask_ok(&forced);
    wait_until(DEADLINE, "the role is given away", || state(&master) == "failover-in-progress");
    assert_eq!(role(&master), "slave");
    master.wait_log(&[&format!("FAILOVER to 127.0.0.1:{to} time out exceeded, failing over.")]);
    assert!(master.ask(&["SET", "k", "2"]).is_error("READONLY"));
    assert_eq!(master.value_of("k").as_deref(), Some("1"));
    master.ask_ok(&["FAILOVER", "ABORT"]);
    assert_eq!((state(&master), role(&master)), ("no-failover".into(), "master".into()));
    master.ask_ok(&["SET", "k", "3"]);
    // The request to take over may still reach the replica; its sender is gone by then. Whoever is
    // the master in the end, the other can follow without everything being sent again.
    replica.resume();
    wait_until(DEADLINE, "the replica works again", || {
        let info = replica.info("replication");
        info.field("role") == "master" || info.field("master_link_status") == "up"
    });
    replica.ask(&["REPLICAOF", "127.0.0.1", &master.port_text()]);
    wait_link_up(&replica);
    wait_equal(&master, &[&replica]);
    replica.pause();
    master.ask_ok(&["SET", "k", "4"]);
    wait_until(DEADLINE, "the replica is known", || {
        master.info("replication").part("slave0", "state") == "online"
    });
    master.ask_ok(&forced);
    wait_until(DEADLINE, "the role is given away", || state(&master) == "failover-in-progress");
    replica.resume();
    wait_over(&master);
    wait_role(&replica, "master");
    wait_link_up(&master);
    replica.ask_ok(&["SET", "k", "5"]);
    wait_value(&master, "k", "5");
    wait_equal(&replica, &[&master]);
}

/// The replica has everything, but where it says that it listens nobody does.
fn nobody_answers([kind]: [Kind; 1]) {
    let port = free_port();
    let master = Server::start(kind);
    let replica = Server::with(own(1), &[&format!("replica-announce-port {port}")]);
    attach(&replica, &master);
    wait_replicas(&master, 1);
    master.ask_ok(&["SET", "k", "1"]);
    wait_acknowledged(&master);
    master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &port.to_string(), "TIMEOUT", "10000"]);
    wait_until(DEADLINE, "the role is given away", || state(&master) == "failover-in-progress");
    wait_role(&master, "slave");
    let info = master.info("replication");
    assert_eq!(info.field("master_port"), port.to_string());
    assert_eq!(info.field("master_link_status"), "down");
    assert!(master.ask(&["SET", "k", "2"]).is_error("READONLY"));
    master.ask_ok(&["FAILOVER", "ABORT"]);
    assert_eq!(role(&master), "master");
    master.ask_ok(&["SET", "k", "3"]);
    wait_link_up(&replica);
    wait_value(&replica, "k", "3");
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1);
}

/// Where the replica says that it listens there is another master.
fn rejected([kind]: [Kind; 1]) {
    let stranger = Server::start(own(1));
    let port = stranger.port_text();
    let master = Server::start(kind);
    let replica = Server::with(own(1), &[&format!("replica-announce-port {port}")]);
    attach(&replica, &master);
    wait_replicas(&master, 1);
    master.ask_ok(&["SET", "k", "1"]);
    master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &port]);
    master.wait_log(&[&format!(
        "FAILOVER to 127.0.0.1:{port} aborted: Failover target rejected psync request"
    )]);
    wait_role(&master, "master");
    wait_over(&master);
    master.ask_ok(&["SET", "k", "2"]);
    wait_value(&replica, "k", "2");
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&master, "sync_full"), 1);
    assert_eq!(stranger.ask(&["DBSIZE"]).integer(), 0);
}

/// Clients that wait on the way are answered when the role is another.
fn clients_that_wait([kind]: [Kind; 1]) {
    let (master, replica) = with_stopped_replica(kind);
    let mut waits = master.client();
    waits.send(&encode(&["WAIT", "2", "0"])).expect("the server reads");
    assert_eq!(waits.read_some(Duration::from_millis(50)).expect("it is connected"), b"");
    let mut unit = master.client();
    assert!(unit.cmd(&["MULTI"]).is_ok());
    unit.cmd(&["SET", "unit", "1"]);
    master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &replica.port_text()]);
    let mut held = held_write(&master);
    unit.send(&encode(&["EXEC"])).expect("the server reads");
    replica.resume();
    wait_role(&replica, "master");
    wait_link_up(&master);
    let reply = held.read_reply().expect("an answer");
    assert!(reply.is_error("READONLY"), "{reply:?}");
    let reply = waits.read_reply().expect("an answer");
    assert!(reply.is_error("UNBLOCKED force unblock from blocking operation"), "{reply:?}");
    let reply = unit.read_reply().expect("an answer");
    assert!(reply.is_error("READONLY") || reply.is_error("EXECABORT"), "{reply:?}");
    wait_equal(&replica, &[&master]);
    assert_eq!(replica.value_of("held"), None);
    assert_eq!(replica.value_of("unit"), None);
}

/// FAILOVER in a transaction begins behind it.
fn in_a_transaction([kind]: [Kind; 1]) {
    let (master, replica) = (Server::start(kind), Server::start(own(2)));
    attach(&replica, &master);
    wait_replicas(&master, 1);
    let mut client = master.client();
    assert!(client.cmd(&["MULTI"]).is_ok());
    for words in [&["SET", "a", "1"][..], &["FAILOVER"], &["SET", "b", "2"]] {
        assert_eq!(client.cmd(words).text(), "QUEUED");
    }
    let replies = client.cmd(&["EXEC"]);
    assert!(replies.items().iter().all(|reply| reply.is_ok()), "{replies:?}");
    wait_role(&replica, "master");
    wait_link_up(&master);
    wait_equal(&replica, &[&master]);
    assert_eq!(
        (replica.value_of("a"), replica.value_of("b")),
        (Some("1".into()), Some("2".into()))
    );
    // What is wrong with it is said in its place.
    wait_replicas(&replica, 1);
    let mut client = replica.client();
    assert!(client.cmd(&["MULTI"]).is_ok());
    client.cmd(&["FAILOVER", "TO", "127.0.0.1", "9"]);
    let replies = client.cmd(&["EXEC"]);
    let refused = "ERR FAILOVER target HOST and PORT is not a replica.";
    assert!(replies.items()[0].is_error(refused), "{replies:?}");
}

/// `PSYNC id offset FAILOVER` as it arrives: only at a replica, only from its own history.
fn request_to_take_over([kind]: [Kind; 1]) {
    let (master, replica) = (Server::start(own(1)), Server::start(kind));
    attach(&replica, &master);
    master.ask_ok(&["SET", "k", "1"]);
    wait_equal(&master, &[&replica]);
    let mut client = replica.client();
    let reply = client.cmd(&["PSYNC", &"a".repeat(40), "1", "FAILOVER"]);
    assert!(reply.is_error("ERR PSYNC FAILOVER replid must match my replid."), "{reply:?}");
    let mut client = master.client();
    let info = master.info("replication");
    let id = info.field("master_replid");
    let reply = client.cmd(&["PSYNC", id, "1", "FAILOVER"]);
    assert!(reply.is_error("ERR PSYNC FAILOVER can't be sent to a master."), "{reply:?}");
    assert_eq!((role(&master), role(&replica)), ("master".into(), "slave".into()));
    // The sender goes away before it is answered: the replica is the master nevertheless.
    let mut client = replica.client();
    let next = (info.number("master_repl_offset") + 1).to_string();
    client.send(&encode(&["PSYNC", id, &next, "FAILOVER"])).expect("the server reads");
    drop(client);
    wait_role(&replica, "master");
    replica.ask_ok(&["SET", "k", "2"]);
    wait_until(DEADLINE, "the sender's link is gone", || {
        replica.info("replication").field("connected_slaves") == "0"
    });
}

/// The target takes over, and its answer is lost with the connection: the old master asks again
/// and follows, for two masters would be one too many.
fn lost_answer([kind]: [Kind; 1]) {
    if !kind.is_tributary() {
        return;
    }
    let (master, replica) = (Server::start(kind), Server::start(own(1)));
    let proxy = Proxy::to(replica.port());
    let port = proxy.port().to_string();
    replica.ask_ok(&["CONFIG", "SET", "replica-announce-port", &port]);
    attach(&replica, &master);
    wait_replicas(&master, 1);
    master.ask_ok(&["SET", "k", "1"]);
    // The answers to PING and two REPLCONF pass, and one byte of the answer to PSYNC.
    proxy.cut_after("+PONG\r\n+OK\r\n+OK\r\n+".len() as u64);
    master.ask_ok(&["FAILOVER", "TO", "127.0.0.1", &port]);
    wait_role(&replica, "master");
    wait_link_up(&master);
    wait_over(&master);
    assert!(!proxy.cut_pending());
    replica.ask_ok(&["SET", "k", "2"]);
    wait_value(&master, "k", "2");
    wait_equal(&replica, &[&master]);
    assert_eq!(stat(&replica, "sync_full"), 0);
}
