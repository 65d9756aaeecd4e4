//! Reads replies as a client does: tools, links to a master, tests. Does no I/O; any core.
//!
//! Used as `parser` is: the same bytes and more after an incomplete answer. Always holds: nested
//! values are kept apart on a stack of bounded depth, so no input makes reading recursive, and
//! complete elements are not read again.

/// A reply. RESP2's and RESP3's types; both kinds of RESP2 null are [`Value::Null`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+`: a status.
    Simple(Vec<u8>),
    /// `-` or `!`: an error.
    Error(Vec<u8>),
    /// `:`.
    Integer(i64),
    /// `$`.
    Bulk(Vec<u8>),
    /// `_`, `$-1`, `*-1`.
    Null,
    /// `*`.
    Array(Vec<Value>),
    /// `%`.
    Map(Vec<(Value, Value)>),
    /// `~`.
    Set(Vec<Value>),
    /// `>`: not the reply to anything.
    Push(Vec<Value>),
    /// `,`.
    Double(f64),
    /// `#`.
    Boolean(bool),
    /// `(`: decimal digits.
    BigNumber(Vec<u8>),
    /// `=`: three characters of format, and the text.
    Verbatim([u8; 3], Vec<u8>),
}

/// Bytes that are no reply: close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A type's first byte that does not exist.
    #[error("unknown reply type '{}'", char::from(*.0).escape_default())]
    UnknownType(u8),
    /// A number, boolean or length that is not one.
    #[error("malformed reply of type '{}'", char::from(*.0))]
    Malformed(u8),
    /// A line above 64 KiB.
    #[error("reply line too long")]
    LineTooLong,
    /// A string beyond the limit given to [`ValueParser::new`].
    #[error("reply of {0} bytes is too long")]
    BulkTooLong(u64),
    /// Aggregates nested deeper than 128.
    #[error("reply nested too deep")]
    TooDeep,
}

/// The state of reading one connection's replies.
#[derive(Debug)]
pub struct ValueParser {
    bulk_max: u64,
    position: usize,
    scanned: usize,
    open: Vec<Open>,
}

/// An aggregate that lacks elements.
#[derive(Debug)]
struct Open {
    marker: u8,
    remaining: u64,
    elements: Vec<Value>,
}

/// What one line, or a line and its bulk, gave.
enum Element {
    Value(Value),
    Open(Open),
    Incomplete,
}

impl ValueParser {
    /// A parser that refuses strings above `bulk_max` bytes.
    pub fn new(bulk_max: u64) -> ValueParser {
        ValueParser { bulk_max, position: 0, scanned: 0, open: Vec::new() }
    }

    /// Goes on with the reply that begins at `buf[0]`: the value and the bytes it took, or `None`
    /// when more are needed. The next call begins a new reply. Attributes are read and dropped.
    pub fn step(&mut self, buf: &[u8]) -> Result<Option<(Value, usize)>, ValueError> {
        loop {
            match self.element(buf)? {
                Element::Incomplete => return Ok(None),
                Element::Open(open) if open.remaining > 0 => {
                    if self.open.len() >= DEPTH_MAX {
                        return Err(ValueError::TooDeep);
                    }
                    self.open.push(open);
                }
                Element::Open(open) => {
                    if let Some(value) = open.close().and_then(|value| self.add(value)) {
                        return Ok(Some((value, self.finish())));
                    }
                }
                Element::Value(value) => {
                    if let Some(value) = self.add(value) {
                        return Ok(Some((value, self.finish())));
                    }
                }
            }
        }
    }

    /// Forgets a half-read reply.
    pub fn reset(&mut self) {
        self.finish();
        self.open.clear();
    }

    fn finish(&mut self) -> usize {
        self.scanned = 0;
        std::mem::take(&mut self.position)
    }

    /// Adds a complete value to the innermost aggregate; returns the outermost one when that
    /// completes it.
    fn add(&mut self, mut value: Value) -> Option<Value> {
        while let Some(open) = self.open.last_mut() {
            open.elements.push(value);
            open.remaining -= 1;
            if open.remaining > 0 {
                return None;
            }
            // A complete attribute is no value: what it describes is still to come.
            value = self.open.pop()?.close()?;
        }
        Some(value)
    }

