//! One socket's state: what the kernel is doing for it and what its owner wants. A row of the
//! shard's table; plain state, no I/O.
//!
//! Always holds: at most one receive, one send and one connect are with the kernel, each at most
//! once being cancelled; memory the kernel may touch is in the row until its completion is back.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::net::buffers::Chain;
use crate::net::event::{CloseReason, SendBuffer};
use crate::net::send::Message;

/// What the kernel receives for a socket, or should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    Nothing,
    /// A multishot receive into the pool.
    Stream,
    /// One receive into the memory of an [`Exact`].
    Exact,
}

/// A receive of a known number of bytes into their final memory.
#[derive(Debug)]
pub(super) struct Exact {
    pub bytes: Vec<u8>,
    pub total: usize,
}

/// A send with the kernel.
#[derive(Debug)]
pub(super) struct Sending {
    pub buffer: SendBuffer,
    /// Bytes of `buffer`, and how many the kernel has taken so far.
    pub total: usize,
    pub sent: usize,
    /// The kernel was told not to wait and to stay silent if everything fits: the outcome is
    /// known when the submission was taken and no completion came.
    pub quiet: bool,
    /// The vectors of a send of chunks.
    pub message: Option<Box<Message>>,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Socket {
    pub fd: OwnedFd,
    /// What is with the kernel.
    pub receiving: Receiving,
    pub cancelling: bool,
    pub sending: Option<Sending>,
    pub send_cancelling: bool,
    /// The address of a connect under way; the kernel reads it.
    pub connecting: Option<Box<socket2::SockAddr>>,
    /// What the owner wants.
    pub paused: bool,
    pub exact: Option<Box<Exact>>,
    pub detaching: bool,
    pub closing: bool,
    /// Waits for free buffers in the starved queue.
    pub starved: bool,
    /// Bytes received but not yet handed over.
    pub chain: Chain,
    /// Stands in the list of sockets with a chain.
    pub held: bool,
    /// The turn whose batch holds bytes of this socket.
    pub delivered_turn: u32,
    /// Receiving is over, by EOF or error; why, until it is reported.
    pub over: bool,
    pub failed: bool,
    pub ending: Option<CloseReason>,
}

impl Socket {
    pub(super) fn new(fd: OwnedFd) -> Socket {
        Socket {
            fd,
            receiving: Receiving::Nothing,
            cancelling: false,
            sending: None,
            send_cancelling: false,
            connecting: None,
            paused: false,
            exact: None,
            detaching: false,
            closing: false,
            starved: false,
            chain: Chain::EMPTY,
            held: false,
            delivered_turn: 0,
            over: false,
            failed: false,
            ending: None,
        }
    }

    pub(super) fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// What should be received, by all that is wanted and known.
    #[inline]
    pub(super) fn goal(&self) -> Receiving {
        if self.closing || self.over || self.connecting.is_some() || self.paused {
            Receiving::Nothing
        } else if self.exact.is_some() {
            Receiving::Exact
        } else if self.detaching {
            Receiving::Nothing
        } else {
            Receiving::Stream
        }
    }

    /// Whether the kernel still works for this socket, so that its row must stay.
    #[inline]
    pub(super) fn busy(&self) -> bool {
        self.receiving != Receiving::Nothing || self.sending.is_some() || self.connecting.is_some()
    }
}
