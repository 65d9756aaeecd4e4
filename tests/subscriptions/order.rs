//! Many publishers and subscribers on several shards: nothing is lost or doubled, each publisher is
//! heard in its order, and each channel by all in one order.

use std::collections::HashMap;
use std::time::Duration;

use crate::support::client::{Client, encode};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;

const PUBLISHERS: usize = 4;
const LISTENERS: usize = 6;
const CHANNELS: usize = 9;
const MESSAGES: usize = 3000;

#[test]
fn own1_all_hear_all_in_order() {
    all_hear_all(1);
}

#[test]
fn own2_all_hear_all_in_order() {
    all_hear_all(2);
}

#[test]
fn own3_all_hear_all_in_order() {
    all_hear_all(3);
}

fn all_hear_all(shards: u16) {
    let server = Server::start(own(shards));
    let mut seed = Seed::new();
    let listeners: Vec<Client> = (0..LISTENERS).map(|n| listener(&server, n % 2 == 0)).collect();
    let seeds: Vec<u64> = (0..PUBLISHERS).map(|_| seed.rng().u64(..)).collect();
    let heard: Vec<Vec<(String, String)>> = std::thread::scope(|scope| {
        for (publisher, seed) in seeds.iter().enumerate() {
            let client = server.client();
            scope.spawn(move || publish(client, publisher, *seed));
        }
        let hearing: Vec<_> =
            listeners.into_iter().map(|client| scope.spawn(move || hear(client))).collect();
        hearing.into_iter().map(|thread| thread.join().expect("it hears all")).collect()
    });
    let first = by_channel(&heard[0]);
    for heard in &heard {
        let mut last = [None; PUBLISHERS];
        for (_, message) in heard {
            let (publisher, number) = message.split_once(':').expect("who and which");
            let (publisher, number): (usize, usize) =
                (publisher.parse().expect("a number"), number.parse().expect("a number"));
            assert!(last[publisher] < Some(number), "{publisher}:{number} comes late");
            last[publisher] = Some(number);
        }
        assert!(by_channel(heard) == first, "two heard the same channel in two orders");
    }
}

/// A connection that listens to all channels, by name or by pattern.
fn listener(server: &Server, by_name: bool) -> Client {
    let mut client = server.client();
    let mut words = vec!["PSUBSCRIBE".to_owned(), "channel*".to_owned()];
    if by_name {
        words = (0..CHANNELS).map(|n| format!("channel{n}")).collect();
        words.insert(0, "SUBSCRIBE".to_owned());
    }
    client.send(&encode(&words)).expect("the server reads");
    words[1..].iter().for_each(|_| drop(client.read_reply().expect("an answer")));
    client
}

/// Numbered messages on random channels: in pipelines, one by one, in transactions with keys of
/// several shards.
fn publish(mut client: Client, publisher: usize, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut number = 0;
    while number < MESSAGES {
        let count = random.usize(1..=40).min(MESSAGES - number);
        let unit = random.u8(..4) == 0;
        let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
        let command = |words: &[&str]| words.iter().map(|w| w.as_bytes().to_vec()).collect();
        if unit {
            commands.push(command(&["MULTI"]));
        }
        for _ in 0..count {
            let channel = format!("channel{}", random.usize(..CHANNELS));
            commands.push(command(&["PUBLISH", &channel, &format!("{publisher}:{number}")]));
            number += 1;
            if random.bool() {
                let key = format!("k{}", random.u8(..50));
                commands.push(command(&["SET", &key, "v"]));
            }
        }
        if unit {
            commands.push(command(&["EXEC"]));
        }
        for reply in client.pipeline(&commands) {
            let receivers = match reply {
                Value::Array(replies) => replies,
                reply => vec![reply],
            };
            for reply in receivers {
                let all = Value::Integer(LISTENERS as i64);
                assert!(reply == all || reply.is_ok() || reply.text() == "QUEUED", "{reply:?}");
            }
        }
    }
}

/// All messages: channel and text.
fn hear(mut client: Client) -> Vec<(String, String)> {
    let messages = PUBLISHERS * MESSAGES;
    let heard = (0..messages)
        .map(|_| {
            let message = client.read_reply().expect("a message");
            let [.., channel, text] = message.items() else { panic!("no message: {message:?}") };
            (channel.text(), text.text())
        })
        .collect();
    assert_eq!(client.read_some(Duration::from_millis(50)).expect("connected"), b"");
    heard
}

fn by_channel(heard: &[(String, String)]) -> HashMap<&str, Vec<&str>> {
    let mut channels: HashMap<&str, Vec<&str>> = HashMap::new();
    for (channel, text) in heard {
        channels.entry(channel).or_default().push(text);
    }
    channels
}

/// A push of its own message comes behind the reply to PUBLISH, also in pipelines over shards.
#[test]
fn pushes_come_behind_the_replies_before_them() {
    for shards in [1, 2, 3] {
        let server = Server::start(own(shards));
        let mut client = listener(&server, false);
        client.send(b"RESET\r\nHELLO 3\r\nPSUBSCRIBE channel*\r\n").expect("the server reads");
        client.read_any().expect("RESET");
        client.read_any().expect("HELLO");
        client.read_any().expect("PSUBSCRIBE");
        let mut random = Seed::new();
        for _ in 0..300 {
            let count = random.rng().usize(1..12);
            let mut bytes = Vec::new();
            for n in 0..count {
                let n = n.to_string();
                let channel = format!("channel{}", random.rng().u8(..50));
                bytes.extend(encode(&["ECHO", &n]).repeat(random.rng().usize(..2)));
                bytes.extend(encode(&["SET", &channel, &n]));
                bytes.extend(encode(&["PUBLISH", &channel, &n]));
            }
            client.send(&bytes).expect("the server reads");
            let (mut replies, mut pushes) = (0, 0);
            while pushes < count || replies < count {
                match client.read_any().expect("replies and messages") {
                    Value::Push(items) => {
                        assert_eq!(items[3].text(), pushes.to_string());
                        pushes += 1;
                        assert!(pushes <= replies, "a message came before its reply");
                    }
                    Value::Integer(receivers) => {
                        assert_eq!(receivers, 1);
                        replies += 1;
                    }
                    _ => {}
                }
            }
        }
    }
}
