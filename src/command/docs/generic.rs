//! The arguments of commands on keys, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, integer, key, one_of, pattern, string, token, unix_time};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    (
        "copy",
        &[
            key("source", 0),
            key("destination", 1),
            integer("destination-db").after("DB").optional(),
            token("replace", "REPLACE").optional(),
        ],
    ),
    ("del", &[key("key", 0).repeated()]),
    ("dump", &[key("key", 0)]),
    ("exists", &[key("key", 0).repeated()]),
    (
        "expire",
        &[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
    ),
    (
        "expireat",
        &[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
    ),
    ("expiretime", &[key("key", 0)]),
    ("keys", &[pattern("pattern")]),
    (
        "migrate",
        &[
            string("host"),
            integer("port"),
            one_of("key-selector", &[key("key", 0), token("empty-string", "")]),
            integer("destination-db"),
            integer("timeout"),
            token("copy", "COPY").since("3.0.0").optional(),
            token("replace", "REPLACE").since("3.0.0").optional(),
            one_of(
                "authentication",
                &[
                    string("auth").after("AUTH").shown("password").since("4.0.7"),
                    block("auth2", &[string("username"), string("password")])
                        .after("AUTH2")
                        .since("6.0.0"),
                ],
            )
            .optional(),
            key("keys", 1).after("KEYS").shown("key").since("3.0.6").repeated().optional(),
        ],
    ),
    ("move", &[key("key", 0), integer("db")]),
    ("object|encoding", &[key("key", 0)]),
    ("object|freq", &[key("key", 0)]),
    ("object|idletime", &[key("key", 0)]),
    ("object|refcount", &[key("key", 0)]),
    ("persist", &[key("key", 0)]),
    (
        "pexpire",
        &[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
    ),
    (
        "pexpireat",
        &[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ],
    ),
    ("pexpiretime", &[key("key", 0)]),
    ("pttl", &[key("key", 0)]),
    ("rename", &[key("key", 0), key("newkey", 1)]),
    ("renamenx", &[key("key", 0), key("newkey", 1)]),
    (
        "restore",
        &[
            key("key", 0),
            integer("ttl"),
            string("serialized-value"),
            token("replace", "REPLACE").since("3.0.0").optional(),
            token("absttl", "ABSTTL").since("5.0.0").optional(),
            integer("seconds").after("IDLETIME").since("5.0.0").optional(),
            integer("frequency").after("FREQ").since("5.0.0").optional(),
        ],
    ),
    (
        "scan",
        &[
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
            string("type").after("TYPE").since("6.0.0").optional(),
        ],
    ),
    (
        "sort",
        &[
            key("key", 0),
            pattern("by-pattern").naming_keys(1).after("BY").shown("pattern").optional(),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
            pattern("get-pattern")
                .naming_keys(1)
                .after("GET")
                .shown("pattern")
                .repeated_with_token()
                .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            token("sorting", "ALPHA").optional(),
            key("destination", 2).after("STORE").optional(),
        ],
    ),
    (
        "sort_ro",
        &[
            key("key", 0),
            pattern("by-pattern").naming_keys(1).after("BY").shown("pattern").optional(),
            block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
            pattern("get-pattern")
                .naming_keys(1)
                .after("GET")
                .shown("pattern")
                .repeated_with_token()
                .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            token("sorting", "ALPHA").optional(),
        ],
    ),
    ("touch", &[key("key", 0).repeated()]),
    ("ttl", &[key("key", 0)]),
    ("type", &[key("key", 0)]),
    ("unlink", &[key("key", 0).repeated()]),
    ("wait", &[integer("numreplicas"), integer("timeout")]),
    ("waitaof", &[integer("numlocal"), integer("numreplicas"), integer("timeout")]),
];
