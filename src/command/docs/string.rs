//! The arguments of commands on strings, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, double, integer, key, one_of, string, token, unix_time};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("append", &[key("key", 0), string("value")]),
    ("decr", &[key("key", 0)]),
    ("decrby", &[key("key", 0), integer("decrement")]),
    ("get", &[key("key", 0)]),
    ("getdel", &[key("key", 0)]),
    (
        "getex",
        &[
            key("key", 0),
            one_of(
                "expiration",
                &[
                    integer("seconds").after("EX"),
                    integer("milliseconds").after("PX"),
                    unix_time("unix-time-seconds").after("EXAT"),
                    unix_time("unix-time-milliseconds").after("PXAT"),
                    token("persist", "PERSIST"),
                ],
            )
            .optional(),
        ],
    ),
    ("getrange", &[key("key", 0), integer("start"), integer("end")]),
    ("getset", &[key("key", 0), string("value")]),
    ("incr", &[key("key", 0)]),
    ("incrby", &[key("key", 0), integer("increment")]),
    ("incrbyfloat", &[key("key", 0), double("increment")]),
    (
        "lcs",
        &[
            key("key1", 0),
            key("key2", 0),
            token("len", "LEN").optional(),
            token("idx", "IDX").optional(),
            integer("min-match-len").after("MINMATCHLEN").optional(),
            token("withmatchlen", "WITHMATCHLEN").optional(),
        ],
    ),
    ("mget", &[key("key", 0).repeated()]),
    ("mset", &[block("data", &[key("key", 0), string("value")]).repeated()]),
    ("msetnx", &[block("data", &[key("key", 0), string("value")]).repeated()]),
    ("psetex", &[key("key", 0), integer("milliseconds"), string("value")]),
    (
        "set",
        &[
            key("key", 0),
            string("value"),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("2.6.12").optional(),
            token("get", "GET").since("6.2.0").optional(),
            one_of(
                "expiration",
                &[
                    integer("seconds").after("EX").since("2.6.12"),
                    integer("milliseconds").after("PX").since("2.6.12"),
                    unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                    unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                    token("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ],
    ),
    ("setex", &[key("key", 0), integer("seconds"), string("value")]),
    ("setnx", &[key("key", 0), string("value")]),
    ("setrange", &[key("key", 0), integer("offset"), string("value")]),
    ("strlen", &[key("key", 0)]),
    ("substr", &[key("key", 0), integer("start"), integer("end")]),
];
