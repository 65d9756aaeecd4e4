//! Sending: one buffer in flight a socket. On the shard's thread.
//!
//! A small buffer goes *quietly*: the kernel may not wait and stays silent if all of it fits the
//! socket's buffer, so that the usual reply costs no completion. Once the submission was taken and
//! the completions are reaped, silence means sent. Only if it does not fit (a slow peer, a large
//! buffer) a second submission waits for room.

use std::io;

use bytes::Bytes;
use io_uring::{opcode, squeue, types};

use crate::net::event::{CloseReason, Event, SendBuffer, SocketId};
use crate::net::socket::Sending;
use crate::net::sockets::Net;
use crate::net::token::{self, Kind};

/// The vectors of a send of chunks; pinned by its box while the kernel reads it.
pub(super) struct Message {
    header: libc::msghdr,
    vectors: Vec<libc::iovec>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Message({} vectors)", self.vectors.len())
    }
}

impl Net {
    /// Sends all of `buffer`; `Event::Sent` returns it. Only one at a time a socket: the caller
    /// collects further output until then. On a socket that is closed or failed the buffer is
    /// dropped without an event.
    pub fn send(&mut self, id: SocketId, buffer: SendBuffer) {
        self.sent_expected = true;
        self.send_unhurried(id, buffer);
    }

    /// As [`Net::send`], for a socket with nothing more to say for now: `Sent` may come as late as
    /// the next event of any socket, which saves an entry into the kernel before parking. If
    /// output does gather behind it, call [`Net::expect_sent`].
    pub fn send_unhurried(&mut self, id: SocketId, buffer: SendBuffer) {
        let Some(socket) = self.table.find(id) else { return };
        if socket.closing || socket.failed {
            return;
        }
        assert!(socket.sending.is_none(), "a socket sends one buffer at a time");
        let total = buffer.len();
        if total == 0 {
            self.out.push(Event::Sent { socket: id, buffer });
            return;
        }
        let quiet = matches!(buffer, SendBuffer::Flat(_)) && total <= QUIET_BYTES_MAX;
        socket.sending = Some(Sending { buffer, total, sent: 0, quiet, message: None });
        if quiet {
            self.quiet.push(id);
        }
        self.submit_send(id);
    }

    /// Makes the outcome of a send under way known without waiting for another event.
    pub fn expect_sent(&mut self, id: SocketId) {
        if self.is_sending(id) {
            self.sent_expected = true;
        }
    }

    /// Whether a send is under way, so that another must wait.
    pub fn is_sending(&self, id: SocketId) -> bool {
        self.table.peek(id).is_some_and(|socket| socket.sending.is_some())
    }

    /// Bytes of the send under way that the kernel has not taken, as far as is known; 0 if none.
    pub fn unsent(&self, id: SocketId) -> usize {
        let sending = self.table.peek(id).and_then(|socket| socket.sending.as_ref());
        sending.map_or(0, |sending| sending.total - sending.sent)
    }

    /// A completion of a send: of a quiet one only if it did not go through.
    pub(super) fn send_done(&mut self, id: SocketId, result: i32) {
        let Some(socket) = self.table.find(id) else { return };
        let Some(sending) = socket.sending.as_mut() else { return };
        sending.quiet = false;
        match result {
            1.. => sending.sent += result as usize,
            0 | AGAIN | INTERRUPTED => {}
            error => {
                socket.sending = None;
                if error != -libc::ECANCELED {
                    let error = io::Error::from_raw_os_error(-error);
                    self.end(id, CloseReason::Error(error));
                }
                return self.settle(id);
            }
        }
        assert!(sending.sent <= sending.total, "more bytes were sent than given");
        if sending.sent == sending.total {
            self.sent(id);
        } else if socket.closing {
            socket.sending = None;
            self.settle(id);
        } else {
            self.submit_send(id);
        }
    }

    /// The first `taken` quiet sends were submitted and all completions reaped: those still quiet
    /// went through.
    pub(super) fn confirm_quiet(&mut self, taken: usize) {
        let mut quiet = std::mem::take(&mut self.quiet);
        for id in quiet.drain(..taken) {
            let socket = self.table.find(id);
            let sending = socket.and_then(|socket| socket.sending.as_mut());
            if let Some(sending) = sending.filter(|sending| sending.quiet) {
                sending.sent = sending.total;
                self.sent(id);
            }
        }
        debug_assert!(self.quiet.is_empty());
        self.sent_expected = !quiet.is_empty();
        self.quiet = quiet;
    }

    fn sent(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        if let Some(sending) = socket.sending.take()
            && !socket.closing
        {
            self.out.push(Event::Sent { socket: id, buffer: sending.buffer });
        }
        if socket.closing || socket.detaching {
            self.settle(id);
        }
    }

    /// Queues what is left of the send under way.
    fn submit_send(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        let fd = types::Fd(socket.raw());
        let Some(sending) = socket.sending.as_mut() else { return };
        let token = token::pack(Kind::Send, id.index, id.generation);
        let entry = match &sending.buffer {
            SendBuffer::Flat(bytes) => {
                let rest = &bytes[sending.sent..];
                let len = rest.len().min(SEND_STEP_MAX) as u32;
                let flags = if sending.quiet { FLAGS | libc::MSG_DONTWAIT } else { FLAGS };
                opcode::Send::new(fd, rest.as_ptr(), len).flags(flags).build()
            }
            SendBuffer::Chunks(chunks) => {
                let message = sending.message.get_or_insert_with(Message::new);
                let header = message.fill(chunks, sending.sent);
                opcode::SendMsg::new(fd, header).flags(FLAGS as u32).build()
            }
        };
        let silence =
            if sending.quiet { squeue::Flags::SKIP_SUCCESS } else { squeue::Flags::empty() };
        // SAFETY: the bytes, and the boxed vectors that point to them, stay in the row until the
        // completion, or until silence has told that the kernel is done.
        unsafe { self.ring.push(entry.flags(silence).user_data(token)) };
    }
}

impl Message {
    fn new() -> Box<Message> {
        // SAFETY: a message header is integers and pointers, for which zero is valid and means
        // none.
        let header = unsafe { std::mem::zeroed() };
        Box::new(Message { header, vectors: Vec::new() })
    }

    /// Points to the chunks' bytes from `skip` on, as many as the kernel takes at once.
    fn fill(&mut self, chunks: &[Bytes], mut skip: usize) -> *const libc::msghdr {
        self.vectors.clear();
        for chunk in chunks {
            if skip >= chunk.len() {
                skip -= chunk.len();
                continue;
            }
            let rest = &chunk[skip..];
            skip = 0;
            let base = rest.as_ptr().cast_mut().cast();
            self.vectors.push(libc::iovec { iov_base: base, iov_len: rest.len() });
            if self.vectors.len() == VECTORS_MAX {
                break;
            }
        }
        self.header.msg_iov = self.vectors.as_mut_ptr();
        self.header.msg_iovlen = self.vectors.len();
        &raw const self.header
    }
}

/// WAITALL makes the kernel itself go on after a short send.
const FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;

/// Above this a send seldom fits at once, and the quiet attempt would be wasted. Also what a
/// parked shard may at most have left unreported of one socket.
const QUIET_BYTES_MAX: usize = 64 * 1024;

/// The most one submission sends; the kernel's limit is 2 GiB.
const SEND_STEP_MAX: usize = 1 << 30;

/// IOV_MAX: vectors the kernel takes at once.
const VECTORS_MAX: usize = 1024;

const AGAIN: i32 = -libc::EAGAIN;
const INTERRUPTED: i32 = -libc::EINTR;
