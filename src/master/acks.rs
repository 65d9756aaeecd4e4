//! WAIT and WAITAOF: clients that wait until replicas have, or have on disk, what they wrote. Pure;
//! the loop of each client's shard keeps its waits and looks at them when something changed.

use std::time::Duration;

use crate::base::ids::ReplOffset;
use crate::base::number;
use crate::command::error::CommandError;
use crate::command::spec::ClientVerb;
use crate::master::registry::Registry;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use std::sync::atomic::Ordering;

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What must be there.
    pub wanted: Wanted,
    /// How long it waits; for ever if none.
    pub timeout: Option<Duration>,
}

/// What must be there before a waiting client is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many replicas have it.
    Applied { replicas: i64 },
    /// This server's append-only file has it, if asked for, and those of so many replicas.
    Synced { local: bool, replicas: i64 },
}

/// Who has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Replicas that have applied it.
    Applied { replicas: usize },
    /// Whether it is on this server's disk, and on how many replicas'.
    Synced { local: bool, replicas: usize },
}

impl Question {
    /// Reads the arguments of WAIT or WAITAOF.
    ///
    /// # Errors
    /// The texts of a stock server, in its order.
    pub fn read(verb: ClientVerb, args: Args<'_>, now: Standing) -> Result<Question, CommandError> {
        if verb == ClientVerb::Wait {
            if now.is_replica {
                return Err(WAIT_ON_REPLICA);
            }
            let replicas = number::parse_i64(args.get(1)).ok_or(CommandError::NotInteger)?;
            let timeout = timeout(args.get(2))?;
            return Ok(Question { wanted: Wanted::Applied { replicas }, timeout });
        }
        let local = match number::parse_i64(args.get(1)).ok_or(CommandError::NotInteger)? {
            0 => false,
            1 => true,
            _ => return Err(NO_SWITCH),
        };
        let replicas = number::parse_i64(args.get(2)).filter(|count| *count >= 0);
        let replicas = replicas.ok_or(NOT_POSITIVE)?;
        let timeout = timeout(args.get(3))?;
        if now.is_replica {
            return Err(WAITAOF_ON_REPLICA);
        }
        if local && !now.appendonly {
            return Err(NO_AOF);
        }
        Ok(Question { wanted: Wanted::Synced { local, replicas }, timeout })
    }
}

/// What the server is, as far as WAIT depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// It follows a master.
    pub is_replica: bool,
    /// It writes an append-only file.
    pub appendonly: bool,
}

impl Wanted {
    /// Who has everything through `offset`.
    pub fn tally(self, registry: &Registry, offset: ReplOffset) -> Tally {
        match self {
            Wanted::Applied { .. } => Tally::Applied { replicas: registry.covering(offset) },
            Wanted::Synced { .. } => {
                let local = registry.local_synced.load(Ordering::Acquire);
                Tally::Synced {
                    local: u64::try_from(local).is_ok_and(|local| local >= offset.0),
                    replicas: registry.synced_through(offset),
                }
            }
        }
    }

    /// Whether that is enough.
    pub fn is_met(self, tally: Tally) -> bool {
        let enough = |have: usize, want: i64| i64::try_from(have).is_ok_and(|have| have >= want);
        match (self, tally) {
            (Wanted::Applied { replicas: want }, Tally::Applied { replicas }) => {
                enough(replicas, want)
            }
            (
                Wanted::Synced { local: wanted, replicas: want },
                Tally::Synced { local, replicas },
            ) => (local || !wanted) && enough(replicas, want),
            _ => unreachable!("a tally answers its question"),
        }
    }
}

impl Tally {
    /// The reply.
    pub fn write(self, reply: &mut Reply) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Tally::Applied { replicas } => reply.integer(count(replicas)),
            Tally::Synced { local, replicas } => {
                reply.array(2);
                reply.integer(i64::from(local));
                reply.integer(count(replicas));
            }
        }
    }
}

