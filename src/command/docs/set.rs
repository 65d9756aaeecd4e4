//! The arguments of commands on sets, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, integer, key, pattern, string};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("sadd", &[key("key", 0), string("member").repeated()]),
    ("scard", &[key("key", 0)]),
    ("sdiff", &[key("key", 0).repeated()]),
    ("sdiffstore", &[key("destination", 0), key("key", 1).repeated()]),
    ("sinter", &[key("key", 0).repeated()]),
    (
        "sintercard",
        &[integer("numkeys"), key("key", 0).repeated(), integer("limit").after("LIMIT").optional()],
    ),
    ("sinterstore", &[key("destination", 0), key("key", 1).repeated()]),
    ("sismember", &[key("key", 0), string("member")]),
    ("smembers", &[key("key", 0)]),
    ("smismember", &[key("key", 0), string("member").repeated()]),
    ("smove", &[key("source", 0), key("destination", 1), string("member")]),
    ("spop", &[key("key", 0), integer("count").since("3.2.0").optional()]),
    ("srandmember", &[key("key", 0), integer("count").since("2.6.0").optional()]),
    ("srem", &[key("key", 0), string("member").repeated()]),
    (
        "sscan",
        &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
        ],
    ),
    ("sunion", &[key("key", 0).repeated()]),
    ("sunionstore", &[key("destination", 0), key("key", 1).repeated()]),
];
