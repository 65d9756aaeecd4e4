//! The bytes the backlog retains and the places of its readers, without locks. Owned by the
//! backlog.
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

use bytes::{Bytes, BytesMut};

/// What a reader holds on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// The bytes under one replication id: a link to a replica.
    Id,
    /// The bytes, under whatever id they go on: the append-only file.
    Bytes,
}

/// What is retained, and for whom.
#[derive(Debug)]
pub(super) struct Retained {
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
pub(super) struct Epoch {
    bytes: u64,
    id: u64,
}

/// A registered reader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The offset behind the last byte taken.
    pub position: u64,
    pub follows: Follows,
}

#[derive(Debug)]
struct Segment {
    start: u64,
    bytes: Bytes,
}

impl Retained {
    /// Nothing, not open, at offset 0; `size` bytes will be kept.
    pub fn new(size: u64) -> Retained {
        Retained {
            open: false,
            size: size.max(SIZE_MIN),
            start: 0,
            end: 0,
            epoch: Epoch::default(),
            segments: VecDeque::new(),
            tail: BytesMut::new(),
            readers: Vec::new(),
        }
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// How many bytes are to be kept.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The offset before the first byte kept.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset of the last byte written.
    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn reader_count(&self) -> usize {
        self.readers.iter().flatten().count()
    }

    /// Bytes of memory: what is kept, the block's free room, the list of segments.
    pub fn memory(&self) -> u64 {
        let list = self.segments.capacity() * size_of::<Segment>();
        self.end - self.start + (self.tail.capacity() - self.tail.len() + list) as u64
    }

    /// Forgets all bytes and readers and goes on at `offset`.
    pub fn begin(&mut self, offset: u64, open: bool) {
        self.epoch.bytes += 1;
        self.readers.clear();
        self.open = open;
        (self.start, self.end) = (offset, offset);
        self.segments = VecDeque::new();
        self.tail = BytesMut::new();
        self.invariants();
    }

    /// Removes the readers that follow an id.
    pub fn end_id(&mut self) {
        self.epoch.id += 1;
        for place in &mut self.readers {
            place.take_if(|place| place.follows == Follows::Id);
        }
        self.trim();
        self.invariants();
    }

    pub fn resize(&mut self, size: u64) {
        self.size = size.max(SIZE_MIN);
        self.trim();
        self.invariants();
    }

    /// Appends a copy of `bytes`.
    pub fn append(&mut self, mut bytes: &[u8]) {
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

    /// Appends `bytes`, shared if they are many.
    pub fn append_shared(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            return self.append(&bytes);
        }
        self.share_tail();
        let start = self.end;
        self.end += bytes.len() as u64;
        self.segments.push_back(Segment { start, bytes });
        self.trim();
    }

    /// Appends up to `max` bytes from `position` on to `taken`; returns the position behind them.
    pub fn read(&self, position: u64, max: usize, taken: &mut Vec<Bytes>) -> u64 {
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

    /// Keeps everything behind a new reader's place; returns its index.
    pub fn register(&mut self, place: Place) -> usize {
        let index = self.readers.iter().position(Option::is_none).unwrap_or_else(|| {
            self.readers.push(None);
            self.readers.len() - 1
        });
        self.readers[index] = Some(place);
        index
    }

    /// Moves a reader, or removes it.
    pub fn set_place(&mut self, index: usize, place: Option<Place>) {
        self.readers[index] = place;
        self.trim();
        self.invariants();
    }

    /// Makes the tail's bytes a segment. The block's free room stays the tail's.
    fn share_tail(&mut self) {
        if !self.tail.is_empty() {
            let start = self.tail_start();
            self.segments.push_back(Segment { start, bytes: self.tail.split().freeze() });
            self.trim();
        }
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

    fn tail_start(&self) -> u64 {
        self.end - self.tail.len() as u64
    }

    /// A block is freed as a whole, so it must be small beside the backlog.
    fn block_bytes(&self) -> usize {
        usize::try_from(self.size / 8)
            .unwrap_or(BLOCK_BYTES_MAX)
            .clamp(SEGMENT_BYTES_MIN, BLOCK_BYTES_MAX)
    }

    pub fn invariants(&self) {
        debug_assert!(self.start <= self.end);
        debug_assert!(self.open || self.start == self.end);
        debug_assert_eq!(self.segments.front().map_or(self.tail_start(), |s| s.start), self.start);
        debug_assert_eq!(self.segments.back().map_or(self.start, |s| s.end()), self.tail_start());
        let mut places = self.readers.iter().flatten();
        debug_assert!(places.all(|at| self.start <= at.position && at.position <= self.end));
    }
}

impl Epoch {
    /// Whether a reader of this epoch has lost what it follows by `now`.
    pub fn has_ended(self, follows: Follows, now: Epoch) -> bool {
        match follows {
            Follows::Id => self != now,
            Follows::Bytes => self.bytes != now.bytes,
        }
    }
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The smallest backlog, as in Redis.
pub(super) const SIZE_MIN: u64 = 16 * 1024;

/// Memory is taken in blocks of an eighth of the backlog, at most 1 MiB: one block may be kept for
/// its last byte, so a backlog of 1 MiB holds at most 12.5 % more than its size.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// The tail becomes a segment at 16 KiB: a segment's 40 bytes of bookkeeping are then 0.25 %, and a
/// reader at the end copies at most this much.
pub(super) const SEGMENT_BYTES_MIN: usize = 16 * 1024;

/// From 256 KiB on an entry is not copied into a block but kept where it is.
pub(super) const SHARED_BYTES_MIN: usize = 256 * 1024;
