//! A RESP2 or RESP3 value as the wire shows it: nothing is folded together, so that two servers'
//! replies can be compared exactly. Three nulls are three things here.

use std::fmt;
use std::io::{self, BufRead, Read};

/// One reply.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `+text`
    Simple(Vec<u8>),
    /// `-text`
    Error(Vec<u8>),
    /// `:n`
    Integer(i64),
    /// `$len`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `*n`
    Array(Vec<Value>),
    /// `#t`, `#f`
    Boolean(bool),
    /// `,text`: the text, since its spelling is compared too
    Double(Vec<u8>),
    /// `(text`
    BigNumber(Vec<u8>),
    /// `!len`
    BulkError(Vec<u8>),
    /// `=len`: with its three-letter format
    Verbatim(Vec<u8>),
    /// `%n`: key, value, key, value …
    Map(Vec<Value>),
    /// `~n`
    Set(Vec<Value>),
    /// `>n`
    Push(Vec<Value>),
    /// `|n`: the attributes, then the value they belong to
    Attribute(Vec<Value>, Box<Value>),
}

impl Value {
    /// Reads one value; `InvalidData` when the bytes are no RESP.
    pub fn read(input: &mut impl BufRead) -> io::Result<Value> {
        let line = read_line(input)?;
        let (kind, rest) =
            line.split_first().ok_or_else(|| bad("an empty line where a reply should start"))?;
        Ok(match kind {
            b'+' => Value::Simple(rest.to_vec()),
            b'-' => Value::Error(rest.to_vec()),
            b':' => Value::Integer(number(rest)?),
            b'$' if number(rest)? < 0 => Value::NullBulk,
            b'$' => Value::Bulk(read_bulk(input, number(rest)?)?),
            b'!' => Value::BulkError(read_bulk(input, number(rest)?)?),
            b'=' => Value::Verbatim(read_bulk(input, number(rest)?)?),
            b'*' if number(rest)? < 0 => Value::NullArray,
            b'*' => Value::Array(read_items(input, number(rest)?)?),
            b'_' => Value::Null,
            b'#' => Value::Boolean(rest == b"t"),
            b',' => Value::Double(rest.to_vec()),
            b'(' => Value::BigNumber(rest.to_vec()),
            b'%' => Value::Map(read_items(input, 2 * number(rest)?)?),
            b'~' => Value::Set(read_items(input, number(rest)?)?),
            b'>' => Value::Push(read_items(input, number(rest)?)?),
            b'|' => {
                let attributes = read_items(input, 2 * number(rest)?)?;
                Value::Attribute(attributes, Box::new(Value::read(input)?))
            }
            _ => return Err(bad(&format!("no reply: {}", String::from_utf8_lossy(&line)))),
        })
    }

    /// The bytes of a string-like value, an error's too.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(text)
            | Value::Error(text)
            | Value::Bulk(text)
            | Value::Double(text)
            | Value::BigNumber(text)
            | Value::BulkError(text) => Some(text),
            Value::Verbatim(text) => text.get(4..),
            _ => None,
        }
    }

    /// A string-like value as text; panics on any other.
    pub fn text(&self) -> String {
        let bytes = self.bytes().unwrap_or_else(|| panic!("a string expected, got {self:?}"));
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// An integer; panics on any other.
    pub fn integer(&self) -> i64 {
        match self {
            Value::Integer(value) => *value,
            other => panic!("an integer expected, got {other:?}"),
        }
    }

    /// The members of an array, map, set or push; panics on any other.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Map(items) | Value::Set(items) | Value::Push(items) => {
                items
            }
            other => panic!("an array expected, got {other:?}"),
        }
    }

    /// Whether it is an error whose text begins with `prefix`.
    pub fn is_error(&self, prefix: &str) -> bool {
        match self {
            Value::Error(text) | Value::BulkError(text) => text.starts_with(prefix.as_bytes()),
            _ => false,
        }
    }

    /// Whether it is the status `+OK`.
    pub fn is_ok(&self) -> bool {
        *self == Value::Simple(b"OK".to_vec())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |out: &mut fmt::Formatter<'_>, name: &str, items: &[Value]| {
            write!(out, "{name}")?;
            out.debug_list().entries(items).finish()
        };
        match self {
            Value::Simple(text) => write!(out, "+{}", text.escape_ascii()),
            Value::Error(text) => write!(out, "-{}", text.escape_ascii()),
            Value::Integer(value) => write!(out, ":{value}"),
            Value::Bulk(text) => write!(out, "${:?}", Short(text)),
            Value::NullBulk => write!(out, "$-1"),
            Value::NullArray => write!(out, "*-1"),
            Value::Null => write!(out, "_"),
            Value::Array(items) => list(out, "*", items),
            Value::Boolean(value) => write!(out, "#{value}"),
            Value::Double(text) => write!(out, ",{}", text.escape_ascii()),
            Value::BigNumber(text) => write!(out, "({}", text.escape_ascii()),
            Value::BulkError(text) => write!(out, "!{}", text.escape_ascii()),
            Value::Verbatim(text) => write!(out, "={:?}", Short(text)),
            Value::Map(items) => list(out, "%", items),
            Value::Set(items) => list(out, "~", items),
            Value::Push(items) => list(out, ">", items),
            Value::Attribute(items, value) => {
                list(out, "|", items)?;
                value.fmt(out)
            }
        }
    }
}

/// Bytes for a message: escaped, and cut when long.
pub struct Short<'a>(pub &'a [u8]);

impl fmt::Debug for Short<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 200;
        let shown = &self.0[..self.0.len().min(SHOWN)];
        write!(out, "\"{}\"", shown.escape_ascii())?;
        if self.0.len() > SHOWN {
            write!(out, "… ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

fn read_items(input: &mut impl BufRead, count: i64) -> io::Result<Vec<Value>> {
    (0..count).map(|_| Value::read(input)).collect()
}

fn read_bulk(input: &mut impl BufRead, len: i64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(len).map_err(|_| bad("a negative length"))?;
    let mut bytes = Vec::new();
    input.take(len as u64 + 2).read_to_end(&mut bytes)?;
    if bytes.len() < len + 2 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.split_off(len) != b"\r\n" {
        return Err(bad("no CRLF after a bulk"));
    }
    Ok(bytes)
}

fn read_line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    match line.split_off(line.len().saturating_sub(2)).as_slice() {
        b"\r\n" => Ok(line),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn number(text: &[u8]) -> io::Result<i64> {
    let text = std::str::from_utf8(text).map_err(|_| bad("a number that is no text"))?;
    text.parse().map_err(|_| bad(&format!("no number: {text}")))
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
