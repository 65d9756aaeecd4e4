//! Connections whose commands are all for one shard may be handed to that shard (M9). Nobody
//! notices: order, replies, the session, CLIENT LIST and CLIENT KILL are as if they had stayed.

use std::io::Write;
use std::thread;

use crate::common::{Command, RUN, number, rounds_for, words};
use crate::support::client::{Client, encode};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, holds_within};

/// Tags whose keys live on different shards.
const TAGS: [&str; 4] = ["{a}", "{b}", "{c}", "{d}"];

#[test]
fn pipelines_of_one_tag_after_the_other_keep_their_order_on_two_shards() {
    tag_after_tag(2);
}

#[test]
fn pipelines_of_one_tag_after_the_other_keep_their_order_on_three_shards() {
    tag_after_tag(3);
}

/// Each client stays with a tag for some hundred commands, then goes on with another, without
/// waiting for replies; somebody looks at the list of clients all the time.
fn tag_after_tag(shards: u16) {
    let seed = Seed::new();
    let server = Server::start(own(shards));
    let mut clients: Vec<Client> = (0..8).map(|_| server.client()).collect();
    let ids: Vec<i64> =
        clients.iter_mut().map(|client| client.cmd(&["CLIENT", "ID"]).integer()).collect();
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            let seed = &seed;
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + number as u64);
                let mut counts = [0; TAGS.len()];
                rounds_for(RUN, |_| {
                    let tag = rng.usize(..TAGS.len());
                    count(client, &format!("{}{number}", TAGS[tag]), &mut counts[tag], &mut rng);
                });
            });
        }
        scope.spawn(|| {
            let mut observer = server.client();
            rounds_for(RUN, |_| {
                let listed = listed(&mut observer);
                for id in &ids {
                    let times = listed.iter().filter(|listed| *listed == id).count();
                    assert_eq!(times, 1, "client {id} is listed {times} times");
                }
            });
        });
    });
}

/// Some hundred INCRs in pieces cut anywhere, checked as they are answered.
fn count(client: &mut Client, key: &str, last: &mut i64, rng: &mut fastrand::Rng) {
    let commands = rng.usize(60..400);
    let bytes = encode(&["INCR", key]).repeat(commands);
    let piece = rng.usize(1..200);
    let mut writer = client.stream().try_clone().expect("sockets can be cloned");
    thread::scope(|scope| {
        scope.spawn(move || {
            for piece in bytes.chunks(piece) {
                writer.write_all(piece).expect("the server reads");
            }
        });
        for _ in 0..commands {
            *last += 1;
            assert_eq!(client.read_reply().expect("a reply"), Value::Integer(*last), "{key}");
        }
    });
}

#[test]
fn a_session_survives_a_move() {
    for shards in [2, 3] {
        let server = Server::start(own(shards));
        for tag in TAGS {
            let mut client = server.client();
            client.cmd(&["HELLO", "3", "SETNAME", "mover"]);
            assert!(client.cmd(&["SELECT", "5"]).is_ok());
            let id = client.cmd(&["CLIENT", "ID"]);
            stay_with(&mut client, tag);
            assert_eq!(client.cmd(&["CLIENT", "ID"]), id);
            assert_eq!(client.cmd(&["CLIENT", "GETNAME"]).text(), "mover");
            assert_eq!(client.cmd(&["GET", "none"]), Value::Null, "it speaks RESP3");
            assert!(client.cmd(&["SET", tag, "five"]).is_ok());
            assert_eq!(server.value_of(tag), None, "it writes to database 5");
            assert_eq!(client.cmd(&["GET", tag]).text(), "five");
        }
    }
}

#[test]
fn watches_and_transactions_survive_where_connections_move() {
    for shards in [2, 3] {
        let server = Server::start(own(shards));
        let mut other = server.client();
        for tag in TAGS {
            let (key, elsewhere) = (format!("{tag}key"), format!("elsewhere{tag}"));
            let mut client = server.client();
            stay_with(&mut client, tag);
            // A watch, then many commands for one shard, then a change by somebody else.
            assert!(client.cmd(&["WATCH", &key, &elsewhere]).is_ok());
            stay_with(&mut client, tag);
            assert!(other.cmd(&["SET", &key, "theirs"]).is_ok());
            assert_eq!(transaction(&mut client, &key, &elsewhere), Value::NullArray);
            assert_eq!(server.value_of(&key).as_deref(), Some("theirs"));
            // A watch that nobody disturbs, and a transaction open across many commands.
            assert!(client.cmd(&["WATCH", &key, &elsewhere]).is_ok());
            stay_with(&mut client, tag);
            let done = transaction(&mut client, &key, &elsewhere);
            assert_eq!(done.items().len(), 202, "{done:?}");
            assert_eq!(server.value_of(&elsewhere).as_deref(), Some("mine"));
        }
    }
}

