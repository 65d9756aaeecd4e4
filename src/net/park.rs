//! Sleeping until something happens, and waking others. On the shard's thread.
//!
//! Two ways to sleep. *In the ring*: the thread blocks in our own ring, two system calls an
//! event, but glommio's ring is not looked at. *In glommio*: the task waits for an eventfd that
//! our ring signals, so files, timers and other tasks go on. The eventfd is silenced while the
//! shard runs, for each signal would cost a wake-up in the other ring.
//!
//! Always holds: the parked flag is announced, then all sources of work are looked at once more,
//! then the thread sleeps; so who publishes first and looks at the flag after is never missed.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use futures_lite::future;
use glommio::io::PollableFd;
use io_uring::{opcode, squeue, types};

use crate::net::ring::Ring;
use crate::net::sockets::Net;
use crate::net::token::{self, Kind};
use crate::net::waker::{self, Waker};

/// What connects our ring with glommio's and with threads that have none.
pub(super) struct Bridge {
    /// Signalled by our ring while enabled; awaited through glommio.
    events: PollableFd<OwnedFd>,
    /// Where the kernel puts the doorbell's bytes.
    pub(super) doorbell: Box<[u8; 8]>,
    pub(super) doorbell_armed: bool,
    pub(super) closing: bool,
}

impl Bridge {
    pub(super) fn new(ring: &Ring) -> io::Result<Bridge> {
        let events = waker::eventfd(libc::EFD_NONBLOCK)?;
        ring.submitter().register_eventfd(events.as_raw_fd())?;
        let events = PollableFd::new(events).map_err(io::Error::other)?;
        Ok(Bridge { events, doorbell: Box::new([0; 8]), doorbell_armed: false, closing: false })
    }

    /// Resets the eventfd's counter.
    fn drain(&self) {
        let mut count = [0u8; 8];
        let fd = self.events.get_ref().as_raw_fd();
        // SAFETY: reads eight bytes into a local array; the descriptor does not block, and an
        // empty counter is as good as a read one.
        let _ = unsafe { libc::read(fd, count.as_mut_ptr().cast(), 8) };
    }
}

impl Net {
    /// Sleeps until an event, a wake-up or the timeout; returns at once if anything is pending.
    /// `has_work` is asked after the shard has announced that it parks; it must look at
    /// everything other cores hand to this shard.
    ///
    /// `may_ring_park` says that glommio has nothing runnable and nothing under way that only it
    /// would deliver. Across the await other tasks of this executor may have run. What is queued is
    /// submitted on the way.
    pub async fn park(
        &mut self,
        timeout: Duration,
        may_ring_park: bool,
        has_work: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        if !self.out.is_empty() || !self.held.is_empty() || self.can_feed() {
            return Ok(());
        }
        if self.sent_expected && !self.quiet.is_empty() {
            return self.ring.enter();
        }
        let timeout = timeout.min(self.rest_left());
        self.waker.announce();
        let result = if has_work() || self.ring.has_event() {
            Ok(())
        } else if may_ring_park {
            self.ring.enter_and_wait(timeout)
        } else {
            self.park_in_glommio(timeout).await
        };
        self.waker.unannounce();
        result
    }

    /// Wakes another shard if it is parked, with a message from ring to ring that leaves at the
    /// next entry into the kernel. The work must have been published before.
    pub fn wake(&mut self, waker: &Arc<Waker>) {
        if !waker.claim() {
            return;
        }
        let known = self.peers.iter().position(|peer| Arc::ptr_eq(peer, waker));
        let index = known.unwrap_or_else(|| {
            self.peers.push(Arc::clone(waker));
            self.peers.len() - 1
        });
        let own = token::pack(Kind::WakeFailed, index as u32, 0);
        let theirs = token::pack(Kind::Wake, 0, 0);
        let target = types::Fd(waker.ring_fd());
        let entry = opcode::MsgRingData::new(target, 0, theirs, None).build().user_data(own);
        // SAFETY: a message points to no memory.
        unsafe { self.ring.push(entry.flags(squeue::Flags::SKIP_SUCCESS)) };
    }

    /// A message to another ring failed: its doorbell always works.
    pub(super) fn wake_otherwise(&mut self, peer: u32) {
        if let Some(waker) = self.peers.get(peer as usize) {
            waker.ring_doorbell();
        }
    }

    /// Lets the ring read the doorbell once.
    pub(super) fn arm_doorbell(&mut self) {
        self.bridge.doorbell_armed = !self.bridge.closing;
        if self.bridge.closing {
            return;
        }
        let fd = types::Fd(self.waker.doorbell_fd());
        let entry = opcode::Read::new(fd, self.bridge.doorbell.as_mut_ptr(), 8).build();
        // SAFETY: the boxed bytes live until the read's completion, see `Drop`.
        unsafe { self.ring.push(entry.user_data(token::pack(Kind::Doorbell, 0, 0))) };
    }

    async fn park_in_glommio(&mut self, timeout: Duration) -> io::Result<()> {
        if self.ring.queued() > 0 {
            self.ring.enter()?;
        }
        self.ring.signal_events(true);
        fence(Ordering::SeqCst);
        // What came before the eventfd was enabled has not signalled it.
        let result = if self.ring.has_event() {
            Ok(())
        } else {
            let readable = async { self.bridge.events.readable().await.map_err(io::Error::from) };
            let late = async {
                glommio::timer::sleep(timeout).await;
                Ok(())
            };
            future::or(readable, late).await
        };
        self.ring.signal_events(false);
        self.bridge.drain();
        result
    }

    /// Whether a starved socket could be re-armed.
    fn can_feed(&self) -> bool {
        !self.starved.is_empty() && self.buffers.free() > 0
    }
}
