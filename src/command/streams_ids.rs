//! Ids of stream entries as arguments. Pure, any core. The grammar is that of stock servers: a
//! number, or two with `-` between them; `-` and `+` for the ends where ranges are meant.

use super::error::CommandError;
use crate::base::number;
use crate::keyspace::types::stream::id::StreamId;

/// The id that XADD is asked to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`: the time now.
    Now,
    /// `ms-*`: the next one of that time.
    NextOf(u64),
    /// This one.
    Given(StreamId),
}

/// Which end of a range an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The lower one.
    From,
    /// The upper one.
    To,
}

/// Reads an id; one without a second number has 0 there.
///
/// # Errors
/// `Invalid stream ID`.
pub fn parse(text: &[u8]) -> Result<StreamId, CommandError> {
    parse_with(text, 0)
}

/// Reads the end of a range: an id, `-` or `+`, or an id to be left out, behind `(`. Without its
/// second number an id means its whole millisecond.
///
/// # Errors
/// `Invalid stream ID`, or that nothing is left on that side of what is left out.
pub fn parse_end(text: &[u8], end: End) -> Result<StreamId, CommandError> {
    let missing = if end == End::From { 0 } else { u64::MAX };
    if let [b'(', rest @ ..] = text
        && !rest.is_empty()
    {
        let id = parse_with(rest, missing)?;
        return match end {
            End::From => id.next().ok_or(NOTHING_AFTER),
            End::To => id.previous().ok_or(NOTHING_BEFORE),
        };
    }
    match cut(text) {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => parse_with(text, missing),
    }
}

/// Reads the id of an entry to be added.
///
/// # Errors
/// `Invalid stream ID`.
pub fn parse_new(text: &[u8]) -> Result<NewId, CommandError> {
    if text == b"*" {
        return Ok(NewId::Now);
    }
    if let Some(ms) = cut(text).strip_suffix(b"-*")
        && text.len() <= TEXT_MAX
        && let Some(ms) = parse_part(ms)
    {
        return Ok(NewId::NextOf(ms));
    }
    parse(text).map(NewId::Given)
}

fn parse_with(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    if text.len() > TEXT_MAX {
        return Err(INVALID);
    }
    let text = cut(text);
    let id = match memchr::memchr(b'-', text) {
        None => parse_part(text).map(|ms| StreamId::new(ms, missing_seq)),
        Some(dash) => parse_part(&text[..dash])
            .and_then(|ms| Some(StreamId::new(ms, parse_part(&text[dash + 1..])?))),
    };
    id.ok_or(INVALID)
}

/// To stock servers such text ends at a zero.
fn cut(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

/// A number as C's `strtoull` reads it, leading blanks, zeros and signs included, except that a
/// plainly negative one is none.
fn parse_part(text: &[u8]) -> Option<u64> {
    if let Some(number) = number::parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !blank(byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// What is said of a text that is no id.
pub const INVALID: CommandError =
    CommandError::text("ERR Invalid stream ID specified as stream command argument");
const NOTHING_AFTER: CommandError = CommandError::text("ERR invalid start ID for the interval");
const NOTHING_BEFORE: CommandError = CommandError::text("ERR invalid end ID for the interval");

/// Stock servers read no longer texts.
const TEXT_MAX: usize = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_a_stock_server_reads_them() {
        let check = |text: &str, expected: Option<(u64, u64)>| {
            let id = parse(text.as_bytes()).ok().map(|id| (id.ms, id.seq));
            assert_eq!(id, expected, "{text:?}");
        };
        check("5", Some((5, 0)));
        check("5-7", Some((5, 7)));
        check("18446744073709551615-18446744073709551615", Some((u64::MAX, u64::MAX)));
        check("18446744073709551616", None);
        check("01-+1", Some((1, 1)));
        check(" 1- 1", Some((1, 1)));
        check("1--1", None);
        check("1- -1", Some((1, u64::MAX)));
        check("1-1\0x", Some((1, 1)));
        for text in ["", "-", "+", "1-", "-1", "1-1-1", "x", "1-x", "(1", "*", "1-*"] {
            check(text, None);
        }
        check(&"0".repeat(127), Some((0, 0)));
        check(&"0".repeat(128), None);
    }

    #[test]
    fn ends_of_ranges_may_be_open_or_left_out() {
        let id = StreamId::new;
        assert_eq!(parse_end(b"-", End::To), Ok(StreamId::MIN));
        assert_eq!(parse_end(b"+", End::From), Ok(StreamId::MAX));
        assert_eq!(parse_end(b"3", End::To), Ok(id(3, u64::MAX)));
        assert_eq!(parse_end(b"(3", End::From), Ok(id(3, 1)));
        assert_eq!(parse_end(b"(3", End::To), Ok(id(3, u64::MAX - 1)));
        assert_eq!(parse_end(b"(0-0", End::To), Err(NOTHING_BEFORE));
        assert_eq!(parse_end(b"(-", End::From), Err(INVALID));
        assert_eq!(parse_end(b"(", End::From), Err(INVALID));
    }
}
