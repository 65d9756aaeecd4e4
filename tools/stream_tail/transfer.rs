//! The RDB on its way in, as a replica receives it. Pure: looks at bytes, takes none itself.
//!
//! ```text
//! [\n ...] $LENGTH\r\n  LENGTH bytes
//! [\n ...] $EOF:MARK\r\n  bytes, as many as there are  MARK        (MARK: 40 characters)
//! ```

/// Where the transfer stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Before the end of the header line. Newlines keep the connection alive meanwhile.
    Header,
    /// So many bytes are still to come.
    Length(u64),
    /// Bytes come until this mark.
    Mark(Vec<u8>),
    /// All has come.
    Done,
}

/// What the front of the input is.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes to take; none means that more input is needed.
    pub taken: usize,
    /// How many of them, the first ones, belong to the RDB.
    pub rdb: usize,
}

/// A header that is none, or an error reply in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no RDB follows the full resynchronization, but '{0}'")]
pub struct NoTransfer(pub String);

impl Transfer {
    /// Looks at what has arrived.
    ///
    /// # Errors
    /// [`NoTransfer`].
    pub fn step(&mut self, input: &[u8]) -> Result<Piece, NoTransfer> {
        match self {
            Transfer::Header => self.header(input),
            Transfer::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= count as u64;
                if *left == 0 {
                    *self = Transfer::Done;
                }
                Ok(Piece { taken: count, rdb: count })
            }
            Transfer::Mark(mark) => match memchr::memmem::find(input, mark) {
                Some(at) => {
                    let taken = at + mark.len();
                    *self = Transfer::Done;
                    Ok(Piece { taken, rdb: at })
                }
                // The mark may have begun in what is left.
                None => {
                    let count = (input.len() + 1).saturating_sub(mark.len());
                    Ok(Piece { taken: count, rdb: count })
                }
            },
            Transfer::Done => Ok(Piece { taken: 0, rdb: 0 }),
        }
    }

    fn header(&mut self, input: &[u8]) -> Result<Piece, NoTransfer> {
        let newlines = input.iter().take_while(|byte| **byte == b'\n').count();
        if newlines > 0 || input.is_empty() {
            return Ok(Piece { taken: newlines, rdb: 0 });
        }
        let Some(end) = memchr::memchr(b'\n', &input[..input.len().min(HEADER_MAX)]) else {
            return match input.len() < HEADER_MAX {
                true => Ok(Piece { taken: 0, rdb: 0 }),
                false => Err(no_transfer(input)),
            };
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        *self = match line.strip_prefix(b"$EOF:") {
            Some(mark) if mark.len() == MARK_LENGTH => Transfer::Mark(mark.to_vec()),
            _ => {
                let length = line
                    .strip_prefix(b"$")
                    .and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
                match length.ok_or_else(|| no_transfer(line))? {
                    0 => Transfer::Done,
                    length => Transfer::Length(length),
                }
            }
        };
        Ok(Piece { taken: end + 1, rdb: 0 })
    }
}

fn no_transfer(line: &[u8]) -> NoTransfer {
    NoTransfer(line[..line.len().min(SHOWN_MAX)].escape_ascii().to_string())
}

/// Characters of the mark.
const MARK_LENGTH: usize = 40;

/// The longest header line taken: an error reply, at most.
const HEADER_MAX: usize = 1024;

/// Bytes of a line that is no header which a message shows.
const SHOWN_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// The RDB and what follows it, for input arriving in parts of every size.
    fn check(input: &[u8], expected: (&[u8], &[u8])) {
        for part in 1..=input.len() {
            let (mut transfer, mut rdb) = (Transfer::Header, Vec::new());
            let (mut pending, mut parts) = (Vec::new(), input.chunks(part));
            while transfer != Transfer::Done {
                let piece = transfer.step(&pending).expect("a transfer");
                rdb.extend_from_slice(&pending[..piece.rdb]);
                pending.drain(..piece.taken);
                if piece.taken == 0 {
                    pending.extend_from_slice(parts.next().expect("the transfer ends"));
                }
            }
            pending.extend(parts.flatten());
            assert_eq!((&rdb[..], &pending[..]), expected, "parts of {part}");
        }
    }

    #[test]
    fn both_forms_are_received() {
        check(b"\n\n$5\r\nabcde*1", (b"abcde", b"*1"));
        check(b"$0\r\n*1", (b"", b"*1"));
        let mark = "m".repeat(39) + "!";
        let input = format!("\n$EOF:{mark}\r\nabcmmmmmmm{mark}*1");
        check(input.as_bytes(), (b"abcmmmmmmm", b"*1"));
    }

    #[test]
    fn errors_are_shown() {
        let mut transfer = Transfer::Header;
        let error = NoTransfer("-ERR no".to_owned());
        assert_eq!(transfer.step(b"-ERR no\r\n"), Err(error));
        for wrong in [&b"$EOF:short\r\n"[..], b"$-1\r\n", b"$x\r\n", &[b'x'; HEADER_MAX]] {
            assert!(Transfer::Header.step(wrong).is_err());
        }
    }
}
