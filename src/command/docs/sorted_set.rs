//! The arguments of commands on sorted sets, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, double, integer, key, one_of, pattern, string, token};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    (
        "bzmpop",
        &[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).repeated(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").after("COUNT").optional(),
        ],
    ),
    ("bzpopmax", &[key("key", 0).repeated(), double("timeout")]),
    ("bzpopmin", &[key("key", 0).repeated(), double("timeout")]),
    (
        "zadd",
        &[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("3.0.2").optional(),
            one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).since("6.2.0").optional(),
            token("change", "CH").since("3.0.2").optional(),
            token("increment", "INCR").since("3.0.2").optional(),
            block("data", &[double("score"), string("member")]).repeated(),
        ],
    ),
    ("zcard", &[key("key", 0)]),
    ("zcount", &[key("key", 0), double("min"), double("max")]),
    (
        "zdiff",
        &[
            integer("numkeys"),
            key("key", 0).repeated(),
            token("withscores", "WITHSCORES").optional(),
        ],
    ),
    ("zdiffstore", &[key("destination", 0), integer("numkeys"), key("key", 1).repeated()]),
    ("zincrby", &[key("key", 0), integer("increment"), string("member")]),
    (
        "zinter",
        &[
            integer("numkeys"),
            key("key", 0).repeated(),
            integer("weight").after("WEIGHTS").repeated().optional(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
    ),
    (
        "zintercard",
        &[integer("numkeys"), key("key", 0).repeated(), integer("limit").after("LIMIT").optional()],
    ),
    (
        "zinterstore",
        &[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).repeated(),
            integer("weight").after("WEIGHTS").repeated().optional(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
        ],
    ),
    ("zlexcount", &[key("key", 0), string("min"), string("max")]),
    (
        "zmpop",
        &[
            integer("numkeys"),
            key("key", 0).repeated(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").after("COUNT").optional(),
        ],
    ),
    ("zmscore", &[key("key", 0), string("member").repeated()]),
    ("zpopmax", &[key("key", 0), integer("count").optional()]),
    ("zpopmin", &[key("key", 0), integer("count").optional()]),
    (
        "zrandmember",
        &[
            key("key", 0),
            block("options", &[integer("count"), token("withscores", "WITHSCORES").optional()])
                .optional(),
        ],
    ),
    (
        "zrange",
        &[
            key("key", 0),
            string("start"),
            string("stop"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")])
                .since("6.2.0")
                .optional(),
            token("rev", "REV").since("6.2.0").optional(),
            block("limit", &[integer("offset"), integer("count")])
                .after("LIMIT")
                .since("6.2.0")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
    ),
    (
        "zrangebylex",
        &[
            key("key", 0),
            string("min"),
            string("max"),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
    ),
    (
        "zrangebyscore",
        &[
            key("key", 0),
            double("min"),
            double("max"),
            token("withscores", "WITHSCORES").since("2.0.0").optional(),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
    ),
    (
        "zrangestore",
        &[
            key("dst", 0),
            key("src", 1),
            string("min"),
            string("max"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")]).optional(),
            token("rev", "REV").optional(),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
    ),
    ("zrank", &[key("key", 0), string("member"), token("withscore", "WITHSCORE").optional()]),
    ("zrem", &[key("key", 0), string("member").repeated()]),
    ("zremrangebylex", &[key("key", 0), string("min"), string("max")]),
    ("zremrangebyrank", &[key("key", 0), integer("start"), integer("stop")]),
    ("zremrangebyscore", &[key("key", 0), double("min"), double("max")]),
    (
        "zrevrange",
        &[
            key("key", 0),
            integer("start"),
            integer("stop"),
            token("withscores", "WITHSCORES").optional(),
        ],
    ),
    (
        "zrevrangebylex",
        &[
            key("key", 0),
            string("max"),
            string("min"),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
    ),
    (
        "zrevrangebyscore",
        &[
            key("key", 0),
            double("max"),
            double("min"),
            token("withscores", "WITHSCORES").optional(),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
    ),
    ("zrevrank", &[key("key", 0), string("member"), token("withscore", "WITHSCORE").optional()]),
    (
        "zscan",
        &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
            token("noscores", "NOSCORES").optional(),
        ],
    ),
    ("zscore", &[key("key", 0), string("member")]),
    (
        "zunion",
        &[
            integer("numkeys"),
            key("key", 0).repeated(),
            integer("weight").after("WEIGHTS").repeated().optional(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
    ),
    (
        "zunionstore",
        &[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).repeated(),
            integer("weight").after("WEIGHTS").repeated().optional(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
        ],
    ),
];
