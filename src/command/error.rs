//! Errors that are the client's: each becomes an error reply and the connection goes on.
//! The texts are those of Redis 7.2, as a live server answers them, byte for byte.

use std::borrow::Cow;
use std::fmt;

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The key holds another type.
    WrongType,
    /// An argument or a stored value is no integer of 64 bits.
    NotInteger,
    /// An argument or a stored value is no float.
    NotFloat,
    /// Words that do not fit the command's grammar.
    Syntax,
    /// The key does not exist, for commands that need it.
    NoSuchKey,
    /// A position or count outside what the command takes.
    OutOfRange,
    /// No such database.
    DbOutOfRange,
    /// A whole error text with its prefix, such as `ERR invalid expire time in 'set' command`.
    Text(Cow<'static, str>),
}

impl CommandError {
    /// An error with a fixed text, its prefix included.
    pub const fn text(text: &'static str) -> CommandError {
        CommandError::Text(Cow::Borrowed(text))
    }

    /// An error with a text made for the occasion, its prefix included.
    pub const fn owned(text: String) -> CommandError {
        CommandError::Text(Cow::Owned(text))
    }

    /// `wrong number of arguments` for the command of this full name.
    pub fn arity(full_name: &str) -> CommandError {
        CommandError::owned(format!("ERR wrong number of arguments for '{full_name}' command"))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            CommandError::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value"
            }
            CommandError::NotInteger => "ERR value is not an integer or out of range",
            CommandError::NotFloat => "ERR value is not a valid float",
            CommandError::Syntax => "ERR syntax error",
            CommandError::NoSuchKey => "ERR no such key",
            CommandError::OutOfRange => "ERR index out of range",
            CommandError::DbOutOfRange => "ERR DB index is out of range",
            CommandError::Text(text) => text,
        })
    }
}
