//! The retained bytes of the replication stream, and those who read them. Appended to by the one
//! `BacklogWriter`, which the merger or the link from a master holds; read from any core.
//!
//! ```text
//! offsets:   start            tail_start      end
//!              |  segment | segment | tail      |   (room left in the block)
//!              |<----- shared `Bytes` ->|<- copied ->|
//! ```
//!
//! Bytes gather in the tail of a block and become a shared segment when there are enough of them,
//! so a stream of small effects does not become a list of tiny segments; a reader at the end copies
//! the few that are not shared yet.
//!
//! Always: `start <= position of every reader <= end`; segments are contiguous and not empty; at
//! least `size` bytes are kept once so many were written.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};

use crate::base::ids::ReplOffset;
use crate::replication::psync::Range;

/// The backlog, shared by its writer and its readers.
#[derive(Debug)]
pub struct Backlog {
    /// What readers compare their position with before they take the lock.
    end: AtomicU64,
    /// Rises when some readers have to go; they look under the lock whether they are meant.
    changes: AtomicU64,
    kept: Mutex<Kept>,
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

/// What a reader holds on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// The bytes under one replication id: a link to a replica.
    Id,
    /// The bytes, under whatever id they go on: the append-only file.
    Bytes,
}

/// Several appends under one lock; readers see their end when it is dropped.
pub(super) struct Batch<'a> {
    end: &'a AtomicU64,
    kept: MutexGuard<'a, Kept>,
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
    /// Bytes of memory: what is kept, the open block's free room, the list itself.
    pub memory: u64,
}

#[derive(Debug)]
struct Kept {
    open: bool,
    size: u64,
    start: u64,
    end: u64,
    epoch: Epoch,
    segments: VecDeque<Segment>,
    tail: BytesMut,
    readers: Vec<Option<Place>>,
}

/// Which bytes, and which id they stand under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Epoch {
    bytes: u64,
    id: u64,
}

/// A registered reader.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: u64,
    follows: Follows,
}

#[derive(Debug)]
struct Segment {
    start: u64,
    bytes: Bytes,
}

impl Backlog {
    /// A closed backlog at offset 0 that will keep `size` bytes, and the right to append to it.
    pub fn new(size: u64) -> (Arc<Backlog>, BacklogWriter) {
        let kept = Kept {
            open: false,
            size: size.max(SIZE_MIN),
            start: 0,
            end: 0,
            epoch: Epoch::default(),
            segments: VecDeque::new(),
            tail: BytesMut::new(),
            readers: Vec::new(),
        };
        let backlog = Arc::new(Backlog {
            end: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            kept: Mutex::new(kept),
        });
        (backlog.clone(), BacklogWriter { backlog })
    }

    /// The offset of the last byte written.
    pub fn end(&self) -> ReplOffset {
        ReplOffset(self.end.load(Ordering::Acquire))
    }

    /// True while bytes are kept.
    pub fn is_open(&self) -> bool {
        self.lock().open
    }

    /// What could be read; none while closed.
    pub fn range(&self) -> Option<Range> {
        let kept = self.lock();
        kept.open.then(|| Range { start: ReplOffset(kept.start), end: ReplOffset(kept.end) })
    }

    /// A reader of everything behind `from`.
    pub fn reader_at(
        self: &Arc<Self>,
        from: ReplOffset,
        follows: Follows,
    ) -> Result<BacklogReader, OutOfRange> {
        let mut kept = self.lock();
        if !kept.open || from.0 < kept.start || from.0 > kept.end {
            return Err(OutOfRange);
        }
        let position = from.0;
        let (epoch, index) = (kept.epoch, kept.register(Place { position, follows }));
        let (backlog, seen) = (self.clone(), self.changes.load(Ordering::Relaxed));
        Ok(BacklogReader { backlog, follows, seen, epoch, index, position })
    }

    /// Changes how many bytes are kept (at least 16 KiB). Growing forgets nothing.
    pub fn resize(&self, size: u64) {
        let mut kept = self.lock();
        kept.size = size.max(SIZE_MIN);
        kept.trim();
        kept.invariants();
    }

    /// How many readers there are.
    pub fn connected_readers(&self) -> usize {
        self.lock().readers.iter().flatten().count()
    }

    /// The numbers for INFO, all of one instant.
    pub fn info(&self) -> BacklogInfo {
        let kept = self.lock();
        let held = kept.end - kept.start;
        let histlen = held.min(kept.size);
        let list = kept.segments.capacity() * size_of::<Segment>();
        BacklogInfo {
            active: kept.open,
            size: kept.size,
            first_byte_offset: if kept.open { kept.end - histlen + 1 } else { 0 },
            histlen,
            beyond_size: held - histlen,
            memory: held + (kept.tail.capacity() - kept.tail.len() + list) as u64,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
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
        assert!(kept.open, "bytes for a closed backlog would go uncounted");
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
        kept.epoch.id += 1;
        for place in &mut kept.readers {
            place.take_if(|place| place.follows == Follows::Id);
        }
        kept.trim();
        self.backlog.changes.fetch_add(1, Ordering::Release);
    }

    fn begin(&mut self, offset: u64, open: bool) {
        let mut kept = self.backlog.lock();
        kept.epoch.bytes += 1;
        kept.readers.clear();
        kept.open = open;
        (kept.start, kept.end) = (offset, offset);
        kept.segments = VecDeque::new();
        kept.tail = BytesMut::new();
        kept.invariants();
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
        if bytes.len() < SHARED_BYTES_MIN {
            self.kept.append(&bytes);
        } else {
            self.kept.push_segment(bytes);
        }
    }

    /// The offset behind what was appended.
    pub fn end(&self) -> ReplOffset {
        ReplOffset(self.kept.end)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.kept.invariants();
        self.end.store(self.kept.end, Ordering::Release);
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
        kept.readers[self.index] = Some(self.place());
        kept.trim();
        kept.invariants();
        Ok(taken)
    }

    fn place(&self) -> Place {
        Place { position: self.position, follows: self.follows }
    }

    fn has_ended(&self, kept: &Kept) -> bool {
        match self.follows {
            Follows::Id => self.epoch != kept.epoch,
            Follows::Bytes => self.epoch.bytes != kept.epoch.bytes,
        }
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
            kept.readers[self.index] = None;
            kept.trim();
            kept.invariants();
        }
    }
}

