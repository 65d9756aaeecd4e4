//! The table compares every command that the server has, but for those named with a reason.

use std::collections::BTreeSet;

use crate::support::server::Server;
use crate::support::stock::own;
use crate::table::{GROUPS, NOT_COMPARED};
use crate::usage::Usage;

/// Commands generated of each usage: enough that none of a usage's words is missed.
const SAMPLES: usize = 1000;

#[test]
fn every_command_is_compared() {
    let server = Server::start(own(1));
    let known = known(&server);
    let compared = compared();
    let excepted: BTreeSet<String> =
        NOT_COMPARED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = known
        .iter()
        .filter(|name| !compared.contains(*name) && !excepted.contains(*name))
        .collect();
    assert!(missing.is_empty(), "neither compared nor excepted: {missing:?}");
    let stale: Vec<_> =
        excepted.iter().filter(|name| !known.contains(*name) || compared.contains(*name)).collect();
    assert!(stale.is_empty(), "excepted without need: {stale:?}");
    assert!(NOT_COMPARED.iter().all(|(_, reason)| !reason.is_empty()));
}

/// The full names of what the server can be asked: commands, and subcommands in place of the
/// commands that have them.
fn known(server: &Server) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for command in server.ask(&["COMMAND"]).items() {
        let subcommands = command.items()[9].items();
        if subcommands.is_empty() {
            names.insert(command.items()[0].text());
        }
        names.extend(subcommands.iter().map(|subcommand| subcommand.items()[0].text()));
    }
    names
}

/// The full names of what the table generates, and `first|second` of much that is no command.
fn compared() -> BTreeSet<String> {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut names = BTreeSet::new();
    for (_, usage) in GROUPS.iter().flat_map(|(_, rows)| rows.iter()) {
        let usage = Usage::parse(usage);
        for _ in 0..SAMPLES {
            let command = usage.generate(&mut rng);
            let words: Vec<_> = command
                .iter()
                .take(2)
                .map(|word| String::from_utf8_lossy(word).to_ascii_lowercase())
                .collect();
            names.extend([words[0].clone(), words.join("|")]);
        }
    }
    names
}
