//! Commands of the server group: their rows. Most are run by upper floors.

use super::flags::{Categories, Flags};
use super::spec::{Group, Scope, ServerVerb, Spec};

/// The rows of this family.
pub const ROWS: &[Spec] =
    &[Spec::new("dbsize", 1, Group::Server, Scope::Server(ServerVerb::DbSize))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .doc("1.0.0", "O(1)", "Counts the keys of the database.")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])];