#[test]
fn a_connection_is_killed_wherever_it_is() {
    let seed = Seed::new();
    for shards in [2, 3] {
        let server = Server::start(own(shards));
        thread::scope(|scope| {
            for number in 0..4 {
                let (server, seed) = (&server, &seed);
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(seed.value() + number);
                    for round in 0..15 {
                        kill_in_the_middle(server, &format!("{number}:{round}"), &mut rng);
                    }
                });
            }
        });
        // The one that asks is there too.
        let gone =
            holds_within(DEADLINE, || server.info("clients").number("connected_clients") == 1);
        assert!(gone, "killed clients are still there: {}", server.ask(&["CLIENT", "LIST"]).text());
    }
}

// The story: when a client left just as its connection was being handed over, the network told of
// the end instead of the handing over, and nobody looked at the connection again.
#[test]
fn a_connection_that_ends_while_it_moves_is_let_go() {
    let seed = Seed::new();
    for shards in [2, 3] {
        let server = Server::start(own(shards));
        thread::scope(|scope| {
            for number in 0..8 {
                let (server, seed) = (&server, &seed);
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(seed.value() + number);
                    for _ in 0..80 {
                        let mut client = server.client();
                        let commands = rng.usize(50..150);
                        let bytes = encode(&["INCR", TAGS[rng.usize(..4)]]).repeat(commands);
                        client.send(&bytes).expect("the server reads");
                        for _ in 0..rng.usize(commands - 10..=commands) {
                            let reply = client.read_reply().expect("a reply");
                            assert!(matches!(reply, Value::Integer(_)), "{reply:?}");
                        }
                        if rng.bool() {
                            client.finish_sending();
                            client.read_to_close().expect("the server closes it");
                        }
                    }
                });
            }
        });
        let gone =
            holds_within(DEADLINE, || server.info("clients").number("connected_clients") == 1);
        assert!(gone, "clients that left are still there: {}", {
            server.ask(&["CLIENT", "LIST"]).text()
        });
    }
}

/// A client counts on one tag's key; it is killed after a random number of replies. What it was
/// told has happened, and what it sent happened in order or not at all.
fn kill_in_the_middle(server: &Server, name: &str, rng: &mut fastrand::Rng) {
    let key = format!("{}{name}", TAGS[rng.usize(..TAGS.len())]);
    let mut client = server.client();
    let id = client.cmd(&["CLIENT", "ID"]).integer().to_string();
    let mut writer = client.stream().try_clone().expect("sockets can be cloned");
    let sent = rng.usize(100..1500);
    let killed_after = rng.i64(0..sent as i64 / 2);
    let bytes = encode(&["INCR", &key]).repeat(sent);
    let answered = thread::scope(|scope| {
        scope.spawn(move || {
            for piece in bytes.chunks(400) {
                // The server may have closed it already.
                if writer.write_all(piece).is_err() {
                    break;
                }
            }
        });
        let mut answered = 0;
        loop {
            if answered == killed_after {
                let killed = server.client().cmd(&["CLIENT", "KILL", "ID", &id]);
                assert_eq!(killed, Value::Integer(1), "client {id} is there to be killed");
            }
            match client.read_reply() {
                Ok(reply) => {
                    answered += 1;
                    assert_eq!(reply, Value::Integer(answered), "{key}");
                }
                Err(error) => {
                    let timed_out = error.kind() == std::io::ErrorKind::WouldBlock;
                    assert!(!timed_out, "a killed connection stays open");
                    break answered;
                }
            }
        }
    });
    assert!(answered >= killed_after, "{key}: closed after {answered}, before it was killed");
    let value = server.ask(&["GET", &key]);
    let value = if value == Value::NullBulk { 0 } else { number(&value) as i64 };
    assert!((answered..=sent as i64).contains(&value), "{key}: {value}, answered {answered}");
}

/// Enough commands for one shard that a connection moves there.
fn stay_with(client: &mut Client, tag: &str) {
    for _ in 0..6 {
        let commands: Vec<Command> =
            (0..50).map(|n| words(&["INCR", &format!("{tag}count{}", n % 7)])).collect();
        for reply in client.pipeline(&commands) {
            assert!(matches!(reply, Value::Integer(_)), "{reply:?}");
        }
    }
}

/// MULTI, two SETs around 200 reads of the first one's shard, EXEC: each sent by itself.
fn transaction(client: &mut Client, key: &str, elsewhere: &str) -> Value {
    assert!(client.cmd(&["MULTI"]).is_ok());
    let queued = Value::Simple(b"QUEUED".to_vec());
    assert_eq!(client.cmd(&["SET", key, "mine"]), queued);
    for _ in 0..200 {
        assert_eq!(client.cmd(&["GET", key]), queued);
    }
    assert_eq!(client.cmd(&["SET", elsewhere, "mine"]), queued);
    client.cmd(&["EXEC"])
}

/// The ids in CLIENT LIST.
fn listed(client: &mut Client) -> Vec<i64> {
    let text = client.cmd(&["CLIENT", "LIST"]).text();
    let ids = text.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next());
    ids.map(|id| id.parse().expect("an id is a number")).collect()
}
