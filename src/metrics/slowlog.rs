//! The slow log: the last commands that took long. One for the server, behind a lock that is taken
//! only for a slow command and by SLOWLOG; any core.
//!
//! Always holds: ids rise by one in the order of the log and never come again, not even after a
//! reset; entries keep copies of bounded size, never a client's buffers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The server's slow log.
#[derive(Debug)]
pub struct SlowLog(Mutex<Log>);

#[derive(Debug)]
struct Log {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
    max_len: usize,
}

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowEntry {
    /// Unique in the life of the process, from 0.
    pub id: u64,
    /// When it ended, Unix time in seconds.
    pub time_s: u64,
    /// How long it took, µs.
    pub duration_us: u64,
    /// Its arguments, at most 32 of about 128 bytes.
    pub args: Vec<Vec<u8>>,
    /// The client's address and port.
    pub client_addr: String,
    /// The client's name, empty if it has none.
    pub client_name: Vec<u8>,
}

/// Who sent the slow command.
#[derive(Clone, Copy, Debug)]
pub struct SlowClient<'a> {
    /// Address and port, as CLIENT LIST shows them.
    pub addr: &'a str,
    /// The name given with CLIENT SETNAME, or nothing.
    pub name: &'a [u8],
}

impl SlowLog {
    /// A log of at most `max_len` entries (`slowlog-max-len`).
    pub fn new(max_len: usize) -> SlowLog {
        SlowLog(Mutex::new(Log { entries: VecDeque::new(), next_id: 0, max_len }))
    }

    /// Adds a command that took `duration_us` and ended at `time_s`; the oldest entries beyond the
    /// limit go. With a limit of 0 nothing is added.
    pub fn record<'a>(
        &self,
        time_s: u64,
        duration_us: u64,
        args: impl ExactSizeIterator<Item = &'a [u8]>,
        client: SlowClient<'_>,
    ) {
        // Copied before the lock is taken: another shard's slow command may wait for it.
        let args = shortened(args);
        let client_addr = client.addr.to_owned();
        let client_name = client.name.to_vec();
        let mut log = self.log();
        if log.max_len == 0 {
            return;
        }
        let id = log.next_id;
        log.next_id += 1;
        let entry = SlowEntry { id, time_s, duration_us, args, client_addr, client_name };
        log.entries.push_front(entry);
        let max_len = log.max_len;
        log.entries.truncate(max_len);
    }

    /// The newest `count` entries, newest first.
    pub fn entries(&self, count: usize) -> Vec<SlowEntry> {
        self.log().entries.iter().take(count).cloned().collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.log().entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all entries.
    pub fn reset(&self) {
        self.log().entries.clear();
    }

    /// Changes the limit. As in stock, entries beyond it go when the next one is added.
    pub fn set_max_len(&self, max_len: usize) {
        self.log().max_len = max_len;
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies of the arguments, long ones and the ones beyond the limit replaced by their number.
fn shortened<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let total = args.len();
    let kept = if total > ARGS_MAX { ARGS_MAX - 1 } else { total };
    let mut copies: Vec<Vec<u8>> = args.take(kept).map(shortened_argument).collect();
    if total > kept {
        copies.push(format!("... ({} more arguments)", total - kept).into_bytes());
    }
    copies
}

fn shortened_argument(argument: &[u8]) -> Vec<u8> {
    if argument.len() <= ARGUMENT_BYTES_MAX {
        return argument.to_vec();
    }
    let mut copy = argument[..ARGUMENT_BYTES_MAX].to_vec();
    let more = argument.len() - ARGUMENT_BYTES_MAX;
    copy.extend_from_slice(format!("... ({more} more bytes)").as_bytes());
    copy
}

/// Most arguments an entry shows, the note about further ones included; as stock.
const ARGS_MAX: usize = 32;

/// Most bytes an entry shows of an argument; as stock. With 32 arguments an entry has 5 KiB.
const ARGUMENT_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: SlowClient<'static> = SlowClient { addr: "127.0.0.1:5", name: b"me" };

    fn record(log: &SlowLog, args: &[&[u8]]) {
        log.record(7, 12, args.iter().copied(), CLIENT);
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let log = SlowLog::new(2);
        for name in [b"a", b"b", b"c"] {
            record(&log, &[name]);
        }
        let ids = |log: &SlowLog| log.entries(9).iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!(ids(&log), [2, 1]);
        let newest = log.entries(1).remove(0);
        assert_eq!((newest.time_s, newest.duration_us), (7, 12));
        assert_eq!(newest.args, [b"c"]);
        assert_eq!(
            (newest.client_addr.as_str(), &newest.client_name[..]),
            (CLIENT.addr, CLIENT.name)
        );
        log.set_max_len(0);
        record(&log, &[b"d"]);
        assert_eq!(ids(&log), [2, 1]);
        log.reset();
        assert!(log.is_empty());
        log.set_max_len(1);
        record(&log, &[b"e"]);
        assert_eq!(ids(&log), [3]);
    }

    #[test]
    fn long_arguments_and_long_lists_are_cut() {
        let check = |bytes: usize, expected: &str| {
            assert_eq!(shortened_argument(&vec![b'a'; bytes]), expected.as_bytes());
        };
        let full = "a".repeat(128);
        check(128, &full);
        check(129, &format!("{full}... (1 more bytes)"));
        check(130, &format!("{full}... (2 more bytes)"));
        let args = vec![&b"x"[..]; 41];
        assert_eq!(shortened(args[..32].iter().copied()).len(), 32);
        let cut = shortened(args[..33].iter().copied());
        assert_eq!((cut.len(), &cut[31][..]), (32, &b"... (2 more arguments)"[..]));
        let cut = shortened(args.iter().copied());
        assert_eq!((cut.len(), &cut[31][..]), (32, &b"... (10 more arguments)"[..]));
    }
}
