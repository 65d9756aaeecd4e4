//! A stream: entries in the order of their ids, and its consumer groups. Plain data, any core.

use std::fmt;

use crate::keyspace::digest::Digest;
use crate::keyspace::types::stream::entries::Entries;
use crate::keyspace::types::stream::group::{Group, Groups};
use crate::keyspace::types::stream::id::StreamId;

pub mod entries;
pub mod group;
pub mod id;
pub mod node;

/// A stream. Unlike other collections it may be empty: what it remembers stays.
#[derive(Clone, Default)]
pub struct Stream {
    /// The entries.
    pub entries: Entries,
    /// The consumer groups.
    pub groups: Groups,
}

impl Stream {
    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Heap memory owned, in bytes, in constant time.
    pub fn memory(&self) -> usize {
        self.entries.memory() + self.groups.memory()
    }

    /// Takes the entries into a digest as a stock server's DEBUG DIGEST does, which leaves groups
    /// out.
    pub fn digest(&self, digest: &mut Digest) {
        let (mut name_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
        for entry in self.entries.range(StreamId::MIN, StreamId::MAX) {
            digest.mix(entry.id.joined(b'.').as_bytes());
            for (name, value) in entry.fields() {
                digest.mix(name.as_text(&mut name_digits));
                digest.mix(value.as_text(&mut value_digits));
            }
        }
    }

    /// How many entries a group has not been given yet; `None` if that is not known.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let marks = self.entries.marks();
        let added = marks.entries_added.cast_signed();
        if added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.entries.has_gaps_after(group.last_id) => read,
            _ => self.entries.read_up_to(group.last_id)?,
        };
        Some(added.wrapping_sub(read.cast_signed()))
    }
}

/// What the replicas of a stream hold too: everything but the times at which consumers were last
/// met, and consumers that have nothing pending.
impl fmt::Debug for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.entries.marks())?;
        for (id, node) in self.entries.nodes() {
            write!(out, " {id}: {}", node.as_bytes().escape_ascii())?;
        }
        for (name, group) in self.groups.iter() {
            let name = name.escape_ascii();
            write!(out, " group {name} {} {:?}", group.last_id, group.entries_read)?;
            for (id, pending) in group.pending() {
                let consumer = group.consumer(pending.consumer).name.escape_ascii();
                let (at, times) = (pending.delivered_ms, pending.deliveries);
                write!(out, " {id} to {consumer} at {at}, {times} times")?;
            }
        }
        Ok(())
    }
}
