//! The retained bytes of the replication stream, and those who read them. Appended to by the one
//! `BacklogWriter`, which the merger or the link from a master holds; read from any core.
//!
//! Always: a reader is given every byte behind its start once, in order, or told that its history
//! ended; the end it compares with is never ahead of the bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use crate::base::ids::ReplOffset;
use crate::replication::psync::Range;
use crate::replication::retained::{Epoch, Follows, Place, Retained};

/// The backlog, shared by its writer and its readers.
#[derive(Debug)]
pub struct Backlog {
    /// What readers compare their position with before they take the lock.
    end: AtomicU64,
    /// Rises when some readers have to go; they look under the lock whether they are meant.
    changes: AtomicU64,
    kept: Mutex<Retained>,
}

/// The right to append. There is one; whoever holds it decides what the next byte is.
#[derive(Debug)]
pub struct BacklogWriter {
    backlog: Arc<Backlog>,
}

/// A place in the backlog. What is behind it is kept until it is read or the reader is dropped, so
/// its owner must drop it when it lags more than its limit.
#[derive(Debug)]
pub struct BacklogReader {
    backlog: Arc<Backlog>,
    follows: Follows,
    /// The changes seen; what comes later may have ended this reader.
    seen: u64,
    epoch: Epoch,
    index: usize,
    position: u64,
}

/// Several appends under one lock; readers see their end when it is dropped.
pub(super) struct Batch<'a> {
    end: &'a AtomicU64,
    kept: MutexGuard<'a, Retained>,
}

/// The offset asked for is not kept, or not written yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backlog does not hold what follows this offset")]
pub struct OutOfRange;

/// The history this reader was in has ended; what follows its position will never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replication history has changed")]
pub struct HistoryEnded;

/// What INFO prints of the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BacklogInfo {
    /// `repl_backlog_active`.
    pub active: bool,
    /// `repl_backlog_size`, bytes.
    pub size: u64,
    /// `repl_backlog_first_byte_offset`, counted from 1; 0 while not active.
    pub first_byte_offset: u64,
    /// `repl_backlog_histlen`, bytes, at most `size`.
    pub histlen: u64,
    /// Bytes kept only because a reader needs them still.
    pub beyond_size: u64,
    /// Bytes of memory the backlog takes, free room in its last block included.
    pub memory: u64,
}

impl Backlog {
    /// A closed backlog at offset 0 that will keep `size` bytes, and the right to append to it.
    pub fn new(size: u64) -> (Arc<Backlog>, BacklogWriter) {
        let backlog = Arc::new(Backlog {
            end: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            kept: Mutex::new(Retained::new(size)),
        });
        (backlog.clone(), BacklogWriter { backlog })
    }

    /// The offset of the last byte written.
    pub fn end(&self) -> ReplOffset {
        ReplOffset(self.end.load(Ordering::Acquire))
    }

    /// True while bytes are kept.
    pub fn is_open(&self) -> bool {
        self.lock().is_open()
    }

    /// What could be read; none while closed.
    pub fn range(&self) -> Option<Range> {
        let kept = self.lock();
        let (start, end) = (ReplOffset(kept.start()), ReplOffset(kept.end()));
        kept.is_open().then_some(Range { start, end })
    }

    /// A reader of everything behind `from`.
    pub fn reader_at(
        self: &Arc<Self>,
        from: ReplOffset,
        follows: Follows,
    ) -> Result<BacklogReader, OutOfRange> {
        let mut kept = self.lock();
        if !kept.is_open() || from.0 < kept.start() || from.0 > kept.end() {
            return Err(OutOfRange);
        }
        let position = from.0;
        let (epoch, index) = (kept.epoch(), kept.register(Place { position, follows }));
        let (backlog, seen) = (self.clone(), self.changes.load(Ordering::Relaxed));
        Ok(BacklogReader { backlog, follows, seen, epoch, index, position })
    }

    /// Changes how many bytes are kept (at least 16 KiB). Growing forgets nothing.
    pub fn resize(&self, size: u64) {
        self.lock().resize(size);
    }

    /// How many readers there are.
    pub fn connected_readers(&self) -> usize {
        self.lock().reader_count()
    }

