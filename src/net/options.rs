//! The sizes of a shard's ring. Fixed at start; any core.

/// How a shard's [`crate::net::sockets::Net`] is sized.
#[derive(Clone, Copy, Debug)]
pub struct NetOptions {
    /// Receive buffers in the ring's pool: a power of two, 1 to 32768.
    pub buffers: u16,
    /// Bytes of one receive buffer.
    pub buffer_bytes: u32,
    /// Entries of the submission queue. When it is full it is submitted early, nothing is lost.
    pub submissions: u32,
    /// Entries of the completion queue. Beyond them the kernel keeps completions aside until
    /// there is room, which costs time but loses nothing.
    pub completions: u32,
}

impl Default for NetOptions {
    fn default() -> NetOptions {
        NetOptions {
            buffers: BUFFERS,
            buffer_bytes: BUFFER_BYTES,
            submissions: SUBMISSIONS,
            completions: COMPLETIONS,
        }
    }
}

/// 128 × 16 KiB = 2 MiB a shard. 64 served 50 busy connections without the pool running dry; the
/// kernel walks the whole pool in a circle, so a much larger one would only spoil the caches.
const BUFFERS: u16 = 128;

/// Large enough for a pipeline of 100 small commands, and half of the bulk size that is
/// received in place instead.
const BUFFER_BYTES: u32 = 16 * 1024;

/// A turn with more submissions than this enters the kernel once more.
const SUBMISSIONS: u32 = 2048;

/// 10,000 connections may all become readable between two turns; 16 bytes each.
const COMPLETIONS: u32 = 16 * 1024;

const _: () = assert!(BUFFERS.is_power_of_two() && COMPLETIONS >= 4 * SUBMISSIONS);
