//! The length encoding, which also announces encoded strings. Pure, any core.
//!
//! ```text
//! 00xxxxxx                      6 bits
//! 01xxxxxx xxxxxxxx             14 bits, big-endian
//! 10000000 + 4 bytes            32 bits, big-endian
//! 10000001 + 8 bytes            64 bits, big-endian
//! 11xxxxxx                      not a length: a string's encoding
//! ```

use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::reader::Reader;

/// What a length's bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes or elements follow.
    Count(u64),
    /// A string follows in this special encoding.
    Encoded(u8),
}

/// Reads a length or a string's encoding; `None` if the input ends before.
///
/// # Errors
/// [`RdbError::LengthEncoding`].
pub fn read(reader: &mut Reader, input: &mut &[u8]) -> Result<Option<Length>, RdbError> {
    if !reader.hold(input, reader.held().len().max(1)) {
        return Ok(None);
    }
    let first = reader.held()[0];
    let size = match (first >> 6, first) {
        (format::LENGTH_14, _) => 2,
        (_, format::LENGTH_32) => 5,
        (_, format::LENGTH_64) => 9,
        (format::LENGTH_LONG, _) => {
            let offset = reader.offset_before(1);
            return Err(RdbError::LengthEncoding { byte: first, offset });
        }
        _ => 1,
    };
    if !reader.hold(input, size) {
        return Ok(None);
    }
    let low = first & 0x3f;
    let length = match (first >> 6, reader.held()) {
        (format::LENGTH_ENCODED, _) => Length::Encoded(low),
        (format::LENGTH_14, [_, second]) => Length::Count(u64::from(low) << 8 | u64::from(*second)),
        (_, [_, rest @ ..]) if !rest.is_empty() => Length::Count(big_endian(rest)),
        _ => Length::Count(u64::from(low)),
    };
    reader.let_go();
    Ok(Some(length))
}

/// Reads a length where nothing else may stand.
///
/// # Errors
/// [`RdbError::LengthEncoding`].
pub fn read_count(reader: &mut Reader, input: &mut &[u8]) -> Result<Option<u64>, RdbError> {
    match read(reader, input)? {
        None => Ok(None),
        Some(Length::Count(count)) => Ok(Some(count)),
        Some(Length::Encoded(encoding)) => {
            let byte = format::LENGTH_ENCODED << 6 | encoding;
            Err(RdbError::LengthEncoding { byte, offset: reader.offset_before(1) })
        }
    }
}

/// Appends a length in its shortest form.
pub fn write(out: &mut Vec<u8>, count: u64) {
    if count < 1 << 6 {
        out.push(count as u8);
    } else if count < 1 << 14 {
        out.extend_from_slice(&[format::LENGTH_14 << 6 | (count >> 8) as u8, count as u8]);
    } else if let Ok(count) = u32::try_from(count) {
        out.push(format::LENGTH_32);
        out.extend_from_slice(&count.to_be_bytes());
    } else {
        out.push(format::LENGTH_64);
        out.extend_from_slice(&count.to_be_bytes());
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_back_whatever_the_parts() {
        let around = |middle: u64| [middle - 1, middle, middle + 1];
        let powers = [1 << 6, 1 << 8, 1 << 14, 1 << 16, 1 << 32, 1 << 63];
        let counts = powers.into_iter().flat_map(around).chain([0, 1, u64::MAX]);
        for count in counts {
            let mut bytes = Vec::new();
            write(&mut bytes, count);
            for split in 0..bytes.len() {
                let mut reader = Reader::new(0);
                assert_eq!(read_count(&mut reader, &mut &bytes[..split]), Ok(None));
                assert_eq!(read_count(&mut reader, &mut &bytes[split..]), Ok(Some(count)));
                assert_eq!(reader.offset(), bytes.len() as u64);
            }
        }
    }

    #[test]
    fn a_first_byte_that_means_nothing_is_refused() {
        for byte in 0x82..0xc0 {
            let refused = read(&mut Reader::new(0), &mut &[byte, 0, 0][..]);
            assert_eq!(refused, Err(RdbError::LengthEncoding { byte, offset: 0 }));
        }
        let refused = read_count(&mut Reader::new(0), &mut &[0xc3][..]);
        assert_eq!(refused, Err(RdbError::LengthEncoding { byte: 0xc3, offset: 0 }));
    }
}
