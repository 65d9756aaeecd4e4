//! Who plays which role. Each macro turns a scenario into one test a cast; the names say the cast
//! in the scenario's order of roles: `own2_redis_own2` is ours with two shards, then a stock
//! Redis, then ours again.

use crate::support::stock::{Kind, installed, note};

/// Runs a scenario unless a stock server it needs is missing. `follows` lists `(replica, master)`
/// pairs by role, for the pairs of stock servers that cannot read each other's RDB.
pub fn play<const N: usize>(cast: [Kind; N], follows: &[(usize, usize)], scenario: fn([Kind; N])) {
    if !installed(&cast) {
        return;
    }
    // Only with a stock server standing in for ours.
    if let Some((replica, master)) =
        follows.iter().find(|(replica, master)| !cast[*replica].can_follow(cast[*master]))
    {
        note(&format!("not played: {:?} cannot follow {:?}", cast[*replica], cast[*master]));
        return;
    }
    scenario(cast);
}

macro_rules! tests_of {
    ($scenario:path, $follows:expr; $($name:ident: [$($kind:expr),*];)*) => {
        $(
            #[test]
            fn $name() {
                use crate::support::stock::{Kind::{Redis, Valkey}, own};
                #[allow(unused_imports, reason = "not each cast needs each")]
                use {Redis as _, Valkey as _, own as _};
                crate::casts::play([$($kind),*], $follows, $scenario);
            }
        )*
    };
}

/// One test a shard count.
macro_rules! one_server {
    ($scenario:path) => {
        tests_of! { $scenario, &[];
            own1: [own(1)]; own2: [own(2)]; own3: [own(3)];
        }
    };
}

/// One test a shard count, and one with each stock server: for what the test itself claims of
/// every server.
macro_rules! one_server_or_stock {
    ($scenario:path) => {
        tests_of! { $scenario, &[];
            own1: [own(1)]; own2: [own(2)]; own3: [own(3)]; redis: [Redis]; valkey: [Valkey];
        }
    };
}

/// All own, and each of the two roles played by each stock server.
macro_rules! two_servers {
    ($scenario:path, $follows:expr) => {
        tests_of! { $scenario, $follows;
            own1_own1: [own(1), own(1)];
            own2_own2: [own(2), own(2)];
            own3_own3: [own(3), own(3)];
            own1_own3: [own(1), own(3)];
            own3_own2: [own(3), own(2)];
            redis_own1: [Redis, own(1)];
            redis_own2: [Redis, own(2)];
            redis_own3: [Redis, own(3)];
            own1_redis: [own(1), Redis];
            own2_redis: [own(2), Redis];
            own3_redis: [own(3), Redis];
            valkey_own1: [Valkey, own(1)];
            valkey_own2: [Valkey, own(2)];
            valkey_own3: [Valkey, own(3)];
            own1_valkey: [own(1), Valkey];
            own2_valkey: [own(2), Valkey];
            own3_valkey: [own(3), Valkey];
        }
    };
}

/// All own, and each of the three roles played by each stock server.
macro_rules! three_servers {
    ($scenario:path, $follows:expr) => {
        tests_of! { $scenario, $follows;
            own1_own1_own1: [own(1), own(1), own(1)];
            own2_own2_own2: [own(2), own(2), own(2)];
            own3_own3_own3: [own(3), own(3), own(3)];
            own1_own2_own3: [own(1), own(2), own(3)];
            own3_own1_own2: [own(3), own(1), own(2)];
            redis_own1_own1: [Redis, own(1), own(1)];
            redis_own2_own2: [Redis, own(2), own(2)];
            redis_own3_own3: [Redis, own(3), own(3)];
            own1_redis_own1: [own(1), Redis, own(1)];
            own2_redis_own2: [own(2), Redis, own(2)];
            own3_redis_own3: [own(3), Redis, own(3)];
            own1_own1_redis: [own(1), own(1), Redis];
            own2_own2_redis: [own(2), own(2), Redis];
            own3_own3_redis: [own(3), own(3), Redis];
            valkey_own1_own1: [Valkey, own(1), own(1)];
            valkey_own2_own2: [Valkey, own(2), own(2)];
            valkey_own3_own3: [Valkey, own(3), own(3)];
            own1_valkey_own1: [own(1), Valkey, own(1)];
            own2_valkey_own2: [own(2), Valkey, own(2)];
            own3_valkey_own3: [own(3), Valkey, own(3)];
            own1_own1_valkey: [own(1), own(1), Valkey];
            own2_own2_valkey: [own(2), own(2), Valkey];
            own3_own3_valkey: [own(3), own(3), Valkey];
        }
    };
}
