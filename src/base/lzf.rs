//! LZF, the compression of long strings in RDB files and of inner nodes of lists. Pure, any core; a
//! compressor belongs to one encoder and keeps its table between strings.
//!
//! The format is a row of instructions, each begun by a control byte:
//! ```text
//! 000nnnnn                      n + 1 literal bytes follow
//! lllooooo oooooooo             copy l + 2 bytes from o + 1 bytes back, l in 1..=6
//! 111ooooo llllllll oooooooo    the same with l = 7 + the second byte
//! ```

/// The text could not be expanded to what was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// No three bytes expand to more than this, so a declared length above it is a lie.
pub const EXPANSION_MAX: u64 = 88;

/// Expands `input` to exactly `length` bytes. Memory never exceeds [`EXPANSION_MAX`] times the
/// input.
///
/// # Errors
/// [`Invalid`] if the instructions end early, reach before the beginning, or make more or fewer
/// bytes than declared.
pub fn decompress(input: &[u8], length: usize) -> Result<Vec<u8>, Invalid> {
    if length as u64 > (input.len() as u64).saturating_mul(EXPANSION_MAX) {
        return Err(Invalid);
    }
    let mut out = Vec::with_capacity(length);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        if control < LITERAL_MAX as u8 {
            let count = usize::from(control) + 1;
            let literal = after.get(..count).ok_or(Invalid)?;
            if out.len() + count > length {
                return Err(Invalid);
            }
            out.extend_from_slice(literal);
            rest = &after[count..];
        } else {
            let (count, distance, after) = reference(control, after).ok_or(Invalid)?;
            let from = out.len().checked_sub(distance).ok_or(Invalid)?;
            if out.len() + count > length {
                return Err(Invalid);
            }
            copy_back(&mut out, from, count);
            rest = after;
        }
    }
    if out.len() == length { Ok(out) } else { Err(Invalid) }
}

/// Takes the rest of a back reference: how many bytes, how far back, what follows.
fn reference(control: u8, after: &[u8]) -> Option<(usize, usize, &[u8])> {
    let high = usize::from(control & 0x1f) << 8;
    let (count, after) = match (control >> 5, after) {
        (7, [more, after @ ..]) => (7 + usize::from(*more), after),
        (7, []) => return None,
        (count, after) => (usize::from(count), after),
    };
    let (low, after) = after.split_first()?;
    Some((count + 2, high + usize::from(*low) + 1, after))
}

/// Appends `count` bytes from `from` on; they may overlap what is being appended.
fn copy_back(out: &mut Vec<u8>, from: usize, count: usize) {
    if from + count <= out.len() {
        out.extend_from_within(from..from + count);
    } else {
        for index in from..from + count {
            let byte = out[index];
            out.push(byte);
        }
    }
}

/// Finds earlier occurrences of three bytes by a hash of them.
#[derive(Debug)]
pub struct Compressor {
    /// By hash: `base` of its string + place in it + 1, so that entries of earlier strings are
    /// known as stale without clearing the table.
    table: Vec<u32>,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor::new()
    }
}

impl Compressor {
    /// An empty table, 64 KiB when first used.
    pub fn new() -> Compressor {
        Compressor { table: Vec::new(), base: 0 }
    }

