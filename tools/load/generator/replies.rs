//! Counts RESP replies without keeping them. Resumable at any byte; pure.
//!
//! Always holds: `owed` is 0 exactly between two top-level replies.

use super::error::LoadError;

/// Counts the replies of one connection.
#[derive(Debug, Default)]
pub struct ReplyCounter {
    /// Elements still to come of the reply that is under way.
    owed: u64,
    /// Bytes of a bulk string, its CRLF included, still to be skipped.
    skip: usize,
    /// The beginning of a header line that was cut by the end of a read.
    line: Vec<u8>,
    /// Error replies met.
    pub errors: u64,
    /// Null replies met.
    pub nulls: u64,
    /// The first error reply.
    pub first_error: Option<String>,
}

impl ReplyCounter {
    /// Takes what was read and returns the number of replies that ended in it.
    ///
    /// # Errors
    /// `LoadError::Reply` where a reply begins with a byte that RESP does not know.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<usize, LoadError> {
        let mut replies = 0;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let taken = self.skip.min(bytes.len());
                self.skip -= taken;
                bytes = &bytes[taken..];
                if self.skip == 0 {
                    replies += self.element_ended();
                }
                continue;
            }
            if self.line.is_empty() && self.owed == 0 && bytes.starts_with(b"+OK\r\n") {
                replies += 1;
                bytes = &bytes[5..];
                continue;
            }
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                return Ok(replies);
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.line.is_empty() {
                replies += self.header(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                replies += self.header(&whole)?;
            }
        }
        Ok(replies)
    }

    fn element_ended(&mut self) -> usize {
        self.owed -= 1;
        usize::from(self.owed == 0)
    }

    /// Takes one header line with its line end; returns 1 if the reply ended with it.
    fn header(&mut self, line: &[u8]) -> Result<usize, LoadError> {
        if self.owed == 0 {
            self.owed = 1;
        }
        let wrong = || LoadError::Reply(String::from_utf8_lossy(line).into_owned());
        let text = line.strip_suffix(b"\r\n").ok_or_else(wrong)?;
        let (&kind, rest) = text.split_first().ok_or_else(wrong)?;
        let length = || std::str::from_utf8(rest).ok().and_then(|text| text.parse::<i64>().ok());
        match kind {
            b'+' | b':' | b'_' | b',' | b'#' | b'(' => Ok(self.element_ended()),
            b'-' => {
                self.errors += 1;
                let text = || String::from_utf8_lossy(rest).into_owned();
                self.first_error.get_or_insert_with(text);
                Ok(self.element_ended())
            }
            b'$' | b'=' | b'*' | b'~' | b'>' | b'%' => {
                let length = length().ok_or_else(wrong)?;
                let Ok(length) = usize::try_from(length) else {
                    self.nulls += 1;
                    return Ok(self.element_ended());
                };
                if matches!(kind, b'$' | b'=') {
                    self.skip = length + 2;
                    return Ok(0);
                }
                self.owed += length as u64 * if kind == b'%' { 2 } else { 1 };
                Ok(self.element_ended())
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLIES: &[u8] = b"+OK\r\n:5\r\n$5\r\nab\r\nc\r\n$-1\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n\
        *0\r\n-ERR no\r\n+OK\r\n";

    #[test]
    fn replies_are_counted_however_the_bytes_are_cut() {
        for size in 1..=REPLIES.len() {
            let mut counter = ReplyCounter::default();
            let replies: usize =
                REPLIES.chunks(size).map(|chunk| counter.feed(chunk).unwrap()).sum();
            assert_eq!((replies, counter.errors, counter.nulls), (8, 1, 1), "chunks of {size}");
            assert_eq!(counter.first_error.as_deref(), Some("ERR no"));
            assert_eq!((counter.owed, counter.skip), (0, 0));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(matches!(ReplyCounter::default().feed(b"HTTP/1.1\r\n"), Err(LoadError::Reply(_))));
    }
}