    /// Reads a header line and, for strings, the bytes behind it.
    fn element(&mut self, buf: &[u8]) -> Result<Element, ValueError> {
        let Some(end) = self.line_end(buf)? else { return Ok(Element::Incomplete) };
        let next = end + 1;
        let line = &buf[self.position..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((&marker, text)) = line.split_first() else {
            return Err(ValueError::UnknownType(b'\r'));
        };
        let malformed = ValueError::Malformed(marker);
        let value = match marker {
            b'+' => Value::Simple(text.to_vec()),
            b'-' => Value::Error(text.to_vec()),
            b':' => Value::Integer(parse(text).ok_or(malformed)?),
            b',' => Value::Double(parse(text).ok_or(malformed)?),
            b'(' => Value::BigNumber(text.to_vec()),
            b'_' => Value::Null,
            b'#' => Value::Boolean(match text {
                b"t" => true,
                b"f" => false,
                _ => return Err(malformed),
            }),
            b'$' | b'!' | b'=' => return self.string(buf, marker, text, next),
            b'*' | b'%' | b'~' | b'>' | b'|' => return self.aggregate(marker, text, next),
            other => return Err(ValueError::UnknownType(other)),
        };
        self.move_to(next);
        Ok(Element::Value(value))
    }

    /// A string whose header line has `length` and ends at index `start`.
    fn string(
        &mut self,
        buf: &[u8],
        marker: u8,
        length: &[u8],
        start: usize,
    ) -> Result<Element, ValueError> {
        let malformed = ValueError::Malformed(marker);
        let length: i64 = parse(length).ok_or(malformed)?;
        if length == -1 && marker == b'$' {
            self.move_to(start);
            return Ok(Element::Value(Value::Null));
        }
        let length = u64::try_from(length).map_err(|_| malformed)?;
        let too_long = ValueError::BulkTooLong(length);
        let len = usize::try_from(length).map_err(|_| too_long)?;
        if length > self.bulk_max {
            return Err(too_long);
        }
        if buf.len() - start < len.saturating_add(2) {
            return Ok(Element::Incomplete);
        }
        let bytes = &buf[start..start + len];
        let value = match marker {
            b'!' => Value::Error(bytes.to_vec()),
            b'=' => match bytes {
                [a, b, c, b':', text @ ..] => Value::Verbatim([*a, *b, *c], text.to_vec()),
                _ => return Err(malformed),
            },
            _ => Value::Bulk(bytes.to_vec()),
        };
        self.move_to(start + len + 2);
        Ok(Element::Value(value))
    }

    fn aggregate(&mut self, marker: u8, length: &[u8], next: usize) -> Result<Element, ValueError> {
        let malformed = ValueError::Malformed(marker);
        let length: i64 = parse(length).ok_or(malformed)?;
        self.move_to(next);
        if length == -1 && marker == b'*' {
            return Ok(Element::Value(Value::Null));
        }
        let length = u64::try_from(length).map_err(|_| malformed)?;
        let per_element = if matches!(marker, b'%' | b'|') { 2 } else { 1 };
        let remaining = length.checked_mul(per_element).ok_or(malformed)?;
        let reserved = usize::try_from(remaining).unwrap_or(usize::MAX).min(RESERVED_MAX);
        Ok(Element::Open(Open { marker, remaining, elements: Vec::with_capacity(reserved) }))
    }

    /// The index of the line feed that ends the line at the position.
    fn line_end(&mut self, buf: &[u8]) -> Result<Option<usize>, ValueError> {
        let found = memchr::memchr(b'\n', &buf[self.scanned..]);
        self.scanned = found.map_or(buf.len(), |index| self.scanned + index);
        if self.scanned - self.position > LINE_BYTES_MAX {
            return Err(ValueError::LineTooLong);
        }
        Ok(found.map(|_| self.scanned))
    }

    fn move_to(&mut self, position: usize) {
        self.position = position;
        self.scanned = position;
    }
}

impl Open {
    /// The value of a complete aggregate; `None` for an attribute.
    fn close(self) -> Option<Value> {
        Some(match self.marker {
            b'|' => return None,
            b'~' => Value::Set(self.elements),
            b'>' => Value::Push(self.elements),
            b'%' => {
                let mut pairs = Vec::with_capacity(self.elements.len() / 2);
                let mut elements = self.elements.into_iter();
                while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
                    pairs.push((key, value));
                }
                Value::Map(pairs)
            }
            _ => Value::Array(self.elements),
        })
    }
}

impl Value {
    /// The bytes of a string or status.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(bytes)
            | Value::Bulk(bytes)
            | Value::BigNumber(bytes)
            | Value::Verbatim(_, bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number, also of a string that spells one.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => parse(self.bytes()?),
        }
    }

    /// The elements of an array, set or push.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Value::Array(elements) | Value::Set(elements) | Value::Push(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text of an error.
    pub fn error(&self) -> Option<&[u8]> {
        match self {
            Value::Error(text) => Some(text),
            _ => None,
        }
    }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The body of the fuzz test: the same values come out whole and byte by byte. Panics if not.
pub fn fuzz_value(data: &[u8]) {
    let whole = fuzz_pieces(data, data.len().max(1));
    assert_eq!(format!("{whole:?}"), format!("{:?}", fuzz_pieces(data, 1)), "{data:?}");
}

