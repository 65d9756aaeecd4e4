//! Finds one request in the bytes of a connection. Does no I/O; runs on the connection's shard.
//!
//! The caller hands over the bytes from the request's first one on and, while the answer is
//! [`Step::Incomplete`], comes again with the same bytes and more behind them, wherever they lie by
//! then. Always holds: what was understood is not read again (a header line of some twenty bytes
//! excepted), so a request costs time in proportion to its length in however many pieces it
//! comes; whether and how a request is understood does not depend on the pieces.

use crate::resp::error::ProtocolError;
use crate::resp::inline;
use crate::resp::request::{Args, Span};
use bytes::Bytes;

/// What a request may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest line in bytes: a typed command or a header. 64 KiB.
    pub inline_max: usize,
    /// Most arguments. 2^31 - 1, as stock.
    pub multibulk_max: i64,
    /// Longest argument in bytes: `proto-max-bulk-len`; no limit for the link to a master.
    pub bulk_max: u64,
    /// Whether the client has authenticated; if not, at most 10 arguments of 16 KiB each.
    pub authenticated: bool,
}

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A request ends after `consumed` bytes. With no arguments there is nothing to run (an empty
    /// line, `*0`, `*-1`).
    Command {
        /// Bytes of the request; those of bulks taken out of line are not counted.
        consumed: usize,
    },
    /// More bytes are needed.
    Incomplete,
    /// A bulk of `len` ≥ [`BIG_BULK_BYTES`] bytes begins at [`RequestParser::bulk_start`] and is
    /// not complete. Its bytes may be received elsewhere and handed to
    /// [`RequestParser::bulk_received`]; or `step` called again with more bytes, as after
    /// [`Step::Incomplete`].
    NeedBulk {
        /// The whole length of the bulk, without the line end behind it.
        len: usize,
    },
}

/// The state of one connection's requests.
#[derive(Debug)]
pub struct RequestParser {
    /// The arguments found so far.
    spans: Vec<Span>,
    /// Bulks received out of line, and words of a typed line that had quotes.
    big: Vec<Bytes>,
    /// Index of the first byte not understood yet: the begin of a header line.
    position: usize,
    /// Index up to which the header line at `position` is known to have no end.
    scanned: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests; the arguments of the last one are still here.
    Idle,
    /// In a typed line, or the line `*N`.
    FirstLine,
    /// This many bulks are to come.
    Bulks { remaining: u32 },
    /// The line end behind a bulk received out of line, then this many bulks.
    BulkEnd { remaining: u32 },
    /// A big bulk of `len` bytes begins at `start`.
    BigBulk { remaining: u32, start: usize, len: usize },
}

/// A header line: its number, if it is one, and the index behind the line end.
struct Line {
    number: Option<i64>,
    next: usize,
}

impl Default for Limits {
    /// The limits of an authenticated client with the default `proto-max-bulk-len` of 512 MiB.
    fn default() -> Limits {
        Limits {
            inline_max: 64 * 1024,
            multibulk_max: i64::from(i32::MAX),
            bulk_max: 512 * 1024 * 1024,
            authenticated: true,
        }
    }
}

impl Default for RequestParser {
    fn default() -> RequestParser {
        RequestParser::new()
    }
}

impl RequestParser {
    /// A parser at the begin of a connection; allocates nothing.
    pub fn new() -> RequestParser {
        RequestParser {
            spans: Vec::new(),
            big: Vec::new(),
            position: 0,
            scanned: 0,
            phase: Phase::Idle,
        }
    }

    /// Goes on with the request that begins at `buf[0]`. After [`Step::Command`] the arguments are
    /// at hand until the next call, which begins a new request. After an error the connection is
    /// to be closed.
    #[inline]
    pub fn step(&mut self, buf: &[u8], limits: &Limits) -> Result<Step, ProtocolError> {
        if self.phase == Phase::Idle {
            self.reset();
            self.phase = Phase::FirstLine;
        }
        if self.phase == Phase::FirstLine {
            let Some(&first) = buf.first() else { return Ok(Step::Incomplete) };
            if first != b'*' {
                return self.typed_line(buf, limits);
            }
            let remaining = match short_line(buf, b'*') {
                Some((count, line)) if count <= UNAUTHENTICATED_ARGS_MAX as usize => {
                    self.move_to(line);
                    // At most ten.
                    count as u32
                }
                _ => match self.count_line(buf, limits)? {
                    Some(count) => count,
                    None => return Ok(Step::Incomplete),
                },
            };
            // Room for the usual; a large count alone must not buy memory.
            self.spans.reserve((remaining as usize).min(SPANS_RESERVED_MAX));
            self.phase = Phase::Bulks { remaining };
        }
        self.bulks(buf, limits)
    }

