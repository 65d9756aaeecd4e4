//! The master's stream as units: one command, or everything from MULTI to EXEC. Shard 0 runs it
//! for the link; it owns the bytes received and not handed on yet.
//!
//! ```text
//! buffer:  | finished units | commands of an open unit | a request's first bytes |
//!          0            unit_start               request_start               buffer.len()
//! ```
//!
//! Always: only whole units are finished, so what an ended link leaves behind is dropped and asked
//! for again; every byte belongs to exactly one unit, in order.

use crate::resp::error::ProtocolError;
use crate::resp::parser::{Limits, RequestParser, Step};
use crate::resp::request::{Args, Span};
use bytes::Bytes;
use std::ops::Range;

/// Cuts a stream into units.
#[derive(Debug, Default)]
pub struct UnitReader {
    parser: RequestParser,
    buffer: Vec<u8>,
    unit_start: usize,
    request_start: usize,
    in_transaction: bool,
    /// Where the only command of a unit that is no transaction stands.
    single: Range<usize>,
    parts: Vec<Part>,
    spans: Vec<Span>,
    big: Vec<Bytes>,
}

/// A whole unit.
#[derive(Debug)]
pub struct Unit<'a> {
    /// Its length in bytes of the stream.
    pub len: usize,
    /// Whether it stands between MULTI and EXEC.
    pub is_transaction: bool,
    reader: &'a UnitReader,
}

/// One command of a unit.
#[derive(Clone, Debug)]
struct Part {
    bytes: Range<usize>,
    spans: Range<usize>,
    big: Range<usize>,
}

impl UnitReader {
    /// A reader at the begin of a stream.
    pub fn new() -> UnitReader {
        UnitReader::default()
    }

    /// Appends bytes as they came.
    pub fn feed(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// The next whole unit; `None` if more bytes are needed.
    ///
    /// # Errors
    /// What a master cannot have meant; the link is to be ended.
    pub fn next_unit(&mut self) -> Result<Option<Unit<'_>>, ProtocolError> {
        if !self.in_transaction && !self.spans.is_empty() {
            self.parts.clear();
            self.spans.clear();
            self.big.clear();
        }
        loop {
            let rest = &self.buffer[self.request_start..];
            if rest.is_empty() {
                return Ok(None);
            }
            let Step::Command { consumed } = self.parser.step(rest, &LIMITS)? else {
                return Ok(None);
            };
            let start = self.request_start;
            self.request_start += consumed;
            let args = self.parser.args(&self.buffer[start..]);
            if !self.in_transaction {
                if is_word(args, b"MULTI") {
                    self.in_transaction = true;
                    continue;
                }
                self.single = start..self.request_start;
                return Ok(Some(self.unit(false)));
            }
            let ends = is_word(args, b"EXEC");
            if ends || is_word(args, b"DISCARD") {
                if !ends {
                    self.parts.clear();
                }
                self.in_transaction = false;
                return Ok(Some(self.unit(true)));
            }
            if !args.is_empty() {
                self.keep(start, consumed);
            }
        }
    }

    /// The bytes of all finished units, unchanged.
    pub fn finished(&self) -> &[u8] {
        &self.buffer[..self.unit_start]
    }

    /// Forgets the bytes of finished units.
    pub fn discard_finished(&mut self) {
        let gone = self.unit_start;
        if gone == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(BUFFER_KEPT_MAX);
        } else {
            self.buffer.drain(..gone);
        }
        self.unit_start = 0;
        self.request_start -= gone;
        for part in &mut self.parts {
            // The parts of an open unit stand behind what is finished; others are done with.
            part.bytes.start = part.bytes.start.saturating_sub(gone);
            part.bytes.end = part.bytes.end.saturating_sub(gone);
        }
    }

    /// Bytes received that belong to no finished unit.
    pub fn unfinished_len(&self) -> usize {
        self.buffer.len() - self.unit_start
    }

    fn unit(&mut self, is_transaction: bool) -> Unit<'_> {
        let len = self.request_start - self.unit_start;
        self.unit_start = self.request_start;
        Unit { len, is_transaction, reader: self }
    }

    /// Keeps the request that the parser just found.
    fn keep(&mut self, start: usize, len: usize) {
        let (spans, big) = (self.spans.len(), self.big.len());
        let args = self.parser.args(&self.buffer[start..]);
        let (_, found, out_of_line) = args.parts();
        self.spans.extend_from_slice(found);
        self.big.extend_from_slice(out_of_line);
        self.parts.push(Part {
            bytes: start..start + len,
            spans: spans..self.spans.len(),
            big: big..self.big.len(),
        });
    }
}

