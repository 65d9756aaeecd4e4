//! The arguments of commands on lists, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, double, integer, key, one_of, string, token};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    (
        "blmove",
        &[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", &[token("left", "LEFT"), token("right", "RIGHT")]),
            one_of("whereto", &[token("left", "LEFT"), token("right", "RIGHT")]),
            double("timeout"),
        ],
    ),
    (
        "blmpop",
        &[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).repeated(),
            one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
            integer("count").after("COUNT").optional(),
        ],
    ),
    ("blpop", &[key("key", 0).repeated(), double("timeout")]),
    ("brpop", &[key("key", 0).repeated(), double("timeout")]),
    ("brpoplpush", &[key("source", 0), key("destination", 1), double("timeout")]),
    ("lindex", &[key("key", 0), integer("index")]),
    (
        "linsert",
        &[
            key("key", 0),
            one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
            string("pivot"),
            string("element"),
        ],
    ),
    ("llen", &[key("key", 0)]),
    (
        "lmove",
        &[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", &[token("left", "LEFT"), token("right", "RIGHT")]),
            one_of("whereto", &[token("left", "LEFT"), token("right", "RIGHT")]),
        ],
    ),
    (
        "lmpop",
        &[
            integer("numkeys"),
            key("key", 0).repeated(),
            one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
            integer("count").after("COUNT").optional(),
        ],
    ),
    ("lpop", &[key("key", 0), integer("count").since("6.2.0").optional()]),
    (
        "lpos",
        &[
            key("key", 0),
            string("element"),
            integer("rank").after("RANK").optional(),
            integer("num-matches").after("COUNT").optional(),
            integer("len").after("MAXLEN").optional(),
        ],
    ),
    ("lpush", &[key("key", 0), string("element").repeated()]),
    ("lpushx", &[key("key", 0), string("element").repeated()]),
    ("lrange", &[key("key", 0), integer("start"), integer("stop")]),
    ("lrem", &[key("key", 0), integer("count"), string("element")]),
    ("lset", &[key("key", 0), integer("index"), string("element")]),
    ("ltrim", &[key("key", 0), integer("start"), integer("stop")]),
    ("rpop", &[key("key", 0), integer("count").since("6.2.0").optional()]),
    ("rpoplpush", &[key("source", 0), key("destination", 1)]),
    ("rpush", &[key("key", 0), string("element").repeated()]),
    ("rpushx", &[key("key", 0), string("element").repeated()]),
];
