//! The SCAN cursor: a place in the order (hash slot, hash of the key). Pure, any core.
//!
//! ```text
//!  63     50 49            36 35                                     0
//!  ┌────────┬────────────────┬────────────────────────────────────────┐
//!  │  0     │ slot           │ the key's place: 36 bits of its hash   │
//!  └────────┴────────────────┴────────────────────────────────────────┘
//! ```
//!
//! It stays below 2^53, since clients in JavaScript keep cursors in a double.
//!
//! It names neither a capacity nor a shard: whatever grows, shrinks or splits between two calls,
//! all keys before the cursor were returned and all others are still ahead. Two keys of one place
//! are always returned by one call.

use crate::base::ids::{SLOTS, Slot};
use crate::base::number;

/// Where a scan goes on; 0 is both start and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub u64);

/// The highest bits of the hash, as many as a cursor holds: a key's place in its slot.
pub(in crate::keyspace) const PLACE_BITS: u32 = 36;

const _: () = assert!((SLOTS as u64) << PLACE_BITS <= 1 << 53);

impl Cursor {
    /// The first key of a slot.
    pub fn at_slot(slot: Slot) -> Cursor {
        Cursor::new(slot, 0)
    }

    /// What follows a slot: the next slot's first key, or the end.
    pub fn after_slot(slot: Slot) -> Cursor {
        if slot.0 + 1 >= SLOTS { Cursor(0) } else { Cursor::at_slot(Slot(slot.0 + 1)) }
    }

    pub(in crate::keyspace) fn new(slot: Slot, place: u64) -> Cursor {
        Cursor(u64::from(slot.0) << PLACE_BITS | place)
    }

    /// The cursor that a client's text names, as stock servers read it: a number of 64 bits, before
    /// which blanks, a sign and zeros may stand. `None` for a plain negative number and all else.
    pub fn parse(text: &[u8]) -> Option<Cursor> {
        if let Some(number) = number::parse_u64(text) {
            return Some(Cursor(number));
        }
        if number::parse_i64(text).is_some() {
            return None;
        }
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let start = text.iter().position(|byte| !is_blank(byte))?;
        let (negative, digits) = match &text[start..] {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] | digits => (false, digits),
        };
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        let number = match &digits[zeros..] {
            [] if zeros > 0 => 0,
            digits => number::parse_u64(digits)?,
        };
        Some(Cursor(if negative { number.wrapping_neg() } else { number }))
    }

    /// The slot; `None` for a number that is no cursor of ours (clients may send any).
    pub fn slot(self) -> Option<Slot> {
        let slot = u16::try_from(self.0 >> PLACE_BITS).ok()?;
        (slot < SLOTS).then_some(Slot(slot))
    }

    pub(in crate::keyspace) fn place(self) -> u64 {
        self.0 & ((1 << PLACE_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_stock_servers_read_them() {
        for (text, number) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            (" 1", Some(1)),
            ("1 ", None),
            ("01", Some(1)),
            ("+0", Some(0)),
            ("-0", Some(0)),
            ("-1", None),
            ("-01", Some(u64::MAX)),
            ("", None),
            (" ", None),
            ("+", None),
            ("0x10", None),
            ("abc", None),
        ] {
            assert_eq!(Cursor::parse(text.as_bytes()), number.map(Cursor), "{text:?}");
        }
    }

    #[test]
    fn a_cursor_tells_its_slot() {
        assert_eq!(Cursor(0).slot(), Some(Slot(0)));
        assert_eq!(Cursor::new(Slot(77), 5).slot(), Some(Slot(77)));
        assert_eq!(Cursor::new(Slot(77), 5).place(), 5);
        assert_eq!(Cursor::after_slot(Slot(SLOTS - 1)), Cursor(0));
        assert_eq!(Cursor::after_slot(Slot(3)), Cursor::at_slot(Slot(4)));
        assert_eq!(Cursor(u64::MAX).slot(), None);
        assert_eq!(Cursor(u64::from(SLOTS) << PLACE_BITS).slot(), None);
    }
}
