//! The arguments of commands on transactions, as `COMMAND DOCS` tells clients. Constants, any core.

use super::argument::{Argument, key};

/// By full name.
pub const ARGUMENTS: &[(&str, &[Argument])] = &[("watch", &[key("key", 0).repeated()])];