impl Kept {
    fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.tail.len() == self.tail.capacity() {
                self.share_tail();
                self.tail = BytesMut::with_capacity(self.block_bytes());
            }
            let room = self.tail.capacity() - self.tail.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.tail.extend_from_slice(now);
            self.end += now.len() as u64;
            bytes = later;
            if self.tail.len() >= SEGMENT_BYTES_MIN {
                self.share_tail();
            }
        }
    }

    fn push_segment(&mut self, bytes: Bytes) {
        self.share_tail();
        let start = self.end;
        self.end += bytes.len() as u64;
        self.segments.push_back(Segment { start, bytes });
        self.trim();
    }

    /// Makes the tail's bytes a segment. The block's free room stays the tail's.
    fn share_tail(&mut self) {
        if !self.tail.is_empty() {
            let start = self.tail_start();
            self.segments.push_back(Segment { start, bytes: self.tail.split().freeze() });
            self.trim();
        }
    }

    /// Appends up to `max` bytes from `position` on to `taken`; returns the position behind them.
    fn read(&self, position: u64, max: usize, taken: &mut Vec<Bytes>) -> u64 {
        assert!(self.start <= position && position <= self.end, "a reader's bytes are kept");
        let (mut position, mut left) = (position, max);
        let first = self.segments.partition_point(|segment| segment.end() <= position);
        for segment in self.segments.range(first..) {
            if left == 0 {
                return position;
            }
            let from = (position - segment.start) as usize;
            let until = segment.bytes.len().min(from.saturating_add(left));
            taken.push(segment.bytes.slice(from..until));
            position += (until - from) as u64;
            left -= until - from;
        }
        let from = (position.saturating_sub(self.tail_start())) as usize;
        let until = self.tail.len().min(from.saturating_add(left));
        if left > 0 && from < until {
            taken.push(Bytes::copy_from_slice(&self.tail[from..until]));
            position += (until - from) as u64;
        }
        position
    }

    /// Drops the segments that neither the size nor a reader needs.
    fn trim(&mut self) {
        let keep_from = self.end.saturating_sub(self.size);
        if self.segments.front().is_none_or(|first| first.end() > keep_from) {
            return;
        }
        let slowest = self.readers.iter().flatten().map(|place| place.position).min();
        let slowest = slowest.unwrap_or(u64::MAX);
        let keep_from = keep_from.min(slowest);
        while let Some(first) = self.segments.front()
            && first.end() <= keep_from
        {
            self.start = first.end();
            self.segments.pop_front();
        }
    }

    fn register(&mut self, place: Place) -> usize {
        let index = self.readers.iter().position(Option::is_none).unwrap_or_else(|| {
            self.readers.push(None);
            self.readers.len() - 1
        });
        self.readers[index] = Some(place);
        index
    }

    fn tail_start(&self) -> u64 {
        self.end - self.tail.len() as u64
    }

    /// A block is freed as a whole, so it must be small beside the backlog.
    fn block_bytes(&self) -> usize {
        usize::try_from(self.size / 8)
            .unwrap_or(BLOCK_BYTES_MAX)
            .clamp(SEGMENT_BYTES_MIN, BLOCK_BYTES_MAX)
    }

    fn invariants(&self) {
        debug_assert!(self.start <= self.end);
        debug_assert!(self.open || self.start == self.end);
        debug_assert_eq!(self.segments.front().map_or(self.tail_start(), |s| s.start), self.start);
        debug_assert_eq!(self.segments.back().map_or(self.start, |s| s.end()), self.tail_start());
        let mut places = self.readers.iter().flatten();
        debug_assert!(places.all(|at| self.start <= at.position && at.position <= self.end));
    }
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The smallest backlog, as in Redis.
const SIZE_MIN: u64 = 16 * 1024;

/// Memory is taken in blocks of an eighth of the backlog, at most 1 MiB: one block may be kept for
/// its last byte, so a backlog of 1 MiB holds at most 12.5 % more than its size.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// The tail becomes a segment at 16 KiB: a segment's 40 bytes of bookkeeping are then 0.25 %, and a
/// reader at the end copies at most this much.
const SEGMENT_BYTES_MIN: usize = 16 * 1024;

/// From 256 KiB on an entry is not copied into a block but kept where it is.
const SHARED_BYTES_MIN: usize = 256 * 1024;

#[cfg(test)]
mod tests;
