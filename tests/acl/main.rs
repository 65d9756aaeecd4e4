//! Access control lists, beside the stock Valkey wherever both say something.

#[path = "../support/mod.rs"]
mod support;

mod files;
mod rules;
mod sessions;

use support::client::Client;
use support::server::Server;
use support::stock::{Kind, installed, own};
use support::value::Value;

/// Ours and the stock Valkey with the same directives; `None` where that is not installed.
fn pair(directives: &[&str]) -> Option<[Server; 2]> {
    let kinds = [own(3), Kind::Valkey];
    installed(&kinds).then(|| kinds.map(|kind| Server::with(kind, directives)))
}

/// The words of a line; quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_ascii_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// One command to a connection of each; the replies must be alike.
#[track_caller]
fn both(clients: &mut [Client; 2], line: &str, told: &str) -> Value {
    let words = words(line);
    let [ours, theirs] = clients.each_mut().map(|client| client.cmd(&words));
    assert_eq!(ours, theirs, "{line} {told}");
    ours
}

/// A connection to each.
fn clients(servers: &[Server; 2]) -> [Client; 2] {
    servers.each_ref().map(Server::client)
}
