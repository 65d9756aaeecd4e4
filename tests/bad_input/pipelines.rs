//! Long pipelines, and clients that do not read.

use crate::support::client::encode;
use crate::support::server::Server;
use crate::support::stock::{Kind, own};
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, wait_until};

macro_rules! for_shards {
    ($($name:ident: $check:ident, $shards:expr;)*) => {
        $( #[test] fn $name() { $check(own($shards)); } )*
    };
}

for_shards! {
    own1_long_pipeline: long_pipeline, 1;
    own2_long_pipeline: long_pipeline, 2;
    own3_long_pipeline: long_pipeline, 3;
    own1_byte_by_byte: byte_by_byte, 1;
    own3_byte_by_byte: byte_by_byte, 3;
    own1_never_reads: never_reads, 1;
    own3_never_reads: never_reads, 3;
}

/// 100,000 commands in one go over keys of all slots: each is answered, in order.
fn long_pipeline(kind: Kind) {
    const COMMANDS: usize = 100_000;
    let server = Server::start(kind);
    let commands: Vec<_> = (0..COMMANDS)
        .map(|n| {
            let key = format!("k{}", n % 1000).into_bytes();
            vec![b"INCRBY".to_vec(), key, b"1".to_vec()]
        })
        .collect();
    let replies = server.client().pipeline(&commands);
    for (n, reply) in replies.iter().enumerate() {
        assert_eq!(*reply, Value::Integer(n as i64 / 1000 + 1), "command {n}");
    }
}

fn byte_by_byte(kind: Kind) {
    let server = Server::start(kind);
    let mut client = server.client();
    let pipeline = [encode(&["SET", "k", "value"]), encode(&["GET", "k"]), b"PING\r\n".to_vec()];
    for byte in pipeline.concat() {
        client.send(&[byte]).expect("the server reads");
    }
    assert!(client.read_reply().expect("an answer").is_ok());
    assert_eq!(client.read_reply().expect("an answer").text(), "value");
    assert_eq!(client.read_reply().expect("an answer").text(), "PONG");
}

/// A client that asks for much and reads nothing is closed at its limit; others are served.
fn never_reads(kind: Kind) {
    let limit = "client-output-buffer-limit normal 8mb 0 0";
    let server = Server::with(kind, &[limit]);
    let value = "v".repeat(1 << 20);
    server.ask_ok(&["SET", "big", &value]);
    let mut client = server.client();
    let asked = client.stream().local_addr().expect("it is connected").to_string();
    for _ in 0..64 {
        // It may be closed before all is sent.
        let _ = client.send(&encode(&["GET", "big"]));
    }
    wait_until(DEADLINE, "the client that does not read is closed", || {
        !server.ask(&["CLIENT", "LIST"]).text().contains(&format!("addr={asked} "))
    });
    assert_eq!(server.value_of("big").map(|v| v.len()), Some(1 << 20));
}
