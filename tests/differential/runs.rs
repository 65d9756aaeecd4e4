//! The runs: one or several connections, RESP2 and RESP3, with and without replicas, each for one,
//! two and three shards.

use crate::lockstep::Lockstep;
use crate::replicas;
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::{Kind, installed, own};
use crate::table::GROUPS;
use crate::usage::Usage;

/// Commands of a run, unless `TRIBUTARY_COMMANDS` says otherwise.
const COMMANDS: usize = 20_000;

/// The data sets are compared after so many commands, unless `TRIBUTARY_COMPARED_EVERY` says
/// otherwise.
const COMPARED_EVERY: usize = 250;

/// A run.
struct Run {
    shards: u16,
    connections: usize,
    resp: u8,
    replicas: &'static [Kind],
}

macro_rules! runs {
    ($($name:ident: $shards:expr, $connections:expr, $resp:expr, $replicas:expr;)*) => {
        $(
            #[test]
            fn $name() {
                run(&Run {
                    shards: $shards,
                    connections: $connections,
                    resp: $resp,
                    replicas: $replicas,
                });
            }
        )*
    };
}

runs! {
    own1_resp2: 1, 1, 2, &[];
    own2_resp2: 2, 1, 2, &[];
    own3_resp2: 3, 1, 2, &[];
    own1_resp3: 1, 1, 3, &[];
    own2_resp3: 2, 1, 3, &[];
    own3_resp3: 3, 1, 3, &[];
    own1_connections: 1, 4, 2, &[];
    own2_connections: 2, 4, 3, &[];
    own3_connections: 3, 4, 2, &[];
    own1_replicas: 1, 3, 2, &[Kind::Own { shards: 2 }, Kind::Valkey];
    own2_replicas: 2, 3, 3, &[Kind::Own { shards: 1 }, Kind::Valkey];
    own3_replicas: 3, 3, 2, &[Kind::Own { shards: 3 }, Kind::Redis];
}

fn run(run: &Run) {
    let own = own(run.shards);
    if !installed(&[Kind::Valkey]) || !installed(run.replicas) {
        return;
    }
    let mut seed = Seed::new();
    let (ours, theirs) = (Server::start(own), Server::start(Kind::Valkey));
    let replicas: Vec<_> = run
        .replicas
        .iter()
        .filter(|kind| kind.can_follow(own))
        .map(|kind| Server::with(*kind, &[&format!("replicaof 127.0.0.1 {}", ours.port())]))
        .collect();
    let chosen = std::env::var("TRIBUTARY_GROUPS").ok();
    let rows: Vec<(u32, Usage)> = GROUPS
        .iter()
        .filter(|(group, _)| {
            chosen.as_ref().is_none_or(|all| all.split(',').any(|it| it == *group))
        })
        .flat_map(|(_, rows)| rows.iter())
        .map(|(weight, usage)| (*weight, Usage::parse(usage)))
        .collect();
    let total: u32 = rows.iter().map(|(weight, _)| weight).sum();
    let mut lockstep = Lockstep::new(&ours, &theirs, run.connections, run.resp);
    let compared_every = from_environment("TRIBUTARY_COMPARED_EVERY", COMPARED_EVERY);
    for n in 1..=from_environment("TRIBUTARY_COMMANDS", COMMANDS) {
        let mut at = seed.rng().u32(..total);
        let (_, usage) = rows
            .iter()
            .find(|(weight, _)| {
                let here = at < *weight;
                at = at.saturating_sub(*weight);
                here
            })
            .expect("the weights' sum");
        let command = usage.generate(seed.rng());
        lockstep.step(seed.rng().usize(..run.connections), &command);
        if n.is_multiple_of(compared_every) {
            lockstep.compare_data();
        }
    }
    lockstep.compare_data();
    replicas::check(&ours, &replicas, &seed);
}

fn from_environment(name: &str, otherwise: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => otherwise,
    }
}
