//! Receiving: a multishot receive into the pool, or one into a big value's own memory. On the
//! shard's thread.
//!
//! Always holds: a socket's bytes are handed over in order and exactly once, whatever is
//! cancelled and re-armed meanwhile; every buffer a completion names is lent, chained or given
//! back.

use std::io;

use io_uring::{cqueue, opcode, types};

use crate::net::buffers::GROUP;
use crate::net::event::{CloseReason, Event, Received, SocketId};
use crate::net::socket::{Exact, Receiving, Socket};
use crate::net::sockets::Net;
use crate::net::token::{self, Kind};

impl Net {
    /// Stops reading. Bytes the kernel had received before it learns of this still come.
    pub fn pause(&mut self, id: SocketId) {
        self.set_paused(id, true);
    }

    /// Reads again.
    pub fn resume(&mut self, id: SocketId) {
        self.set_paused(id, false);
    }

    /// Receives the next bytes straight into `prefix` until it holds `total` bytes, then reports
    /// `ReceivedExact` and goes on as before. Bytes that have arrived already count. Memory grows
    /// with what is received, so a big announcement alone costs nothing.
    ///
    /// Should the connection end before, `Closed` comes and the bytes are dropped.
    pub fn receive_exact(&mut self, id: SocketId, prefix: Vec<u8>, total: usize) {
        let Some(socket) = self.table.find(id) else { return };
        assert!(socket.exact.is_none(), "a socket receives one exact value at a time");
        socket.exact = Some(Box::new(Exact { bytes: prefix, total }));
        while let Some(mut received) = self.buffers.pop(&mut socket.chain) {
            absorb(socket, self.buffers.bytes(&received), &mut received);
            if received.len > 0 {
                self.buffers.unpop(&mut socket.chain, received);
                break;
            }
            self.buffers.give_back(received.buffer);
        }
        self.finish_exact(id);
        self.report_end(id);
        self.settle(id);
    }

    /// A completion of a multishot receive.
    #[inline]
    pub(super) fn received(&mut self, id: SocketId, result: i32, flags: u32) {
        let buffer = cqueue::buffer_select(flags);
        if buffer.is_some() {
            self.buffers.taken();
        }
        let found = self.table.find(id).map(|socket| {
            if !cqueue::more(flags) {
                socket.receiving = Receiving::Nothing;
                socket.cancelling = false;
            }
            socket.closing || socket.failed
        });
        match buffer {
            Some(buffer) if result > 0 && found == Some(false) => {
                let received = Received { buffer, start: 0, len: result as u32 };
                self.arrived(id, received);
            }
            Some(buffer) => self.buffers.give_back(buffer),
            None => {}
        }
        if found.is_none() || (result > 0 && cqueue::more(flags)) {
            return;
        }
        match -result {
            0 => self.end(id, CloseReason::Eof),
            libc::ENOBUFS => self.starve(id),
            error if error > 0 => self.receive_failed(id, error),
            _ => {}
        }
        self.settle(id);
    }

    /// A completion of a receive into a value's own memory.
    pub(super) fn received_exact(&mut self, id: SocketId, result: i32) {
        let Some(socket) = self.table.find(id) else { return };
        socket.receiving = Receiving::Nothing;
        socket.cancelling = false;
        match result {
            1.. => {
                if let Some(exact) = socket.exact.as_mut() {
                    let len = exact.bytes.len() + result as usize;
                    assert!(len <= exact.bytes.capacity() && len <= exact.total);
                    // SAFETY: the kernel has written `result` bytes behind the old length,
                    // inside the capacity `arm_exact` reserved.
                    unsafe { exact.bytes.set_len(len) };
                }
                self.finish_exact(id);
            }
            0 => self.end(id, CloseReason::Eof),
            error => self.receive_failed(id, -error),
        }
        self.settle(id);
    }

    pub(super) fn arm_stream(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        socket.receiving = Receiving::Stream;
        let token = token::pack(Kind::Receive, id.index, id.generation);
        let entry = opcode::RecvMulti::new(types::Fd(socket.raw()), GROUP).build();
        // SAFETY: it writes only into the pool, which outlives the ring.
        unsafe { self.ring.push(entry.user_data(token)) };
    }

