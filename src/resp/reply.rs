//! What handlers write replies to, in the protocol version the client chose. Owned by whoever
//! executes the command, moved to the connection's shard afterwards; plain memory.
//!
//! Always holds: chunks are in ascending order of their index in `buf`; the content is `buf` with
//! each chunk inserted at its index.

use crate::base::number;
use crate::resp::encode;
use bytes::Bytes;

/// Which protocol version a client speaks; RESP2 until it says `HELLO 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RespVersion {
    /// RESP2: no maps, sets, doubles, booleans, pushes; they are spelled by older types.
    #[default]
    V2,
    /// RESP3.
    V3,
}

/// Replies in the making.
#[derive(Debug, Default)]
pub struct Reply {
    /// Everything but the large values.
    pub buf: Vec<u8>,
    /// Large values by reference, each with the index in `buf` before which it stands.
    chunks: Vec<(usize, Bytes)>,
    /// Bytes of all chunks.
    chunk_bytes: usize,
    /// The client's version.
    pub version: RespVersion,
}

/// A place in a [`Reply`] to return to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    bytes: usize,
    chunks: usize,
}

/// The header of an aggregate whose length is not known yet. Close it once.
#[derive(Debug)]
#[must_use = "an aggregate that is not closed stays empty while elements follow"]
pub struct Slot(Mark);

/// Content taken out for the network.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// All in one piece.
    Flat(Vec<u8>),
    /// In pieces, to be sent in order.
    Chunks(Vec<Bytes>),
}

impl Reply {
    /// An empty reply that allocates nothing.
    pub fn new(version: RespVersion) -> Reply {
        Reply { version, ..Reply::default() }
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// A status line. The text is ours and has no line end in it.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a status is one line");
        self.buf.push(b'+');
        self.buf.extend_from_slice(text.as_bytes());
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An error line; `text` begins with its code (`ERR …`). CR and LF become spaces, so that text
    /// from a user cannot forge a second reply; at the end they are left out.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// [`Reply::error`] with text that may quote bytes of any kind.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.buf.reserve(text.len() + 3);
        self.buf.push(b'-');
        let ends = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let text = &text[..ends.map_or(0, |last| last + 1)];
        let one_line = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        self.buf.extend(text.iter().map(one_line));
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A whole number.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        encode::number(&mut self.buf, b':', value);
    }

