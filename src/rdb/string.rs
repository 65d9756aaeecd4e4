//! Strings: keys, aux fields, values and elements. Three forms: a length and the bytes; an integer
//! of 8, 16 or 32 bits; a compressed text with both its lengths. Pure, any core.
//!
//! What always holds while reading: memory is bounded by what has arrived, whatever lengths are
//! declared: twice the bytes of a plain string, [`lzf::EXPANSION_MAX`] times those of a packed one.

use bytes::Bytes;

use crate::base::lzf::{self, Compressor};
use crate::base::number;
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::length::{self, Length};
use crate::rdb::reader::Reader;
use crate::rdb::record::{StringRef, StringValue};

/// A string on its way in. After it has given its value it is ready for the next one.
#[derive(Debug, Default)]
pub enum StringReader {
    /// Before the first byte, or inside the length.
    #[default]
    Start,
    /// An integer of so many bytes.
    Int(u8),
    /// Bytes as they are.
    Plain(Body),
    /// Before or inside the length of the compressed bytes.
    PackedLength,
    /// Before or inside the length of the text; the length of the compressed bytes is known.
    TextLength(u64),
    /// Compressed bytes, and how long the text is.
    Packed(Body, usize),
}

/// Bytes of which the number is known.
#[derive(Debug)]
pub struct Body {
    length: usize,
    bytes: Vec<u8>,
    /// Where the first of them is, for messages.
    offset: u64,
}

impl StringReader {
    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// What is wrong with the encoding, the lengths or the compressed bytes.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<StringValue>, RdbError> {
        loop {
            match self {
                StringReader::Start => match length::read(reader, input)? {
                    None => return Ok(None),
                    Some(length) => *self = begin(reader, length)?,
                },
                StringReader::Int(encoding) => {
                    let Some(integer) = integer(*encoding, reader, input) else { return Ok(None) };
                    *self = StringReader::Start;
                    return Ok(Some(StringValue::Int(integer)));
                }
                StringReader::Plain(body) => {
                    if !reader.fill(input, &mut body.bytes, body.length) {
                        return Ok(None);
                    }
                    let bytes = std::mem::take(&mut body.bytes);
                    *self = StringReader::Start;
                    return Ok(Some(StringValue::Bytes(Bytes::from(bytes))));
                }
                StringReader::PackedLength => match length::read_count(reader, input)? {
                    None => return Ok(None),
                    Some(packed) => *self = StringReader::TextLength(packed),
                },
                StringReader::TextLength(packed) => match length::read_count(reader, input)? {
                    None => return Ok(None),
                    Some(text) => *self = begin_packed(reader, *packed, text)?,
                },
                StringReader::Packed(body, text_length) => {
                    if !reader.fill(input, &mut body.bytes, body.length) {
                        return Ok(None);
                    }
                    let text = lzf::decompress(&body.bytes, *text_length)
                        .map_err(|lzf::Invalid| RdbError::Lzf { offset: body.offset })?;
                    *self = StringReader::Start;
                    return Ok(Some(StringValue::Bytes(Bytes::from(text))));
                }
            }
        }
    }

    /// Bytes of memory the unfinished string owns.
    pub fn memory(&self) -> usize {
        match self {
            StringReader::Plain(body) | StringReader::Packed(body, _) => body.bytes.capacity(),
            _ => 0,
        }
    }
}

fn begin(reader: &Reader, length: Length) -> Result<StringReader, RdbError> {
    match length {
        Length::Count(count) => Ok(StringReader::Plain(Body::new(reader, count)?)),
        Length::Encoded(format::STRING_LZF) => Ok(StringReader::PackedLength),
        Length::Encoded(encoding) if encoding <= format::STRING_INT32 => {
            Ok(StringReader::Int(encoding))
        }
        Length::Encoded(encoding) => {
            Err(RdbError::StringEncoding { encoding, offset: reader.offset_before(1) })
        }
    }
}

fn begin_packed(reader: &Reader, packed: u64, text: u64) -> Result<StringReader, RdbError> {
    let body = Body::new(reader, packed)?;
    let text = checked(reader, text)?;
    if text as u64 > packed.saturating_mul(lzf::EXPANSION_MAX) {
        return Err(RdbError::Lzf { offset: body.offset });
    }
    Ok(StringReader::Packed(body, text))
}

impl Body {
    fn new(reader: &Reader, declared: u64) -> Result<Body, RdbError> {
        let length = checked(reader, declared)?;
        Ok(Body { length, bytes: Vec::new(), offset: reader.offset() })
    }
}

fn checked(reader: &Reader, declared: u64) -> Result<usize, RdbError> {
    let limit = reader.string_max();
    match usize::try_from(declared) {
        Ok(length) if declared <= limit => Ok(length),
        _ => Err(RdbError::StringTooLong { declared, limit, offset: reader.offset() }),
    }
}

fn integer(encoding: u8, reader: &mut Reader, input: &mut &[u8]) -> Option<i64> {
    match encoding {
        format::STRING_INT8 => Some(i64::from(i8::from_le_bytes(reader.take(input)?))),
        format::STRING_INT16 => Some(i64::from(i16::from_le_bytes(reader.take(input)?))),
        _ => Some(i64::from(i32::from_le_bytes(reader.take(input)?))),
    }
}

