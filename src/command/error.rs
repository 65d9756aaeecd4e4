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
    /// A whole error text with its prefix, such as `ERR invalid expire time in 'set' command`. It
    /// may quote bytes of any kind.
    Text(Cow<'static, [u8]>),
}

impl CommandError {
    /// An error with a fixed text, its prefix included.
    pub const fn text(text: &'static str) -> CommandError {
        CommandError::Text(Cow::Borrowed(text.as_bytes()))
    }

    /// An error with a text made for the occasion, its prefix included.
    pub fn owned(text: String) -> CommandError {
        CommandError::Text(Cow::Owned(text.into_bytes()))
    }

    /// An error that quotes a client's bytes between two texts, the first with its prefix. As with
    /// stock servers the quoted bytes end at a zero.
    pub fn quoting(before: &str, quoted: &[u8], after: &str) -> CommandError {
        let end = memchr::memchr(0, quoted).unwrap_or(quoted.len());
        let text = [before.as_bytes(), &quoted[..end], after.as_bytes()].concat();
        CommandError::Text(Cow::Owned(text))
    }

    /// `wrong number of arguments` for the command of this full name.
    pub fn arity(full_name: &str) -> CommandError {
        CommandError::owned(format!("ERR wrong number of arguments for '{full_name}' command"))
    }

    /// What EXEC answers when this error keeps the transaction from running.
    pub fn aborting(&self) -> CommandError {
        let text = self.as_bytes();
        // `ERR` says nothing that EXECABORT does not.
        let text = text.strip_prefix(b"ERR ").unwrap_or(text);
        let before = b"EXECABORT Transaction discarded because of: ";
        CommandError::Text(Cow::Owned([before, text].concat()))
    }

    /// The error's text, its prefix included.
    pub fn as_bytes(&self) -> &[u8] {
        let text = match self {
            CommandError::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value"
            }
            CommandError::NotInteger => "ERR value is not an integer or out of range",
            CommandError::NotFloat => "ERR value is not a valid float",
            CommandError::Syntax => "ERR syntax error",
            CommandError::NoSuchKey => "ERR no such key",
            CommandError::OutOfRange => "ERR index out of range",
            CommandError::DbOutOfRange => "ERR DB index is out of range",
            CommandError::Text(text) => return text,
        };
        text.as_bytes()
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_bytes_end_at_a_zero_and_stay_as_they_are() {
        let error = CommandError::quoting("ERR '", b"\xff\r\0x", "' is none");
        assert_eq!(error.as_bytes(), b"ERR '\xff\r' is none");
    }

    #[test]
    fn exec_tells_what_kept_it_from_running() {
        let check = |error: CommandError, expected: &str| {
            let before = "EXECABORT Transaction discarded because of: ";
            assert_eq!(error.aborting().to_string(), format!("{before}{expected}"));
        };
        check(CommandError::Syntax, "syntax error");
        check(CommandError::text("NOAUTH Not now."), "NOAUTH Not now.");
    }
}
