//! The id of a stream's entry: a time and a number among those of that time. Plain data, any core.

use std::fmt;

/// An entry's id. Ids are ordered by time, then by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix milliseconds, or whatever the client chose to count.
    pub ms: u64,
    /// The number within the millisecond.
    pub seq: u64,
}

/// An id as it is printed.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; TEXT_MAX],
    len: u8,
}

impl StreamId {
    /// Before every entry: no entry has this id.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last possible id.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// The id of this time and number.
    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The id right after this one; `None` after the last.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The id right before this one; `None` before the first.
    pub fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// The 16 bytes that files hold: both numbers big-endian, so that bytes are ordered as ids are.
    pub fn to_bytes(self) -> [u8; BYTES] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id that [`StreamId::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; BYTES]) -> StreamId {
        let both = u128::from_be_bytes(bytes);
        StreamId::new((both >> 64) as u64, both as u64)
    }

    /// The id as replies show it: `ms-seq`.
    pub fn text(self) -> IdText {
        self.joined(b'-')
    }

    /// Both numbers with `between` between them.
    pub fn joined(self, between: u8) -> IdText {
        let mut text = IdText { bytes: [0; TEXT_MAX], len: 0 };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(&[between]);
        text.push(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.ms, self.seq)
    }
}

impl IdText {
    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }
}

/// How long an id is in files, in bytes.
pub const BYTES: usize = 16;

/// Two numbers of twenty digits and what stands between them.
const TEXT_MAX: usize = 41;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_one_another() {
        let check = |id: StreamId, next: Option<StreamId>| {
            assert_eq!(id.next(), next);
            assert_eq!(next.and_then(StreamId::previous), next.map(|_| id));
        };
        check(StreamId::MIN, Some(StreamId::new(0, 1)));
        check(StreamId::new(4, u64::MAX), Some(StreamId::new(5, 0)));
        check(StreamId::MAX, None);
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn ids_are_printed_and_kept_as_bytes() {
        for id in [StreamId::MIN, StreamId::new(1, 256), StreamId::MAX] {
            assert_eq!(id.text().as_bytes(), id.to_string().as_bytes());
            assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        }
        assert!(StreamId::new(1, 256).to_bytes() > StreamId::new(1, 255).to_bytes());
    }
}
