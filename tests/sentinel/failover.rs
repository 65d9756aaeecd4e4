//! The master is killed, paused or cut off: a replica takes its place in time, the others follow
//! it, and the old master comes back as a replica.

use std::time::Instant;

use crate::support::stock::{Kind, own};
use crate::watch::Watched;

/// How the master fails.
#[derive(Clone, Copy)]
enum Fault {
    /// SIGKILL; it comes back empty.
    Kill,
    /// SIGSTOP; it comes back as it was, a master.
    Pause,
    /// Nothing reaches it any more.
    Cut,
}

macro_rules! failovers {
    ($($name:ident: $fault:ident, $cast:expr;)*) => {
        $(
            #[test]
            fn $name() {
                fail_over(Fault::$fault, &$cast);
            }
        )*
    };
}

failovers! {
    own_killed: Kill, [own(2), own(1), own(3)];
    own_paused: Pause, [own(2), own(3), own(2)];
    own_cut: Cut, [own(3), own(2), own(1)];
    own_killed_before_stock: Kill, [own(2), Kind::Redis, own(2)];
    own_paused_before_stock: Pause, [own(1), own(2), Kind::Valkey];
    stock_killed: Kill, [Kind::Redis, own(2), own(3)];
    stock_cut: Cut, [Kind::Redis, own(3), own(1)];
}

fn fail_over(fault: Fault, cast: &[Kind]) {
    let Some(mut watched) = Watched::start(cast) else { return };
    let mut client = watched.servers[0].client();
    for n in 0..500 {
        client.cmd(&["SET", &format!("k{n}"), &format!("v{n}")]);
    }
    let replicas = (cast.len() - 1).to_string();
    client.cmd(&["WAIT", &replicas, "5000"]);
    let failed_at = Instant::now();
    match fault {
        Fault::Kill => watched.servers[0].kill(),
        Fault::Pause => watched.servers[0].pause(),
        Fault::Cut => watched.proxy.stall(true),
    }
    let heir = watched.wait_promotion(failed_at);
    for place in (1..cast.len()).filter(|place| *place != heir) {
        watched.wait_follows(place, heir);
    }
    let new = &watched.servers[heir];
    assert_eq!(new.value_of("k499").as_deref(), Some("v499"), "what was acknowledged is there");
    new.ask_ok(&["SET", "k", "new"]);
    match fault {
        Fault::Kill => watched.servers[0].launch(),
        Fault::Pause => watched.servers[0].resume(),
        Fault::Cut => watched.proxy.stall(false),
    }
    watched.wait_follows(0, heir);
}
