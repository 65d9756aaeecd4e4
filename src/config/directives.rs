//! The directive table as a whole: looking a name up, walking all rows. A static table, any core.
//! What always holds (a test asserts it): no name or alias stands twice, every default is valid.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::config::kinds::Directive;
use crate::config::{
    directives_clients, directives_data, directives_kept, directives_replication, directives_server,
};

static BY_NAME: LazyLock<HashMap<&'static str, &'static Directive>> =
    LazyLock::new(|| all().flat_map(|row| row.names().map(move |name| (name, row))).collect());

/// Every row, in the order CONFIG GET and the configuration file show them.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    let tables = [
        directives_server::ROWS,
        directives_replication::ROWS,
        directives_data::ROWS,
        directives_clients::ROWS,
        directives_kept::ROWS,
    ];
    tables.into_iter().flatten()
}

/// The row of a name in any spelling and case.
pub fn find(name: &str) -> Option<&'static Directive> {
    BY_NAME.get(name.to_ascii_lowercase().as_str()).copied()
}

#[cfg(test)]
mod tests;
