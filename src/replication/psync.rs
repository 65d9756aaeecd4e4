//! Whether a replica may continue where it was or needs everything: a pure decision. Who asks,
//! who answers and who writes the log is elsewhere.
//!
//! `PSYNC id n` asks for byte `n` next, counted from 1; so the replica has `n - 1` bytes of that
//! history, and `n` may be one more than the master has.

use std::fmt;

use crate::base::ids::{ReplId, ReplOffset};
use crate::replication::history::History;

/// What a replica asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The id as it came: any bytes; `?` forces a full resynchronization.
    pub id: &'a [u8],
    /// The next byte wanted, as it came: any number.
    pub next_byte: i64,
}

/// The bytes that could be sent: those behind `start` through `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The offset before the first byte kept: `repl_backlog_first_byte_offset - 1`.
    pub start: ReplOffset,
    /// The offset of the last byte written: `master_repl_offset`.
    pub end: ReplOffset,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Partial resynchronization: everything behind `from` is sent. `id_changed` says that the
    /// replica asked under the second id and must learn the present one.
    Continue { from: ReplOffset, id_changed: bool },
    /// Full resynchronization, and why.
    Full(Reason),
}

/// Why a partial resynchronization is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The replica asked for it.
    Requested,
    /// The id is none of ours.
    IdMismatch { asked: Vec<u8>, ours: ReplId, second: ReplId },
    /// The replica went on in the old history after ours left it.
    BeyondSecondId { asked: i64, second_offset: u64 },
    /// Bytes are missing, or there is no backlog at all.
    NoBacklog { asked: i64 },
    /// The replica has more of this history than we: it holds what we never wrote.
    Ahead { asked: i64 },
}

/// Decides about `request`. `range` is `None` while no backlog is kept.
pub fn decide(request: Request<'_>, history: &History, range: Option<Range>) -> Decision {
    if request.id == b"?" {
        return Decision::Full(Reason::Requested);
    }
    let asked = request.next_byte;
    let id_changed = if same_id(request.id, history.id) {
        false
    } else {
        match history.previous {
            Some(previous) if same_id(request.id, previous.id) => {
                let second_offset = previous.second_offset;
                if u64::try_from(asked).is_ok_and(|asked| asked > second_offset) {
                    return Decision::Full(Reason::BeyondSecondId { asked, second_offset });
                }
                true
            }
            _ => return Decision::Full(mismatch(request.id, history)),
        }
    };
    let Some(range) = range else { return Decision::Full(Reason::NoBacklog { asked }) };
    let Some(from) = asked.checked_sub(1).and_then(|have| u64::try_from(have).ok()) else {
        return Decision::Full(Reason::NoBacklog { asked });
    };
    if from < range.start.0 {
        Decision::Full(Reason::NoBacklog { asked })
    } else if from > range.end.0 {
        Decision::Full(Reason::Ahead { asked })
    } else {
        Decision::Continue { from: ReplOffset(from), id_changed }
    }
}

/// The line for the log, in the words operators' scripts know.
#[derive(Debug)]
pub struct LogText<'a> {
    /// Why.
    pub reason: &'a Reason,
    /// Whose request was refused, as `address:port`.
    pub replica: &'a str,
}

impl fmt::Display for LogText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replica = self.replica;
        match self.reason {
            Reason::Requested => write!(out, "Full resync requested by replica {replica}"),
            Reason::IdMismatch { asked, ours, second } => write!(
                out,
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked \
                 for '{}', my replication IDs are '{ours}' and '{second}')",
                asked.escape_ascii()
            ),
            Reason::BeyondSecondId { asked, second_offset } => write!(
                out,
                "Partial resynchronization not accepted: Requested offset for second ID was \
                 {asked}, but I can reply up to {second_offset}"
            ),
            Reason::NoBacklog { asked } | Reason::Ahead { asked } => {
                write!(
                    out,
                    "Unable to partial resync with replica {replica} for lack of backlog (Replica \
                     request was: {asked})."
                )?;
                if matches!(self.reason, Reason::Ahead { .. }) {
                    out.write_str(" It asked for an offset greater than ours.")?;
                }
                Ok(())
            }
        }
    }
}

fn same_id(asked: &[u8], ours: ReplId) -> bool {
    asked.eq_ignore_ascii_case(&ours.0)
}

fn mismatch(asked: &[u8], history: &History) -> Reason {
    // What a peer sent is cut to the length of an id: it goes into the log.
    let asked = asked[..asked.len().min(40)].to_vec();
    Reason::IdMismatch { asked, ours: history.id, second: history.second_id() }
}

#[cfg(test)]
mod tests;
