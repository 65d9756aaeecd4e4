//! Messages reach the subscribers of replicas, through chains and between brands; what is published
//! on a replica stays there.

use crate::support::client::{Client, encode};
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

const MESSAGES: usize = 500;

#[test]
fn own_to_own_and_stock_in_a_chain() {
    reach(own(2), &[own(3), Kind::Valkey, own(1)]);
}

#[test]
fn stock_to_own_in_a_chain() {
    reach(Kind::Redis, &[own(3), own(2)]);
}

#[test]
fn own_to_stock_to_own() {
    reach(own(3), &[Kind::Redis, own(2)]);
}

fn reach(master: Kind, chain: &[Kind]) {
    if !installed(&[master]) || !installed(chain) {
        return;
    }
    let mut servers = vec![Server::start(master)];
    for kind in chain {
        let above = servers.last().expect("the master at least").port();
        servers.push(Server::with(*kind, &[&format!("replicaof 127.0.0.1 {above}")]));
    }
    let replicas = &servers[1..];
    wait_until(DEADLINE, "all links are up", || {
        replicas.iter().all(|s| s.info("replication").field("master_link_status") == "up")
    });
    let mut listeners: Vec<Client> = servers.iter().map(listen).collect();
    let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
    for n in 0..MESSAGES {
        let (n, channel) = (n.to_string(), format!("c{}", n % 7));
        let words = |words: &[&str]| words.iter().map(|w| w.as_bytes().to_vec()).collect();
        match commands.len() % 3 {
            0 => commands.push(words(&["PUBLISH", &channel, &n])),
            _ => {
                commands.push(words(&["MULTI"]));
                commands.push(words(&["SET", &channel, &n]));
                commands.push(words(&["PUBLISH", &channel, &n]));
                commands.push(words(&["EXEC"]));
            }
        }
    }
    servers[0].client().pipeline(&commands);
    for (place, client) in listeners.iter_mut().enumerate() {
        // Each channel is one order; a replica of several shards hears channels side by side.
        let mut last = [None; 7];
        for _ in 0..MESSAGES {
            let message = client.read_reply().expect("a message");
            let number: usize = message.items()[3].text().parse().expect("a number");
            assert!(last[number % 7] < Some(number), "at place {place}");
            last[number % 7] = Some(number);
        }
    }
    for (place, replica) in replicas.iter().enumerate().rev() {
        let said = format!("only at {place}");
        assert_eq!(replica.ask(&["PUBLISH", "c1", &said]), Value::Integer(1));
        let heard = listeners[place + 1].read_reply().expect("a message");
        assert_eq!(heard.items()[3].text(), said);
    }
    // A last word shows that nobody heard what was said on another.
    servers[0].ask(&["PUBLISH", "c1", "end"]);
    for client in &mut listeners {
        assert_eq!(client.read_reply().expect("a message").items()[3].text(), "end");
    }
}

fn listen(server: &Server) -> Client {
    let mut client = server.client();
    client.send(&encode(&["PSUBSCRIBE", "c*"])).expect("the server reads");
    client.read_reply().expect("an answer");
    client
}

/// Who hears of a write on a replica sees it there, on whichever shard it is.
#[test]
fn what_is_told_of_is_there() {
    let master = Server::start(own(1));
    let replica = Server::with(own(3), &[&format!("replicaof 127.0.0.1 {}", master.port())]);
    wait_until(DEADLINE, "the link is up", || {
        replica.info("replication").field("master_link_status") == "up"
    });
    let mut listener = replica.client();
    listener.cmd(&["HELLO", "3"]);
    listener.send(&encode(&["SUBSCRIBE", "news"])).expect("the server reads");
    listener.read_any().expect("an answer");
    let mut writer = master.client();
    for n in 0..2000 {
        let (key, n) = (format!("k{}", n % 50), n.to_string());
        let bytes = [encode(&["SET", &key, &n]), encode(&["PUBLISH", "news", &key])].concat();
        writer.send(&bytes).expect("the server reads");
        let heard = loop {
            if let Value::Push(items) = listener.read_any().expect("a message") {
                break items[2].text();
            }
        };
        assert_eq!(heard, key);
        assert_eq!(listener.cmd(&["GET", &key]).text(), n, "the message was there first");
    }
}
