//! Commands of the server group: their rows. Most are run by upper floors.

use super::flags::{Categories, Flags};
use super::spec::{Group, Scope, ServerVerb, Spec};

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("dbsize", 1, Group::Server, Scope::Server(ServerVerb::DbSize))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .doc("1.0.0", "O(1)", "Counts the keys of the database."),
    Spec::new("replicaof", 3, Group::Server, Scope::Server(ServerVerb::ReplicaOf))
        .flags(FOLLOWING)
        .doc("5.0.0", "O(1)", "Makes this server the replica of another, or a master again."),
    Spec::new("slaveof", 3, Group::Server, Scope::Server(ServerVerb::ReplicaOf))
        .flags(FOLLOWING)
        .doc("1.0.0", "O(1)", "The old name of REPLICAOF."),
];

const FOLLOWING: Flags =
    Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::STALE).with(Flags::NO_ASYNC_LOADING);
