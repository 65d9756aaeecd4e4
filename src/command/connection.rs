//! Commands of the connection group, and what the connection itself needs of them.

use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{ClientVerb, Group, Scope, Spec};
use crate::base::ids::DbIndex;
use crate::base::number;

/// The database that an argument names, of `databases`.
///
/// # Errors
/// The texts of `SELECT`: no number, or no such database.
pub fn database_index(text: &[u8], databases: u16) -> Result<DbIndex, CommandError> {
    let number = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
    let number = i32::try_from(number).map_err(|_| INT_RANGE)?;
    match u16::try_from(number) {
        Ok(index) if index < databases => Ok(DbIndex(index)),
        _ => Err(CommandError::DbOutOfRange),
    }
}

const INT_RANGE: CommandError =
    CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647");

const LINK: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("ping", -1, Group::Connection, Scope::Client(ClientVerb::Ping))
        .flags(Flags::FAST)
        .categories(Categories::CONNECTION)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .doc("1.0.0", "O(1)", "Answers PONG, or the text given."),
    Spec::new("echo", 2, Group::Connection, Scope::Client(ClientVerb::Echo))
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .categories(Categories::CONNECTION)
        .doc("1.0.0", "O(1)", "Answers the text given."),
    Spec::new("hello", -1, Group::Connection, Scope::Client(ClientVerb::Hello))
        .flags(LINK.with(Flags::NO_AUTH).with(Flags::ALLOW_BUSY))
        .categories(Categories::CONNECTION)
        .doc("6.0.0", "O(1)", "Chooses the protocol, authenticates, names the connection."),
    Spec::new("auth", -2, Group::Connection, Scope::Client(ClientVerb::Auth))
        .flags(LINK.with(Flags::NO_AUTH).with(Flags::ALLOW_BUSY))
        .categories(Categories::CONNECTION)
        .doc(
            "1.0.0",
            "O(N) where N is the number of passwords defined for the user",
            "Authenticates the connection.",
        ),
    Spec::new("reset", 1, Group::Connection, Scope::Client(ClientVerb::Reset))
        .flags(LINK.with(Flags::NO_AUTH).with(Flags::ALLOW_BUSY))
        .categories(Categories::CONNECTION)
        .doc("6.2.0", "O(1)", "Takes the connection back to how it began."),
    Spec::new("select", 2, Group::Connection, Scope::Client(ClientVerb::Select))
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .categories(Categories::CONNECTION)
        .doc("1.0.0", "O(1)", "Chooses the connection's database."),
    Spec::new("quit", -1, Group::Connection, Scope::Client(ClientVerb::Quit))
        .flags(LINK.with(Flags::NO_AUTH).with(Flags::ALLOW_BUSY))
        .categories(Categories::CONNECTION)
        .doc("1.0.0", "O(1)", "Ends the connection."),
    Spec::new("multi", 1, Group::Transactions, Scope::Client(ClientVerb::Multi))
        .flags(LINK.with(Flags::ALLOW_BUSY).with(Flags::NO_MULTI))
        .categories(Categories::TRANSACTION)
        .doc("1.2.0", "O(1)", "Opens a transaction."),
    Spec::new("exec", 1, Group::Transactions, Scope::Client(ClientVerb::Exec))
        .flags(Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::SKIP_SLOWLOG))
        .categories(Categories::TRANSACTION)
        .doc("1.2.0", "Depends on commands in the transaction", "Runs the open transaction."),
    Spec::new("discard", 1, Group::Transactions, Scope::Client(ClientVerb::Discard))
        .flags(LINK.with(Flags::ALLOW_BUSY))
        .categories(Categories::TRANSACTION)
        .doc("2.0.0", "O(N), when N is the number of queued commands", "Drops the transaction."),
    Spec::new("watch", -2, Group::Transactions, Scope::Client(ClientVerb::Watch))
        .flags(LINK.with(Flags::ALLOW_BUSY).with(Flags::NO_MULTI))
        .categories(Categories::TRANSACTION)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .doc(
            "2.2.0",
            "O(1) for every key.",
            "Makes a transaction depend on keys staying as they are.",
        ),
    Spec::new("unwatch", 1, Group::Transactions, Scope::Client(ClientVerb::Unwatch))
        .flags(LINK.with(Flags::ALLOW_BUSY))
        .categories(Categories::TRANSACTION)
        .doc("2.2.0", "O(1)", "Forgets the watched keys."),
];
