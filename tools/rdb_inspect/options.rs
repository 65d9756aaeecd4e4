//! The command line of `rdb-inspect`.

use std::path::PathBuf;

use clap::Parser;

/// Says what is in an RDB file: version, fields, keys by type and database, the largest keys,
/// expiry; and checks the checksum.
///
/// Sizes are bytes in the file, where values may be compressed.
///
/// Exit status: 0 the file is whole and its checksum right; 1 it is damaged; 2 it cannot be opened
/// or holds something this version cannot read, or wrong usage.
#[derive(Debug, Parser)]
#[command(name = "rdb-inspect", version)]
pub struct Options {
    /// The file; - for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// List every key: database, type, encoding, bytes, expiry (Unix time in ms, or -), key.
    #[arg(long)]
    pub keys: bool,
    /// How many of the largest keys to show.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: usize,
    /// Do not check the checksum.
    #[arg(long)]
    pub no_checksum: bool,
}
