//! `Net`: a shard's door to its sockets. Made and used on the shard's executor thread only; owns
//! the ring, the buffer pool, the sockets and the listeners.
//!
//! A loop turn is one `turn`, at most one entry into the kernel: it submits everything queued since
//! the last and brings back everything that happened. `settle` is the one place that compares
//! what a socket's owner wants with what the kernel is doing and queues the difference.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::{cqueue, opcode, squeue, types};

use crate::net::accept::Listening;
use crate::net::buffers::Buffers;
use crate::net::error::NetError;
use crate::net::event::{CloseReason, Event, Received, SocketId};
use crate::net::options::NetOptions;
use crate::net::park::Bridge;
use crate::net::probe;
use crate::net::ring::Ring;
use crate::net::socket::{Receiving, Socket};
use crate::net::table::Table;
use crate::net::token::{self, Kind};
use crate::net::waker::Waker;

/// The sockets of one shard.
pub struct Net {
    /// First, so that it is dropped before the memory it was given.
    pub(super) ring: Ring,
    pub(super) buffers: Buffers,
    pub(super) table: Table,
    pub(super) listeners: Vec<Option<Listening>>,
    /// Events that wait for the next `turn` to hand them over.
    pub(super) out: Vec<Event>,
    completions: Vec<cqueue::Entry>,
    /// Counts turns, from 1.
    pub(super) turn: u32,
    /// Sockets with received bytes for later turns; and the list's other half, reused.
    pub(super) held: Vec<SocketId>,
    pub(super) held_spare: Vec<SocketId>,
    /// Sockets whose receive ended for want of buffers, longest wait first.
    pub(super) starved: VecDeque<SocketId>,
    /// Quiet sends, in submission order.
    pub(super) quiet: Vec<SocketId>,
    /// Somebody waits for a quiet send's outcome: do not park on it.
    pub(super) sent_expected: bool,
    /// Listeners that pause after a failed accept.
    pub(super) resting: usize,
    pub(super) waker: Arc<Waker>,
    /// Shards this one has woken; an index here goes with each message.
    pub(super) peers: Vec<Arc<Waker>>,
    pub(super) woken: bool,
    pub(super) bridge: Bridge,
}

impl Net {
    /// Makes the ring and its pool. Must run inside the glommio executor whose thread will
    /// use it.
    pub fn new(options: NetOptions) -> Result<Net, NetError> {
        let ring = Ring::new(&options).map_err(|error| probe::explain("making a ring", error))?;
        let buffers = Buffers::new(options.buffers, options.buffer_bytes);
        let mut buffers = buffers.map_err(|error| probe::explain("mapping buffers", error))?;
        let registered = buffers.register(&ring.submitter());
        registered.map_err(|error| probe::explain("registering buffers", error))?;
        let waker = Waker::new(ring.fd());
        let waker = waker.map_err(|error| probe::explain("making a doorbell", error))?;
        let bridge = Bridge::new(&ring);
        let bridge = bridge.map_err(|error| probe::explain("registering an eventfd", error))?;
        let mut net = Net {
            ring,
            buffers,
            table: Table::default(),
            listeners: Vec::new(),
            out: Vec::new(),
            completions: Vec::new(),
            turn: 1,
            held: Vec::new(),
            held_spare: Vec::new(),
            starved: VecDeque::new(),
            quiet: Vec::new(),
            sent_expected: false,
            resting: 0,
            waker: Arc::new(waker),
            peers: Vec::new(),
            woken: false,
            bridge,
        };
        net.ring.signal_events(false);
        net.arm_doorbell();
        Ok(net)
    }

    /// The handle with which others wake this shard.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Submits what is queued and appends all that happened to `events`. Never waits; enters the
    /// kernel at most once, and not at all when there is nothing to submit or fetch (only an
    /// overflown completion queue takes more).
    ///
    /// Fails only if the kernel refuses the ring itself, which no shard survives.
    pub fn turn(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        self.turn = self.turn.wrapping_add(1);
        self.table.events_done();
        if !self.held.is_empty() {
            self.deliver_held();
        }
        if !self.starved.is_empty() {
            self.feed_starved();
        }
        if self.resting > 0 {
            self.end_rests();
        }
        if self.ring.needs_enter() {
            self.ring.enter()?;
        }
        self.collect()?;
        if events.is_empty() {
            std::mem::swap(events, &mut self.out);
        } else {
            events.append(&mut self.out);
        }
        self.table.events_handed_over();
        Ok(())
    }

