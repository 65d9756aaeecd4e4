//! How a master serves replicas: what WAIT waits for, what nonsense on a link does, when a link is
//! given up, when the backlog ends. Seen by fake replicas and through ROLE.

use std::time::{Duration, Instant};

use crate::support::client::{Client, encode};
use crate::support::fake_replica::FakeReplica;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

mod wait {
    one_server_or_stock!(super::wait);
}
mod wait_without_writes {
    one_server_or_stock!(super::wait_without_writes);
}
mod wait_in_transaction {
    one_server_or_stock!(super::wait_in_transaction);
}
mod greetings {
    one_server_or_stock!(super::greetings);
}
mod nonsense {
    one_server_or_stock!(super::nonsense);
}
mod right_and_wrong_at_once {
    one_server!(super::right_and_wrong_at_once);
}
mod silent_replica {
    one_server_or_stock!(super::silent_replica);
}
mod end_of_backlog {
    one_server_or_stock!(super::end_of_backlog);
}
mod rdb_only {
    one_server_or_stock!(super::rdb_only);
}
mod equal_data {
    two_servers!(super::equal_data, &[(1, 0)]);
}

/// A replica that followed the stream from its snapshot on.
fn attach(master: &Server) -> FakeReplica {
    let mut replica = FakeReplica::connect(master.port());
    replica.handshake(&["psync2"]);
    replica.full_resync();
    replica.ack(replica.start);
    replica
}

/// The number of replicas in ROLE: those online.
fn online(master: &Server) -> usize {
    master.ask(&["ROLE"]).items()[2].items().len()
}

fn wait_online(master: &Server, count: usize) {
    wait_until(DEADLINE, &format!("{count} replicas in ROLE"), || online(master) == count);
}

/// Whether the master asks for an acknowledgement behind the write of `b`.
fn asks_for_b(commands: &[Vec<String>]) -> bool {
    let second = |words: &[String], word: &str| words.get(1).is_some_and(|found| found == word);
    let write = commands.iter().position(|words| second(words, "b"));
    write.is_some_and(|write| commands[write..].iter().any(|words| second(words, "GETACK")))
}

