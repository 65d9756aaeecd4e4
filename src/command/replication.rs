//! Commands of replication, as a master serves it: their rows. All are run by upper floors.

use super::flags::{Categories, Flags};
use super::spec::{ClientVerb, Group, Scope, ServerVerb, Spec};

const RESYNC: Flags =
    Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::NO_ASYNC_LOADING).with(Flags::NO_MULTI);

const WAIT_TIPS: &[&str] = &["request_policy:all_shards", "response_policy:agg_min"];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("psync", -3, Group::Server, Scope::Client(ClientVerb::Psync)).flags(RESYNC).doc(
        "2.8.0",
        "",
        "Makes the connection a link to a replica, from an offset on.",
    ),
    Spec::new("sync", 1, Group::Server, Scope::Client(ClientVerb::Sync)).flags(RESYNC).doc(
        "1.0.0",
        "",
        "Makes the connection a link to a replica that has nothing.",
    ),
    Spec::new("replconf", -1, Group::Server, Scope::Client(ClientVerb::Replconf))
        .flags(
            Flags::ADMIN
                .with(Flags::NOSCRIPT)
                .with(Flags::LOADING)
                .with(Flags::STALE)
                .with(Flags::ALLOW_BUSY),
        )
        .doc("3.0.0", "O(1)", "Tells a master about its replica."),
    Spec::new("wait", 3, Group::Generic, Scope::Client(ClientVerb::Wait))
        .flags(Flags::BLOCKING)
        .categories(Categories::CONNECTION)
        .tips(WAIT_TIPS)
        .doc("3.0.0", "O(1)", "Waits until replicas have what the connection wrote."),
    Spec::new("waitaof", 4, Group::Generic, Scope::Client(ClientVerb::WaitAof))
        .flags(Flags::BLOCKING)
        .categories(Categories::CONNECTION)
        .tips(WAIT_TIPS)
        .doc("7.2.0", "O(1)", "Waits until disks have what the connection wrote."),
    Spec::new("role", 1, Group::Server, Scope::Server(ServerVerb::Role))
        .flags(Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST))
        .categories(Categories::ADMIN.with(Categories::DANGEROUS))
        .doc("2.8.12", "O(1)", "Tells the role and the state of replication."),
];