    /// Appends `input` compressed if that takes at most `limit` bytes; otherwise appends nothing
    /// and answers `false`. Strings above [`INPUT_MAX`] are left alone.
    pub fn compress(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> bool {
        if input.len() > INPUT_MAX {
            return false;
        }
        self.begin(input.len());
        let start = out.len();
        let (mut index, mut literal_from) = (0, 0);
        while index + 3 <= input.len() {
            let Some((distance, count)) = self.find(input, index) else {
                index += 1;
                continue;
            };
            put_literals(out, &input[literal_from..index]);
            put_reference(out, distance, count);
            if out.len() - start > limit {
                break;
            }
            // Only the two places before the match's end are remembered: most of the gain of
            // remembering all of them, at a fraction of the time.
            for place in (index + count).saturating_sub(2)..index + count {
                self.remember(input, place);
            }
            index += count;
            literal_from = index;
        }
        if out.len() - start <= limit {
            put_literals(out, &input[literal_from..]);
        }
        // What the table holds of this string is stale for the next one.
        self.base += input.len() as u32;
        let fits = out.len() - start <= limit;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn begin(&mut self, length: usize) {
        let used = u32::try_from(length).unwrap_or(u32::MAX);
        match self.base.checked_add(used) {
            Some(_) if !self.table.is_empty() => {}
            _ => {
                self.table.clear();
                self.table.resize(1 << TABLE_BITS, 0);
                self.base = 0;
            }
        }
    }

    /// The longest match the table knows of for the bytes at `index`, which it remembers.
    fn find(&mut self, input: &[u8], index: usize) -> Option<(usize, usize)> {
        let earlier = self.remember(input, index)?;
        let distance = index - earlier;
        if distance > DISTANCE_MAX || input[earlier..earlier + 3] != input[index..index + 3] {
            return None;
        }
        let longest = (input.len() - index).min(COUNT_MAX);
        let pairs = input[earlier + 3..].iter().zip(&input[index + 3..index + longest]);
        let more = pairs.take_while(|(old, new)| old == new).count();
        Some((distance, 3 + more))
    }

    /// Enters the place `index` and gives the one that stood there, if it is of this string.
    fn remember(&mut self, input: &[u8], index: usize) -> Option<usize> {
        let three = input.get(index..index + 3)?;
        let word = u32::from_le_bytes([three[0], three[1], three[2], 0]);
        let hash = (word.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize;
        let earlier = std::mem::replace(&mut self.table[hash], self.base + index as u32 + 1);
        // A place of an earlier string is at most `base`; the same place twice is no match.
        let place = (earlier.checked_sub(self.base + 1)?) as usize;
        (place < index).then_some(place)
    }
}

fn put_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(LITERAL_MAX) {
        out.push((run.len() - 1) as u8);
        out.extend_from_slice(run);
    }
}

/// `distance` in `1..=DISTANCE_MAX`, `count` in `3..=COUNT_MAX`.
fn put_reference(out: &mut Vec<u8>, distance: usize, count: usize) {
    let (back, length) = (distance - 1, count - 2);
    let high = (back >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (length - 7) as u8]);
    }
    out.push(back as u8);
}

/// For fuzzing: arbitrary bytes expand within bounds or are refused, and whatever is compressed
/// comes back.
pub fn fuzz_lzf(bytes: &[u8]) {
    let (head, text) = bytes.split_at(bytes.len().min(2));
    let declared = head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    if let Ok(expanded) = decompress(text, declared) {
        assert_eq!(expanded.len(), declared);
    }
    let mut packed = Vec::new();
    let mut compressor = Compressor::new();
    if compressor.compress(bytes, &mut packed, bytes.len()) {
        assert_eq!(decompress(&packed, bytes.len()).as_deref(), Ok(bytes));
    }
}

/// The longest run of literals one instruction holds.
const LITERAL_MAX: usize = 32;
/// Thirteen bits.
const DISTANCE_MAX: usize = 1 << 13;
/// 7 + 255 + 2.
const COUNT_MAX: usize = 264;
/// Places remembered: 2^14, 64 KiB.
const TABLE_BITS: u32 = 14;
/// Above this a string is stored as it is: 1 GiB, well inside the table's 32 bits.
pub const INPUT_MAX: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], compressor: &mut Compressor) -> usize {
        let mut packed = b"before".to_vec();
        let fits = compressor.compress(input, &mut packed, input.len() + input.len() / 32 + 1);
        assert!(fits, "length {}", input.len());
        assert_eq!(decompress(&packed[6..], input.len()).as_deref(), Ok(input));
        packed.len() - 6
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let mut compressor = Compressor::new();
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let letters = random.u8(1..=255);
            let length = random.usize(0..5000);
            let input: Vec<u8> = (0..length).map(|_| random.u8(..letters)).collect();
            check(&input, &mut compressor);
        }
        assert!(check(&[b'a'; 100_000], &mut compressor) < 1200);
    }

    #[test]
    fn strings_do_not_see_each_other() {
        let mut compressor = Compressor::new();
        for _ in 0..3 {
            let mut packed = Vec::new();
            assert!(!compressor.compress(b"abcdefghijklmnopqrstuvwxyz", &mut packed, 26));
            assert!(packed.is_empty());
        }
    }

    #[test]
    fn expansion_is_bounded_and_exact() {
        // "a", then 264 bytes from one byte back.
        let bomb = [0, b'a', 0xe0, 255, 0];
        assert_eq!(decompress(&bomb, 265).map(|out| out.len()), Ok(265));
        for wrong in [0, 1, 264, 266, usize::MAX] {
            assert_eq!(decompress(&bomb, wrong), Err(Invalid), "length {wrong}");
        }
        assert_eq!(decompress(&[0x20, 0], 3), Err(Invalid), "before the beginning");
        assert_eq!(decompress(&[5, b'a'], 6), Err(Invalid), "literals cut off");
        assert_eq!(decompress(&[0, b'a', 0xe0, 255], 265), Err(Invalid), "reference cut off");
    }

    #[test]
    fn arbitrary_bytes_never_panic() {
        for seed in 0..2000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let length = random.usize(0..80);
            let bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            fuzz_lzf(&bytes);
        }
    }
}
