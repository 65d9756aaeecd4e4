//! Numbers that must not be mixed up, each its own type. Plain values, any core.

use std::fmt;

/// Which shard, `0..shards`. At most [`crate::base::ids::SHARDS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

/// A hash slot, `0..16384`, by Redis Cluster's key hashing (CRC16 of the key or its hash tag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

/// A logical database, `0..databases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DbIndex(pub u16);

/// A client's id, unique in the life of the process, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClientId(pub u64);

/// Bytes of replication history: the position in the merged stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ReplOffset(pub u64);

/// The place of one run's entry in the order of all shards. Dense; the first is 1, 0 means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub u64);

/// The place of an entry in one shard's local stream. Dense; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShardSeq(pub u64);

/// A replication id: 40 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplId(pub [u8; 40]);

/// The number of hash slots, fixed by Redis Cluster's specification.
pub const SLOTS: u16 = 16384;

/// The most shards a server may have; lease and mesh tables are sized by it.
pub const SHARDS_MAX: u16 = 256;

impl ReplId {
    /// The id that means "none": forty zeros, as INFO prints an absent second id.
    pub const ZERO: ReplId = ReplId([b'0'; 40]);

    /// Makes an id from 20 random bytes, written as hexadecimal.
    pub fn from_random(random: [u8; 20]) -> ReplId {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut id = [0; 40];
        for (index, byte) in random.iter().enumerate() {
            id[2 * index] = HEX[usize::from(byte >> 4)];
            id[2 * index + 1] = HEX[usize::from(byte & 15)];
        }
        ReplId(id)
    }

    /// Reads an id from the wire; `None` unless it is exactly 40 bytes without control characters.
    pub fn parse(bytes: &[u8]) -> Option<ReplId> {
        let id: [u8; 40] = bytes.try_into().ok()?;
        id.iter().all(u8::is_ascii_graphic).then_some(ReplId(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII is ever stored in an id")
    }
}

impl fmt::Debug for ReplId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for ReplId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for ReplOffset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
