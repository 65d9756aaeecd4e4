//! A sorted array of different integers, as wide as the widest needs. Pure, any core.
//!
//! ```text
//! width(4) count(4) count × integer(width)      all little-endian; the width is 2, 4 or 8
//! ```
//!
//! The layout is that of RDB files, which take the bytes as they are. What always holds: the bytes
//! are as long as the header says and the integers ascend strictly.

use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::memory::size_class;

/// A set of integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntSet {
    bytes: Vec<u8>,
}

impl Default for IntSet {
    fn default() -> IntSet {
        IntSet::new()
    }
}

impl IntSet {
    /// An empty set.
    pub fn new() -> IntSet {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&WIDTHS[0].to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        IntSet { bytes }
    }

    /// A set in the form it has in a file.
    ///
    /// # Errors
    /// Whatever contradicts the layout or the order.
    pub fn from_bytes_checked(bytes: Vec<u8>) -> Result<IntSet, Invalid> {
        let set = IntSet { bytes };
        if set.bytes.len() < HEADER {
            return Err(Invalid("an intset shorter than its header"));
        }
        if !WIDTHS.contains(&set.header(0)) {
            return Err(Invalid("an intset of a width that does not exist"));
        }
        let body = u64::from(set.header(0)) * u64::from(set.header(4));
        if body != (set.bytes.len() - HEADER) as u64 {
            return Err(Invalid("an intset of another length than it says"));
        }
        if !set.iter().is_sorted_by(|left, right| left < right) {
            return Err(Invalid("an intset that is not sorted"));
        }
        Ok(set)
    }

    /// The bytes as a file has them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many integers there are.
    pub fn len(&self) -> usize {
        self.header(4) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The integers in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator {
        (0..self.len()).map(|index| self.number(index))
    }

    /// The `index`th smallest integer.
    pub fn at(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.number(index))
    }

    /// Whether the set has this integer.
    pub fn contains(&self, number: i64) -> bool {
        self.search(number).is_ok()
    }

    /// Adds an integer; whether it was not there.
    ///
    /// # Panics
    /// At 2^32 integers, far above every threshold.
    pub fn insert(&mut self, number: i64) -> bool {
        let Err(index) = self.search(number) else { return false };
        let width = width_of(number);
        if width > self.width() {
            self.widen(width);
        }
        let (width, len) = (self.width(), self.len());
        self.reserve(width);
        let at = HEADER + index * width;
        self.bytes.splice(at..at, number.to_le_bytes()[..width].iter().copied());
        self.set_len(len + 1);
        true
    }

    /// Removes an integer; whether it was there. The width stays.
    pub fn remove(&mut self, number: i64) -> bool {
        let Ok(index) = self.search(number) else { return false };
        let (width, len) = (self.width(), self.len());
        let at = HEADER + index * width;
        self.bytes.drain(at..at + width);
        self.set_len(len - 1);
        if self.bytes.len() <= self.bytes.capacity() / 2 {
            self.bytes.shrink_to(size_class(self.bytes.len()));
        }
        true
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        size_class(self.bytes.capacity())
    }

    fn header(&self, at: usize) -> u32 {
        u32::from_le_bytes(*self.bytes[at..].first_chunk().expect("the header is always there"))
    }

    fn width(&self) -> usize {
        self.header(0) as usize
    }

    fn set_len(&mut self, len: usize) {
        let len = u32::try_from(len).expect("thresholds are far lower");
        self.bytes[4..HEADER].copy_from_slice(&len.to_le_bytes());
    }

    fn number(&self, index: usize) -> i64 {
        let width = self.width();
        let bytes = &self.bytes[HEADER + index * width..][..width];
        match *bytes {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => i64::from_le_bytes(*bytes.first_chunk().expect("the widest has 8 bytes")),
        }
    }

    /// Where the integer is, or where it would be.
    fn search(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.number(middle).cmp(&number) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    fn widen(&mut self, width: usize) {
        let numbers: Vec<i64> = self.iter().collect();
        self.bytes.truncate(HEADER);
        self.bytes[..4].copy_from_slice(&(width as u32).to_le_bytes());
        self.reserve(numbers.len() * width);
        for number in numbers {
            self.bytes.extend_from_slice(&number.to_le_bytes()[..width]);
        }
    }

    /// Makes room in step with the allocator's sizes.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact(size_class(needed) - self.bytes.len());
        }
    }
}

fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

const HEADER: usize = 8;
const WIDTHS: [u32; 3] = [2, 4, 8];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn random_changes_leave_what_a_model_holds() {
        let mut rng = fastrand::Rng::with_seed(11);
        let (mut set, mut model) = (IntSet::new(), BTreeSet::new());
        for round in 0..6000 {
            let reach = [30, 40_000, 5_000_000_000, i64::MAX][(round / 1500) as usize];
            let number = rng.i64(-reach..reach);
            if rng.u8(..3) == 0 {
                let victim = set.at(rng.usize(..set.len().max(1))).unwrap_or(number);
                assert_eq!(set.remove(victim), model.remove(&victim));
            } else {
                assert_eq!(set.insert(number), model.insert(number));
            }
            assert_eq!(set.contains(number), model.contains(&number));
            if round % 50 == 0 {
                assert!(set.iter().eq(model.iter().copied()));
                assert_eq!(IntSet::from_bytes_checked(set.as_bytes().to_vec()), Ok(set.clone()));
            }
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut set = IntSet::new();
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 0, 0, 0, 0]);
        assert!(set.insert(-1) && set.insert(300));
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0x2c, 1]);
        assert!(set.insert(70_000));
        assert_eq!(set.as_bytes()[..8], [4, 0, 0, 0, 3, 0, 0, 0]);
        assert!(set.insert(i64::MIN));
        assert_eq!(set.as_bytes().len(), 8 + 4 * 8);
        assert_eq!(set.at(0), Some(i64::MIN));
        assert_eq!(set.at(4), None);
    }

    #[test]
    fn foreign_bytes_are_checked() {
        let check = |bytes: &[u8]| IntSet::from_bytes_checked(bytes.to_vec());
        assert!(check(&[2, 0, 0, 0, 0, 0, 0, 0]).is_ok());
        assert!(check(&[8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).is_ok());
        for bytes in [
            &[2, 0, 0, 0, 0, 0, 0][..],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 2, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
            &[8, 0, 0, 0, 255, 255, 255, 255, 1, 0],
        ] {
            assert!(check(bytes).is_err(), "{bytes:?}");
        }
    }
}