/// A timeout in milliseconds; 0 is none.
fn timeout(text: &[u8]) -> Result<Option<Duration>, CommandError> {
    let ms = number::parse_i64(text)
        .ok_or(CommandError::text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::text("ERR timeout is negative"))?;
    if ms > TIMEOUT_MS_MAX {
        return Err(CommandError::text("ERR timeout is out of range"));
    }
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

/// Stock adds the time of day to it, in milliseconds, in 63 bits.
const TIMEOUT_MS_MAX: u64 = i64::MAX as u64 - (1 << 42);

const NO_SWITCH: CommandError =
    CommandError::text("ERR value is out of range, value must between 0 and 1");
const NOT_POSITIVE: CommandError =
    CommandError::text("ERR value is out of range, must be positive");
const NO_AOF: CommandError = CommandError::text(
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
);
const WAIT_ON_REPLICA: CommandError = CommandError::text(
    "ERR WAIT cannot be used with replica instances. Please also note that if a replica is \
     configured to be writable (which is not the default) writes to replicas are just local and \
     are not propagated.",
);
const WAITAOF_ON_REPLICA: CommandError = CommandError::text(
    "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas \
     are just local and are not propagated.",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::encode;
    use crate::resp::parser::{Limits, RequestParser};

    fn read(line: &str, is_replica: bool) -> Result<Question, String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut bytes = Vec::new();
        encode::command(&mut bytes, &words);
        let mut parser = RequestParser::new();
        parser.step(&bytes, &Limits::default()).expect("it is a request");
        let verb = if words[0] == b"WAIT" { ClientVerb::Wait } else { ClientVerb::WaitAof };
        let standing = Standing { is_replica, appendonly: false };
        Question::read(verb, parser.args(&bytes), standing).map_err(|error| error.to_string())
    }

    // Recorded from Valkey 8.0.1.
    #[test]
    fn errors_are_the_stock_texts() {
        for (line, text) in [
            ("WAIT abc 0", "ERR value is not an integer or out of range"),
            ("WAIT 0 abc", "ERR timeout is not an integer or out of range"),
            ("WAIT 0 -1", "ERR timeout is negative"),
            ("WAIT 1 9223372036854775807", "ERR timeout is out of range"),
            ("WAITAOF 2 0 0", "ERR value is out of range, value must between 0 and 1"),
            ("WAITAOF x 0 0", "ERR value is not an integer or out of range"),
            ("WAITAOF 0 abc 0", "ERR value is out of range, must be positive"),
            ("WAITAOF 0 -1 0", "ERR value is out of range, must be positive"),
            ("WAITAOF 0 0 -1", "ERR timeout is negative"),
            (
                "WAITAOF 1 1 10",
                "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
            ),
        ] {
            assert_eq!(read(line, false), Err(text.to_owned()), "{line}");
        }
        assert_eq!(read("WAIT x 0", true), Err(WAIT_ON_REPLICA.to_string()));
        assert_eq!(read("WAITAOF 1 0 0", true), Err(WAITAOF_ON_REPLICA.to_string()));
    }

    #[test]
    fn questions_are_read() {
        let wanted = Wanted::Applied { replicas: 2 };
        let timeout = Some(Duration::from_millis(100));
        assert_eq!(read("WAIT 2 100", false), Ok(Question { wanted, timeout }));
        let wanted = Wanted::Synced { local: false, replicas: 1 };
        assert_eq!(read("WAITAOF 0 1 0", false), Ok(Question { wanted, timeout: None }));
    }

    #[test]
    fn enough_is_enough() {
        let applied = |replicas| Wanted::Applied { replicas };
        assert!(applied(-1).is_met(Tally::Applied { replicas: 0 }));
        assert!(applied(2).is_met(Tally::Applied { replicas: 2 }));
        assert!(!applied(2).is_met(Tally::Applied { replicas: 1 }));
        let synced = Wanted::Synced { local: true, replicas: 0 };
        assert!(!synced.is_met(Tally::Synced { local: false, replicas: 3 }));
        assert!(synced.is_met(Tally::Synced { local: true, replicas: 0 }));
    }
}
