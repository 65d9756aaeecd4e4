//! CLIENT TRACKING and its kin as long as the server sends no invalidations: off is agreed to, on
//! is refused, so that no library trusts a cache that nobody keeps up to date. Pure.

use crate::command::error::CommandError;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// `CLIENT TRACKING on|off …`.
///
/// # Errors
/// Wrong words, and turning it on.
pub fn turn(args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let known: [&[u8]; 4] = [b"bcast", b"optin", b"optout", b"noloop"];
    let mut index = 3;
    while index < args.len() {
        let option = args.get(index);
        if known.iter().any(|word| option.eq_ignore_ascii_case(word)) {
            index += 1;
        } else if [&b"redirect"[..], b"prefix"].iter().any(|word| option.eq_ignore_ascii_case(word))
            && index + 1 < args.len()
        {
            index += 2;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    match args.get(2).to_ascii_lowercase().as_slice() {
        b"off" => reply.ok(),
        b"on" => return Err(NOT_SUPPORTED),
        _ => return Err(CommandError::Syntax),
    }
    Ok(())
}

/// `CLIENT TRACKINGINFO`.
pub fn describe(reply: &mut Reply) {
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.empty_array();
}

/// The answer to `CLIENT CACHING` of a client that does not track.
pub const CACHING_WITHOUT_TRACKING: CommandError = CommandError::text(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
     OPTOUT mode enabled",
);
const NOT_SUPPORTED: CommandError = CommandError::text(
    "ERR CLIENT TRACKING cannot be turned on: this server sends no invalidations",
);
