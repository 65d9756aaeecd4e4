//! A set of members without order. Plain data, any core.

use crate::keyspace::digest::Digest;

/// A set of members without order.
#[derive(Clone, Debug, Default)]
pub struct Set {}

impl Set {
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
