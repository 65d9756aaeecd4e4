//! Taking small fixed-size pieces from input that arrives in parts. One decoder owns one reader.
//!
//! What always holds: a piece that is asked for and is not complete yet has swallowed the whole
//! input and waits in `held`; the next call must ask for the same piece again. `offset` counts
//! every byte that was taken from the input, whether its piece is complete or not.

/// The part of a piece that has arrived, and the place in the file.
#[derive(Debug, Default)]
pub struct Reader {
    held: [u8; HELD_MAX],
    held_length: usize,
    offset: u64,
    missing: usize,
    string_max: u64,
}

/// A length encoding of nine bytes, or the header, is the longest piece.
pub const HELD_MAX: usize = 9;

impl Reader {
    /// A reader at the first byte; `string_max` is the longest string a length may declare.
    pub fn new(string_max: u64) -> Reader {
        Reader { string_max, ..Reader::default() }
    }

    /// The longest string a length may declare, in bytes.
    pub fn string_max(&self) -> u64 {
        self.string_max
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the piece that is being read, or was just read with `length` bytes, begins.
    pub fn offset_before(&self, length: usize) -> u64 {
        self.offset - length as u64
    }

    /// How many bytes the last call that gave nothing still wants, at least.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Takes exactly `N` bytes, at most [`HELD_MAX`], or `None` if the input ends before.
    pub fn take<const N: usize>(&mut self, input: &mut &[u8]) -> Option<[u8; N]> {
        const { assert!(N <= HELD_MAX) };
        if !self.hold(input, N) {
            return None;
        }
        self.held_length = 0;
        self.held.first_chunk::<N>().copied()
    }

    /// Takes one byte.
    pub fn byte(&mut self, input: &mut &[u8]) -> Option<u8> {
        self.take::<1>(input).map(|[byte]| byte)
    }

    /// Gathers bytes until `length` are held; they stay held, so that the first of them may
    /// decide how many there are in all.
    pub fn hold(&mut self, input: &mut &[u8], length: usize) -> bool {
        debug_assert!(length <= HELD_MAX && self.held_length <= length);
        let count = (length - self.held_length).min(input.len());
        let (taken, rest) = input.split_at(count);
        self.held[self.held_length..self.held_length + count].copy_from_slice(taken);
        self.held_length += count;
        self.offset += count as u64;
        *input = rest;
        self.missing = length - self.held_length;
        self.missing == 0
    }

    /// What is held.
    pub fn held(&self) -> &[u8] {
        &self.held[..self.held_length]
    }

    /// The held bytes are done with.
    pub fn let_go(&mut self) {
        self.held_length = 0;
    }

    /// Moves bytes of a long piece to the end of `into` until it has `length` bytes; `true` when it
    /// has. Memory grows with what has arrived, never ahead of it by more than its double.
    pub fn fill(&mut self, input: &mut &[u8], into: &mut Vec<u8>, length: usize) -> bool {
        let count = (length - into.len()).min(input.len());
        let (taken, rest) = input.split_at(count);
        if into.capacity() - into.len() < count {
            let wanted = (into.len() + count).max(into.capacity() * 2).min(length);
            into.reserve_exact(wanted - into.len());
        }
        into.extend_from_slice(taken);
        self.offset += count as u64;
        *input = rest;
        self.missing = length - into.len();
        self.missing == 0
    }

    /// Passes over up to `left` bytes and says how many remain.
    pub fn skip(&mut self, input: &mut &[u8], left: u64) -> u64 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        *input = &input[count..];
        self.offset += count as u64;
        let left = left - count as u64;
        self.missing = usize::try_from(left).unwrap_or(usize::MAX);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_may_arrive_in_any_parts() {
        for split in 0..=4 {
            let mut reader = Reader::new(0);
            let bytes = [1, 2, 3, 4];
            let mut input = &bytes[..split];
            let early = reader.take::<4>(&mut input);
            assert!(input.is_empty());
            let mut input = &bytes[split..];
            let piece = early.or_else(|| reader.take::<4>(&mut input));
            assert_eq!(piece, Some(bytes), "split at {split}");
            assert_eq!(reader.offset(), 4);
            assert_eq!(reader.missing(), 0);
        }
    }

    #[test]
    fn a_long_piece_takes_no_memory_before_its_bytes_arrive() {
        let mut reader = Reader::new(0);
        let mut into = Vec::new();
        assert!(!reader.fill(&mut &[7; 100][..], &mut into, usize::MAX));
        assert!(into.capacity() <= 200, "capacity {}", into.capacity());
        assert_eq!(reader.missing(), usize::MAX - 100);
    }
}
