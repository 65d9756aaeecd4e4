//! The keys to which clients of a writable replica gave an end. No master will ever say that they
//! are over, so the replica removes them itself. Beside the keyspace of one shard, on its core.
//!
//! Always: each key is known once, with the end that a client gave it last; whether that end is in
//! force is for the keyspace to say, since the master may have written to the key since.

use crate::base::ids::DbIndex;
use std::collections::{BTreeSet, HashMap};

/// Which keys, and when they end.
#[derive(Debug, Default)]
pub struct OwnLives {
    ends: HashMap<(DbIndex, Box<[u8]>), u64>,
    order: BTreeSet<(u64, DbIndex, Box<[u8]>)>,
}

impl OwnLives {
    /// A client gave a key an end, Unix milliseconds.
    pub fn note(&mut self, db: DbIndex, key: &[u8], end_ms: u64) {
        let key: Box<[u8]> = key.into();
        if let Some(before) = self.ends.insert((db, key.clone()), end_ms) {
            self.order.remove(&(before, db, key.clone()));
        }
        self.order.insert((end_ms, db, key));
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Takes out the key that ends first, if its end is over.
    pub fn take_due(&mut self, now_ms: u64) -> Option<(u64, DbIndex, Box<[u8]>)> {
        if self.order.first()?.0 > now_ms {
            return None;
        }
        let (end_ms, db, key) = self.order.pop_first()?;
        self.ends.remove(&(db, key.clone()));
        Some((end_ms, db, key))
    }

    /// Forgets all: this server decides about every key from now on.
    pub fn clear(&mut self) {
        *self = OwnLives::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_end_in_order_and_once() {
        let mut lives = OwnLives::default();
        lives.note(DbIndex(0), b"b", 20);
        lives.note(DbIndex(0), b"a", 30);
        lives.note(DbIndex(1), b"a", 10);
        lives.note(DbIndex(0), b"a", 15);
        assert_eq!((lives.len(), lives.take_due(9)), (3, None));
        let due: Vec<_> = std::iter::from_fn(|| lives.take_due(20)).collect();
        let ends: Vec<_> = due.iter().map(|(end, db, _)| (*end, db.0)).collect();
        assert_eq!(ends, [(10, 1), (15, 0), (20, 0)]);
        assert!(lives.is_empty() && lives.take_due(u64::MAX).is_none());
    }
}
