//! How one entry of a listpack stands in its bytes. Pure, any core.
//!
//! ```text
//! 0xxxxxxx                       integer 0..127
//! 10xxxxxx text                  text of up to 63 bytes
//! 110xxxxx +1                    integer of 13 bits, big-endian, two's complement
//! 1110xxxx +1 text               text of up to 4095 bytes, length big-endian
//! 11110000 +4 text               longer text, length little-endian
//! 11110001 +2, 11110010 +3, 11110011 +4, 11110100 +8      integers, little-endian
//! 11111111                       the end of the pack
//! ```
//!
//! Behind it stands how long it is, 7 bits a byte, the most significant first, all bytes but the
//! first with their high bit set: whoever comes from behind reads until a byte without it.

use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::error::Invalid;

/// Where an entry's parts are.
#[derive(Clone, Copy)]
pub struct Span {
    /// Bytes before the text; for an integer, all bytes.
    pub head: usize,
    /// Bytes of the text.
    pub text: usize,
}

impl Span {
    /// The entry without what stands behind it.
    #[inline]
    pub fn entry_len(self) -> usize {
        self.head + self.text
    }

    /// The entry with what stands behind it.
    #[inline]
    pub fn total_len(self) -> usize {
        self.entry_len() + back_len(self.entry_len())
    }
}

/// The parts of the entry that begins `bytes`, which are of a valid pack.
#[inline]
pub fn span(bytes: &[u8]) -> Span {
    match bytes[0] {
        0..=0x7f => Span { head: 1, text: 0 },
        first @ 0x80..=0xbf => Span { head: 1, text: usize::from(first & 0x3f) },
        0xc0..=0xdf => Span { head: 2, text: 0 },
        first @ 0xe0..=0xef => {
            Span { head: 2, text: usize::from(first & 0x0f) << 8 | usize::from(bytes[1]) }
        }
        TEXT_32 => {
            let [_, a, b, c, d, ..] = *bytes else { return Span { head: 5, text: 0 } };
            Span { head: 5, text: u32::from_le_bytes([a, b, c, d]) as usize }
        }
        INT_16 => Span { head: 3, text: 0 },
        INT_24 => Span { head: 4, text: 0 },
        INT_32 => Span { head: 5, text: 0 },
        _ => Span { head: 9, text: 0 },
    }
}

/// The integer of an entry that has no text.
#[inline]
pub fn integer(bytes: &[u8]) -> i64 {
    match *bytes {
        [first @ 0..=0x7f, ..] => i64::from(first),
        [first @ 0xc0..=0xdf, second, ..] => {
            let bits = u16::from(first & 0x1f) << 8 | u16::from(second);
            i64::from((bits << 3) as i16 >> 3)
        }
        [INT_16, a, b, ..] => i64::from(i16::from_le_bytes([a, b])),
        [INT_24, a, b, c, ..] => i64::from(i32::from_le_bytes([0, a, b, c]) >> 8),
        [INT_32, a, b, c, d, ..] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [_, a, b, c, d, e, f, g, h, ..] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

/// The element that begins `bytes`, and where its parts are.
#[inline]
pub fn element(bytes: &[u8]) -> (Element<'_>, Span) {
    let span = span(bytes);
    if is_text(bytes[0]) {
        (Element::Text(&bytes[span.head..span.entry_len()]), span)
    } else {
        (Element::Int(integer(bytes)), span)
    }
}

/// Whether an entry that begins so is a text.
#[inline]
pub fn is_text(first: u8) -> bool {
    matches!(first, 0x80..=0xbf | 0xe0..=TEXT_32)
}

/// How many bytes tell an entry's length behind it.
#[inline]
pub fn back_len(entry_len: usize) -> usize {
    // The last value of each size but the first goes to the next one, as stock servers have it.
    match entry_len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// The entry's length as told by the bytes that end `bytes`, and how many tell it. `None` if they
/// tell nothing.
#[inline]
pub fn read_back(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut len = 0;
    for (index, &byte) in bytes.iter().rev().take(BACK_MAX).enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((len, index + 1));
        }
    }
    None
}

/// A new entry's first bytes: all of an integer, all before a text. On the stack.
pub struct Head {
    bytes: [u8; HEAD_MAX],
    len: usize,
}

impl Head {
    /// The shortest form for an element.
    pub fn of(element: Element<'_>) -> Head {
        match element {
            Element::Int(number) => Head::of_int(number),
            Element::Text(text) => Head::of_text(text.len()),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn of_int(number: i64) -> Head {
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        match number {
            0..=127 => Head::new(&[a]),
            -4096..=4095 => Head::new(&[0xc0 | b & 0x1f, a]),
            -0x8000..=0x7fff => Head::new(&[INT_16, a, b]),
            -0x80_0000..=0x7f_ffff => Head::new(&[INT_24, a, b, c]),
            -0x8000_0000..=0x7fff_ffff => Head::new(&[INT_32, a, b, c, d]),
            _ => Head::new(&[INT_64, a, b, c, d, e, f, g, h]),
        }
    }

    fn of_text(len: usize) -> Head {
        // Whoever adds an element has made sure that the pack stays below 4 GiB.
        let [a, b, c, d] = (len as u32).to_le_bytes();
        match len {
            0..=63 => Head::new(&[0x80 | a]),
            64..=4095 => Head::new(&[0xe0 | b, a]),
            _ => Head::new(&[TEXT_32, a, b, c, d]),
        }
    }

    fn new(from: &[u8]) -> Head {
        let mut bytes = [0; HEAD_MAX];
        bytes[..from.len()].copy_from_slice(from);
        Head { bytes, len: from.len() }
    }
}

/// Writes the length that stands behind an entry into the last bytes of `into`.
pub fn write_back(into: &mut [u8], entry_len: usize) {
    let mut left = entry_len;
    for byte in into.iter_mut().rev() {
        *byte = (left & 0x7f) as u8 | 0x80;
        left >>= 7;
    }
    if let Some(first) = into.first_mut() {
        *first &= 0x7f;
    }
}

/// Checks the entry that begins `bytes`, behind which at least the end mark must follow; its whole
/// length.
///
/// # Errors
/// What is wrong with it.
pub fn check(bytes: &[u8]) -> Result<usize, Invalid> {
    let first = *bytes.first().ok_or(ENDS_EARLY)?;
    if first > INT_64 {
        return Err(Invalid("a listpack entry of an encoding that does not exist"));
    }
    let head_len = match first {
        0xe0..=0xef => 2,
        TEXT_32 => 5,
        _ => 1,
    };
    if bytes.len() < head_len {
        return Err(ENDS_EARLY);
    }
    let span = span(bytes);
    let (entry_len, total_len) = (span.entry_len(), span.total_len());
    if bytes.len() <= total_len {
        return Err(ENDS_EARLY);
    }
    if read_back(&bytes[entry_len..total_len]) != Some((entry_len, total_len - entry_len)) {
        return Err(Invalid("a listpack entry of another length than it says"));
    }
    Ok(total_len)
}

const ENDS_EARLY: Invalid = Invalid("a listpack that ends inside an entry");
const TEXT_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;
/// A 64-bit integer.
const HEAD_MAX: usize = 9;
/// 35 bits, more than a pack can have.
const BACK_MAX: usize = 5;
