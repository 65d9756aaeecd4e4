//! The arguments of commands on hashes, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, double, integer, key, pattern, string, token};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("hdel", &[key("key", 0), string("field").repeated()]),
    ("hexists", &[key("key", 0), string("field")]),
    ("hget", &[key("key", 0), string("field")]),
    ("hgetall", &[key("key", 0)]),
    ("hincrby", &[key("key", 0), string("field"), integer("increment")]),
    ("hincrbyfloat", &[key("key", 0), string("field"), double("increment")]),
    ("hkeys", &[key("key", 0)]),
    ("hlen", &[key("key", 0)]),
    ("hmget", &[key("key", 0), string("field").repeated()]),
    ("hmset", &[key("key", 0), block("data", &[string("field"), string("value")]).repeated()]),
    (
        "hrandfield",
        &[
            key("key", 0),
            block("options", &[integer("count"), token("withvalues", "WITHVALUES").optional()])
                .optional(),
        ],
    ),
    (
        "hscan",
        &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
            token("novalues", "NOVALUES").optional(),
        ],
    ),
    ("hset", &[key("key", 0), block("data", &[string("field"), string("value")]).repeated()]),
    ("hsetnx", &[key("key", 0), string("field"), string("value")]),
    ("hstrlen", &[key("key", 0), string("field")]),
    ("hvals", &[key("key", 0)]),
];
