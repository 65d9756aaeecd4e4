//! What can go wrong with the ring itself or with opening a listener. Any core.
//!
//! Errors of one connection are no errors here: they arrive as events and end that connection.

use std::io;

/// Why networking cannot start. The text names the cause and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The kernel has no io_uring at all.
    #[error(
        "this kernel has no io_uring (built without CONFIG_IO_URING, or older than Linux 5.1). \
         Run a kernel of Linux 6.1 or newer with io_uring enabled"
    )]
    Unavailable,

    /// io_uring exists but this process may not use it.
    #[error(
        "this process may not use io_uring: {cause}. Remedy: in a container, run with a seccomp \
         profile that allows io_uring_setup, io_uring_enter and io_uring_register (Docker: \
         --security-opt seccomp=unconfined or a profile of your own); on the host, set \
         'sysctl kernel.io_uring_disabled=0'"
    )]
    Forbidden {
        /// What forbids it, as far as can be told from here.
        cause: String,
    },

    /// The rings do not fit the limit of locked memory, or memory is exhausted.
    #[error(
        "not enough memory for io_uring: locked memory is limited to {memlock}. Raise it with \
         'ulimit -l unlimited', LimitMEMLOCK=infinity (systemd) or --ulimit memlock=-1 (Docker)"
    )]
    Memory {
        /// The limit as text, with its unit.
        memlock: String,
    },

    /// The process has no descriptors left for a ring.
    #[error("no file descriptors left for io_uring: raise the limit with 'ulimit -n'")]
    Descriptors,

    /// The kernel is too old for what the socket path needs.
    #[error("kernel {release} is too old: io_uring lacks {missing}. Run Linux 6.1 or newer")]
    TooOld {
        /// The kernel's release, as `uname -r` prints it.
        release: String,
        /// The first feature found missing.
        missing: &'static str,
    },

    /// Anything else the kernel answered while a ring was being set up.
    #[error("setting up io_uring failed while {doing}: {error}")]
    Setup {
        /// The step that failed.
        doing: &'static str,
        /// The kernel's answer.
        error: io::Error,
    },
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, not ours, or not allowed.
    #[error("bind: {0}")]
    Bind(#[source] io::Error),

    /// The socket could not be made or set up.
    #[error("socket: {0}")]
    Socket(#[source] io::Error),

    /// A unix socket's path could not be replaced or given its mode.
    #[error("unix socket: {0}")]
    Path(#[source] io::Error),
}
