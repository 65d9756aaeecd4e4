//! The arguments of commands on places, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, block, double, integer, key, one_of, string, token};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    (
        "geoadd",
        &[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("6.2.0").optional(),
            token("change", "CH").since("6.2.0").optional(),
            block("data", &[double("longitude"), double("latitude"), string("member")]).repeated(),
        ],
    ),
    (
        "geodist",
        &[
            key("key", 0),
            string("member1"),
            string("member2"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            )
            .optional(),
        ],
    ),
    ("geohash", &[key("key", 0), string("member").repeated().optional()]),
    ("geopos", &[key("key", 0), string("member").repeated().optional()]),
    (
        "georadius",
        &[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").after("COUNT"), token("any", "ANY").since("6.2.0").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            one_of(
                "store",
                &[
                    key("storekey", 1).after("STORE").shown("key"),
                    key("storedistkey", 2).after("STOREDIST").shown("key"),
                ],
            )
            .optional(),
        ],
    ),
    (
        "georadius_ro",
        &[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").after("COUNT"), token("any", "ANY").since("6.2.0").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ],
    ),
    (
        "georadiusbymember",
        &[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").after("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            one_of(
                "store",
                &[
                    key("storekey", 1).after("STORE").shown("key"),
                    key("storedistkey", 2).after("STOREDIST").shown("key"),
                ],
            )
            .optional(),
        ],
    ),
    (
        "georadiusbymember_ro",
        &[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of(
                "unit",
                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
            ),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block(
                "count-block",
                &[integer("count").after("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ],
    ),
    (
        "geosearch",
        &[
            key("key", 0),
            one_of(
                "from",
                &[
                    string("member").after("FROMMEMBER"),
                    block("fromlonlat", &[double("longitude"), double("latitude")])
                        .after("FROMLONLAT"),
                ],
            ),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").after("BYRADIUS"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").after("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block(
                "count-block",
                &[integer("count").after("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
        ],
    ),
    (
        "geosearchstore",
        &[
            key("destination", 0),
            key("source", 1),
            one_of(
                "from",
                &[
                    string("member").after("FROMMEMBER"),
                    block("fromlonlat", &[double("longitude"), double("latitude")])
                        .after("FROMLONLAT"),
                ],
            ),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").after("BYRADIUS"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").after("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[
                                    token("m", "M"),
                                    token("km", "KM"),
                                    token("ft", "FT"),
                                    token("mi", "MI"),
                                ],
                            ),
                        ],
                    ),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block(
                "count-block",
                &[integer("count").after("COUNT"), token("any", "ANY").optional()],
            )
            .optional(),
            token("storedist", "STOREDIST").optional(),
        ],
    ),
];