fn fuzz_pieces(data: &[u8], piece: usize) -> (Vec<Value>, Option<ValueError>) {
    let mut parser = ValueParser::new(1 << 20);
    let (mut values, mut buf) = (Vec::new(), Vec::new());
    for bytes in data.chunks(piece) {
        buf.extend_from_slice(bytes);
        loop {
            match parser.step(&buf) {
                Ok(None) => break,
                Ok(Some((value, consumed))) => {
                    values.push(value);
                    buf.drain(..consumed);
                }
                Err(error) => return (values, Some(error)),
            }
        }
    }
    (values, None)
}

/// Deepest nesting of aggregates; COMMAND DOCS, the deepest reply known, has about ten levels.
const DEPTH_MAX: usize = 128;

/// Longest line in bytes: 64 KiB, as for requests.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Elements reserved on the word of a header alone: 32 values of 32 bytes make 1 KiB.
const RESERVED_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: Result<Value, ValueError>) {
        fuzz_value(input);
        let mut parser = ValueParser::new(100);
        let found = parser.step(input);
        let expected = expected.map(|value| Some((value, input.len())));
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(input));
    }

    #[test]
    fn every_type_is_read() {
        let text = |text: &str| text.as_bytes().to_vec();
        check(b"+OK\r\n", Ok(Value::Simple(text("OK"))));
        check(b"-ERR no\r\n", Ok(Value::Error(text("ERR no"))));
        check(b"!3\r\na\nb\r\n", Ok(Value::Error(text("a\nb"))));
        check(b":-12\r\n", Ok(Value::Integer(-12)));
        check(b"$3\r\na\r\n\r\n", Ok(Value::Bulk(text("a\r\n"))));
        check(b"$0\r\n\r\n", Ok(Value::Bulk(text(""))));
        for null in [&b"$-1\r\n"[..], b"*-1\r\n", b"_\r\n"] {
            check(null, Ok(Value::Null));
        }
        check(b",1.5\r\n", Ok(Value::Double(1.5)));
        check(b",-inf\r\n", Ok(Value::Double(f64::NEG_INFINITY)));
        check(b"#t\r\n", Ok(Value::Boolean(true)));
        check(b"(123\r\n", Ok(Value::BigNumber(text("123"))));
        check(b"=6\r\ntxt:hi\r\n", Ok(Value::Verbatim(*b"txt", text("hi"))));
        check(b"*0\r\n", Ok(Value::Array(vec![])));
        check(b">1\r\n:1\r\n", Ok(Value::Push(vec![Value::Integer(1)])));
        check(b"~1\r\n:1\r\n", Ok(Value::Set(vec![Value::Integer(1)])));
        let pair = (Value::Integer(1), Value::Array(vec![Value::Null, Value::Array(vec![])]));
        check(b"%1\r\n:1\r\n*2\r\n_\r\n*0\r\n", Ok(Value::Map(vec![pair])));
    }

    #[test]
    fn attributes_are_dropped() {
        check(b"|1\r\n+a\r\n*1\r\n:1\r\n:7\r\n", Ok(Value::Integer(7)));
        check(b"|0\r\n:7\r\n", Ok(Value::Integer(7)));
        check(b"*1\r\n|1\r\n+a\r\n:1\r\n:7\r\n", Ok(Value::Array(vec![Value::Integer(7)])));
    }

    #[test]
    fn malformed_replies_are_errors() {
        check(b"?\r\n", Err(ValueError::UnknownType(b'?')));
        check(b"\r\n", Err(ValueError::UnknownType(b'\r')));
        check(b":1x\r\n", Err(ValueError::Malformed(b':')));
        check(b"#x\r\n", Err(ValueError::Malformed(b'#')));
        check(b"$-2\r\n", Err(ValueError::Malformed(b'$')));
        check(b"=2\r\nab\r\n", Err(ValueError::Malformed(b'=')));
        check(b"$101\r\n", Err(ValueError::BulkTooLong(101)));
        check(&b"*1\r\n".repeat(129), Err(ValueError::TooDeep));
        check(&[b'+'; LINE_BYTES_MAX + 2], Err(ValueError::LineTooLong));
    }

    #[test]
    fn random_bytes_are_read_the_same_in_all_pieces() {
        for seed in 0..5000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut data = Vec::new();
            for _ in 0..random.usize(1..12) {
                data.push(b"+-:$*%~>|_,#(=!?"[random.usize(..16)]);
                data.extend_from_slice(
                    [&b"1"[..], b"0", b"-1", b"2", b"t", b"4"][random.usize(..6)],
                );
                data.extend_from_slice([&b"\r\n"[..], b"\r\n", b"\n", b"x"][random.usize(..4)]);
            }
            let caught = std::panic::catch_unwind(|| fuzz_value(&data));
            assert!(caught.is_ok(), "seed {seed}");
        }
    }
}
