//! A sorted set: members in the order of their scores. Plain data, any core.
mod index;
mod members;
mod tree;
use crate::keyspace::digest::Digest;
/// A sorted set: members in the order of their scores.
#[derive(Clone, Debug, Default)]
pub struct SortedSet {}

impl SortedSet {
    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        ""
    }

    /// Heap memory owned, in bytes, in constant time.
    pub fn memory(&self) -> usize {
        0
    }

    /// Takes the value into a digest as a stock server's DEBUG DIGEST does.
    pub fn digest(&self, _digest: &mut Digest) {}
}
