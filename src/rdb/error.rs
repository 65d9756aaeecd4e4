//! What can be wrong with RDB bytes. Each error carries the offset, counted from the first byte
//! of the file or payload, at which the thing that is wrong begins. Texts are for the log, are of
//! bounded length and hold no control characters; where an operator looks for a text of the stock
//! servers, it is in them.

use thiserror::Error;

/// Bytes that are not an RDB file, or one this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RdbError {
    /// The data ended before the end opcode.
    #[error("Short read or OOM loading DB: the data ends at byte {offset}, before its end mark")]
    Truncated {
        /// Bytes there were.
        offset: u64,
    },
    /// Neither `REDIS` nor `VALKEY` and digits.
    #[error("Wrong signature trying to load DB from file: it begins with \"{found}\"")]
    Magic {
        /// What there is instead, escaped.
        found: String,
    },
    /// A version that is not known here.
    #[error("Can't handle RDB format version {version}")]
    Version {
        /// As the header says.
        version: u32,
    },
    /// An opcode that is not known.
    #[error("Unknown RDB opcode {code} at byte {offset}")]
    UnknownOpcode {
        /// The byte.
        code: u8,
        /// Where it is.
        offset: u64,
    },
    /// A value whose type is known of, perhaps, but cannot be read.
    #[error("type {name} ({code}) of key '{key}' is not supported yet, at byte {offset}")]
    UnsupportedType {
        /// [`crate::rdb::format::type_name`].
        name: &'static str,
        /// The number in the file.
        code: u8,
        /// The key, escaped and cut; empty in a payload.
        key: String,
        /// Where the value begins.
        offset: u64,
    },
    /// A length whose first byte is none.
    #[error("Invalid length encoding, first byte {byte:#04x}, at byte {offset}")]
    LengthEncoding {
        /// The first byte.
        byte: u8,
        /// Where it is.
        offset: u64,
    },
    /// A string's special encoding that is not known.
    #[error("Unknown RDB string encoding type {encoding} at byte {offset}")]
    StringEncoding {
        /// The low six bits of the first byte.
        encoding: u8,
        /// Where it is.
        offset: u64,
    },
    /// A declared length above the limit.
    #[error("A string of {declared} bytes at byte {offset} is above the limit of {limit}")]
    StringTooLong {
        /// As the file says.
        declared: u64,
        /// [`crate::rdb::decode::DecodeOptions::string_max`].
        limit: u64,
        /// Where the string begins.
        offset: u64,
    },
    /// Compressed bytes that do not expand to what was declared.
    #[error("Invalid LZF compressed string at byte {offset}")]
    Lzf {
        /// Where the compressed bytes begin.
        offset: u64,
    },
    /// A database number no server can have.
    #[error("Database number {number} at byte {offset} is out of range")]
    Database {
        /// As the file says.
        number: u64,
        /// Where it is.
        offset: u64,
    },
    /// Something inside a value or a module's data contradicts the format.
    #[error("Corrupt RDB data at byte {offset}: {what}")]
    Corrupt {
        /// What is wrong.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// The bytes are not those that were written.
    #[error(
        "Wrong RDB checksum (CRC error) at byte {offset}: expected {expected:016x}, \
         computed {computed:016x}"
    )]
    Checksum {
        /// The sum in the file.
        expected: u64,
        /// The sum of the bytes.
        computed: u64,
        /// Where the sum is.
        offset: u64,
    },
}

/// Bytes from a file as they may stand in a log line: escaped, and cut after 64 bytes.
pub fn printable(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(PRINTED_MAX)];
    let cut = if shown.len() < bytes.len() { "..." } else { "" };
    format!("{}{cut}", shown.escape_ascii())
}

/// Bytes of a key or header that a message shows.
const PRINTED_MAX: usize = 64;
