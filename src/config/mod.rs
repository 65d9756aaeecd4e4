//! Directives: their names, defaults, parsing, rewriting, and the settings they become.
