//! One io_uring: queueing, entering, reaping. Owned by one shard's `Net`, used on its thread only.
//!
//! Always holds: a pushed entry is never lost. If the submission queue is full it is submitted; if
//! the kernel takes nothing just then, the entry waits in `spill`, in order.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use io_uring::{IoUring, Submitter, cqueue, squeue, types};

use crate::net::options::NetOptions;

/// The ring and what the kernel has not yet taken.
pub(super) struct Ring {
    uring: IoUring,
    spill: VecDeque<squeue::Entry>,
    /// The ring's index among the thread's registered rings, which saves the kernel looking up
    /// the descriptor at each entry; `None` if the kernel refused.
    registered: Option<u32>,
}

impl Ring {
    /// Makes the ring. Must run on the thread that will use it (`SINGLE_ISSUER`).
    pub(super) fn new(options: &NetOptions) -> io::Result<Ring> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(options.completions)
            .build(options.submissions)?;
        let registered = register_ring(uring.as_raw_fd());
        Ok(Ring { uring, spill: VecDeque::new(), registered })
    }

    pub(super) fn fd(&self) -> RawFd {
        self.uring.as_raw_fd()
    }

    pub(super) fn submitter(&self) -> Submitter<'_> {
        self.uring.submitter()
    }

    /// Queues an operation for the next entry.
    ///
    /// # Safety
    /// All memory the operation points to must stay where it is until its completion was reaped.
    #[inline]
    pub(super) unsafe fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: the caller's promise, passed on.
        if self.spill.is_empty() && unsafe { self.uring.submission().push(&entry) }.is_ok() {
            return;
        }
        self.spill.push_back(entry);
        // What an early submission cannot place is retried at each later entry.
        if self.enter_kernel(0, 0, None).is_ok() {
            self.unspill();
        }
    }

    /// Operations queued that the kernel has not taken.
    #[inline]
    pub(super) fn queued(&mut self) -> usize {
        self.uring.submission().len() + self.spill.len()
    }

    /// Whether entering the kernel would do anything: something to submit, or completions that
    /// only an entry brings into the queue.
    #[inline]
    pub(super) fn needs_enter(&mut self) -> bool {
        let submission = self.uring.submission();
        !submission.is_empty()
            || submission.taskrun()
            || submission.cq_overflow()
            || !self.spill.is_empty()
    }

    /// Whether the kernel holds completions back because the queue was full.
    #[inline]
    pub(super) fn overflown(&mut self) -> bool {
        self.uring.submission().cq_overflow()
    }

    /// Whether an event waits that a parked thread would not be told of: checked after announcing
    /// to park.
    pub(super) fn has_event(&mut self) -> bool {
        let submission = self.uring.submission();
        let flagged = submission.taskrun() || submission.cq_overflow();
        drop(submission);
        flagged || !self.uring.completion().is_empty()
    }

    /// Submits what is queued and brings finished work into the completion queue, without
    /// waiting.
    #[inline]
    pub(super) fn enter(&mut self) -> io::Result<()> {
        loop {
            self.unspill();
            self.enter_kernel(0, ENTER_GETEVENTS, None)?;
            // Without progress the kernel has no room: the caller must reap first.
            if self.spill.is_empty() || !self.uring.submission().is_empty() {
                return Ok(());
            }
        }
    }

    /// As [`Ring::enter`], then waits until one event is there or `timeout` is over.
    pub(super) fn enter_and_wait(&mut self, timeout: Duration) -> io::Result<()> {
        self.unspill();
        match self.enter_kernel(1, ENTER_GETEVENTS, Some(timeout)) {
            Err(error) if is_no_event(&error) => Ok(()),
            other => other,
        }
    }

    /// Moves all completions to `out`.
    #[inline]
    pub(super) fn reap(&mut self, out: &mut Vec<cqueue::Entry>) {
        out.extend(self.uring.completion());
    }

    /// Lets completions signal the ring's eventfd, or not.
    pub(super) fn signal_events(&mut self, on: bool) {
        let completion = self.uring.completion();
        if on { completion.enable_eventfd() } else { completion.disable_eventfd() }
    }

    fn unspill(&mut self) {
        while let Some(entry) = self.spill.front() {
            // SAFETY: whoever pushed the entry promised that its memory stays.
            if unsafe { self.uring.submission().push(entry) }.is_err() {
                return;
            }
            self.spill.pop_front();
        }
    }

    #[inline]
    fn enter_kernel(&mut self, wait: u32, flags: u32, limit: Option<Duration>) -> io::Result<()> {
        let submit = self.uring.submission().len();
        let time = types::Timespec::from(limit.unwrap_or_default());
        let argument = WaitArgument {
            signal_mask: 0,
            signal_mask_bytes: 0,
            min_wait_us: 0,
            timeout: &raw const time as u64,
        };
        let mut flags = flags;
        let (mut pointer, mut bytes) = (std::ptr::null(), 0);
        if limit.is_some() {
            flags |= ENTER_EXT_ARG;
            (pointer, bytes) = (&raw const argument, size_of::<WaitArgument>());
        }
        let mut fd = i64::from(self.uring.as_raw_fd());
        if let Some(index) = self.registered {
            flags |= ENTER_REGISTERED_RING;
            fd = i64::from(index);
        }
        // SAFETY: `argument` and `time` outlive the call; all else is passed by value. The memory
        // of the submitted entries was vouched for when they were pushed.
        let answer = unsafe {
            libc::syscall(libc::SYS_io_uring_enter, fd, submit, wait, flags, pointer, bytes)
        };
        if answer >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // Nothing is lost: what was not taken is still queued and goes with the next entry.
            Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) if limit.is_none() => Ok(()),
            _ => Err(error),
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if let Some(index) = self.registered {
            unregister_ring(self.uring.as_raw_fd(), index);
        }
    }
}

