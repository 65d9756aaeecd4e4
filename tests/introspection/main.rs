//! What the server tells of itself and what may be changed while it runs, beside the stock Valkey
//! where the two must agree; and how it starts and ends.

#[path = "../support/mod.rs"]
mod support;

mod catalog;
mod config;
mod debug;
mod fields;
mod readme;
mod start;
mod texts;

use support::server::Server;
use support::stock::{Kind, installed, own};

/// Ours and the stock Valkey with the same directives; `None` where that is not installed.
fn pair(directives: &[&str]) -> Option<(Server, Server)> {
    let kinds = [own(3), Kind::Valkey];
    installed(&kinds).then(|| {
        let [ours, theirs] = kinds.map(|kind| Server::with(kind, directives));
        (ours, theirs)
    })
}
