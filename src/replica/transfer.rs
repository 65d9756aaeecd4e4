//! The framing of a full resynchronization: newlines that keep the link alive, the header, the
//! RDB's bytes, their end. Shard 0 runs it for the link; it holds at most forty bytes back.
//!
//! ```text
//! "\n" ... "$<length>\r\n" <length bytes>              then the stream
//! "\n" ... "$EOF:<mark>\r\n" bytes ... <mark>          then nothing before the first ACK
//! ```

use thiserror::Error;

/// A transfer on its way in.
#[derive(Debug)]
pub struct Transfer {
    state: State,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The input is used up.
    Incomplete,
    /// The master is still at it.
    KeepAlive,
    /// The RDB begins; its length if the form says it.
    Begin {
        /// Bytes to come; `None` in the form that ends with a mark.
        length: Option<u64>,
    },
    /// Bytes of the RDB.
    Bytes(&'a [u8]),
    /// Bytes of the RDB that had been held back.
    Held(Vec<u8>),
    /// The RDB is complete; what is left of the input follows it.
    End,
}

/// Why a transfer cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransferError {
    /// The master gave up.
    #[error("MASTER aborted replication with an error: {0}")]
    Aborted(String),
    /// This is no transfer.
    #[error(
        "Bad protocol from MASTER, the first byte is not '$' (we received '{0}'), are you sure \
         the host and port are right?"
    )]
    NoTransfer(String),
}

#[derive(Debug)]
enum State {
    Header { line: Vec<u8> },
    Length { left: u64 },
    Mark { mark: [u8; MARK_BYTES], tail: Vec<u8>, pending: bool },
    Ended,
}

impl Transfer {
    /// A transfer before its first byte.
    pub fn new() -> Transfer {
        Transfer { state: State::Header { line: Vec::new() } }
    }

    /// Takes bytes from the front of `input`. To be called until it answers `Incomplete` or `End`.
    ///
    /// # Errors
    /// The link is to be ended.
    pub fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, TransferError> {
        match &mut self.state {
            State::Ended => Ok(Step::End),
            State::Header { .. } => self.header(input),
            State::Length { left: 0 } => {
                self.state = State::Ended;
                Ok(Step::End)
            }
            State::Length { left } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                if count == 0 {
                    return Ok(Step::Incomplete);
                }
                let (bytes, rest) = input.split_at(count);
                *left -= count as u64;
                *input = rest;
                Ok(Step::Bytes(bytes))
            }
            State::Mark { .. } => Ok(self.marked(input)),
        }
    }

    fn header<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, TransferError> {
        let State::Header { line } = &mut self.state else { return Ok(Step::Incomplete) };
        let end = memchr::memchr(b'\n', input);
        let count = end.map_or(input.len(), |end| end + 1);
        line.extend_from_slice(&input[..count]);
        *input = &input[count..];
        if end.is_none() && line.len() <= HEADER_MAX {
            return Ok(Step::Incomplete);
        }
        let text = line.trim_ascii().to_vec();
        line.clear();
        if text.is_empty() {
            return Ok(Step::KeepAlive);
        }
        if text[0] == b'-' {
            return Err(TransferError::Aborted(shown(&text[1..])));
        }
        if let Some(mark) = text.strip_prefix(b"$EOF:")
            && let Ok(mark) = <[u8; MARK_BYTES]>::try_from(mark)
        {
            self.state = State::Mark { mark, tail: Vec::new(), pending: false };
            return Ok(Step::Begin { length: None });
        }
        let length = text.strip_prefix(b"$").and_then(crate::base::number::parse_u64);
        let Some(length) = length else { return Err(TransferError::NoTransfer(shown(&text))) };
        self.state = State::Length { left: length };
        Ok(Step::Begin { length: Some(length) })
    }

    /// The mark is looked for where the bytes received so far end: nothing follows it before this
    /// side has acknowledged, and the same bytes inside the RDB do no harm.
    fn marked<'a>(&mut self, input: &mut &'a [u8]) -> Step<'a> {
        let State::Mark { mark, tail, pending } = &mut self.state else { return Step::Incomplete };
        if *pending {
            *pending = false;
            if tail[..] == mark[..] {
                self.state = State::Ended;
                return Step::End;
            }
        }
        let new = std::mem::take(input);
        if new.is_empty() {
            return Step::Incomplete;
        }
        *pending = true;
        if new.len() >= MARK_BYTES {
            let (bytes, last) = new.split_at(new.len() - MARK_BYTES);
            let held = std::mem::replace(tail, last.to_vec());
            if held.is_empty() {
                return Step::Bytes(bytes);
            }
            let mut held = held;
            held.extend_from_slice(bytes);
            return Step::Held(held);
        }
        tail.extend_from_slice(new);
        let surplus = tail.len().saturating_sub(MARK_BYTES);
        Step::Held(tail.drain(..surplus).collect())
    }
}

