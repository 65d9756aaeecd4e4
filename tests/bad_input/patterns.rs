//! Patterns that a careless matcher takes years for, wherever a pattern is given.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::own;

/// What one command may take: hundreds of times what it does, and nothing beside what it would.
const TIME_MAX: Duration = Duration::from_secs(5);

fn check(client: &mut Client, words: &[&str]) {
    let began = Instant::now();
    let reply = client.cmd(words);
    let time = began.elapsed();
    assert!(!reply.is_error(""), "{}: {reply:?}", words[0]);
    assert!(time < TIME_MAX, "{} took {time:?}", words[0]);
}

#[test]
fn exploding_patterns_take_no_time() {
    for shards in [1, 3] {
        let server = Server::start(own(shards));
        let (mut client, mut subscriber) = (server.client(), server.client());
        let text = "a".repeat(300);
        let patterns = [
            format!("{}b", "a*".repeat(100)),
            format!("{}b", "*a".repeat(100)),
            format!("{}b", "*".repeat(1000)),
            format!("{}b", "*[a-z]".repeat(60)),
            format!("{}b", "*?".repeat(120)),
            format!("{}b", "*\\a".repeat(100)),
        ];
        client.cmd(&["SET", &text, "v"]);
        client.cmd(&["HSET", "hash", &text, "v"]);
        client.cmd(&["SADD", "set", &text]);
        client.cmd(&["ZADD", "zset", "1", &text]);
        for pattern in &patterns {
            subscriber.cmd(&["PSUBSCRIBE", pattern]);
            for words in [
                &["KEYS", pattern][..],
                &["SCAN", "0", "MATCH", pattern, "COUNT", "1000"],
                &["HSCAN", "hash", "0", "MATCH", pattern],
                &["SSCAN", "set", "0", "MATCH", pattern],
                &["ZSCAN", "zset", "0", "MATCH", pattern],
                &["CONFIG", "GET", pattern],
                &["COMMAND", "LIST", "FILTERBY", "PATTERN", pattern],
                &["PUBSUB", "CHANNELS", pattern],
                &["PUBLISH", &text, "message"],
                &["ACL", "SETUSER", "limited", "on", "nopass", "+@all", &format!("~{pattern}")],
            ] {
                check(&mut client, words);
            }
        }
        let mut limited = server.client();
        check(&mut limited, &["AUTH", "limited", "any"]);
        assert!(limited.cmd(&["GET", &text]).is_error("NOPERM"));
    }
}
