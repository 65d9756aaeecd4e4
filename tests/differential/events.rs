//! The events of keys: random commands on both servers, and after each the same events in the same
//! order, with every class of `notify-keyspace-events` on.

use crate::support::client::{Client, encode, shown};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::table::GROUPS;
use crate::usage::Usage;

const COMMANDS: usize = 8000;

/// Groups whose commands would change what is heard, or are no commands on keys.
const LEFT_OUT: &[&str] = &["transactions", "connection", "pubsub", "server"];

#[test]
fn own1_events() {
    compare(1);
}

#[test]
fn own2_events() {
    compare(2);
}

#[test]
fn own3_events() {
    compare(3);
}

/// A server's connection for commands and the one that hears of events.
struct Heard {
    commands: Client,
    events: Client,
}

fn compare(shards: u16) {
    if !installed(&[Kind::Valkey]) {
        return;
    }
    let mut seed = Seed::new();
    let directives = ["notify-keyspace-events KEAnm"];
    let servers = [own(shards), Kind::Valkey].map(|kind| Server::with(kind, &directives));
    let mut heard = servers.each_ref().map(Heard::new);
    let rows: Vec<(u32, Usage)> = GROUPS
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(name))
        .flat_map(|(_, rows)| rows.iter())
        .map(|(weight, usage)| (*weight, Usage::parse(usage)))
        .collect();
    let usages: Vec<&Usage> = rows
        .iter()
        .flat_map(|(weight, usage)| std::iter::repeat_n(usage, *weight as usize))
        .collect();
    for n in 0..COMMANDS {
        let command = usages[seed.rng().usize(..usages.len())].generate(seed.rng());
        // Composites expire keys at moments of their own and restore payloads of their own.
        // SORT of a set looks keys up, and may store them, in the order of a hash table.
        let sorts = command[0].get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SORT"));
        if command[0].starts_with(b"@") || sorts {
            continue;
        }
        let [ours, theirs] = heard.each_mut().map(|heard| heard.events_of(&command, n));
        let seed = seed.value();
        assert_eq!(ours, theirs, "ours and theirs; seed {seed}, step {n}: {}", shown(&command));
    }
}

impl Heard {
    fn new(server: &Server) -> Heard {
        let mut events = server.client();
        events.send(&encode(&["PSUBSCRIBE", "__key*__:*", "mark"])).expect("the server reads");
        for _ in 0..2 {
            events.read_reply().expect("an answer");
        }
        Heard { commands: server.client(), events }
    }

    /// Runs a command; the events heard, a line each.
    fn events_of(&mut self, command: &[Vec<u8>], n: usize) -> Vec<String> {
        self.commands.cmd(command);
        self.commands.cmd(&["PUBLISH", "mark", &n.to_string()]);
        let mut heard = Vec::new();
        loop {
            let event = self.events.read_reply().expect("an event");
            let [.., channel, text] = event.items() else { panic!("no event: {event:?}") };
            if channel.text() == "mark" {
                assert_eq!(text.text(), n.to_string());
                return heard;
            }
            heard.push(format!("{} {}", channel.text(), text.text()));
        }
    }
}
