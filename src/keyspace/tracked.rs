//! Keys that clients keep in caches of their own: who read which, and what changed since somebody
//! was told. Part of the keyspace, so it travels with a lease, and no change gets past it. Keys
//! count by name, whatever the database. Without such clients a change costs two tests.
//!
//! Always holds: a key is here exactly while somebody who read it has to be told of its next
//! change; what is noted here is in no client's hands yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::ids::ClientId;

/// The tracked keys of one shard.
#[derive(Debug, Default)]
pub struct TrackedTable {
    keys: HashMap<Arc<[u8]>, Vec<ClientId>, ahash::RandomState>,
    /// The keys as they were first read, to forget the oldest. Some are here no more.
    oldest: VecDeque<Arc<[u8]>>,
    /// Readers of all keys.
    items: usize,
    noted: Vec<Noted>,
    /// Whose command changes the keyspace; 0 for the server's own doing.
    writer: ClientId,
}

/// Something of which clients are to be told.
#[derive(Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which of all changes it was, whatever the shard.
    pub number: u64,
    /// What happened.
    pub what: Change,
}

/// What clients with caches are told of.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Anything may have changed: forget it all.
    All,
    /// A key changed.
    Key {
        /// The key.
        key: Arc<[u8]>,
        /// Who read it since its last change.
        readers: Vec<ClientId>,
        /// Whose command changed it; 0 for the server's own doing.
        writer: ClientId,
        /// `false` if it did not change, but is tracked no more.
        is_real: bool,
    },
}

impl TrackedTable {
    /// Somebody read a key. At most `keys_max` are tracked: for one more the oldest is given up.
    pub fn track(&mut self, key: &[u8], reader: ClientId, keys_max: usize) {
        if let Some(readers) = self.keys.get_mut(key) {
            if !readers.contains(&reader) {
                readers.push(reader);
                self.items += 1;
            }
            return;
        }
        while self.keys.len() >= keys_max.max(1) && self.give_up_oldest() {}
        let key: Arc<[u8]> = Arc::from(key);
        self.oldest.push_back(Arc::clone(&key));
        self.keys.insert(key, vec![reader]);
        self.items += 1;
        if self.oldest.len() > 2 * self.keys.len() + OLDEST_SPARE {
            self.forget_gone();
        }
    }

    /// Notes a change of `key`; `always`: also if nobody read it.
    #[inline]
    pub fn changed(&mut self, key: &[u8], always: bool) {
        if always || !self.keys.is_empty() {
            self.note(key, always);
        }
    }

    /// Notes that everything may have changed.
    pub fn changed_all(&mut self) {
        self.keys.clear();
        self.oldest.clear();
        self.items = 0;
        self.noted.push(Noted { number: next_number(), what: Change::All });
    }

    /// Says whose command changes the keyspace from now on; whose did before.
    pub fn set_writer(&mut self, writer: ClientId) -> ClientId {
        std::mem::replace(&mut self.writer, writer)
    }

    /// Whether something is noted.
    #[inline]
    pub fn has_noted(&self) -> bool {
        !self.noted.is_empty()
    }

    /// Takes what is noted, in order.
    pub fn take_noted(&mut self) -> Vec<Noted> {
        std::mem::take(&mut self.noted)
    }

    /// Keys, and readers of all of them.
    pub fn counts(&self) -> (u64, u64) {
        (self.keys.len() as u64, self.items as u64)
    }

    fn note(&mut self, key: &[u8], always: bool) {
        let known = self.keys.remove_entry(key);
        if known.is_none() && !always {
            return;
        }
        let (key, readers) = known.unwrap_or_else(|| (Arc::from(key), Vec::new()));
        self.items -= readers.len();
        let what = Change::Key { key, readers, writer: self.writer, is_real: true };
        self.noted.push(Noted { number: next_number(), what });
    }

    /// Has the readers of the key tracked longest told, as if it had changed; `false` without any.
    fn give_up_oldest(&mut self) -> bool {
        while let Some(key) = self.oldest.pop_front() {
            let Some((key, readers)) = self.keys.remove_entry(&key) else { continue };
            self.items -= readers.len();
            let what = Change::Key { key, readers, writer: ClientId(0), is_real: false };
            self.noted.push(Noted { number: next_number(), what });
            return true;
        }
        false
    }

    /// Keeps each key once among the oldest.
    fn forget_gone(&mut self) {
        let keys = &self.keys;
        self.oldest.retain(|key| keys.get_key_value(key).is_some_and(|(k, _)| Arc::ptr_eq(k, key)));
    }
}

fn next_number() -> u64 {
    CHANGES.fetch_add(1, Ordering::Relaxed)
}

/// Changes noted by all shards: whoever holds several keyspaces tells of them in the order in which
/// it made them.
static CHANGES: AtomicU64 = AtomicU64::new(0);
/// Keys among the oldest that may be gone, beside as many as are there.
const OLDEST_SPARE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(table: &mut TrackedTable) -> Vec<String> {
        let shown = |noted: Noted| match noted.what {
            Change::All => "all".to_owned(),
            Change::Key { key, readers, writer, is_real } => {
                let readers: Vec<u64> = readers.iter().map(|reader| reader.0).collect();
                format!("{} {readers:?} by {} {is_real}", key.escape_ascii(), writer.0)
            }
        };
        table.take_noted().into_iter().map(shown).collect()
    }

    #[test]
    fn readers_are_told_of_the_next_change_once() {
        let mut table = TrackedTable::default();
        table.changed(b"a", false);
        table.track(b"a", ClientId(1), 9);
        table.track(b"a", ClientId(2), 9);
        table.track(b"a", ClientId(1), 9);
        assert_eq!(table.counts(), (1, 2));
        table.set_writer(ClientId(7));
        table.changed(b"b", false);
        table.changed(b"a", false);
        table.changed(b"a", false);
        assert_eq!(noted(&mut table), ["a [1, 2] by 7 true"]);
        table.changed(b"b", true);
        table.track(b"c", ClientId(1), 9);
        table.changed_all();
        assert_eq!(noted(&mut table), ["b [] by 7 true", "all"]);
        assert_eq!(table.counts(), (0, 0));
    }

    #[test]
    fn the_oldest_key_is_given_up_for_one_too_many() {
        let mut table = TrackedTable::default();
        for key in [b"a", b"b", b"a", b"c"] {
            table.track(key, ClientId(1), 2);
        }
        assert_eq!(noted(&mut table), ["a [1] by 0 false"]);
        for _ in 0..1000 {
            table.track(b"d", ClientId(1), 3);
            table.changed(b"d", false);
        }
        assert!(table.oldest.len() <= 2 * table.keys.len() + OLDEST_SPARE);
        assert_eq!(table.counts(), (2, 2));
    }
}
