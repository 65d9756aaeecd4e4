//! The pool of receive buffers the kernel picks from (a provided-buffer ring). Owned by one
//! shard's `Net`.
//!
//! Always holds: a buffer is either in the ring (the kernel's) or lent (counted, ours), never both.
//! The ring is as long as the pool, so giving back always finds room.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::{Submitter, types::BufRingEntry};

use crate::net::event::Received;

/// The buffer group's id; each ring has its own namespace, and one group.
pub(super) const GROUP: u16 = 0;

/// The pool.
pub(super) struct Buffers {
    entries: Mapping,
    memory: Mapping,
    count: u16,
    buffer_bytes: u32,
    /// Entries ever put into the ring, wrapping; the kernel's view is the ring's own tail.
    tail: u16,
    /// Buffers not in the ring.
    lent: u16,
    /// For each buffer that waits in a chain: the next one there, and its bytes.
    links: Vec<Link>,
}

/// Received buffers that wait for their socket's turn, oldest first. No memory of its own.
#[derive(Debug)]
pub(super) struct Chain {
    head: u16,
    tail: u16,
}

#[derive(Clone, Copy)]
struct Link {
    next: u16,
    start: u32,
    len: u32,
}

/// No buffer: above every id a pool can have.
const NONE: u16 = u16::MAX;

impl Chain {
    pub(super) const EMPTY: Chain = Chain { head: NONE, tail: NONE };

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.head == NONE
    }
}

impl Buffers {
    /// Maps the memory. The kernel knows nothing of it until `register`.
    pub(super) fn new(count: u16, buffer_bytes: u32) -> io::Result<Buffers> {
        let entries = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = Mapping::new(usize::from(count) * buffer_bytes as usize)?;
        let links = vec![Link { next: NONE, start: 0, len: 0 }; usize::from(count)];
        Ok(Buffers { entries, memory, count, buffer_bytes, tail: 0, lent: count, links })
    }

    /// Registers the ring and gives the kernel all buffers.
    pub(super) fn register(&mut self, submitter: &Submitter<'_>) -> io::Result<()> {
        let address = self.entries.start.as_ptr() as u64;
        // SAFETY: the mapping is page-aligned, `count` entries long, and outlives the ring: `Net`
        // drops the ring first.
        unsafe { submitter.register_buf_ring_with_flags(address, self.count, GROUP, 0)? };
        for buffer in 0..self.count {
            self.give_back(buffer);
        }
        Ok(())
    }

    /// Notes that the kernel filled a buffer.
    #[inline]
    pub(super) fn taken(&mut self) {
        self.lent += 1;
    }

    /// Buffers the kernel can still fill.
    #[inline]
    pub(super) fn free(&self) -> u16 {
        self.count - self.lent
    }

    /// Puts a lent buffer back into the ring.
    #[inline]
    pub(super) fn give_back(&mut self, buffer: u16) {
        assert!(buffer < self.count && self.lent > 0, "a receive buffer was given back twice");
        self.lent -= 1;
        let offset = usize::from(buffer) * self.buffer_bytes as usize;
        let slot = usize::from(self.tail & (self.count - 1));
        let entries = self.entries.start.as_ptr().cast::<BufRingEntry>();
        // SAFETY: `slot < count` and `offset` lie inside the mappings. The kernel reads an entry
        // only once the tail, stored with Release after it is written, has passed it, and the
        // ring holds at most `count` entries, so this one is not being read. The tail shares
        // entry 0's reserved field, which the setters do not touch.
        unsafe {
            let entry = &mut *entries.add(slot);
            entry.set_addr(self.memory.start.as_ptr().add(offset) as u64);
            entry.set_len(self.buffer_bytes);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(entries).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }

    /// Appends a lent buffer to a chain.
    pub(super) fn push(&mut self, chain: &mut Chain, received: Received) {
        let Received { buffer, start, len } = received;
        self.links[usize::from(buffer)] = Link { next: NONE, start, len };
        if chain.is_empty() {
            chain.head = buffer;
        } else {
            self.links[usize::from(chain.tail)].next = buffer;
        }
        chain.tail = buffer;
    }

    /// Takes the oldest buffer out of a chain.
    pub(super) fn pop(&self, chain: &mut Chain) -> Option<Received> {
        if chain.is_empty() {
            return None;
        }
        let buffer = chain.head;
        let Link { next, start, len } = self.links[usize::from(buffer)];
        chain.head = next;
        Some(Received { buffer, start, len })
    }

    /// Puts a buffer back at the front of a chain, without the bytes used up.
    pub(super) fn unpop(&mut self, chain: &mut Chain, received: Received) {
        let Received { buffer, start, len } = received;
        let next = chain.head;
        self.links[usize::from(buffer)] = Link { next, start, len };
        if chain.is_empty() {
            chain.tail = buffer;
        }
        chain.head = buffer;
    }

    /// The bytes of a lent buffer.
    #[inline]
    pub(super) fn bytes(&self, received: &Received) -> &[u8] {
        let end = received.start + received.len;
        assert!(received.buffer < self.count && end <= self.buffer_bytes);
        let offset = usize::from(received.buffer) * self.buffer_bytes as usize;
        // SAFETY: inside the mapping by the assertion; initialized because mappings start zeroed;
        // not written while lent, and given back only by consuming the `Received`.
        unsafe {
            let start = self.memory.start.as_ptr().add(offset + received.start as usize);
            std::slice::from_raw_parts(start, received.len as usize)
        }
    }
}

/// Anonymous memory of our own, page-aligned, unmapped on drop.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

impl Mapping {
    fn new(bytes: usize) -> io::Result<Mapping> {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_ANONYMOUS | libc::MAP_PRIVATE);
        // SAFETY: a fresh anonymous mapping touches no existing memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