    /// Index in `buf` where the bytes of the bulk named by [`Step::NeedBulk`] begin.
    pub fn bulk_start(&self) -> usize {
        match self.phase {
            Phase::BigBulk { start, .. } => start,
            _ => self.position,
        }
    }

    /// Takes the bulk named by [`Step::NeedBulk`], whole. Its bytes must be gone from the buffer:
    /// there the line end follows at [`RequestParser::bulk_start`].
    pub fn bulk_received(&mut self, bytes: Bytes) {
        let Phase::BigBulk { remaining, start, len } = self.phase else {
            panic!("no bulk was asked for");
        };
        assert_eq!(bytes.len(), len, "a bulk received out of line has the announced length");
        self.spans.push(Span::out_of_line(self.big.len()).expect("fewer than 2^31 arguments"));
        self.big.push(bytes);
        self.move_to(start);
        self.phase = Phase::BulkEnd { remaining: remaining - 1 };
    }

    /// The arguments found, in `buf` as last given to [`RequestParser::step`].
    #[inline]
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> Args<'a> {
        Args::new(buf, &self.spans, &self.big)
    }

    /// Where the arguments found stand.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Moves the arguments out, for a request that outlives the next call of `step`.
    pub fn take_parts(&mut self) -> (Vec<Span>, Vec<Bytes>) {
        (std::mem::take(&mut self.spans), std::mem::take(&mut self.big))
    }

    /// Bytes of the bulks of this request that were taken out of line.
    pub fn held_bytes(&self) -> usize {
        self.big.iter().map(Bytes::len).sum()
    }

    /// Whether a request has begun and is not complete.
    pub fn in_request(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::FirstLine) || self.scanned > 0
    }

    /// Forgets everything: the next byte begins a request.
    #[inline]
    pub fn reset(&mut self) {
        self.spans.clear();
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans = Vec::new();
        }
        self.big.clear();
        self.move_to(0);
        self.phase = Phase::Idle;
    }

    /// [`RequestParser::move_to`] if the position is another one; else what was scanned stays.
    #[inline]
    fn move_on(&mut self, position: usize) {
        if position != self.position {
            self.move_to(position);
        }
    }

    #[inline]
    fn move_to(&mut self, position: usize) {
        self.position = position;
        self.scanned = position;
    }

    /// Ends the request at index `consumed`.
    #[inline]
    fn complete(&mut self, buf: &[u8], consumed: usize) -> Result<Step, ProtocolError> {
        self.move_to(0);
        self.phase = Phase::Idle;
        if is_http(self.args(buf)) {
            return Err(ProtocolError::CrossProtocol);
        }
        Ok(Step::Command { consumed })
    }

    /// The line `*N` at the front: the number of bulks, 0 for negative ones; `None` while it is
    /// incomplete.
    #[cold]
    fn count_line(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<u32>, ProtocolError> {
        let Some(line) = self.line(buf, limits, ProtocolError::TooBigMultibulkCount)? else {
            return Ok(None);
        };
        let count = line
            .number
            .filter(|&count| count <= limits.multibulk_max)
            .ok_or(ProtocolError::InvalidMultibulkLength)?;
        if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.move_to(line.next);
        u32::try_from(count.max(0)).map(Some).map_err(|_| ProtocolError::InvalidMultibulkLength)
    }

    /// Reads bulks until the request is complete or the bytes end.
    #[inline]
    fn bulks(&mut self, buf: &[u8], limits: &Limits) -> Result<Step, ProtocolError> {
        let mut remaining = match self.phase {
            Phase::Bulks { remaining } | Phase::BigBulk { remaining, .. } => remaining,
            Phase::BulkEnd { remaining } => {
                if buf.len() < self.position + 2 {
                    return Ok(Step::Incomplete);
                }
                self.move_to(self.position + 2);
                remaining
            }
            Phase::Idle | Phase::FirstLine => unreachable!("the first line is read before"),
        };
        // Kept out of `self` while the bytes are all here: no store per argument but its span.
        let mut position = self.position;
        while remaining > 0 {
            let (len, start) = match short_line(&buf[position..], b'$') {
                Some((len, line)) if len as u64 <= limits.bulk_max => (len, position + line),
                _ => {
                    self.move_on(position);
                    self.phase = Phase::Bulks { remaining };
                    let Some(line) = self.bulk_line(buf, limits)? else {
                        return Ok(Step::Incomplete);
                    };
                    line
                }
            };
            let here = buf.len() - start;
            // What stands where the line end belongs is not looked at; stock does not either.
            if here < len.saturating_add(2) {
                self.move_on(position);
                self.phase = Phase::Bulks { remaining };
                if len >= BIG_BULK_BYTES && here < len {
                    self.phase = Phase::BigBulk { remaining, start, len };
                    return Ok(Step::NeedBulk { len });
                }
                return Ok(Step::Incomplete);
            }
            let span = Span::in_line(start, start + len).ok_or(ProtocolError::TooBigRequest)?;
            self.spans.push(span);
            position = start + len + 2;
            remaining -= 1;
        }
        self.complete(buf, position)
    }

    /// The line `$N` at the position: the bulk's length and the index where it begins.
    #[cold]
    fn bulk_line(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        let Some(line) = self.line(buf, limits, ProtocolError::TooBigBulkCount)? else {
            return Ok(None);
        };
        let marker = buf[self.position];
        if marker != b'$' {
            return Err(ProtocolError::ExpectedBulk(marker));
        }
        let len = line
            .number
            .and_then(|len| u64::try_from(len).ok())
            .filter(|&len| len <= limits.bulk_max)
            .and_then(|len| usize::try_from(len).ok())
            .ok_or(ProtocolError::InvalidBulkLength)?;
        if len > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        Ok(Some((len, line.next)))
    }

    /// The header line at the position, whatever it says; `None` while its end has not come.
    fn line(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        too_long: ProtocolError,
    ) -> Result<Option<Line>, ProtocolError> {
        let end = self.line_end(buf, b'\r', limits, too_long)?;
        // The byte behind CR is skipped unseen, but must have come.
        let Some(end) = end.filter(|end| end + 1 < buf.len()) else { return Ok(None) };
        let digits = buf[..end].get(self.position + 1..).unwrap_or_default();
        Ok(Some(Line { number: strict_number(digits), next: end + 2 }))
    }

    /// The index of `terminator` in the line at the position. A NUL hides the rest of what has
    /// come, as in stock, whose lines are C strings: such a line never ends and grows too long.
    fn line_end(
        &mut self,
        buf: &[u8],
        terminator: u8,
        limits: &Limits,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let found = memchr::memchr2(terminator, 0, &buf[self.scanned..]);
        self.scanned = found.map_or(buf.len(), |index| self.scanned + index);
        let ended = found.is_some() && buf[self.scanned] == terminator;
        let line_bytes = if ended { self.scanned } else { buf.len() } - self.position;
        // Also for a line whose end is here already: else it would depend on the pieces.
        if line_bytes > limits.inline_max {
            return Err(too_long);
        }
        Ok(ended.then_some(self.scanned))
    }

    /// A request that is a typed line.
    #[cold]
    fn typed_line(&mut self, buf: &[u8], limits: &Limits) -> Result<Step, ProtocolError> {
        let end = self.line_end(buf, b'\n', limits, ProtocolError::TooBigInline)?;
        let Some(end) = end else { return Ok(Step::Incomplete) };
        let line = &buf[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        inline::split(line, 0, &mut self.spans, &mut self.big)?;
        self.complete(buf, end + 1)
    }
}

/// A header line that begins with `marker` and has a plain number of one to four digits, by far
/// the usual: the number and the line's length.
#[inline]
fn short_line(line: &[u8], marker: u8) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte - b'0');
    match *line {
        [m, a @ b'0'..=b'9', b'\r', _, ..] if m == marker => Some((digit(a), 4)),
        [m, a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] if m == marker => {
            Some((digit(a) * 10 + digit(b), 5))
        }
        [m, a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ref end @ ..] if m == marker => {
            let value = digit(a) * 100 + digit(b) * 10 + digit(c);
            match *end {
                [b'\r', _, ..] => Some((value, 6)),
                [d @ b'0'..=b'9', b'\r', _, ..] => Some((value * 10 + digit(d), 7)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A number spelled the one way a machine spells it: no plus sign, blanks or leading zeros.
fn strict_number(digits: &[u8]) -> Option<i64> {
    match digits {
        b"0" => return Some(0),
        [b'-', b'1'..=b'9', ..] | [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a request is the begin of an HTTP one: a page in a browser on this machine can send
/// such requests here, and must not get commands in behind them.
#[inline]
fn is_http(args: Args<'_>) -> bool {
    let name = args.at(0).unwrap_or_default();
    matches!(name, [b'p' | b'P' | b'h' | b'H', ..])
        && (name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:"))
}

/// The body of the parser's fuzz test: whatever the bytes, in one piece or in two, with big bulks
/// in place or out of line, the same requests and the same error come out. Panics if not.
pub fn fuzz_parser(data: &[u8]) {
    for authenticated in [true, false] {
        let limits = Limits { authenticated, ..Limits::default() };
        let whole = fuzz::in_pieces(data, &[], &limits);
        // Every split costs a parse: all of them for short inputs, some two hundred for long ones.
        for at in (0..=data.len()).step_by(1 + data.len() / 200) {
            let split = fuzz::in_pieces(data, &[at], &limits);
            assert_eq!(whole, split, "split at {at} of {data:?}");
        }
        let every_byte: Vec<usize> = (0..data.len().min(FUZZ_PIECES_MAX)).collect();
        assert_eq!(whole, fuzz::in_pieces(data, &every_byte, &limits), "byte by byte: {data:?}");
    }
}

/// What [`fuzz_parser`] compares.
mod fuzz {
    use super::{Limits, ProtocolError, RequestParser, Span, Step};
    use bytes::Bytes;

    /// All requests of a connection, and the error that ended it.
    #[derive(Debug, PartialEq, Eq)]
    pub struct Outcome {
        pub requests: Vec<Vec<Vec<u8>>>,
        pub error: Option<ProtocolError>,
    }

    /// Parses `data` coming in pieces that end at `cuts`, ascending.
    pub fn in_pieces(data: &[u8], cuts: &[usize], limits: &Limits) -> Outcome {
        let mut outcome = Outcome { requests: Vec::new(), error: None };
        let mut parser = RequestParser::new();
        let mut buf = Vec::new();
        let mut received = 0;
        for end in cuts.iter().copied().chain([data.len()]) {
            buf.extend_from_slice(&data[received.min(end)..end]);
            received = received.max(end);
            loop {
                match parser.step(&buf, limits) {
                    Ok(Step::Command { consumed }) => {
                        assert!(0 < consumed && consumed <= buf.len(), "consumed {consumed}");
                        check_bounds(&parser, consumed);
                        let args = parser.args(&buf).iter().map(<[u8]>::to_vec).collect();
                        outcome.requests.push(args);
                        buf.drain(..consumed);
                    }
                    Ok(Step::Incomplete) => break,
                    Ok(Step::NeedBulk { len }) => {
                        let start = parser.bulk_start();
                        let have = buf.len() - start;
                        assert!(have < len, "a bulk that is here was asked for");
                        let end = received + (len - have);
                        if end > data.len() {
                            break;
                        }
                        // Cut it out: what is here leaves the buffer, the rest never enters it.
                        buf.truncate(start);
                        parser.bulk_received(Bytes::copy_from_slice(&data[end - len..end]));
                        received = end;
                    }
                    Err(error) => {
                        outcome.error = Some(error);
                        return outcome;
                    }
                }
            }
        }
        outcome
    }

    fn check_bounds(parser: &RequestParser, consumed: usize) {
        for span in parser.spans() {
            if span.start != Span::OUT_OF_LINE {
                assert!(span.start <= span.end && span.end as usize <= consumed, "{span:?}");
            }
        }
    }
}

/// From this size on a bulk is worth receiving straight into the memory that will hold it: a copy
/// of 32 KiB costs about as much as the extra bookkeeping of a receive of its own.
pub const BIG_BULK_BYTES: usize = 32 * 1024;

/// Most arguments of a client that has not authenticated, as stock.
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;

/// Longest argument of a client that has not authenticated in bytes, as stock.
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;

/// What `short_line` reads is within that limit, so the quick way need not look at it.
const _: () = assert!(9999 <= UNAUTHENTICATED_BULK_BYTES_MAX);

/// Spans reserved on the word of a count alone: 4 KiB.
const SPANS_RESERVED_MAX: usize = 512;

/// A parser that grew beyond gives its memory back: 8 KiB.
const SPANS_KEPT_MAX: usize = 1024;

/// Beyond this many bytes [`fuzz_parser`] no longer goes byte by byte.
const FUZZ_PIECES_MAX: usize = 4096;

#[cfg(test)]
mod tests;
