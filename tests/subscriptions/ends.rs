//! Subscribers that are slow or go away: bounded, and without a trace.

use crate::support::client::{Client, encode};
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn a_slow_subscriber_is_closed_at_its_limit() {
    for shards in [1, 3] {
        let limit = "client-output-buffer-limit pubsub 1mb 0 0";
        let server = Server::with(own(shards), &[limit]);
        let slow: Vec<Client> = (0..3).map(|_| subscribed(&server, &["SUBSCRIBE", "c"])).collect();
        let payload = "x".repeat(100_000);
        let mut publisher = server.client();
        wait_until(DEADLINE, "the slow ones are closed", || {
            publisher.cmd(&["PUBLISH", "c", &payload]) == Value::Integer(0)
        });
        let closed = server.info("stats").number("client_output_buffer_limit_disconnections");
        assert_eq!(closed, 3);
        drop(slow);
    }
}

#[test]
fn who_goes_leaves_no_subscription() {
    let server = Server::start(own(3));
    for round in 0..50 {
        let name = format!("c{round}");
        let clients = [
            subscribed(&server, &["SUBSCRIBE", &name]),
            subscribed(&server, &["PSUBSCRIBE", &name]),
            subscribed(&server, &["SSUBSCRIBE", &name]),
        ];
        assert_eq!(server.ask(&["PUBLISH", &name, "x"]), Value::Integer(2));
        drop(clients);
    }
    wait_until(DEADLINE, "nothing is left", || {
        let stats = server.info("stats");
        ["pubsub_channels", "pubsub_patterns", "pubsubshard_channels"]
            .iter()
            .all(|name| stats.number(name) == 0)
    });
    assert_eq!(server.ask(&["PUBLISH", "c1", "x"]), Value::Integer(0));
}

/// A publisher that never reads its replies, and one shard that must deliver all of it.
#[test]
fn a_flood_of_messages_is_delivered_whole() {
    let server = Server::start(own(3));
    let mut listeners: Vec<Client> =
        (0..3).map(|_| subscribed(&server, &["SUBSCRIBE", "c"])).collect();
    const MESSAGES: usize = 2000;
    let payload = "x".repeat(20_000);
    std::thread::scope(|scope| {
        let server = &server;
        let payload = &payload;
        scope.spawn(move || {
            let mut publisher = server.client();
            let bytes = encode(&["PUBLISH", "c", payload]);
            for _ in 0..MESSAGES {
                publisher.send(&bytes).expect("the server reads");
            }
            for _ in 0..MESSAGES {
                assert_eq!(publisher.read_reply().expect("a reply"), Value::Integer(3));
            }
        });
        for client in &mut listeners {
            scope.spawn(move || {
                for _ in 0..MESSAGES {
                    let message = client.read_reply().expect("a message");
                    assert_eq!(message.items()[2].text().len(), payload.len());
                }
            });
        }
    });
}

fn subscribed(server: &Server, words: &[&str]) -> Client {
    let mut client = server.client();
    client.send(&encode(words)).expect("the server reads");
    client.read_reply().expect("an answer");
    client
}