/// WAIT asks the replicas, counts those that have everything the client wrote, and gives up in
/// time.
fn wait([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let mut replica = attach(&master);
    wait_online(&master, 1);
    let mut client = master.client();
    assert!(client.cmd(&["SET", "a", "1"]).is_ok());

    // Nobody acknowledges: the time runs out.
    let began = Instant::now();
    assert_eq!(client.cmd(&["WAIT", "1", "100"]).integer(), 0);
    assert!(began.elapsed() >= Duration::from_millis(90), "{:?}", began.elapsed());

    assert!(client.cmd(&["SET", "b", "2"]).is_ok());
    client.send(&encode(&["WAIT", "1", "0"])).expect("the master is there");
    // Reading acknowledges what was read now and then, as replicas do.
    replica.read_until("the master asks", asks_for_b);
    wait_until(DEADLINE, "the wait ends", || {
        replica.ack(replica.offset());
        let reply = client.read_some(Duration::from_millis(50)).expect("the client stays");
        assert!(reply.is_empty() || reply == b":1\r\n", "{reply:?}");
        !reply.is_empty()
    });
    assert_eq!(client.cmd(&["WAIT", "1", "0"]).integer(), 1, "nothing was written since");
    if kind == Kind::Redis {
        // 7.0 has no WAITAOF.
        return;
    }
    assert_eq!(client.cmd(&["WAITAOF", "0", "1", "50"]).items()[1].integer(), 0);
    assert!(client.cmd(&["WAITAOF", "1", "0", "0"]).is_error("ERR WAITAOF cannot be used"));
}

/// Who wrote nothing waits for nothing.
fn wait_without_writes([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let replica = attach(&master);
    wait_online(&master, 1);
    master.ask_ok(&["SET", "a", "1"]);
    let mut other = Client::connect(master.port()).expect("it listens");
    assert_eq!(other.cmd(&["WAIT", "1", "0"]).integer(), 1);
    drop(replica);
}

/// Inside a transaction nothing waits, and what makes a link is refused.
fn wait_in_transaction([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let mut client = master.client();
    for words in [&["MULTI"][..], &["SET", "a", "1"], &["WAIT", "1", "0"], &["ROLE"]] {
        client.cmd(words);
    }
    let answers = client.cmd(&["EXEC"]);
    assert!(answers.items()[0].is_ok());
    assert_eq!(answers.items()[1].integer(), 0);
    assert_eq!(answers.items()[2].items()[0].text(), "master");
    for words in [&["SYNC"][..], &["PSYNC", "?", "-1"]] {
        assert!(client.cmd(&["MULTI"]).is_ok());
        let refused = client.cmd(words);
        assert!(refused.is_error("ERR Command not allowed inside a transaction"), "{refused:?}");
        assert!(client.cmd(&["EXEC"]).is_error("EXECABORT"));
    }
}

/// What a replica says of itself shows in ROLE; what is wrong is answered.
fn greetings([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let mut replica = FakeReplica::connect(master.port());
    for (words, error) in [
        (&["listening-port", "x"][..], "ERR value is not an integer"),
        (&["listening-port"], "ERR syntax error"),
        (&["rdb-only", "2"], "ERR value is out of range"),
        (&["no-such", "1"], "ERR Unrecognized REPLCONF option: no-such"),
    ] {
        let answer = replica.ask(&[&["REPLCONF"], words].concat());
        assert!(answer.is_error(error), "{words:?}: {answer:?}");
    }
    assert!(replica.ask(&["PSYNC", "?", "x"]).is_error("ERR value is not an integer"));
    assert!(replica.ask(&["REPLCONF", "listening-port", "4321"]).is_ok());
    assert!(replica.ask(&["REPLCONF", "ip-address", "10.1.2.3"]).is_ok());
    replica.full_resync();
    wait_online(&master, 1);
    let role = master.ask(&["ROLE"]);
    let words: Vec<String> = role.items()[2].items()[0].items().iter().map(Value::text).collect();
    assert_eq!(words[..2], ["10.1.2.3", "4321"]);
}

/// Bytes that no replica should send end that link; the server and the others live on.
fn nonsense([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    let mut witness = attach(&master);
    wait_online(&master, 1);
    let requests: [&[u8]; 7] = [
        b"PING\r\n",
        b"SET a b\r\n",
        b"REPLCONF foo bar\r\n",
        b"NOSUCH\r\n",
        b"*1\r\n$x\r\n",
        b"*2\r\n:5\r\n",
        b"MULTI\r\n",
    ];
    for request in requests {
        let mut replica = attach(&master);
        replica.send_raw(request);
        replica.wait_closed();
    }
    wait_online(&master, 1);
    // Half a PSYNC, and one with more behind it.
    let mut half = Client::connect(master.port()).expect("it listens");
    half.send(b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?").expect("the master is there");
    drop(half);
    let mut odd = attach(&master);
    for words in [["REPLCONF", "ACK", "x"], ["REPLCONF", "GETACK", "*"], ["REPLCONF", "ACK", "-7"]]
    {
        odd.tell(&words);
    }
    master.ask_ok(&["SET", "still", "there"]);
    for replica in [&mut witness, &mut odd] {
        replica.read_until("the stream flows on", |commands| {
            commands.iter().any(|words| words.get(1).is_some_and(|key| key == "still"))
        });
    }
}

/// The acknowledgement that begins the stream, and behind it in the same packet what ends the link.
fn right_and_wrong_at_once([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    for wrong in ["REPLCONF ACK 99999999", "PING", "SET a b"] {
        let mut replica = FakeReplica::connect(master.port());
        replica.handshake(&["eof", "psync2"]);
        replica.full_resync();
        wait_until(DEADLINE, "the master knows that all is sent", || {
            master.info("replication").part("slave0", "state") == "online"
        });
        let right = encode(&["REPLCONF", "ACK", &replica.start.to_string()]);
        let wrong = encode(&wrong.split(' ').collect::<Vec<_>>());
        replica.send_raw(&[right, wrong].concat());
        replica.wait_closed();
        wait_until(DEADLINE, "the link is gone", || {
            master.info("replication").field("connected_slaves") == "0"
        });
    }
    let _whole = attach(&master);
    wait_until(DEADLINE, "another one is served", || online(&master) >= 1);
}

/// A replica that says nothing for `repl-timeout` is dropped; the others stay.
fn silent_replica([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["repl-timeout 2"]);
    let mut silent = FakeReplica::connect(master.port());
    silent.handshake(&["psync2"]);
    silent.full_resync();
    let mut alive = attach(&master);
    wait_until(DEADLINE, "the silent one is dropped", || {
        alive.ack(alive.start);
        master.log().contains("Disconnecting timedout replica (streaming sync)")
    });
    silent.wait_closed();
    master.wait_log(&["Connection with replica 127.0.0.1:1 lost."]);
    wait_until(DEADLINE, "the other one stays", || {
        alive.ack(alive.start);
        online(&master) == 1
    });
}

/// Without replicas the backlog ends after its time: writes go uncounted under the old id, so a
/// replica of before must take everything.
fn end_of_backlog([kind]: [Kind; 1]) {
    let master = Server::with(kind, &["repl-backlog-ttl 1"]);
    let first = attach(&master);
    let (id, start) = (first.id.clone(), first.start);
    drop(first);
    master.wait_log(&["Replication backlog freed after 1 seconds without connected replicas."]);
    master.ask_ok(&["SET", "a", "1"]);
    let mut again = FakeReplica::connect(master.port());
    again.handshake(&["psync2"]);
    let line = again.psync(&id, start + 1);
    assert!(line.starts_with("FULLRESYNC ") && !line.contains(&id), "{line}");
    let rdb = again.read_rdb();
    assert!(rdb.starts_with(b"REDIS00"));
    // The stream has begun anew.
    master.ask_ok(&["SET", "b", "2"]);
    again.start = line.rsplit(' ').next().expect("an offset").parse().expect("an offset");
    again.ack(again.start);
    again.read_until("the stream flows", |commands| {
        commands.iter().any(|words| words.get(1).is_some_and(|key| key == "b"))
    });
}

/// Who wants the snapshot only gets it and is closed.
fn rdb_only([kind]: [Kind; 1]) {
    let master = Server::start(kind);
    master.ask_ok(&["SET", "a", "1"]);
    for capability in ["eof", "psync2"] {
        let mut replica = FakeReplica::connect(master.port());
        assert!(replica.ask(&["REPLCONF", "rdb-only", "1"]).is_ok());
        assert!(replica.ask(&["REPLCONF", "capa", capability]).is_ok());
        assert!(replica.full_resync().starts_with(b"REDIS00"));
        replica.wait_closed();
    }
}

/// Writes before, during and after the full resynchronization all arrive, and WAIT says so.
fn equal_data([master, replica]: [Kind; 2]) {
    let master = Server::start(master);
    let mut client = master.client();
    let write = |client: &mut Client, from: usize, to: usize| {
        let set = |at: usize| ["SET".into(), format!("k{at}").into(), vec![b'v'; at % 300]];
        let commands: Vec<Vec<Vec<u8>>> = (from..to).map(|at| set(at).to_vec()).collect();
        assert!(client.pipeline(&commands).iter().all(Value::is_ok));
    };
    write(&mut client, 0, 3000);
    let follows = format!("replicaof 127.0.0.1 {}", master.port());
    let replica = Server::with(replica, &[&follows]);
    let mut at = 3000;
    wait_until(DEADLINE, "the replica is online", || {
        write(&mut client, at, at + 100);
        at += 100;
        online(&master) == 1
    });
    write(&mut client, at, at + 3000);
    assert_eq!(client.cmd(&["WAIT", "1", "5000"]).integer(), 1);
    assert_eq!(master.digest(), replica.digest());
}