    /// The numbers for INFO, all of one instant.
    pub fn info(&self) -> BacklogInfo {
        let kept = self.lock();
        let held = kept.end() - kept.start();
        let histlen = held.min(kept.size());
        BacklogInfo {
            active: kept.is_open(),
            size: kept.size(),
            first_byte_offset: if kept.is_open() { kept.end() - histlen + 1 } else { 0 },
            histlen,
            beyond_size: held - histlen,
            memory: kept.memory(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Retained> {
        self.kept.lock().expect("a panic ends the process, so no lock stays poisoned")
    }
}

impl BacklogWriter {
    /// Appends bytes as they are and returns the new end. The backlog must be open.
    pub fn append_raw(&mut self, bytes: &[u8]) -> ReplOffset {
        let mut batch = self.batch();
        batch.append(bytes);
        batch.end()
    }

    /// As `append_raw`, without copying if there are many. The memory behind `bytes` is kept as
    /// long as they are.
    pub fn append_shared(&mut self, bytes: Bytes) -> ReplOffset {
        let mut batch = self.batch();
        batch.append_shared(bytes);
        batch.end()
    }

    /// The offset of the last byte written.
    pub fn end(&self) -> ReplOffset {
        self.backlog.end()
    }

    /// True if this is the right to append to `backlog`.
    pub(super) fn is_of(&self, backlog: &Arc<Backlog>) -> bool {
        Arc::ptr_eq(&self.backlog, backlog)
    }

    pub(super) fn batch(&mut self) -> Batch<'_> {
        let kept = self.backlog.lock();
        assert!(kept.is_open(), "bytes for a closed backlog would go uncounted");
        Batch { end: &self.backlog.end, kept }
    }

    /// Opens the backlog, empty, at `offset`. All readers end.
    pub(super) fn restart(&mut self, offset: ReplOffset) {
        self.begin(offset.0, true);
    }

    /// Forgets all bytes and keeps the offset. All readers end.
    pub(super) fn close(&mut self) {
        self.begin(self.backlog.end().0, false);
    }

    /// The bytes go on under another id: the readers that follow one end.
    pub(super) fn end_id(&mut self) {
        let mut kept = self.backlog.lock();
        kept.end_id();
        self.backlog.changes.fetch_add(1, Ordering::Release);
    }

    fn begin(&mut self, offset: u64, open: bool) {
        let mut kept = self.backlog.lock();
        kept.begin(offset, open);
        self.backlog.end.store(offset, Ordering::Release);
        self.backlog.changes.fetch_add(1, Ordering::Release);
    }
}

impl Batch<'_> {
    /// Appends a copy of `bytes`.
    pub fn append(&mut self, bytes: &[u8]) {
        self.kept.append(bytes);
    }

    /// Appends `bytes`, shared if they are many.
    pub fn append_shared(&mut self, bytes: Bytes) {
        self.kept.append_shared(bytes);
    }

    /// The offset behind what was appended.
    pub fn end(&self) -> ReplOffset {
        ReplOffset(self.kept.end())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.kept.invariants();
        self.end.store(self.kept.end(), Ordering::Release);
    }
}

impl BacklogReader {
    /// The offset behind the last byte taken.
    pub fn position(&self) -> ReplOffset {
        ReplOffset(self.position)
    }

    /// Bytes written and not taken. No lock.
    pub fn lag(&self) -> u64 {
        self.backlog.end().0.saturating_sub(self.position)
    }

    /// True if `take` has something to say: bytes, or that the history ended. No lock.
    pub fn is_ready(&self) -> bool {
        self.backlog.changes.load(Ordering::Acquire) != self.seen
            || self.backlog.end().0 != self.position
    }

    /// Takes the next bytes, at most `max`, without a lock if there are none. What was taken lives
    /// as long as the caller keeps it, and is no longer kept here for this reader.
    pub fn take(&mut self, max: usize) -> Result<Vec<Bytes>, HistoryEnded> {
        let mut taken = Vec::new();
        if !self.is_ready() || max == 0 {
            return Ok(taken);
        }
        let mut kept = self.backlog.lock();
        if self.has_ended(&kept) {
            return Err(HistoryEnded);
        }
        self.seen = self.backlog.changes.load(Ordering::Relaxed);
        self.position = kept.read(self.position, max, &mut taken);
        kept.set_place(self.index, Some(self.place()));
        Ok(taken)
    }

    fn place(&self) -> Place {
        Place { position: self.position, follows: self.follows }
    }

    fn has_ended(&self, kept: &Retained) -> bool {
        self.epoch.has_ended(self.follows, kept.epoch())
    }
}

/// Another reader at the same place, for each replica that waits for the same snapshot.
impl Clone for BacklogReader {
    fn clone(&self) -> BacklogReader {
        let mut kept = self.backlog.lock();
        // A reader of a history that ended stays one, and is registered nowhere.
        let index = if self.has_ended(&kept) { 0 } else { kept.register(self.place()) };
        BacklogReader { backlog: self.backlog.clone(), index, ..*self }
    }
}

impl Drop for BacklogReader {
    fn drop(&mut self) {
        let mut kept = self.backlog.lock();
        if !self.has_ended(&kept) {
            kept.set_place(self.index, None);
        }
    }
}

#[cfg(test)]
mod tests;
