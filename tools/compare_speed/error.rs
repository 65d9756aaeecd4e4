//! What can stop a measurement. A missed target is no error.

use std::io;
use std::path::PathBuf;

use super::generator::error::LoadError;

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A server's program could not be started.
    #[error("cannot start {program}: {source}")]
    Start { program: PathBuf, source: io::Error },
    /// A server ended, or did not answer in time; carries the end of its log.
    #[error("{name} did not get ready: {reason}\n{log}")]
    NotReady { name: String, reason: String, log: String },
    /// A server answered with an error or with something unexpected.
    #[error("{server} answered {answer:?} to {request}")]
    Answer { server: String, request: String, answer: String },
    /// A condition did not come true in time.
    #[error("waited {seconds} s in vain: {what}")]
    Timeout { what: String, seconds: u64 },
    /// The load generator failed.
    #[error("load: {0}")]
    Load(#[from] LoadError),
    /// A socket, a file or /proc failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The operating system refused to pin a thread.
    #[error("cannot pin to core {core}: {source}")]
    Pin { core: usize, source: nix::errno::Errno },
    /// The text of /proc was not as documented in proc(5).
    #[error("cannot read {0}")]
    Proc(String),
    /// The command line names something unknown.
    #[error("{0}")]
    Usage(String),
    /// The machine is too busy to measure anything on.
    #[error("{server} gave fewer than {enough} replies in each of {attempts} samples")]
    Starved { server: String, enough: u64, attempts: usize },
    /// A signal asked to end.
    #[error("interrupted")]
    Interrupted,
}
