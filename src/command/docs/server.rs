//! The arguments of commands on the server, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, integer, key, one_of, pattern, string, token};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("acl|cat", &[string("category").optional()]),
    ("acl|deluser", &[string("username").repeated()]),
    ("acl|dryrun", &[string("username"), string("command"), string("arg").repeated().optional()]),
    ("acl|genpass", &[integer("bits").optional()]),
    ("acl|getuser", &[string("username")]),
    ("acl|log", &[one_of("operation", &[integer("count"), token("reset", "RESET")]).optional()]),
    ("acl|setuser", &[string("username"), string("rule").repeated().optional()]),
    ("bgsave", &[token("schedule", "SCHEDULE").since("3.2.2").optional()]),
    ("command|docs", &[string("command-name").repeated().optional()]),
    ("command|getkeys", &[string("command"), string("arg").repeated().optional()]),
    ("command|getkeysandflags", &[string("command"), string("arg").repeated().optional()]),
    ("command|info", &[string("command-name").repeated().optional()]),
    (
        "command|list",
        &[one_of(
            "filterby",
            &[
                string("module-name").after("MODULE"),
                string("category").after("ACLCAT"),
                pattern("pattern").after("PATTERN"),
            ],
        )
        .after("FILTERBY")
        .optional()],
    ),
    ("config|get", &[string("parameter").repeated()]),
    ("config|set", &[block("data", &[string("parameter"), string("value")]).repeated()]),
    (
        "failover",
        &[
            block("target", &[string("host"), integer("port"), token("force", "FORCE").optional()])
                .after("TO")
                .optional(),
            token("abort", "ABORT").optional(),
            integer("milliseconds").after("TIMEOUT").optional(),
        ],
    ),
    (
        "flushall",
        &[one_of(
            "flush-type",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()],
    ),
    (
        "flushdb",
        &[one_of(
            "flush-type",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()],
    ),
    ("info", &[string("section").repeated().optional()]),
    ("latency|graph", &[string("event")]),
    ("latency|histogram", &[string("command").repeated().optional()]),
    ("latency|history", &[string("event")]),
    ("latency|reset", &[string("event").repeated().optional()]),
    ("lolwut", &[integer("version").after("VERSION").optional()]),
    ("memory|usage", &[key("key", 0), integer("count").after("SAMPLES").optional()]),
    ("module|load", &[string("path"), string("arg").repeated().optional()]),
    (
        "module|loadex",
        &[
            string("path"),
            block("configs", &[string("name"), string("value")])
                .after("CONFIG")
                .repeated_with_token()
                .optional(),
            string("args").after("ARGS").repeated().optional(),
        ],
    ),
    ("module|unload", &[string("name")]),
    ("psync", &[string("replicationid"), integer("offset")]),
    (
        "replicaof",
        &[one_of(
            "args",
            &[
                block("host-port", &[string("host"), integer("port")]),
                block("no-one", &[token("no", "NO"), token("one", "ONE")]),
            ],
        )],
    ),
    (
        "restore-asking",
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
        "shutdown",
        &[one_of(
            "abort-selector",
            &[
                block(
                    "save-selector-block",
                    &[
                        one_of(
                            "save-selector",
                            &[token("nosave", "NOSAVE"), token("save", "SAVE")],
                        )
                        .optional(),
                        token("now", "NOW").since("7.0.0").optional(),
                        token("force", "FORCE").since("7.0.0").optional(),
                    ],
                ),
                token("abort", "ABORT").since("7.0.0"),
            ],
        )
        .optional()],
    ),
    (
        "slaveof",
        &[one_of(
            "args",
            &[
                block("host-port", &[string("host"), integer("port")]),
                block("no-one", &[token("no", "NO"), token("one", "ONE")]),
            ],
        )],
    ),
    ("slowlog|get", &[integer("count").optional()]),
    ("swapdb", &[integer("index1"), integer("index2")]),
];
