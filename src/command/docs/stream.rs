//! The arguments of commands on streams, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, integer, key, one_of, string, token, unix_time};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("xack", &[key("key", 0), string("group"), string("id").repeated()]),
    (
        "xadd",
        &[
            key("key", 0),
            token("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
            block(
                "trim",
                &[
                    one_of(
                        "strategy",
                        &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")],
                    ),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")])
                        .optional(),
                    string("threshold"),
                    integer("count").after("LIMIT").since("6.2.0").optional(),
                ],
            )
            .optional(),
            one_of("id-selector", &[token("auto-id", "*"), string("id")]),
            block("data", &[string("field"), string("value")]).repeated(),
        ],
    ),
    (
        "xautoclaim",
        &[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("start"),
            integer("count").after("COUNT").optional(),
            token("justid", "JUSTID").optional(),
        ],
    ),
    (
        "xclaim",
        &[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("id").repeated(),
            integer("ms").after("IDLE").optional(),
            unix_time("unix-time-milliseconds").after("TIME").optional(),
            integer("count").after("RETRYCOUNT").optional(),
            token("force", "FORCE").optional(),
            token("justid", "JUSTID").optional(),
            string("lastid").after("LASTID").optional(),
        ],
    ),
    ("xdel", &[key("key", 0), string("id").repeated()]),
    (
        "xgroup|create",
        &[
            key("key", 0),
            string("group"),
            one_of("id-selector", &[string("id"), token("new-id", "$")]),
            token("mkstream", "MKSTREAM").optional(),
            integer("entriesread").after("ENTRIESREAD").shown("entries-read").optional(),
        ],
    ),
    ("xgroup|createconsumer", &[key("key", 0), string("group"), string("consumer")]),
    ("xgroup|delconsumer", &[key("key", 0), string("group"), string("consumer")]),
    ("xgroup|destroy", &[key("key", 0), string("group")]),
    (
        "xgroup|setid",
        &[
            key("key", 0),
            string("group"),
            one_of("id-selector", &[string("id"), token("new-id", "$")]),
            integer("entriesread").after("ENTRIESREAD").shown("entries-read").optional(),
        ],
    ),
    ("xinfo|consumers", &[key("key", 0), string("group")]),
    ("xinfo|groups", &[key("key", 0)]),
    (
        "xinfo|stream",
        &[
            key("key", 0),
            block(
                "full-block",
                &[token("full", "FULL"), integer("count").after("COUNT").optional()],
            )
            .optional(),
        ],
    ),
    ("xlen", &[key("key", 0)]),
    (
        "xpending",
        &[
            key("key", 0),
            string("group"),
            block(
                "filters",
                &[
                    integer("min-idle-time").after("IDLE").since("6.2.0").optional(),
                    string("start"),
                    string("end"),
                    integer("count"),
                    string("consumer").optional(),
                ],
            )
            .optional(),
        ],
    ),
    (
        "xrange",
        &[
            key("key", 0),
            string("start"),
            string("end"),
            integer("count").after("COUNT").optional(),
        ],
    ),
    (
        "xread",
        &[
            integer("count").after("COUNT").optional(),
            integer("milliseconds").after("BLOCK").optional(),
            block("streams", &[key("key", 0).repeated(), string("id").repeated()]).after("STREAMS"),
        ],
    ),
    (
        "xreadgroup",
        &[
            block("group-block", &[string("group"), string("consumer")]).after("GROUP"),
            integer("count").after("COUNT").optional(),
            integer("milliseconds").after("BLOCK").optional(),
            token("noack", "NOACK").optional(),
            block("streams", &[key("key", 0).repeated(), string("id").repeated()]).after("STREAMS"),
        ],
    ),
    (
        "xrevrange",
        &[
            key("key", 0),
            string("end"),
            string("start"),
            integer("count").after("COUNT").optional(),
        ],
    ),
    (
        "xsetid",
        &[
            key("key", 0),
            string("last-id"),
            integer("entries-added").after("ENTRIESADDED").since("7.0.0").optional(),
            string("max-deleted-id").after("MAXDELETEDID").since("7.0.0").optional(),
        ],
    ),
    (
        "xtrim",
        &[
            key("key", 0),
            block(
                "trim",
                &[
                    one_of(
                        "strategy",
                        &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")],
                    ),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")])
                        .optional(),
                    string("threshold"),
                    integer("count").after("LIMIT").since("6.2.0").optional(),
                ],
            ),
        ],
    ),
];