impl<'a> Unit<'a> {
    /// The command of a unit that is no transaction; no arguments if it was an empty line.
    pub fn single(&self) -> Args<'a> {
        let reader = self.reader;
        reader.parser.args(&reader.buffer[reader.single.clone()])
    }

    /// The commands of a transaction, in order, without MULTI and EXEC.
    pub fn commands(&self) -> impl Iterator<Item = Args<'a>> + use<'a> {
        let reader = self.reader;
        reader.parts.iter().map(|part| {
            let data = &reader.buffer[part.bytes.clone()];
            Args::new(data, &reader.spans[part.spans.clone()], &reader.big[part.big.clone()])
        })
    }
}

fn is_word(args: Args<'_>, word: &[u8]) -> bool {
    args.len() == 1 && args.get(0).eq_ignore_ascii_case(word)
}

/// A master's commands may be of any size: memory grows only with what has arrived.
const LIMITS: Limits = Limits {
    inline_max: 64 * 1024,
    multibulk_max: i32::MAX as i64,
    bulk_max: i64::MAX as u64,
    authenticated: true,
};
/// An empty buffer keeps at most this much.
const BUFFER_KEPT_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The units of `stream` as text, fed in the pieces that end at `cuts`.
    fn units(stream: &[u8], cuts: &[usize]) -> Result<(Vec<String>, usize), ProtocolError> {
        let mut reader = UnitReader::new();
        let (mut found, mut bytes) = (Vec::new(), Vec::new());
        let mut start = 0;
        for end in cuts.iter().copied().chain([stream.len()]) {
            reader.feed(&stream[start..end]);
            start = end;
            while let Some(unit) = reader.next_unit()? {
                let words = |args: Args<'_>| {
                    args.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
                };
                let commands: Vec<String> = match unit.is_transaction {
                    true => unit.commands().map(words).collect(),
                    false => vec![words(unit.single())],
                };
                found.push(format!(
                    "{}{}",
                    commands.join("; "),
                    ["", "!"][usize::from(unit.is_transaction)]
                ));
            }
            bytes.extend_from_slice(reader.finished());
            reader.discard_finished();
        }
        assert_eq!(bytes, stream[..bytes.len()], "handed on unchanged");
        assert_eq!(bytes.len() + reader.unfinished_len(), stream.len());
        Ok((found, bytes.len()))
    }

    const STREAM: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n\
        *1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n\
        *2\r\n$3\r\nDEL\r\n$1\r\nb\r\n\
        *1\r\n$4\r\nexec\r\n*1\r\n$4\r\nPING\r\n\r\n*1\r\n$5\r\nmulti\r\n*1\r\n$4\r\nEXEC\r\n\
        SET \"x y\" 2\r\n";

    #[test]
    fn units_do_not_depend_on_where_the_bytes_are_cut() {
        let expected = ["SELECT 0", "SET a 1; DEL b!", "PING", "", "!", "SET x y 2"];
        assert_eq!(
            units(STREAM, &[]).unwrap(),
            (expected.map(String::from).to_vec(), STREAM.len())
        );
        for first in 0..STREAM.len() {
            for second in [first, (first + 7).min(STREAM.len()), STREAM.len()] {
                let (found, len) = units(STREAM, &[first, second]).unwrap();
                assert_eq!((found.len(), len), (6, STREAM.len()), "cut at {first} and {second}");
                assert_eq!(found, expected);
            }
        }
        let every: Vec<usize> = (0..STREAM.len()).collect();
        assert_eq!(units(STREAM, &every).unwrap().0, expected);
    }

    #[test]
    fn an_open_transaction_is_not_finished() {
        let stream = b"*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n";
        let (found, len) = units(stream, &[]).unwrap();
        assert_eq!((found, len), (vec!["PING".to_owned()], 14));
    }

    #[test]
    fn no_bytes_break_it() {
        for seed in 0..2000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut stream = STREAM.to_vec();
            for _ in 0..rng.usize(1..6) {
                let at = rng.usize(..stream.len());
                match rng.u8(..3) {
                    0 => stream[at] = rng.u8(..),
                    1 => drop(stream.remove(at)),
                    _ => stream.insert(at, *rng.choice(b"*$\r\n0129-").unwrap()),
                }
            }
            let cut = rng.usize(..stream.len());
            let (whole, cut) = (units(&stream, &[]), units(&stream, &[cut]));
            assert_eq!(whole.is_ok(), cut.is_ok(), "seed {seed}");
            if let (Ok(whole), Ok(cut)) = (whole, cut) {
                assert_eq!(whole, cut, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_large_value_arrives_in_pieces() {
        let mut stream = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n".to_vec();
        stream.extend_from_slice(&[b'v'; 100_000]);
        stream.extend_from_slice(b"\r\n");
        let cuts: Vec<usize> = (0..stream.len()).step_by(16_384).collect();
        let (found, len) = units(&stream, &cuts).unwrap();
        assert_eq!((found.len(), len), (1, stream.len()));
    }
}
