//! What can be wrong with a configuration: a value ([`Reason`]), a file ([`LoadError`]), a CONFIG
//! SET ([`ConfigSetError`]), a CONFIG REWRITE ([`RewriteError`]). The texts are the ones tools
//! know.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The level of Redis this server presents itself at.
pub const REDIS_LEVEL: &str = "7.2.4";

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The directive takes another number of words.
    #[error("wrong number of arguments")]
    WrongArgumentCount,
    /// No such directive, or a directive of the file alone with the wrong number of words.
    #[error("Bad directive or wrong number of arguments")]
    BadDirective,
    /// Quotes are not closed or not followed by a space.
    #[error("Unbalanced quotes in configuration line")]
    UnbalancedQuotes,
    /// Not `yes` or `no`.
    #[error("argument must be 'yes' or 'no'")]
    NotBool,
    /// Not a decimal integer.
    #[error("argument couldn't be parsed into an integer")]
    NotInteger,
    /// Not an octal number.
    #[error("argument couldn't be parsed as an octal number")]
    NotOctal,
    /// Not a number with a memory unit.
    #[error("argument must be a memory value")]
    NotMemory,
    /// Neither a memory value nor a percentage.
    #[error("argument must be a memory or percent value")]
    NotMemoryOrPercent,
    /// More than all of it.
    #[error("percentage argument must be less or equal to 100")]
    PercentTooLarge,
    /// Outside the directive's range; the bounds as they are printed.
    #[error("argument must be between {min} and {max} inclusive")]
    OutOfRange {
        /// The least value.
        min: String,
        /// The greatest value.
        max: String,
    },
    /// None of the words allowed.
    #[error("argument(s) must be one of the following: {}", .0.join(", "))]
    NotOneOf(&'static [&'static str]),
    /// Refused for a reason of the directive's own.
    #[error("{0}")]
    Invalid(&'static str),
    /// The system refused.
    #[error("{0}")]
    System(String),
    /// The value is not text.
    #[error("argument must be valid UTF-8 text without NUL bytes")]
    NotText,
    /// An included file includes too deeply.
    #[error("too many nested includes")]
    IncludeDepth,
}

impl Reason {
    /// The system's text for an error, without Rust's number behind it.
    pub fn system(error: &io::Error) -> Reason {
        Reason::System(system_text(error))
    }
}

/// The system's text for an error, as `strerror` gives it.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Why the configuration cannot be used; the process prints it on stderr and exits with status 1.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A line is wrong.
    #[error(
        "\n*** FATAL CONFIG FILE ERROR (Tributary {version}, Redis {REDIS_LEVEL}) ***\n\
         Reading the configuration file, at line {line}{place}\n>>> '{text}'\n{reason}",
        version = env!("CARGO_PKG_VERSION")
    )]
    Line {
        /// Where the line stands: ` of /path`, ` of the command line` or ` of standard input`.
        place: String,
        /// Counted from 1, within that place.
        line: usize,
        /// The line as written.
        text: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// A file cannot be read.
    #[error("Fatal error, can't open config file '{path}': {reason}")]
    Open {
        /// The path as it was tried.
        path: String,
        /// The system's text.
        reason: String,
    },
}

/// Why CONFIG SET changed nothing. The text is the error reply without `ERR `.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigSetError {
    /// A name is not that of a directive that can be set.
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A value was refused; the name is the client's spelling.
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {refusal}")]
    Failed {
        /// The directive as the client wrote it.
        name: String,
        /// Why.
        refusal: Refusal,
    },
}

/// Why one pair of a CONFIG SET was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The same name twice.
    #[error("duplicate parameter")]
    Duplicate,
    /// Fixed at start.
    #[error("can't set immutable config")]
    Immutable,
    /// `enable-protected-configs` forbids it to this client.
    #[error("can't set protected config")]
    Protected,
    /// The value is wrong.
    #[error(transparent)]
    Value(#[from] Reason),
}

/// Why CONFIG REWRITE did not write. The text is the error reply without `ERR `.
#[derive(Debug, Error)]
pub enum RewriteError {
    /// The server was started without a file.
    #[error("The server is running without a config file")]
    NoFile,
    /// The file as it stands cannot be read any more.
    #[error("Rewriting config file: {0}")]
    Unreadable(String),
    /// The new file could not be written.
    #[error("Rewriting config file: {path}: {reason}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's text.
        reason: String,
    },
}
