//! Which clients a `CLIENT LIST` or `CLIENT KILL` means: their arguments read, and each client
//! compared. Pure, any core.

use crate::base::ids::ClientId;
use crate::base::number;
use crate::command::client_info::{ClientInfo, ClientKind};
use crate::command::error::CommandError;
use crate::resp::request::Args;

/// The clients meant. Every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these ids.
    pub ids: Option<Vec<ClientId>>,
    /// This address.
    pub addr: Option<Vec<u8>>,
    /// Come to this address of the server.
    pub laddr: Option<Vec<u8>>,
    /// This class.
    pub kind: Option<ClientKind>,
    /// Authenticated as this user.
    pub user: Option<Vec<u8>>,
    /// Connected for at least so many seconds.
    pub age_min_s: Option<u64>,
    /// The one who asks is not meant.
    pub skip_own: bool,
}

impl Filter {
    /// Reads the arguments behind `CLIENT LIST`.
    ///
    /// # Errors
    /// The texts of stock servers.
    pub fn of_list(args: Args<'_>) -> Result<Filter, CommandError> {
        let mut filter = Filter::default();
        if args.len() == 2 {
            return Ok(filter);
        }
        let option = args.get(2);
        if args.len() == 4 && option.eq_ignore_ascii_case(b"type") {
            filter.kind = Some(kind(args.get(3))?);
        } else if args.len() > 3 && option.eq_ignore_ascii_case(b"id") {
            let id = |text: &[u8]| {
                let id = number::parse_i64(text).ok_or(INVALID_ID)?;
                // There are no clients with ids below one.
                Ok(ClientId(u64::try_from(id).unwrap_or(0)))
            };
            filter.ids = Some(args.iter().skip(3).map(id).collect::<Result<_, CommandError>>()?);
        } else {
            return Err(CommandError::Syntax);
        }
        Ok(filter)
    }

    /// Reads the options behind `CLIENT KILL`; `is_user` knows the names of users.
    ///
    /// # Errors
    /// The texts of stock servers.
    pub fn of_kill(
        args: Args<'_>,
        is_user: impl Fn(&[u8]) -> bool,
    ) -> Result<Filter, CommandError> {
        let mut filter = Filter { skip_own: true, ..Filter::default() };
        if args.len() % 2 == 1 {
            return Err(CommandError::Syntax);
        }
        for index in (2..args.len()).step_by(2) {
            let (option, value) = (args.get(index), args.get(index + 1));
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = number::parse_i64(value).filter(|id| *id > 0).ok_or(KILL_ID)?;
                    filter.ids = Some(vec![ClientId(id.unsigned_abs())]);
                }
                b"type" => filter.kind = Some(kind(value)?),
                b"addr" => filter.addr = Some(value.to_vec()),
                b"laddr" => filter.laddr = Some(value.to_vec()),
                b"user" if is_user(value) => filter.user = Some(value.to_vec()),
                b"user" => {
                    return Err(CommandError::quoting("ERR No such user '", value, "'"));
                }
                b"skipme" => filter.skip_own = yes_or_no(value)?,
                b"maxage" => {
                    let age = number::parse_i64(value).ok_or(MAXAGE)?;
                    let positive = u64::try_from(age).ok().filter(|age| *age > 0);
                    filter.age_min_s = Some(positive.ok_or(MAXAGE_POSITIVE)?);
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(filter)
    }

    /// Whether a client is meant. `own`: who asks.
    pub fn fits(&self, info: &ClientInfo, own: ClientId, now_ms: u64) -> bool {
        let is = |wanted: &Option<Vec<u8>>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.as_slice() == text.as_bytes())
        };
        let age_s = now_ms.saturating_sub(info.since_ms) / 1000;
        self.ids.as_ref().is_none_or(|ids| ids.contains(&info.id))
            && self.kind.is_none_or(|kind| kind == info.kind())
            && is(&self.addr, &info.addr)
            && is(&self.laddr, &info.laddr)
            && self.age_min_s.is_none_or(|least| age_s >= least)
            && !(self.skip_own && info.id == own)
            && self.user.as_ref().is_none_or(|user| *user == info.user())
    }
}

fn kind(text: &[u8]) -> Result<ClientKind, CommandError> {
    match text.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(ClientKind::Normal),
        b"replica" | b"slave" => Ok(ClientKind::Replica),
        b"master" | b"primary" => Ok(ClientKind::Master),
        b"pubsub" => Ok(ClientKind::Pubsub),
        _ => Err(CommandError::quoting("ERR Unknown client type '", text, "'")),
    }
}

fn yes_or_no(text: &[u8]) -> Result<bool, CommandError> {
    if text.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if text.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

const INVALID_ID: CommandError = CommandError::text("ERR Invalid client ID");
const KILL_ID: CommandError = CommandError::text("ERR client-id should be greater than 0");
const MAXAGE: CommandError = CommandError::text("ERR maxage is not an integer or out of range");
const MAXAGE_POSITIVE: CommandError = CommandError::text("ERR maxage should be greater than 0");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::parser::{Limits, RequestParser};

    fn parse(read: fn(Args<'_>) -> Result<Filter, CommandError>, request: &str) -> String {
        let line = format!("{request}\n");
        let mut parser = RequestParser::new();
        parser.step(line.as_bytes(), &Limits::default()).expect("a typed line");
        match read(parser.args(line.as_bytes())) {
            Ok(_) => "fits".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn arguments_are_refused_with_the_stock_texts() {
        let list = |rest: &str, expected: &str| {
            assert_eq!(parse(Filter::of_list, &format!("CLIENT LIST {rest}")), expected, "{rest}");
        };
        list("", "fits");
        list("TYPE normal", "fits");
        list("ID 0 -1 7", "fits");
        list("ID x", "ERR Invalid client ID");
        list("TYPE foo", "ERR Unknown client type 'foo'");
        for wrong in ["TYPE", "ID", "foo", "foo bar", "TYPE normal ID 3"] {
            list(wrong, "ERR syntax error");
        }
        let kill = |rest: &str, expected: &str| {
            assert_eq!(
                parse(
                    |args| Filter::of_kill(args, |name| name == b"default"),
                    &format!("CLIENT KILL {rest}")
                ),
                expected,
                "{rest}"
            );
        };
        kill("ID 9 TYPE replica SKIPME no ADDR a LADDR b USER default MAXAGE 3", "fits");
        kill("ID 0", "ERR client-id should be greater than 0");
        kill("ID abc", "ERR client-id should be greater than 0");
        kill("MAXAGE x", "ERR maxage is not an integer or out of range");
        kill("MAXAGE -1", "ERR maxage should be greater than 0");
        kill("USER foo", "ERR No such user 'foo'");
        for wrong in ["ID 1 FOO", "FOO bar", "USER default SKIPME maybe"] {
            kill(wrong, "ERR syntax error");
        }
    }
}