    /// The bytes of a received buffer.
    #[inline]
    pub fn bytes(&self, received: &Received) -> &[u8] {
        self.buffers.bytes(received)
    }

    /// Gives a received buffer back to the pool.
    #[inline]
    pub fn release(&mut self, received: Received) {
        self.buffers.give_back(received.buffer);
    }

    /// Takes a connected stream socket over and begins to receive. TCP, unix, or one end of a
    /// socket pair.
    pub fn adopt(&mut self, fd: OwnedFd) -> SocketId {
        let id = self.table.insert(Socket::new(fd));
        self.settle(id);
        id
    }

    /// Stops receiving and gives the descriptor back by `Event::Detached`, once a send under
    /// way and all received bytes are done with. Should the connection end before, its
    /// `Event::Closed` comes instead.
    pub fn detach(&mut self, id: SocketId) {
        if let Some(socket) = self.table.find(id) {
            socket.detaching = true;
            self.settle(id);
        }
    }

    /// Ends a socket. It has no more events, save those of a batch already handed over (their
    /// buffers still must be released); the descriptor closes when the kernel is done with it.
    /// A send under way is cut short.
    pub fn close(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        socket.closing = true;
        while let Some(received) = self.buffers.pop(&mut socket.chain) {
            self.buffers.give_back(received.buffer);
        }
        self.settle(id);
    }

