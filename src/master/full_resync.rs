//! What a replica that needs everything is sent, and how. Pure.

use crate::base::ids::ReplId;
use crate::base::number;
use crate::command::error::CommandError;
use crate::master::replconf::Announced;
use crate::resp::request::Args;
use crate::snapshot::wanted::{Form, Greeting, Parts};

/// What a client asks for with SYNC or PSYNC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// `SYNC`: everything, without ids and offsets.
    Sync,
    /// `PSYNC id offset`.
    Psync {
        /// The id.
        id: &'a [u8],
        /// The next byte wanted; none if that is no number.
        next_byte: Option<i64>,
        /// The client is a master that hands its role over: `PSYNC id offset FAILOVER`.
        failover: bool,
    },
}

impl<'a> Ask<'a> {
    /// The meaning of a SYNC's or PSYNC's arguments, whose number fits.
    pub fn of(args: Args<'a>) -> Ask<'a> {
        if args.len() < 3 {
            return Ask::Sync;
        }
        let next_byte = number::parse_i64(args.get(2));
        let failover = args.len() > 3 && args.get(3).eq_ignore_ascii_case(b"failover");
        Ask::Psync { id: args.get(1), next_byte, failover }
    }

    /// What precedes the snapshot.
    pub fn greeting(&self) -> Greeting {
        match self {
            Ask::Sync => Greeting::Nothing,
            Ask::Psync { .. } => Greeting::FullResync,
        }
    }
}

/// How the snapshot is framed: as it is made, if the replica understands that and the server is
/// set to it (`diskless`), or if it holds only a part: no file in `dir` may.
pub fn form(announced: &Announced, diskless: bool) -> Form {
    let partly = announced.parts != Parts::All;
    if announced.eof && (diskless || partly) { Form::EofMark } else { Form::Length }
}

/// Whether the client can be served what it wants.
///
/// # Errors
/// The text of a stock server.
pub fn check(announced: &Announced) -> Result<(), CommandError> {
    if announced.parts != Parts::All && !announced.eof {
        return Err(CommandError::text("ERR Filtered replica requires EOF capability"));
    }
    Ok(())
}

/// The answer to a PSYNC that is granted.
pub fn continue_line(announced: &Announced, id: ReplId) -> Vec<u8> {
    if announced.psync2 {
        format!("+CONTINUE {id}\r\n").into_bytes()
    } else {
        b"+CONTINUE\r\n".to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_used_where_both_sides_want_it() {
        let eof = Announced { eof: true, ..Announced::default() };
        assert_eq!(form(&eof, true), Form::EofMark);
        assert_eq!(form(&eof, false), Form::Length);
        assert_eq!(form(&Announced::default(), true), Form::Length);
        let partly = Announced { parts: Parts::Functions, ..eof };
        assert_eq!(form(&partly, false), Form::EofMark);
        assert!(check(&partly).is_ok());
        assert!(check(&Announced { eof: false, ..partly }).is_err());
    }

    #[test]
    fn the_id_is_told_to_those_who_understand_it() {
        let plain = Announced::default();
        assert_eq!(continue_line(&plain, ReplId::ZERO), b"+CONTINUE\r\n");
        let told = continue_line(&Announced { psync2: true, ..plain }, ReplId::ZERO);
        assert_eq!(told, format!("+CONTINUE {}\r\n", "0".repeat(40)).as_bytes());
    }
}
