//! Directives: their names, defaults, parsing, rewriting, and the settings they become.

pub mod arguments;
pub mod choices;
pub mod directives;
pub mod directives_clients;
pub mod directives_data;
pub mod directives_kept;
pub mod directives_replication;
pub mod directives_server;
pub mod error;
pub mod kinds;
pub mod live;
pub mod parse;
pub mod rewrite;
pub mod settings;
pub mod settings_groups;
pub mod special;
pub mod values;