    /// A string of bytes, copied.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        encode::bulk(&mut self.buf, bytes);
    }

    /// A string of bytes, kept by reference from [`CHUNK_BYTES_MIN`] on, copied below.
    pub fn bulk_shared(&mut self, bytes: Bytes) {
        if bytes.len() < CHUNK_BYTES_MIN {
            return self.bulk(&bytes);
        }
        encode::header(&mut self.buf, b'$', bytes.len());
        self.push_chunk(bytes);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A whole number as a string.
    #[inline]
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// No value where a string could be.
    #[inline]
    pub fn null(&mut self) {
        self.buf.extend_from_slice(match self.version {
            RespVersion::V2 => b"$-1\r\n",
            RespVersion::V3 => b"_\r\n",
        });
    }

    /// No value where an array could be.
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(match self.version {
            RespVersion::V2 => b"*-1\r\n",
            RespVersion::V3 => b"_\r\n",
        });
    }

    /// The header of an array; `len` elements follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        encode::header(&mut self.buf, b'*', len);
    }

    /// An array without elements.
    pub fn empty_array(&mut self) {
        self.array(0);
    }

    /// The header of a map; `len` keys with a value each follow.
    pub fn map(&mut self, len: usize) {
        self.aggregate(b'%', len, 2 * len);
    }

    /// The header of a set; `len` elements follow.
    pub fn set(&mut self, len: usize) {
        self.aggregate(b'~', len, len);
    }

    /// The header of a message nobody asked for; `len` elements follow.
    pub fn push(&mut self, len: usize) {
        self.aggregate(b'>', len, len);
    }

    /// A floating point number.
    pub fn double(&mut self, value: f64) {
        let mut text = Vec::with_capacity(DOUBLE_BYTES_MAX);
        number::append_f64(&mut text, value);
        match self.version {
            RespVersion::V2 => self.bulk(&text),
            RespVersion::V3 => self.line(b',', &text),
        }
    }

    /// Yes or no.
    pub fn boolean(&mut self, value: bool) {
        self.buf.extend_from_slice(match (self.version, value) {
            (RespVersion::V2, false) => b":0\r\n",
            (RespVersion::V2, true) => b":1\r\n",
            (RespVersion::V3, false) => b"#f\r\n",
            (RespVersion::V3, true) => b"#t\r\n",
        });
    }

    /// A whole number of any length, in decimal digits.
    pub fn big_number(&mut self, digits: &str) {
        match self.version {
            RespVersion::V2 => self.bulk(digits.as_bytes()),
            RespVersion::V3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Text for people; `format` is three characters, `txt` or `mkd`.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3, "the protocol has three characters for the format");
        if self.version == RespVersion::V2 {
            return self.bulk(text);
        }
        encode::header(&mut self.buf, b'=', text.len() + 4);
        self.buf.extend_from_slice(format.as_bytes());
        self.buf.push(b':');
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// Bytes that are RESP already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// [`Reply::raw`] that keeps large content by reference.
    pub fn raw_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < CHUNK_BYTES_MIN {
            self.raw(bytes);
        } else {
            self.push_chunk(bytes.clone());
        }
    }

    /// Begins an array whose length is known when its elements are written.
    pub fn open_array(&mut self) -> Slot {
        Slot(self.mark())
    }

    /// Writes the header of an array of `len` elements where it was opened.
    pub fn close_array(&mut self, slot: Slot, len: usize) {
        self.close(slot, b'*', len);
    }

    /// Writes the header of a map of `len` pairs where [`Reply::open_array`] was called.
    pub fn close_map(&mut self, slot: Slot, len: usize) {
        match self.version {
            RespVersion::V2 => self.close(slot, b'*', 2 * len),
            RespVersion::V3 => self.close(slot, b'%', len),
        }
    }

    /// Writes the header of a set of `len` elements where [`Reply::open_array`] was called.
    pub fn close_set(&mut self, slot: Slot, len: usize) {
        match self.version {
            RespVersion::V2 => self.close(slot, b'*', len),
            RespVersion::V3 => self.close(slot, b'~', len),
        }
    }

    /// Bytes of the content, chunks included.
    pub fn len(&self) -> usize {
        self.buf.len() + self.chunk_bytes
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        // A chunk always has its header in `buf`.
        self.buf.is_empty()
    }

    /// Forgets the content and keeps the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.chunks.clear();
        self.chunk_bytes = 0;
    }

    /// The place behind what is written by now.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.buf.len(), chunks: self.chunks.len() }
    }

    /// Forgets what was written after `mark`.
    pub fn truncate(&mut self, mark: Mark) {
        self.buf.truncate(mark.bytes);
        for (_, chunk) in self.chunks.drain(mark.chunks.min(self.chunks.len())..) {
            self.chunk_bytes -= chunk.len();
        }
    }

    /// Moves the content of `other` behind this one's.
    pub fn append(&mut self, other: &mut Reply) {
        if self.is_empty() {
            // Versions stay with their clients; only content moves.
            std::mem::swap(&mut self.buf, &mut other.buf);
            std::mem::swap(&mut self.chunks, &mut other.chunks);
            std::mem::swap(&mut self.chunk_bytes, &mut other.chunk_bytes);
        } else {
            let base = self.buf.len();
            self.buf.extend_from_slice(&other.buf);
            self.chunks.extend(other.chunks.drain(..).map(|(index, chunk)| (base + index, chunk)));
            self.chunk_bytes += other.chunk_bytes;
        }
        other.clear();
    }

    /// Copies the part of `other` between two of its marks behind this one's content. Large values
    /// stay shared.
    pub fn append_part(&mut self, other: &Reply, from: Mark, to: Mark) {
        let base = self.buf.len();
        self.buf.extend_from_slice(&other.buf[from.bytes..to.bytes]);
        for (index, chunk) in &other.chunks[from.chunks..to.chunks] {
            self.chunk_bytes += chunk.len();
            self.chunks.push((base + index - from.bytes, chunk.clone()));
        }
    }

    /// Takes the content for the network and goes on writing into `recycled`, whose content is
    /// forgotten.
    pub fn take(&mut self, mut recycled: Vec<u8>) -> Output {
        recycled.clear();
        if self.chunks.is_empty() {
            return Output::Flat(std::mem::replace(&mut self.buf, recycled));
        }
        let mut pieces = Vec::with_capacity(2 * self.chunks.len() + 1);
        self.drain_into(&mut pieces);
        self.buf = recycled;
        Output::Chunks(pieces)
    }

    /// Moves the content to the end of `pieces`, none of them empty.
    pub fn drain_into(&mut self, pieces: &mut Vec<Bytes>) {
        let mut flat = Bytes::from(std::mem::take(&mut self.buf));
        let mut done = 0;
        for (index, chunk) in self.chunks.drain(..) {
            if index > done {
                pieces.push(flat.split_to(index - done));
                done = index;
            }
            pieces.push(chunk);
        }
        if !flat.is_empty() {
            pieces.push(flat);
        }
        self.chunk_bytes = 0;
    }

    /// The content in one piece, copied: for tests and logs.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        let mut done = 0;
        for (index, chunk) in &self.chunks {
            out.extend_from_slice(&self.buf[done..*index]);
            out.extend_from_slice(chunk);
            done = *index;
        }
        out.extend_from_slice(&self.buf[done..]);
        out
    }

    fn push_chunk(&mut self, bytes: Bytes) {
        self.chunk_bytes += bytes.len();
        self.chunks.push((self.buf.len(), bytes));
    }

    fn line(&mut self, marker: u8, text: &[u8]) {
        self.buf.push(marker);
        self.buf.extend_from_slice(text);
        self.buf.extend_from_slice(b"\r\n");
    }

    fn aggregate(&mut self, marker: u8, len: usize, flat_len: usize) {
        match self.version {
            RespVersion::V2 => encode::header(&mut self.buf, b'*', flat_len),
            RespVersion::V3 => encode::header(&mut self.buf, marker, len),
        }
    }

    /// Inserts the header at the slot: one move of the elements, which are mostly few.
    fn close(&mut self, slot: Slot, marker: u8, len: usize) {
        let Mark { bytes: at, chunks } = slot.0;
        let end = self.buf.len();
        encode::header(&mut self.buf, marker, len);
        let header = self.buf.len() - end;
        self.buf[at..].rotate_right(header);
        for (index, _) in &mut self.chunks[chunks..] {
            *index += header;
        }
    }
}

impl Output {
    /// Bytes to send.
    pub fn len(&self) -> usize {
        match self {
            Output::Flat(bytes) => bytes.len(),
            Output::Chunks(pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// From this size on a value goes out by reference: below, a copy costs less than a further entry
/// in the list of pieces and a reference count touched by two cores.
pub const CHUNK_BYTES_MIN: usize = 16 * 1024;

/// The longest spelling of a double: a sign, 17 digits, a point, an exponent.
const DOUBLE_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests;
