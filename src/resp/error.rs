//! What a peer's bytes can do wrong. Plain values, any core. Such an error closes that one
//! connection, never more; the texts are those a stock Valkey 8.0.1 sends for the same bytes.

use crate::resp::reply::Reply;

/// A request that is not RESP, or goes beyond a limit. `Display` gives the text that follows
/// `-ERR Protocol error: `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The number after `*` is malformed or larger than allowed.
    #[error("invalid multibulk length")]
    InvalidMultibulkLength,
    /// More than ten arguments from a client that has not authenticated.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// Where `$` must stand there is this byte.
    #[error("expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// The number after `$` is malformed, negative or larger than `proto-max-bulk-len`.
    #[error("invalid bulk length")]
    InvalidBulkLength,
    /// An argument above 16 KiB from a client that has not authenticated.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// A typed line that does not end within the limit.
    #[error("too big inline request")]
    TooBigInline,
    /// A `*` line that does not end within the limit.
    #[error("too big mbulk count string")]
    TooBigMultibulkCount,
    /// A `$` line that does not end within the limit.
    #[error("too big bulk count string")]
    TooBigBulkCount,
    /// A typed line whose quotes do not close, or close in the middle of a word.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// One request of more than 4 GiB besides its big bulks: spans cannot address it.
    #[error("too big request")]
    TooBigRequest,
    /// `POST` or `Host:`: a browser was made to talk to us. Close without a reply.
    #[error("possible SECURITY ATTACK: HTTP sent to a RESP port")]
    CrossProtocol,
}

impl ProtocolError {
    /// Writes the reply that goes out before the connection is closed; nothing for
    /// [`ProtocolError::CrossProtocol`], whose sender must learn nothing.
    pub fn reply(&self, reply: &mut Reply) {
        const PREFIX: &[u8] = b"ERR Protocol error: ";
        match *self {
            ProtocolError::CrossProtocol => {}
            // `Display` would spell a byte above 127 as two.
            ProtocolError::ExpectedBulk(byte) => {
                reply.error_bytes(&[PREFIX, b"expected '$', got '", &[byte], b"'"].concat());
            }
            _ => reply.error_bytes(&[PREFIX, self.to_string().as_bytes()].concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: ProtocolError, expected: &[u8]) {
        let mut reply = Reply::default();
        error.reply(&mut reply);
        assert_eq!(reply.buf, expected);
    }

    #[test]
    fn replies_are_the_stock_texts() {
        check(ProtocolError::CrossProtocol, b"");
        check(ProtocolError::TooBigInline, b"-ERR Protocol error: too big inline request\r\n");
        check(
            ProtocolError::ExpectedBulk(0xff),
            b"-ERR Protocol error: expected '$', got '\xff'\r\n",
        );
        check(
            ProtocolError::ExpectedBulk(b'\r'),
            b"-ERR Protocol error: expected '$', got ' '\r\n",
        );
    }
}
