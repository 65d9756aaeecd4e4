//! Error replies by their code, for INFO errorstats. Each shard owns one [`ErrorStats`]; INFO and
//! CONFIG RESETSTAT come from any core, hence the lock, which is otherwise uncontended.
//!
//! Always holds: at most [`CODES_MAX`] codes; errors with further ones are counted together, so
//! that scripts with codes of their own cannot fill the memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One shard's error replies.
#[derive(Debug, Default)]
pub struct ErrorStats(Mutex<BTreeMap<Vec<u8>, u64>>);

impl ErrorStats {
    /// Counts an error whose text (without `-`) is `text`.
    pub fn record(&self, text: &[u8]) {
        let code = code(text);
        let mut counts = self.counts();
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
        } else {
            let code = if counts.len() < CODES_MAX { code } else { OVERFLOW };
            *counts.entry(code.to_vec()).or_default() += 1;
        }
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.counts().clear();
    }

    /// The counts over `shards`, by code in byte order; again no more than [`CODES_MAX`] codes and
    /// the rest.
    pub fn totals<'a>(shards: impl IntoIterator<Item = &'a ErrorStats>) -> Vec<(Vec<u8>, u64)> {
        let mut totals: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for shard in shards {
            for (code, count) in shard.counts().iter() {
                let known = totals.contains_key(code) || totals.len() < CODES_MAX;
                let code = if known { code.as_slice() } else { OVERFLOW };
                *totals.entry(code.to_vec()).or_default() += count;
            }
        }
        totals.into_iter().collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of an error's text: its first word, if that is short; else the general one.
fn code(text: &[u8]) -> &[u8] {
    match text.iter().take(CODE_BYTES_MAX + 1).position(|&byte| byte == b' ') {
        Some(end) => &text[..end],
        None => b"ERR",
    }
}

/// How a code is printed in INFO: what would break the line's syntax becomes `_`.
pub fn printable(code: &[u8]) -> String {
    let clean = |byte: &u8| match byte {
        b':' | b'#' | b'\r' | b'\n' => '_',
        byte => char::from(*byte),
    };
    code.iter().map(clean).collect()
}

/// Most codes counted apart, as stock.
pub const CODES_MAX: usize = 128;

/// The code under which the rest is counted, as stock names it.
const OVERFLOW: &[u8] = b"ERRORSTATS_OVERFLOW";

/// Longest code in bytes; stock looks for its end in the first 32 bytes of `-CODE `.
const CODE_BYTES_MAX: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_the_code_if_it_is_short() {
        assert_eq!(code(b"WRONGTYPE Operation"), b"WRONGTYPE");
        assert_eq!(code(b"A1234567890123456789012345678 x"), b"A1234567890123456789012345678");
        assert_eq!(code(b"A123456789012345678901234567890 x"), b"ERR");
        assert_eq!(code(b"nospace"), b"ERR");
        assert_eq!(printable(b"A=b:c"), "A=b_c");
    }

    #[test]
    fn codes_beyond_the_limit_are_counted_together() {
        let stats = [ErrorStats::default(), ErrorStats::default()];
        for number in 0..CODES_MAX + 7 {
            stats[0].record(format!("CODE{number:03} text").as_bytes());
        }
        stats[0].record(b"CODE000 text");
        stats[1].record(b"CODE000 text");
        let totals = ErrorStats::totals(&stats);
        assert_eq!(totals.len(), CODES_MAX + 1);
        assert_eq!(totals[0], (b"CODE000".to_vec(), 3));
        assert_eq!(totals.last(), Some(&(OVERFLOW.to_vec(), 7)));
        stats[0].reset();
        assert_eq!(ErrorStats::totals(&stats), [(b"CODE000".to_vec(), 1)]);
    }
}
