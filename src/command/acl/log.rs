//! ACL LOG: what was refused, the latest first. Alike refusals within a minute are one entry with a
//! count. One per process, behind a lock of its own; any core.

use std::collections::VecDeque;

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `command`, `key`, `channel` or `auth`.
    pub reason: &'static str,
    /// `toplevel`, `multi` or `lua`.
    pub context: &'static str,
    /// The command, key, channel; `AUTH` or `HELLO`.
    pub object: Vec<u8>,
    /// Who was refused.
    pub username: Vec<u8>,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number, from 0 on.
    pub id: u64,
    /// How often.
    pub count: u64,
    /// What.
    pub refusal: Refusal,
    /// The client at the last time, as CLIENT LIST shows it.
    pub client: Vec<u8>,
    /// The first time, Unix ms.
    pub created_ms: u64,
    /// The last time, Unix ms.
    pub updated_ms: u64,
}

/// The log.
#[derive(Debug, Default)]
pub struct AclLog {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl AclLog {
    /// Notes a refusal; of more than `max` entries the oldest go.
    pub fn note(&mut self, refusal: Refusal, client: Vec<u8>, now_ms: u64, max: usize) {
        let alike = |entry: &Entry| {
            entry.refusal == refusal && now_ms.saturating_sub(entry.created_ms) <= GROUPED_MS
        };
        let known = self.entries.iter().position(alike);
        let entry = match known.and_then(|at| self.entries.remove(at)) {
            Some(entry) => Entry { count: entry.count + 1, client, updated_ms: now_ms, ..entry },
            None => {
                let id = self.next_id;
                self.next_id += 1;
                Entry { id, count: 1, refusal, client, created_ms: now_ms, updated_ms: now_ms }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(max);
    }

    /// The entries, the latest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Alike refusals within this time are one entry.
const GROUPED_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_refusals_are_one_entry_for_a_minute() {
        let refusal = |object: &str| Refusal {
            reason: "key",
            context: "toplevel",
            object: object.into(),
            username: b"a".to_vec(),
        };
        let mut log = AclLog::default();
        log.note(refusal("x"), Vec::new(), 0, 3);
        log.note(refusal("y"), Vec::new(), 10, 3);
        log.note(refusal("x"), Vec::new(), 60_000, 3);
        let shown = |log: &AclLog| -> Vec<(u64, u64)> {
            log.entries().map(|entry| (entry.id, entry.count)).collect()
        };
        assert_eq!(shown(&log), [(0, 2), (1, 1)]);
        log.note(refusal("x"), Vec::new(), 60_001, 3);
        assert_eq!(shown(&log), [(2, 1), (0, 2), (1, 1)]);
        log.note(refusal("z"), Vec::new(), 60_002, 3);
        assert_eq!(shown(&log), [(3, 1), (2, 1), (0, 2)]);
        log.note(refusal("z"), Vec::new(), 60_003, 0);
        assert!(shown(&log).is_empty());
    }
}