impl Default for Transfer {
    fn default() -> Transfer {
        Transfer::new()
    }
}

/// A peer's line as it may stand in the log.
fn shown(line: &[u8]) -> String {
    let cut = &line[..line.len().min(SHOWN_MAX)];
    cut.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// Bytes of the mark that ends a transfer of unknown length.
const MARK_BYTES: usize = 40;
/// The longest header line that is awaited.
const HEADER_MAX: usize = 1024;
/// Bytes of a peer's line that the log shows.
const SHOWN_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// The RDB's bytes and what follows them, fed in the pieces that end at `cuts`.
    fn transfer(
        stream: &[u8],
        cuts: &[usize],
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), TransferError> {
        let mut transfer = Transfer::new();
        let (mut rdb, mut start) = (Vec::new(), 0);
        for end in cuts.iter().copied().chain([stream.len()]) {
            let mut input = &stream[start..end];
            start = end;
            loop {
                match transfer.step(&mut input)? {
                    Step::Incomplete => break,
                    Step::KeepAlive | Step::Begin { .. } => {}
                    Step::Bytes(bytes) => rdb.extend_from_slice(bytes),
                    Step::Held(bytes) => rdb.extend_from_slice(&bytes),
                    Step::End => {
                        let mut rest = input.to_vec();
                        rest.extend_from_slice(&stream[start..]);
                        return Ok((rdb, Some(rest)));
                    }
                }
            }
        }
        Ok((rdb, None))
    }

    #[test]
    fn a_transfer_of_known_length_ends_where_it_says() {
        let stream = b"\n\n$5\r\nREDIS*1\r\n";
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let (rdb, rest) = transfer(stream, &[first, second]).unwrap();
                assert_eq!((&rdb[..], rest.as_deref()), (&b"REDIS"[..], Some(&b"*1\r\n"[..])));
            }
        }
    }

    #[test]
    fn a_transfer_with_a_mark_ends_at_the_mark() {
        let mark = [b'm'; 40];
        for length in [0, 1, 39, 40, 41, 100, 300] {
            let rdb: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let mut stream = b"\n$EOF:".to_vec();
            stream.extend_from_slice(&mark);
            stream.extend_from_slice(b"\r\n");
            stream.extend_from_slice(&rdb);
            stream.extend_from_slice(&mark);
            for cut in 0..stream.len() {
                let (found, rest) = transfer(&stream, &[cut]).unwrap();
                assert_eq!((found, rest), (rdb.clone(), Some(Vec::new())), "{length} cut at {cut}");
            }
            let every: Vec<usize> = (0..stream.len()).collect();
            assert_eq!(transfer(&stream, &every).unwrap().0, rdb);
            assert_eq!(transfer(&stream[..stream.len() - 1], &[]).unwrap().1, None);
        }
    }

    #[test]
    fn what_is_no_transfer_is_refused() {
        let aborted = transfer(b"-LOADING wait\r\n", &[]).unwrap_err();
        assert_eq!(aborted, TransferError::Aborted("LOADING wait".to_owned()));
        for bad in [&b"+OK\r\n"[..], b"$x\r\n", b"$-1\r\n", b"$EOF:short\r\n", &[b'$'; 4000]] {
            assert!(matches!(transfer(bad, &[]), Err(TransferError::NoTransfer(_))));
        }
    }
}