    pub(super) fn arm_exact(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        let fd = types::Fd(socket.raw());
        let Some(exact) = socket.exact.as_mut() else { return };
        socket.receiving = Receiving::Exact;
        let held = exact.bytes.len();
        let step = (exact.total - held).min(held.max(EXACT_FIRST_BYTES)).min(EXACT_STEP_MAX);
        exact.bytes.reserve_exact(step);
        let room = exact.bytes.spare_capacity_mut().as_mut_ptr().cast::<u8>();
        let token = token::pack(Kind::ReceiveExact, id.index, id.generation);
        let entry = opcode::Recv::new(fd, room, step as u32).flags(libc::MSG_WAITALL).build();
        // SAFETY: `step` bytes were just reserved; the vector stays in the row, untouched, until
        // the completion.
        unsafe { self.ring.push(entry.user_data(token)) };
    }

    /// Hands over the oldest waiting buffer of each socket that has some.
    pub(super) fn deliver_held(&mut self) {
        let mut held = std::mem::take(&mut self.held_spare);
        std::mem::swap(&mut held, &mut self.held);
        for id in held.drain(..) {
            let Some(socket) = self.table.find(id) else { continue };
            if let Some(buffer) = self.buffers.pop(&mut socket.chain) {
                socket.delivered_turn = self.turn;
                self.out.push(Event::Received { socket: id, buffer });
            }
            socket.held = !socket.chain.is_empty();
            if socket.held {
                self.held.push(id);
            } else {
                self.report_end(id);
                self.settle(id);
            }
        }
        self.held_spare = held;
    }

    /// Re-arms as many starved sockets as there are free buffers.
    pub(super) fn feed_starved(&mut self) {
        for _ in 0..self.buffers.free() {
            let Some(id) = self.starved.pop_front() else { return };
            if let Some(socket) = self.table.find(id) {
                socket.starved = false;
                self.settle(id);
            }
        }
    }

    fn set_paused(&mut self, id: SocketId, paused: bool) {
        if let Some(socket) = self.table.find(id)
            && socket.paused != paused
        {
            socket.paused = paused;
            self.settle(id);
        }
    }

    /// Bytes of an open socket: into the exact value, the batch, or the chain.
    #[inline]
    fn arrived(&mut self, id: SocketId, mut received: Received) {
        let Some(socket) = self.table.find(id) else {
            return self.buffers.give_back(received.buffer);
        };
        if socket.exact.is_some() {
            absorb(socket, self.buffers.bytes(&received), &mut received);
            if received.len == 0 {
                self.buffers.give_back(received.buffer);
                return self.finish_exact(id);
            }
        }
        if socket.delivered_turn != self.turn && socket.chain.is_empty() && socket.exact.is_none() {
            socket.delivered_turn = self.turn;
            self.out.push(Event::Received { socket: id, buffer: received });
            return;
        }
        self.buffers.push(&mut socket.chain, received);
        if !socket.held {
            socket.held = true;
            self.held.push(id);
        }
        self.finish_exact(id);
    }

    /// Reports an exact value that is complete.
    fn finish_exact(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        // While the kernel writes there, its completion comes first.
        if socket.receiving == Receiving::Exact || socket.closing {
            return;
        }
        if let Some(exact) = socket.exact.take_if(|exact| exact.bytes.len() >= exact.total) {
            self.out.push(Event::ReceivedExact { socket: id, bytes: exact.bytes });
        }
    }

    fn starve(&mut self, id: SocketId) {
        if let Some(socket) = self.table.find(id)
            && !socket.starved
        {
            socket.starved = true;
            self.starved.push_back(id);
        }
    }

    fn receive_failed(&mut self, id: SocketId, error: i32) {
        // A cancellation is our own doing, the others mean "again": `settle` decides.
        if !matches!(error, libc::ECANCELED | libc::EINTR | libc::EAGAIN) {
            self.end(id, CloseReason::Error(io::Error::from_raw_os_error(error)));
        }
    }
}

/// Copies what an exact value still lacks out of a received buffer.
fn absorb(socket: &mut Socket, bytes: &[u8], received: &mut Received) {
    let Some(exact) = socket.exact.as_mut() else { return };
    let lacking = exact.total.saturating_sub(exact.bytes.len());
    let taken = lacking.min(bytes.len());
    exact.bytes.extend_from_slice(&bytes[..taken]);
    received.start += taken as u32;
    received.len -= taken as u32;
}

/// The first step of an exact value: what one announcement may cost in memory. Later steps double
/// what has been received.
const EXACT_FIRST_BYTES: usize = 64 * 1024;

/// The most one receive asks for; the kernel's limit is 2 GiB.
const EXACT_STEP_MAX: usize = 1 << 30;