    /// The descriptor of a socket, for options and addresses.
    pub fn fd(&self, id: SocketId) -> Option<BorrowedFd<'_>> {
        Some(self.table.peek(id)?.fd.as_fd())
    }

    /// Sockets in the table, those included that wait for the kernel to finish closing.
    pub fn socket_count(&self) -> usize {
        self.table.len()
    }

    /// Receive buffers that are neither lent nor waiting for their socket's turn.
    pub fn free_buffers(&self) -> usize {
        usize::from(self.buffers.free())
    }

    /// Reaps and dispatches. Afterwards every quiet send the kernel had taken is known.
    fn collect(&mut self) -> io::Result<()> {
        let mut completions = std::mem::take(&mut self.completions);
        let taken = if self.ring.queued() == 0 { self.quiet.len() } else { 0 };
        self.ring.reap(&mut completions);
        while self.ring.overflown() {
            self.ring.enter()?;
            self.ring.reap(&mut completions);
        }
        for completion in completions.drain(..) {
            self.dispatch(&completion);
        }
        self.completions = completions;
        if taken > 0 {
            self.confirm_quiet(taken);
        }
        if std::mem::take(&mut self.woken) {
            self.out.push(Event::Woken);
        }
        Ok(())
    }

    #[inline]
    fn dispatch(&mut self, completion: &cqueue::Entry) {
        let (result, flags) = (completion.result(), completion.flags());
        let Some((kind, index, generation)) = token::unpack(completion.user_data()) else {
            return;
        };
        let id = SocketId { index, generation };
        match kind {
            Kind::Receive => self.received(id, result, flags),
            Kind::ReceiveExact => self.received_exact(id, result),
            Kind::Send => self.send_done(id, result),
            Kind::Connect => self.connect_done(id, result),
            Kind::Accept => self.accepted(index, result, flags),
            Kind::Cancel => self.cancel_missed(id),
            Kind::Wake => self.woken = true,
            Kind::Doorbell => {
                self.woken = true;
                self.arm_doorbell();
            }
            Kind::WakeFailed => self.wake_otherwise(index),
        }
    }

    /// Queues whatever brings the kernel's work for a socket nearer to what is wanted; frees
    /// the row when nothing is wanted and nothing under way. Called after every change.
    pub(super) fn settle(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        let goal = socket.goal();
        if socket.receiving == Receiving::Nothing {
            match goal {
                Receiving::Nothing => {}
                Receiving::Stream if socket.starved => {}
                Receiving::Stream => self.arm_stream(id),
                Receiving::Exact => self.arm_exact(id),
            }
        } else if socket.receiving != goal && !socket.cancelling {
            socket.cancelling = true;
            let kind = match socket.receiving {
                Receiving::Exact => Kind::ReceiveExact,
                _ => Kind::Receive,
            };
            self.cancel(kind, id);
        }
        self.settle_end(id);
    }

    /// The part of `settle` for sockets that leave.
    fn settle_end(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        if socket.closing && !socket.send_cancelling {
            let waits = socket.sending.as_ref().is_some_and(|sending| !sending.quiet);
            if waits || socket.connecting.is_some() {
                socket.send_cancelling = true;
                let kind = if waits { Kind::Send } else { Kind::Connect };
                self.cancel(kind, id);
                return;
            }
        }
        if socket.busy() {
            return;
        }
        if socket.closing {
            self.table.remove(id);
        } else if socket.detaching
            && socket.chain.is_empty()
            && socket.exact.is_none()
            && !socket.over
            && let Some(socket) = self.table.remove_with_event(id)
        {
            self.out.push(Event::Detached { socket: id, fd: socket.fd });
        }
    }

    /// Notes that a socket will deliver nothing more, and reports it after its last bytes.
    pub(super) fn end(&mut self, id: SocketId, reason: CloseReason) {
        let Some(socket) = self.table.find(id) else { return };
        let fatal = matches!(reason, CloseReason::Error(_));
        if socket.closing || socket.failed || (socket.over && !fatal) {
            return;
        }
        socket.over = true;
        socket.failed = fatal;
        socket.ending = Some(reason);
        self.report_end(id);
    }

    /// Reports the end of a socket if nothing received before it is left.
    pub(super) fn report_end(&mut self, id: SocketId) {
        let Some(socket) = self.table.find(id) else { return };
        if !socket.chain.is_empty() {
            return;
        }
        if let Some(reason) = socket.ending.take() {
            socket.detaching = false;
            self.out.push(Event::Closed { socket: id, reason });
        }
    }

    fn cancel(&mut self, kind: Kind, id: SocketId) {
        let target = token::pack(kind, id.index, id.generation);
        let own = token::pack(Kind::Cancel, id.index, id.generation);
        let entry = opcode::AsyncCancel::new(target).build().user_data(own);
        // SAFETY: a cancellation points to no memory.
        unsafe { self.ring.push(entry.flags(squeue::Flags::SKIP_SUCCESS)) };
    }

    /// A cancellation found nothing: the operation has just completed, or was between two of its
    /// steps. In the second case it is tried again.
    fn cancel_missed(&mut self, id: SocketId) {
        if let Some(socket) = self.table.find(id) {
            socket.cancelling = false;
            socket.send_cancelling = false;
            self.settle(id);
        }
    }

    /// Waits for the kernel to let go of everything; false if it does not in time.
    fn wind_down(&mut self) -> bool {
        for id in self.table.ids() {
            self.close(id);
        }
        let all = opcode::AsyncCancel2::new(types::CancelBuilder::any()).build();
        let token = token::pack(Kind::Cancel, 0, 0);
        // SAFETY: a cancellation points to no memory.
        unsafe { self.ring.push(all.user_data(token)) };
        for _ in 0..WIND_DOWN_TRIES {
            let entered = self.ring.enter_and_wait(WIND_DOWN_WAIT);
            if entered.is_err() || self.collect().is_err() {
                return false;
            }
            self.out.clear();
            if self.table.len() == 0 && !self.bridge.doorbell_armed {
                return true;
            }
        }
        false
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.bridge.closing = true;
        if !self.wind_down() {
            // The kernel may still write there: leaking is the only safe end.
            std::mem::forget(std::mem::take(&mut self.table));
            std::mem::forget(std::mem::take(&mut self.bridge.doorbell));
        }
    }
}

/// How often and how long a dropped `Net` waits for cancellations, which normally takes one round.
const WIND_DOWN_TRIES: u32 = 50;
const WIND_DOWN_WAIT: Duration = Duration::from_millis(20);