/// Whether a wait ended without an event, which is no failure.
fn is_no_event(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY))
}

/// Registers the ring's descriptor with this thread; `None` if the kernel will not.
fn register_ring(fd: RawFd) -> Option<u32> {
    let mut update = RingUpdate { offset: u32::MAX, reserved: 0, data: fd as u64 };
    // SAFETY: the kernel reads and writes one update, which lives on this stack.
    let answer = unsafe {
        libc::syscall(libc::SYS_io_uring_register, fd, REGISTER_RING_FDS, &raw mut update, 1)
    };
    (answer == 1).then_some(update.offset)
}

/// Takes the registration back. It would otherwise keep the ring alive as long as the thread.
fn unregister_ring(fd: RawFd, index: u32) {
    let mut update = RingUpdate { offset: index, reserved: 0, data: 0 };
    // SAFETY: as in `register_ring`. A refusal leaves the registration to the thread's end.
    let _ = unsafe {
        libc::syscall(libc::SYS_io_uring_register, fd, UNREGISTER_RING_FDS, &raw mut update, 1)
    };
}

/// `struct io_uring_getevents_arg` of the kernel's interface, see io_uring_enter(2).
#[repr(C)]
struct WaitArgument {
    signal_mask: u64,
    signal_mask_bytes: u32,
    min_wait_us: u32,
    timeout: u64,
}

/// `struct io_uring_rsrc_update`, see io_uring_register(2).
#[repr(C)]
struct RingUpdate {
    offset: u32,
    reserved: u32,
    data: u64,
}

// Numbers of the kernel's interface, see io_uring_enter(2) and io_uring_register(2).
const ENTER_GETEVENTS: u32 = 1;
const ENTER_EXT_ARG: u32 = 8;
const ENTER_REGISTERED_RING: u32 = 16;
const REGISTER_RING_FDS: u32 = 20;
const UNREGISTER_RING_FDS: u32 = 21;
