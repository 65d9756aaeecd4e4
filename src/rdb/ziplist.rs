//! Ziplists: the flat form of small collections in files of before Redis 7. Read only; pure, any
//! core.
//!
//! ```text
//! bytes in all(4)  place of the last entry(4)  entries(2)  entry ... entry  0xff  little-endian
//!
//! entry: length of the one before (1 byte below 254, else 254 and 4 bytes), then one of
//! 00xxxxxx text                  text of up to 63 bytes
//! 01xxxxxx +1 text               14 bits of length, big-endian
//! 10______ +4 text               32 bits of length, big-endian
//! 11000000 +2, 11010000 +4, 11100000 +8, 11110000 +3, 11111110 +1    integers, little-endian
//! 1111xxxx                       integer xxxx - 1, xxxx from 1 to 13
//! ```
//!
//! 65535 as the number of entries says "count them".

use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::listpack::ListPack;

/// A ziplist that was checked in every part.
#[derive(Clone, Copy, Debug)]
pub struct Ziplist<'a> {
    entries: &'a [u8],
    len: usize,
}

impl<'a> Ziplist<'a> {
    /// Checks foreign bytes.
    ///
    /// # Errors
    /// Whatever contradicts the layout, anywhere.
    pub fn checked(bytes: &'a [u8]) -> Result<Ziplist<'a>, Invalid> {
        let (header, entries) = bytes.split_first_chunk::<HEADER>().ok_or(TOO_SHORT)?;
        let (&end, entries) = entries.split_last().ok_or(TOO_SHORT)?;
        let [a, b, c, d, e, f, g, h, i, j] = *header;
        if end != END || u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
            return Err(Invalid("a ziplist of another length than it says"));
        }
        let (mut at, mut last, mut len) = (0, 0, 0);
        while at < entries.len() {
            let entry = entry(&entries[at..]).ok_or(Invalid("a ziplist with a broken entry"))?;
            if entry.before != at - last {
                return Err(Invalid("a ziplist entry not as long as the next one says"));
            }
            (last, at) = (at, at + entry.len);
            len += 1;
        }
        if u32::from_le_bytes([e, f, g, h]) as usize != HEADER + last {
            return Err(Invalid("a ziplist with its last entry elsewhere than it says"));
        }
        let told = u16::from_le_bytes([i, j]);
        if told != u16::MAX && usize::from(told) != len {
            return Err(Invalid("a ziplist with another number of entries than it says"));
        }
        Ok(Ziplist { entries, len })
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            let entry = entry(rest)?;
            rest = &rest[entry.len..];
            Some(entry.element)
        })
    }

    /// The same elements as today's flat form has them.
    pub fn to_list_pack(&self) -> ListPack {
        self.iter().collect()
    }
}

struct Entry<'a> {
    /// How long the entry before says it is.
    before: usize,
    element: Element<'a>,
    /// All its bytes.
    len: usize,
}

/// The entry that begins `bytes`; `None` if there is none or it is broken.
fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let (before, body) = match bytes {
        [BEFORE_LONG, a, b, c, d, body @ ..] => {
            (u32::from_le_bytes([*a, *b, *c, *d]) as usize, body)
        }
        [before @ 0..BEFORE_LONG, body @ ..] => (usize::from(*before), body),
        _ => return None,
    };
    let (element, rest) = element(body)?;
    Some(Entry { before, element, len: bytes.len() - rest.len() })
}

fn element(body: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&first, rest) = body.split_first()?;
    let text = |len: usize, rest: &'_ [u8]| -> Option<(usize, usize)> {
        (len <= rest.len()).then_some((body.len() - rest.len(), len))
    };
    let (start, len) = match (first, rest) {
        (0..=0x3f, _) => text(usize::from(first), rest)?,
        (0x40..=0x7f, [low, rest @ ..]) => {
            text(usize::from(first & 0x3f) << 8 | usize::from(*low), rest)?
        }
        (0x80..=0xbf, [a, b, c, d, rest @ ..]) => {
            text(u32::from_be_bytes([*a, *b, *c, *d]) as usize, rest)?
        }
        _ => return integer(first, rest),
    };
    let (text, rest) = body[start..].split_at(len);
    // Through `from`: what was written by others may spell an integer as text.
    Some((Element::from(text), rest))
}

fn integer(first: u8, rest: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (number, rest) = match (first, rest) {
        (0xc0, [a, b, rest @ ..]) => (i64::from(i16::from_le_bytes([*a, *b])), rest),
        (0xd0, [a, b, c, d, rest @ ..]) => (i64::from(i32::from_le_bytes([*a, *b, *c, *d])), rest),
        (0xe0, _) => {
            let (number, rest) = rest.split_first_chunk::<8>()?;
            (i64::from_le_bytes(*number), rest)
        }
        (0xf0, [a, b, c, rest @ ..]) => (i64::from(i32::from_le_bytes([0, *a, *b, *c]) >> 8), rest),
        (0xfe, [a, rest @ ..]) => (i64::from(*a as i8), rest),
        (0xf1..=0xfd, _) => (i64::from(first & 0x0f) - 1, rest),
        _ => return None,
    };
    Some((Element::Int(number), rest))
}

