//! Inline commands: a line typed by a person, split at blanks, with quotes. Pure, any core.
//!
//! Rules (recorded from Valkey 8.0.1): blanks before a word are space, tab, CR, LF, VT and FF; a
//! word ends at space, tab, CR or LF only. `"…"` knows `\n \r \t \b \a \xHH`, any other `\c` is
//! `c`; `'…'` knows only `\'`. A quote may open within a word; behind a closing quote only a blank
//! or the end of the line may follow.

use crate::resp::error::ProtocolError;
use crate::resp::request::Span;
use bytes::Bytes;

/// Splits `line` (without its line end), which begins at index `offset` of the request. Words
/// without quotes are spans; words with quotes are rebuilt in `big`.
pub fn split(
    line: &[u8],
    offset: usize,
    spans: &mut Vec<Span>,
    big: &mut Vec<Bytes>,
) -> Result<(), ProtocolError> {
    let mut index = 0;
    loop {
        index += line[index..].iter().take_while(|&&byte| is_blank(byte)).count();
        if index == line.len() {
            return Ok(());
        }
        let plain = line[index..].iter().take_while(|&&byte| !ends_plain(byte)).count();
        let end = index + plain;
        let span = if matches!(line.get(end), Some(b'"' | b'\'')) {
            let (word, next) = quoted_word(line, index)?;
            index = next;
            big.push(Bytes::from(word));
            Span::out_of_line(big.len() - 1)
        } else {
            let start = index;
            index = end;
            Span::in_line(offset + start, offset + end)
        };
        spans.push(span.ok_or(ProtocolError::TooBigRequest)?);
    }
}

/// Rebuilds the word that begins at `index` and has a quote in it; returns it and where it ends.
fn quoted_word(line: &[u8], mut index: usize) -> Result<(Vec<u8>, usize), ProtocolError> {
    let mut word = Vec::new();
    while let Some(&byte) = line.get(index) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => break,
            b'"' | b'\'' => {
                let end = unquote(line, index + 1, byte, &mut word)?;
                return match line.get(end) {
                    Some(&next) if !is_blank(next) => Err(ProtocolError::UnbalancedQuotes),
                    _ => Ok((word, end)),
                };
            }
            _ => word.push(byte),
        }
        index += 1;
    }
    Ok((word, index))
}

/// Appends what stands between quotes from `index` on; returns the place behind the closing one.
fn unquote(
    line: &[u8],
    mut index: usize,
    quote: u8,
    word: &mut Vec<u8>,
) -> Result<usize, ProtocolError> {
    loop {
        let (byte, taken) = match (line.get(index), line.get(index + 1)) {
            (None, _) => return Err(ProtocolError::UnbalancedQuotes),
            (Some(&byte), _) if byte == quote => return Ok(index + 1),
            (Some(b'\\'), Some(b'\'')) if quote == b'\'' => (b'\'', 2),
            (Some(b'\\'), Some(&escaped)) if quote == b'"' => {
                match (
                    escaped,
                    line.get(index + 2).and_then(hex),
                    line.get(index + 3).and_then(hex),
                ) {
                    (b'x', Some(high), Some(low)) => (high << 4 | low, 4),
                    _ => (unescape(escaped), 2),
                }
            }
            (Some(&byte), _) => (byte, 1),
        };
        word.push(byte);
        index += taken;
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// Ends the part of a word that can be taken as it stands.
fn ends_plain(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::request::Args;

    fn check(line: &[u8], expected: Option<&[&[u8]]>) {
        let (mut spans, mut big) = (Vec::new(), Vec::new());
        let result = split(line, 0, &mut spans, &mut big);
        let words: Vec<&[u8]> = Args::new(line, &spans, &big).into_iter().collect();
        match expected {
            Some(expected) => assert_eq!((result, &words[..]), (Ok(()), expected), "{line:?}"),
            None => assert_eq!(result, Err(ProtocolError::UnbalancedQuotes), "{line:?}"),
        }
    }

    #[test]
    fn words_are_split_at_blanks() {
        check(b"", Some(&[]));
        check(b" \t\r\x0b\x0c", Some(&[]));
        check(b"  PING\t ", Some(&[b"PING"]));
        check(b"ECHO \x0ba\x0c", Some(&[b"ECHO", b"a\x0c"]));
        check(b"ECHO\x0ba\x0cb", Some(&[b"ECHO\x0ba\x0cb"]));
        check(b"ECHO a\rb", Some(&[b"ECHO", b"a", b"b"]));
        check(b"ECHO a\\nb", Some(&[b"ECHO", b"a\\nb"]));
    }

    #[test]
    fn quotes_keep_blanks_and_know_escapes() {
        check(b"\"a b\" c", Some(&[b"a b", b"c"]));
        check(b"a\"b c\" ''", Some(&[b"ab c", b""]));
        check(b"a\"\"", Some(&[b"a"]));
        check(br#""\x41\x4g\n\r\t\b\a\q\"\\""#, Some(&[b"Ax4g\n\r\t\x08\x07q\"\\"]));
        check(br#""\x4""#, Some(&[b"x4"]));
        check(br"'a\'b\n' c", Some(&[br"a'b\n", b"c"]));
        check(b"\"a\"\x0b\"b\"", Some(&[b"a", b"b"]));
    }

    #[test]
    fn quotes_must_close_before_a_blank() {
        let open: [&[u8]; 8] =
            [b"\"a", b"'a", b"\"a\"b", b"'a'b", b"a\"b\"c", b"\"a\"\"b\"", b"\"\\\"", b"'\\'"];
        for line in open {
            check(line, None);
        }
    }
}
