//! The arguments of commands on HyperLogLogs, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, key, string};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[
    ("pfadd", &[key("key", 0), string("element").repeated().optional()]),
    ("pfcount", &[key("key", 0).repeated()]),
    ("pfdebug", &[string("subcommand"), key("key", 0)]),
    ("pfmerge", &[key("destkey", 0), key("sourcekey", 1).repeated().optional()]),
];
