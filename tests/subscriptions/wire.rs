//! What a subscriber reads is, byte for byte, what it would read of the stock Valkey.

use std::time::Duration;

use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;

/// How long the stock server is given to say everything it has to say about a command.
const QUIET: Duration = Duration::from_millis(100);

/// One connection each. A name is left at the end of each UNSUBSCRIBE of all, since the order of
/// several is nobody's promise.
const SCRIPTS: &[&str] = &[
    "SUBSCRIBE a b;GET x;PING;PING hi;PING a b;HELLO 3;MULTI;PUBLISH a 1;CLIENT LIST;NOSUCH;\
     UNSUBSCRIBE a;SSUBSCRIBE s;SPUBLISH s x;UNSUBSCRIBE;UNSUBSCRIBE;PUNSUBSCRIBE;SUNSUBSCRIBE;\
     GET x;PSUBSCRIBE a* b*;PUNSUBSCRIBE zz;RESET;GET x;UNSUBSCRIBE",
    "HELLO 3;SUBSCRIBE a;PUBLISH a 1;PING;MULTI;PUBLISH a 2;SUBSCRIBE b;PUBLISH b 3;EXEC;\
     UNSUBSCRIBE b;PSUBSCRIBE b? ?b a*;PUBLISH aa 1;PUBLISH a 2;PUNSUBSCRIBE b? ?b;PUBLISH aa 3;\
     SSUBSCRIBE a s;SPUBLISH a 1;PUBLISH s 1;SUNSUBSCRIBE a;SPUBLISH a 2;HELLO 2;GET x;PING",
    "MULTI;SUBSCRIBE a b;SSUBSCRIBE s;PSUBSCRIBE p*;GET x;EXEC;GET x;UNSUBSCRIBE b;UNSUBSCRIBE;\
     SUNSUBSCRIBE;PUNSUBSCRIBE;GET x;UNSUBSCRIBE;SUNSUBSCRIBE a;MULTI;PUNSUBSCRIBE;EXEC",
    "HELLO 3;CLIENT REPLY OFF;SUBSCRIBE a;PUBLISH a 2;UNSUBSCRIBE;UNSUBSCRIBE;SUBSCRIBE b",
    "HELLO 3;CLIENT REPLY SKIP;SUBSCRIBE a;PING;CLIENT REPLY SKIP;PUBLISH a 1;PING",
    "PUBSUB;PUBSUB CHANNELS;PUBSUB CHANNELS a b;PUBSUB NUMSUB;PUBSUB NUMSUB a b;PUBSUB NUMPAT;\
     PUBSUB NUMPAT a;PUBSUB SHARDCHANNELS;PUBSUB SHARDNUMSUB a b;PUBSUB FOO;SUBSCRIBE;PUBLISH a;\
     SPUBLISH;PUBLISH a b;HELLO 3;SUBSCRIBE a;PSUBSCRIBE b;SSUBSCRIBE c;PUBSUB CHANNELS;\
     PUBSUB CHANNELS a*;PUBSUB CHANNELS b*;PUBSUB NUMSUB a b c;PUBSUB NUMPAT;\
     PUBSUB SHARDCHANNELS;PUBSUB SHARDNUMSUB a c;RESET;PUBSUB NUMPAT;PUBSUB CHANNELS",
    "CONFIG SET notify-keyspace-events KEA;HELLO 3;PSUBSCRIBE __key*__:*;SET k v EX 100;DEL k;\
     MULTI;SET k 1;INCR k;SELECT 3;SET m 1;EXEC;MOVE m 4;CONFIG SET notify-keyspace-events \"\";\
     SET k 2",
];

#[test]
fn subscribers_read_what_the_stock_server_writes() {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let stock = Server::start(Kind::Valkey);
    let servers = [1, 2, 3].map(|shards| (shards, Server::start(own(shards))));
    for script in SCRIPTS {
        let expected = spoken(&stock, script);
        for (shards, server) in &servers {
            compare(server, script, &expected, *shards);
        }
    }
}

/// What the server says to each command of a script, and behind it.
fn spoken(server: &Server, script: &str) -> Vec<Vec<u8>> {
    let mut client = server.client();
    let mut said = Vec::new();
    for command in script.split(';') {
        client.send(format!("{command}\r\n").as_bytes()).expect("the server reads");
        let mut bytes = Vec::new();
        loop {
            match client.read_some(QUIET).expect("it is connected") {
                more if more.is_empty() => break,
                more => bytes.extend(more),
            }
        }
        said.push(bytes);
    }
    said
}

fn compare(server: &Server, script: &str, expected: &[Vec<u8>], shards: u16) {
    let mut client = server.client();
    for (command, expected) in script.split(';').zip(expected) {
        client.send(format!("{command}\r\n").as_bytes()).expect("the server reads");
        if command.starts_with("HELLO") && !expected.starts_with(b"-") {
            client.read_any().expect("who the server is");
            continue;
        }
        let said = client.read_raw(expected.len()).expect("it is connected");
        let (said, expected) = (said.escape_ascii(), expected.escape_ascii());
        assert_eq!(said.to_string(), expected.to_string(), "{command} with {shards} shards");
    }
    client.send(b"CLIENT REPLY ON\r\nQUIT\r\n").expect("the server reads");
    let left = client.read_to_close().expect("it is closed");
    let ends = left.ends_with(b"+OK\r\n");
    assert!(ends && left.iter().filter(|byte| **byte == b'\n').count() <= 2, "{left:?}");
}

#[test]
fn clients_and_info_tell_of_subscriptions() {
    let server = Server::start(own(2));
    let mut client = server.client();
    client.cmd(&["HELLO", "3"]);
    for words in [["SUBSCRIBE", "a"], ["PSUBSCRIBE", "b*"], ["SSUBSCRIBE", "c"]] {
        client.send(&crate::support::client::encode(&words)).expect("the server reads");
        assert!(matches!(client.read_any().expect("an answer"), Value::Push(_)));
    }
    let line = client.cmd(&["CLIENT", "INFO"]).text();
    for part in ["flags=P ", "sub=1 psub=1 ssub=1 "] {
        assert!(line.contains(part), "{line}");
    }
    let stats = server.info("stats");
    let fields = ["pubsub_channels", "pubsub_patterns", "pubsubshard_channels"];
    assert_eq!(fields.map(|name| stats.number(name)), [1, 1, 1]);
    assert_eq!(server.info("clients").number("pubsub_clients"), 1);
    let killed = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(killed, Value::Integer(1));
    assert_eq!(client.read_to_close().expect("it is closed"), b"");
}
