//! The arguments of commands on connections, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, integer, one_of, string, token};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("auth", &[string("username").since("6.0.0").optional(), string("password")]),
    ("client|caching", &[one_of("mode", &[token("yes", "YES"), token("no", "NO")])]),
    ("client|capa", &[string("capability").repeated()]),
    (
        "client|kill",
        &[one_of(
            "filter",
            &[
                string("old-format").shown("ip:port").deprecated("2.8.12"),
                one_of(
                    "new-format",
                    &[
                        integer("client-id").after("ID").since("2.8.12").optional(),
                        one_of(
                            "client-type",
                            &[
                                token("normal", "NORMAL"),
                                token("master", "MASTER").since("3.2.0"),
                                token("primary", "PRIMARY").since("8.0.0"),
                                token("slave", "SLAVE"),
                                token("replica", "REPLICA").since("5.0.0"),
                                token("pubsub", "PUBSUB"),
                            ],
                        )
                        .after("TYPE")
                        .since("2.8.12")
                        .optional(),
                        string("username").after("USER").optional(),
                        string("addr").after("ADDR").shown("ip:port").optional(),
                        string("laddr").after("LADDR").shown("ip:port").since("6.2.0").optional(),
                        one_of("skipme", &[token("yes", "YES"), token("no", "NO")])
                            .after("SKIPME")
                            .optional(),
                        integer("maxage").after("MAXAGE").since("8.0.0").optional(),
                    ],
                )
                .repeated(),
            ],
        )],
    ),
    (
        "client|list",
        &[
            one_of(
                "client-type",
                &[
                    token("normal", "NORMAL"),
                    token("master", "MASTER"),
                    token("replica", "REPLICA"),
                    token("pubsub", "PUBSUB"),
                ],
            )
            .after("TYPE")
            .since("5.0.0")
            .optional(),
            integer("client-id").after("ID").since("6.2.0").repeated().optional(),
        ],
    ),
    ("client|no-evict", &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])]),
    ("client|no-touch", &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])]),
    (
        "client|pause",
        &[
            integer("timeout"),
            one_of("mode", &[token("write", "WRITE"), token("all", "ALL")])
                .since("6.2.0")
                .optional(),
        ],
    ),
    (
        "client|reply",
        &[one_of("action", &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")])],
    ),
    (
        "client|setinfo",
        &[one_of(
            "attr",
            &[string("libname").after("LIB-NAME"), string("libver").after("LIB-VER")],
        )],
    ),
    ("client|setname", &[string("connection-name")]),
    (
        "client|tracking",
        &[
            one_of("status", &[token("on", "ON"), token("off", "OFF")]),
            integer("client-id").after("REDIRECT").optional(),
            string("prefix").after("PREFIX").repeated_with_token().optional(),
            token("bcast", "BCAST").optional(),
            token("optin", "OPTIN").optional(),
            token("optout", "OPTOUT").optional(),
            token("noloop", "NOLOOP").optional(),
        ],
    ),
    (
        "client|unblock",
        &[
            integer("client-id"),
            one_of("unblock-type", &[token("timeout", "TIMEOUT"), token("error", "ERROR")])
                .optional(),
        ],
    ),
    ("echo", &[string("message")]),
    (
        "hello",
        &[block(
            "arguments",
            &[
                integer("protover"),
                block("auth", &[string("username"), string("password")]).after("AUTH").optional(),
                string("clientname").after("SETNAME").optional(),
            ],
        )
        .optional()],
    ),
    ("ping", &[string("message").optional()]),
    ("select", &[integer("index")]),
];