/// Appends a string in its shortest form; long ones are compressed if there is a compressor.
pub fn write(out: &mut Vec<u8>, string: StringRef<'_>, compressor: Option<&mut Compressor>) {
    match string {
        StringRef::Int(integer) => write_integer(out, integer),
        StringRef::Bytes(bytes) => write_bytes(out, bytes, compressor),
    }
}

/// [`write`] for bytes.
pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8], compressor: Option<&mut Compressor>) {
    if bytes.len() <= INTEGER_TEXT_MAX
        && let Some(integer) = number::parse_i64(bytes).and_then(|it| i32::try_from(it).ok())
    {
        return write_integer(out, i64::from(integer));
    }
    if bytes.len() >= PACKED_MIN
        && let Some(compressor) = compressor
        && write_packed(out, bytes, compressor)
    {
        return;
    }
    length::write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_integer(out: &mut Vec<u8>, integer: i64) {
    let mark = |encoding| format::LENGTH_ENCODED << 6 | encoding;
    if let Ok(integer) = i8::try_from(integer) {
        out.push(mark(format::STRING_INT8));
        out.extend_from_slice(&integer.to_le_bytes());
    } else if let Ok(integer) = i16::try_from(integer) {
        out.push(mark(format::STRING_INT16));
        out.extend_from_slice(&integer.to_le_bytes());
    } else if let Ok(integer) = i32::try_from(integer) {
        out.push(mark(format::STRING_INT32));
        out.extend_from_slice(&integer.to_le_bytes());
    } else {
        length::write(out, number::i64_length(integer) as u64);
        number::append_i64(out, integer);
    }
}

/// The length of the compressed bytes stands before them and is known only afterwards, so they are
/// made at the end of `out` and moved behind their lengths.
fn write_packed(out: &mut Vec<u8>, text: &[u8], compressor: &mut Compressor) -> bool {
    let start = out.len();
    if !compressor.compress(text, out, text.len() - PACKED_GAIN_MIN) {
        return false;
    }
    let packed_length = out.len() - start;
    out.push(format::LENGTH_ENCODED << 6 | format::STRING_LZF);
    length::write(out, packed_length as u64);
    length::write(out, text.len() as u64);
    out[start..].rotate_left(packed_length);
    true
}

/// "-2147483648": no longer text is an integer of 32 bits.
const INTEGER_TEXT_MAX: usize = 11;
/// Shorter strings are not worth compressing; stock servers draw the same line.
const PACKED_MIN: usize = 21;
/// Bytes compression must save at least, its own lengths aside.
const PACKED_GAIN_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], compressor: Option<&mut Compressor>, expected: StringValue) {
        let mut out = Vec::new();
        write_bytes(&mut out, bytes, compressor);
        for part in [1, 2, 7, out.len()] {
            let (mut reader, mut string) = (Reader::new(u64::MAX), StringReader::default());
            let mut read = None;
            for mut input in out.chunks(part) {
                assert_eq!(read, None);
                read = string.step(&mut reader, &mut input).expect("it was written here");
                assert!(input.is_empty());
            }
            assert_eq!(read.as_ref(), Some(&expected), "in parts of {part}");
        }
    }

    #[test]
    fn strings_come_back_in_every_form() {
        let bytes = |text: &[u8]| StringValue::Bytes(Bytes::copy_from_slice(text));
        for edge in [0, 127, 128, 32767, 32768, i64::from(i32::MAX)] {
            for integer in [edge, -edge - 1] {
                check(integer.to_string().as_bytes(), None, StringValue::Int(integer));
            }
        }
        for text in ["", "007", "-0", "+1", "2147483648", "-2147483649", "12345678901", "x"] {
            check(text.as_bytes(), None, bytes(text.as_bytes()));
        }
        let long: Vec<u8> = (0..70_000_u32).map(|index| (index % 251) as u8).collect();
        let mut compressor = Compressor::new();
        for length in [20, 21, 63, 64, 300, 16383, 16384, 70_000] {
            check(&long[..length], None, bytes(&long[..length]));
            check(&long[..length], Some(&mut compressor), bytes(&long[..length]));
        }
    }

    #[test]
    fn lengths_that_lie_are_refused_before_memory_is_taken() {
        let read = |bytes: &[u8]| {
            StringReader::default().step(&mut Reader::new(1000), &mut &bytes[..]).unwrap_err()
        };
        let too_long = RdbError::StringTooLong { declared: 1001, limit: 1000, offset: 2 };
        assert_eq!(read(&[0x43, 0xe9]), too_long);
        assert_eq!(read(&[0xc3, 2, 0x40, 177]), RdbError::Lzf { offset: 4 });
        assert_eq!(read(&[0xc4]), RdbError::StringEncoding { encoding: 4, offset: 0 });
        assert_eq!(read(&[0xc3, 2, 3, 0x20, 0]), RdbError::Lzf { offset: 3 });
    }
}
