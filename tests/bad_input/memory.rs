//! Announcements that never come true cost the server nothing to speak of.

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stock::{Kind, own};

/// How much memory all of them together may take.
const GROWTH_MAX: u64 = 32 << 20;

macro_rules! for_shards {
    ($($name:ident: $check:ident, $shards:expr;)*) => {
        $( #[test] fn $name() { $check(own($shards)); } )*
    };
}

for_shards! {
    own1_announced_bulks: announced_bulks, 1;
    own3_announced_bulks: announced_bulks, 3;
    own1_announced_arrays: announced_arrays, 1;
    own3_announced_arrays: announced_arrays, 3;
}

fn announced_bulks(kind: Kind) {
    grows_little(kind, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n");
}

fn announced_arrays(kind: Kind) {
    grows_little(kind, b"*2147483647\r\n$3\r\nDEL\r\n$1\r\nk\r\n");
}

/// One connection, then ten that stay open: each announces and sends a little more.
fn grows_little(kind: Kind, announcement: &[u8]) {
    let server = Server::start(kind);
    server.ask(&["PING"]);
    let before = server.resident_bytes();
    let clients: Vec<Client> = (0..11)
        .map(|_| {
            let mut client = server.client();
            client.send(announcement).expect("the server reads");
            client.send(b"x").expect("the server reads");
            // An answer on another connection: the server has had its turn with this one.
            server.ask(&["PING"]);
            server.ask(&["PING"]);
            client
        })
        .collect();
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{} announcements took {grown} bytes", clients.len());
    drop(clients);
    assert!(server.ask(&["SET", "k", "v"]).is_ok());
}
