//! What can go wrong while generating load. Error replies are not here: they are counted.

use std::io;

/// Why a load run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server did not accept a connection.
    #[error("cannot connect to {address}: {source}")]
    Connect { address: std::net::SocketAddr, source: io::Error },
    /// The operating system refused epoll or a socket option.
    #[error("cannot wait for sockets: {0}")]
    Poll(#[from] nix::errno::Errno),
    /// A connection broke while in use.
    #[error("a connection broke: {0}")]
    Socket(#[from] io::Error),
    /// The server closed a connection.
    #[error("the server closed a connection")]
    Closed,
    /// Bytes that are no RESP reply.
    #[error("not a RESP reply: {0:?}")]
    Reply(String),
}
