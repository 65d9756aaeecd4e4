//! Commands of the server group: their rows. Most are run by upper floors.

use super::flags::{Categories, Flags};
use super::spec::{Group, Scope, ServerVerb, Spec};

const ADMIN: Flags = Flags::ADMIN.with(Flags::NOSCRIPT);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("dbsize", 1, Group::Server, Scope::Server(ServerVerb::DbSize))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .doc("1.0.0", "O(1)", "Counts the keys of the database.")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    Spec::new("replicaof", 3, Group::Server, Scope::Server(ServerVerb::ReplicaOf))
        .flags(FOLLOWING)
        .doc("5.0.0", "O(1)", "Makes this server the replica of another, or a master again."),
    Spec::new("slaveof", 3, Group::Server, Scope::Server(ServerVerb::ReplicaOf))
        .flags(FOLLOWING)
        .doc("1.0.0", "O(1)", "The old name of REPLICAOF."),
    Spec::new("failover", -1, Group::Server, Scope::Server(ServerVerb::Failover))
        .flags(ADMIN.with(Flags::STALE))
        .doc("6.2.0", "O(1)", "Hands the role of the master to one of its replicas."),
    Spec::new("save", 1, Group::Server, Scope::Server(ServerVerb::Save))
        .flags(ADMIN.with(Flags::NO_ASYNC_LOADING).with(Flags::NO_MULTI))
        .doc("1.0.0", "O(N) where N is the total number of keys", "Writes the RDB file now."),
    Spec::new("bgsave", -1, Group::Server, Scope::Server(ServerVerb::BgSave))
        .flags(ADMIN.with(Flags::NO_ASYNC_LOADING))
        .doc("1.0.0", "O(1)", "Writes the RDB file in the background."),
    Spec::new("lastsave", 1, Group::Server, Scope::Server(ServerVerb::LastSave))
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .categories(Categories::ADMIN.with(Categories::DANGEROUS))
        .tips(&["nondeterministic_output"])
        .doc("1.0.0", "O(1)", "Tells when the RDB file was last written."),
    Spec::new("shutdown", -1, Group::Server, Scope::Server(ServerVerb::Shutdown))
        .flags(
            ADMIN
                .with(Flags::LOADING)
                .with(Flags::STALE)
                .with(Flags::NO_MULTI)
                .with(Flags::ALLOW_BUSY),
        )
        .doc("1.0.0", "O(N) when saving", "Saves if so configured and ends the server."),
];

const FOLLOWING: Flags = ADMIN.with(Flags::STALE).with(Flags::NO_ASYNC_LOADING);
