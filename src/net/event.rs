//! What `turn` reports, and the handles and buffers that travel between a shard and its sockets.
//! Values only; they stay on the shard whose `Net` made them, except the descriptors.

use std::io;
use std::os::fd::OwnedFd;

use bytes::Bytes;

/// A socket of one shard's table. Stale ids (closed, detached) are recognized and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl SocketId {
    /// No socket: the id of no row, for work that belongs to no connection.
    pub const NONE: SocketId = SocketId { index: u32::MAX, generation: 0 };

    /// The row in the shard's socket table: small and dense, so a caller can keep its own
    /// connections in a vector by it. Reused after the socket is gone: compare the whole id.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// A listener of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(pub(super) u32);

/// Bytes that arrived, still in a buffer of the ring's pool. Must be given back with
/// `Net::release` before the turn ends, or the pool runs dry.
#[derive(Debug)]
#[must_use = "a received buffer must be given back with Net::release"]
pub struct Received {
    pub(super) buffer: u16,
    pub(super) start: u32,
    pub(super) len: u32,
}

/// Bytes to send; they come back in [`Event::Sent`] for reuse.
#[derive(Debug)]
pub enum SendBuffer {
    /// One contiguous piece.
    Flat(Vec<u8>),
    /// Several shared pieces, sent in order without being copied together.
    Chunks(Vec<Bytes>),
}

impl SendBuffer {
    /// Bytes in the buffer.
    pub fn len(&self) -> usize {
        match self {
            SendBuffer::Flat(bytes) => bytes.len(),
            SendBuffer::Chunks(chunks) => chunks.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a socket will deliver nothing more.
#[derive(Debug)]
pub enum CloseReason {
    /// The peer closed or half-closed. All its bytes were delivered; sending may still work.
    Eof,
    /// Receiving or sending failed, e.g. with ECONNRESET or EPIPE. Nothing works any more.
    Error(io::Error),
}

/// One thing that happened. A socket's events come in the order of its bytes.
#[derive(Debug)]
pub enum Event {
    /// A connection was accepted; the descriptor is the caller's, to adopt here or elsewhere.
    Accepted {
        /// Where it arrived.
        listener: ListenerId,
        /// The connection, close-on-exec.
        fd: OwnedFd,
    },
    /// Accepting failed, e.g. with EMFILE. It is tried again after a pause.
    AcceptFailed {
        /// The listener concerned.
        listener: ListenerId,
        /// The kernel's answer.
        error: io::Error,
    },
    /// Bytes arrived. At most one such event a socket a turn: what else has come is kept for the
    /// next turns, so one bulk sender cannot fill a turn.
    Received {
        /// The socket.
        socket: SocketId,
        /// The bytes.
        buffer: Received,
    },
    /// All bytes asked for with `receive_exact` are there.
    ReceivedExact {
        /// The socket.
        socket: SocketId,
        /// Exactly the total asked for, the prefix included.
        bytes: Vec<u8>,
    },
    /// The buffer was handed to the kernel completely; the next one may follow.
    Sent {
        /// The socket.
        socket: SocketId,
        /// The buffer as it was, for reuse.
        buffer: SendBuffer,
    },
    /// The peer has ended or the connection is broken. The caller still has to `close`. `Eof`
    /// may be followed by one `Error`; nothing follows an `Error`.
    Closed {
        /// The socket.
        socket: SocketId,
        /// Why.
        reason: CloseReason,
    },
    /// An outbound connection stands; receiving has begun.
    Connected {
        /// The socket.
        socket: SocketId,
    },
    /// An outbound connection failed; the socket is gone.
    ConnectFailed {
        /// The socket.
        socket: SocketId,
        /// The kernel's answer.
        error: io::Error,
    },
    /// A detached socket's descriptor, after all its earlier events. The id is gone.
    Detached {
        /// The socket.
        socket: SocketId,
        /// The connection, to be adopted elsewhere.
        fd: OwnedFd,
    },
    /// Another shard or a thread woke this one. At most one a turn.
    Woken,
}

// The loop copies events; a larger one would show in every operation.
const _: () = assert!(size_of::<Event>() <= 40);