const TOO_SHORT: Invalid = Invalid("a ziplist without a header or an end");
const HEADER: usize = 10;
const END: u8 = 0xff;
/// Before a length of four bytes.
const BEFORE_LONG: u8 = 254;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::base::crc64::crc64;
    use crate::base::stock::{Answer, Stock};

    /// A ziplist of texts, as the old servers wrote them.
    pub fn write(texts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        let mut last = HEADER;
        for (index, text) in texts.iter().enumerate() {
            let start = bytes.len();
            let before = if index == 0 { 0 } else { start - last };
            match u8::try_from(before) {
                Ok(before) if before < BEFORE_LONG => bytes.push(before),
                _ => {
                    bytes.push(BEFORE_LONG);
                    bytes.extend_from_slice(&(before as u32).to_le_bytes());
                }
            }
            write_element(&mut bytes, text);
            last = start;
        }
        bytes.push(END);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..8].copy_from_slice(&(last as u32).to_le_bytes());
        bytes[8..10].copy_from_slice(&(texts.len() as u16).to_le_bytes());
        bytes
    }

    fn write_element(bytes: &mut Vec<u8>, text: &[u8]) {
        let Element::Int(number) = Element::from(text) else {
            let [.., c, b, a] = (text.len() as u32).to_be_bytes();
            match text.len() {
                0..=0x3f => bytes.push(a),
                0x40..=0x3fff => bytes.extend_from_slice(&[0x40 | b, a]),
                _ => bytes.extend_from_slice(&[0x80, 0, c, b, a]),
            }
            return bytes.extend_from_slice(text);
        };
        let little = number.to_le_bytes();
        match number {
            0..=12 => bytes.push(0xf1 + number as u8),
            -0x80..=0x7f => bytes.extend_from_slice(&[0xfe, little[0]]),
            -0x8000..=0x7fff => {
                bytes.push(0xc0);
                bytes.extend_from_slice(&little[..2]);
            }
            -0x80_0000..=0x7f_ffff => {
                bytes.push(0xf0);
                bytes.extend_from_slice(&little[..3]);
            }
            -0x8000_0000..=0x7fff_ffff => {
                bytes.push(0xd0);
                bytes.extend_from_slice(&little[..4]);
            }
            _ => {
                bytes.push(0xe0);
                bytes.extend_from_slice(&little);
            }
        }
    }

    /// A payload for RESTORE with one string in it.
    pub fn payload(code: u8, flat: &[u8]) -> Vec<u8> {
        let mut payload = vec![code, 0x80];
        payload.extend_from_slice(&(flat.len() as u32).to_be_bytes());
        payload.extend_from_slice(flat);
        payload.extend_from_slice(&9_u16.to_le_bytes());
        payload.extend_from_slice(&crc64(&payload).to_le_bytes());
        payload
    }

    fn texts() -> Vec<Vec<u8>> {
        let mut texts: Vec<Vec<u8>> = [
            0,
            12,
            13,
            -1,
            127,
            -128,
            128,
            32767,
            -32768,
            32768,
            8_388_607,
            -8_388_608,
            8_388_608,
            2_147_483_647,
            -2_147_483_648,
            2_147_483_648,
            i64::MAX,
            i64::MIN,
        ]
        .iter()
        .map(|number: &i64| number.to_string().into_bytes())
        .collect();
        let lengths = [0, 1, 63, 64, 250, 251, 252, 253, 254, 16_383, 16_384, 3];
        texts.extend(lengths.map(|length| vec![b'x'; length]));
        texts
    }

    #[test]
    fn elements_of_every_form_are_read() {
        let texts = texts();
        let borrowed: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let bytes = write(&borrowed);
        let list = Ziplist::checked(&bytes).expect("it was written as described");
        assert_eq!(list.len(), texts.len());
        assert!(list.iter().map(|element| element.to_vec()).eq(texts.iter().cloned()));
        assert!(list.to_list_pack().iter().eq(list.iter()));
        let empty = write(&[]);
        assert!(Ziplist::checked(&empty).expect("as described").is_empty());
    }

    #[test]
    fn what_is_read_is_what_a_stock_server_reads() {
        let Some(mut stock) = Stock::start("valkey-server", &[]) else { return };
        let texts = texts();
        let borrowed: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let payload = payload(10, &write(&borrowed));
        let restored = stock.call(&[&b"RESTORE"[..], b"list", b"0", &payload]);
        assert_eq!(restored, Answer::Text(b"OK".to_vec()));
        let expected = texts.into_iter().map(Answer::Text).collect();
        assert_eq!(stock.call(&["LRANGE", "list", "0", "-1"]), Answer::Array(expected));
    }

    #[test]
    fn every_damage_is_refused_or_harmless() {
        let texts: Vec<Vec<u8>> = texts().into_iter().filter(|text| text.len() < 300).collect();
        let borrowed: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let good = write(&borrowed);
        for at in 0..good.len() {
            assert!(Ziplist::checked(&good[..at]).is_err());
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                if let Ok(list) = Ziplist::checked(&bytes) {
                    assert_eq!(list.iter().count(), list.len());
                }
            }
        }
    }
}
