//! The arguments of commands on subscriptions, as `COMMAND DOCS` tells clients. Constants, any
//! core.

use super::argument::{Argument, pattern, string};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("psubscribe", &[pattern("pattern").repeated()]),
    ("publish", &[string("channel"), string("message")]),
    ("pubsub|channels", &[pattern("pattern").optional()]),
    ("pubsub|numsub", &[string("channel").repeated().optional()]),
    ("pubsub|shardchannels", &[pattern("pattern").optional()]),
    ("pubsub|shardnumsub", &[string("shardchannel").repeated().optional()]),
    ("punsubscribe", &[pattern("pattern").repeated().optional()]),
    ("spublish", &[string("shardchannel"), string("message")]),
    ("ssubscribe", &[string("shardchannel").repeated()]),
    ("subscribe", &[string("channel").repeated()]),
    ("sunsubscribe", &[string("shardchannel").repeated().optional()]),
    ("unsubscribe", &[string("channel").repeated().optional()]),
];
