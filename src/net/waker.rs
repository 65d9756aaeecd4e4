//! How a parked shard is woken: by another shard through the rings, by any thread through a
//! doorbell. Shared by all cores.
//!
//! Always holds: who publishes work and then calls `Net::wake` or `wake_thread` either finds the
//! flag set and wakes, or the parking shard's last look, after its own fence, sees the work.

use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// One shard's wake-up handle.
#[derive(Debug)]
pub struct Waker {
    parked: Parked,
    /// A duplicate of the ring's descriptor: the number stays this ring's as long as anybody
    /// could send to it.
    ring: OwnedFd,
    /// A socket pair: threads write to one end, the shard's ring always reads from the other. No
    /// eventfd: the ring signals its own eventfd meanwhile, and one signalled from inside the
    /// other is put off by the kernel, by milliseconds or until something else happens.
    doorbell: UnixStream,
    doorbell_end: UnixStream,
}

/// The flag has a cache line of its own: every flush of messages by every shard looks at it.
#[derive(Debug)]
#[repr(align(128))]
struct Parked(AtomicBool);

impl Waker {
    pub(super) fn new(ring: RawFd) -> io::Result<Waker> {
        // SAFETY: plain system calls on a number; a result that is not negative is a new
        // descriptor that nobody else owns.
        let ring = unsafe { owned(libc::fcntl(ring, libc::F_DUPFD_CLOEXEC, 3))? };
        let (doorbell, doorbell_end) = UnixStream::pair()?;
        doorbell.set_nonblocking(true)?;
        Ok(Waker { parked: Parked(AtomicBool::new(false)), ring, doorbell, doorbell_end })
    }

    /// Wakes the shard from a thread that has no ring, if it is parked. One system call then,
    /// none otherwise. The work must have been published before.
    pub fn wake_thread(&self) {
        if self.claim() {
            self.ring_doorbell();
        }
    }

    /// Whether the shard sleeps and the caller is the one who has to wake it.
    #[inline]
    pub(super) fn claim(&self) -> bool {
        fence(Ordering::SeqCst);
        self.parked.0.load(Ordering::Relaxed) && self.parked.0.swap(false, Ordering::AcqRel)
    }

    /// Announces parking. The shard must look for work once more after this.
    pub(super) fn announce(&self) {
        self.parked.0.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(super) fn unannounce(&self) {
        self.parked.0.store(false, Ordering::Relaxed);
    }

    pub(super) fn ring_doorbell(&self) {
        // Both ends live as long as we do, so it can only fail by being full: it rings already.
        let _ = (&self.doorbell).write(&[1]);
    }

    pub(super) fn ring_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    pub(super) fn doorbell_fd(&self) -> RawFd {
        self.doorbell_end.as_raw_fd()
    }
}

/// A new eventfd with the given flags besides close-on-exec.
pub(super) fn eventfd(flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call; a result that is not negative is ours.
    unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | flags)) }
}

/// # Safety
/// `fd` must be a system call's result: an error, or a descriptor nobody else owns.
unsafe fn owned(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
