//! The command line of `stream-tail`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;

use super::shared::address::Address;

/// Prints the live replication stream of a Redis-compatible server.
///
/// Attaches as a replica does and prints each command of the stream with its offset (the one from
/// which --from starts at this very command), its database and its arguments. To the server it is
/// a replica: WAIT and min-replicas-to-write count it, and a full resynchronization makes the
/// server write an RDB. The connection is made again when it breaks.
///
/// Exit status: 0 the wanted count or offset was reached, or the output was closed; 1 the server
/// could not be reached or refused; 2 wrong usage; 3 --no-full, and the server no longer has the
/// offset; 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "stream-tail", version)]
pub struct Options {
    /// The server: [redis://][[USER]:PASSWORD@]HOST[:PORT]; a password may also stand in the
    /// environment variable REDISCLI_AUTH.
    #[arg(default_value = "127.0.0.1:6379")]
    pub server: Address,
    /// Continue a known history: the replication id, and the offset of the first byte wanted.
    #[arg(long, value_name = "ID:OFFSET")]
    pub from: Option<Position>,
    /// Save the RDB of a full resynchronization here; without this it is skipped.
    #[arg(long, value_name = "FILE")]
    pub rdb: Option<PathBuf>,
    /// End with status 3 rather than take a full resynchronization where --from or a reconnect
    /// asked for a partial one.
    #[arg(long)]
    pub no_full: bool,
    /// One JSON object a line. Arguments that are no UTF-8 become {"hex":"..."}.
    #[arg(long)]
    pub json: bool,
    /// End after so many commands.
    #[arg(long, short = 'n', value_name = "N")]
    pub count: Option<u64>,
    /// End when the stream was printed up to this offset (as master_repl_offset in INFO).
    #[arg(long, value_name = "OFFSET")]
    pub until_offset: Option<u64>,
    /// Seconds without a byte after which the connection counts as broken.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

/// A place in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The replication id, 40 hexadecimal digits.
    pub id: String,
    /// The first byte that is wanted.
    pub next: u64,
}

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Position, &'static str> {
        let (id, offset) = text.split_once(':').ok_or("it is ID:OFFSET")?;
        if id.len() != 40 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("the replication id has 40 hexadecimal digits");
        }
        let next = offset.parse().map_err(|_| "the offset is no number")?;
        Ok(Position { id: id.to_owned(), next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let found = format!("{id}:17").parse::<Position>();
        assert_eq!(found, Ok(Position { id: id.to_owned(), next: 17 }));
        for wrong in ["", "17", "abc:17", &format!("{id}:"), &format!("{id}:-1")] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
