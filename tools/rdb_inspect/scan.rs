//! Reads a file record by record, and knows of each where it began and how it was encoded.
//!
//! Always holds: `start` is the offset at which the record being read begins, and `head` its first
//! bytes, as many as have been read and are needed to find its type.

use std::io::{self, Read};

use tributary::rdb::decode::{DecodeOptions, Decoder, Step};
use tributary::rdb::error::RdbError;
use tributary::rdb::format;
use tributary::rdb::record::Record;

/// Why reading ended before the end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The file could not be read.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// What is in it is wrong.
    #[error("{0}")]
    Rdb(#[from] RdbError),
}

/// A record with its place.
#[derive(Debug)]
pub struct Item {
    /// What it is.
    pub record: Record,
    /// Bytes of the file it takes.
    pub bytes: u64,
    /// The name of a key's type in the file, such as `hash-listpack`.
    pub encoding: &'static str,
}

/// The sum at the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// The file is of a version that has none.
    None,
    /// The writer made none.
    NotMade,
    /// There is one; it is right if it was checked.
    Made(u64),
}

/// A file being read.
#[derive(Debug)]
pub struct Scan<R> {
    source: R,
    decoder: Decoder,
    chunk: Vec<u8>,
    filled: usize,
    taken: usize,
    start: u64,
    head: Vec<u8>,
    tail: [u8; format::CHECKSUM_LENGTH],
    valkey: bool,
}

impl<R: Read> Scan<R> {
    /// Before the first byte.
    pub fn new(source: R, checksum: bool) -> Scan<R> {
        Scan {
            source,
            decoder: Decoder::new(DecodeOptions { checksum, ..DecodeOptions::default() }),
            chunk: vec![0; CHUNK_BYTES],
            filled: 0,
            taken: 0,
            start: 0,
            head: Vec::with_capacity(HEAD_BYTES),
            tail: [0; format::CHECKSUM_LENGTH],
            valkey: false,
        }
    }

    /// The next record; `None` at the end of the data.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn next(&mut self) -> Result<Option<Item>, ScanError> {
        loop {
            let mut input = &self.chunk[self.taken..self.filled];
            // The decoder takes all its input unless a record or the end is complete.
            let offered = input;
            let step = self.decoder.next(&mut input)?;
            let used = offered.len() - input.len();
            self.taken += used;
            remember(&mut self.head, &mut self.tail, &offered[..used]);
            match step {
                Step::Record(record) => return Ok(Some(self.item(record))),
                Step::End => return Ok(None),
                Step::Incomplete => {
                    self.filled = read(&mut self.source, &mut self.chunk)?;
                    self.taken = 0;
                    if self.filled == 0 {
                        self.decoder.finish()?;
                    }
                }
            }
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// The file's version, and whether it is Valkey's own.
    pub fn version(&self) -> (u16, bool) {
        (self.decoder.version(), self.valkey)
    }

    /// The sum at the end; to be asked at the end.
    pub fn sum(&self) -> Sum {
        if self.decoder.version() < format::CHECKSUM_SINCE {
            return Sum::None;
        }
        match u64::from_le_bytes(self.tail) {
            0 => Sum::NotMade,
            sum => Sum::Made(sum),
        }
    }

    /// How many bytes follow the end; to be asked at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn remaining(&mut self) -> Result<u64, ScanError> {
        let mut count = (self.filled - self.taken) as u64;
        loop {
            match read(&mut self.source, &mut self.chunk)? {
                0 => return Ok(count),
                more => count += more as u64,
            }
        }
    }

    fn item(&mut self, record: Record) -> Item {
        let mut head = self.head.as_slice();
        if self.start == 0 {
            self.valkey = head.starts_with(b"VALKEY");
            head = head.get(format::HEADER_LENGTH..).unwrap_or_default();
        }
        let encoding = match (&record, type_code(head)) {
            (Record::Key(_), Some(code)) => format::type_name(code, self.valkey),
            _ => format::UNKNOWN,
        };
        let bytes = self.decoder.offset() - self.start;
        self.start = self.decoder.offset();
        self.head.clear();
        Item { record, bytes, encoding }
    }
}

/// Keeps the first bytes of the record and the last bytes of the file.
fn remember(head: &mut Vec<u8>, tail: &mut [u8; format::CHECKSUM_LENGTH], used: &[u8]) {
    let wanted = (HEAD_BYTES - head.len()).min(used.len());
    head.extend_from_slice(&used[..wanted]);
    let count = used.len().min(tail.len());
    tail.rotate_left(count);
    let from = tail.len() - count;
    tail[from..].copy_from_slice(&used[used.len() - count..]);
}

/// The type's number in the first bytes of a key's record, behind expiry, idle time and counter.
fn type_code(mut head: &[u8]) -> Option<u8> {
    loop {
        let (first, rest) = head.split_first()?;
        let skipped = match *first {
            format::EXPIRE_MS => 8,
            format::EXPIRE_SECONDS => 4,
            format::FREQ => 1,
            format::IDLE => match rest.first()? {
                &format::LENGTH_32 => 5,
                &format::LENGTH_64 => 9,
                byte if byte >> 6 == format::LENGTH_14 => 2,
                _ => 1,
            },
            // A database may lie between the fields and the first key.
            code => return Some(code),
        };
        head = rest.get(skipped..)?;
    }
}

fn read(source: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Header 9, expiry 9, idle time 10, counter 2, type 1, rounded up.
const HEAD_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_found_behind_what_is_said_of_the_key() {
        let check = |head: &[u8], expected| assert_eq!(type_code(head), expected, "{head:?}");
        check(&[0, 1, b'k'], Some(0));
        check(&[252, 1, 2, 3, 4, 5, 6, 7, 8, 16], Some(16));
        check(&[253, 1, 2, 3, 4, 249, 7, 18], Some(18));
        check(&[248, 5, 4], Some(4));
        check(&[248, 0x41, 0, 4], Some(4));
        check(&[248, 0x80, 0, 0, 0, 1, 4], Some(4));
        check(&[248, 0x81, 0, 0, 0, 0, 0, 0, 0, 1, 4], Some(4));
        check(&[252, 1], None);
        check(&[], None);
    }

    #[test]
    fn records_have_sizes_and_the_file_a_sum() {
        let mut file =
            b"REDIS0010\xfe\x00\xfb\x01\x01\xfc\0\0\0\0\0\0\0\x01\x00\x01k\x02vw\xff".to_vec();
        let sum = tributary::base::crc64::crc64(&file);
        file.extend_from_slice(&sum.to_le_bytes());
        file.extend_from_slice(b"rest");
        let mut scan = Scan::new(&file[..], true);
        let mut sizes = Vec::new();
        while let Some(item) = scan.next().expect("a whole file") {
            sizes.push((item.bytes, item.encoding));
        }
        assert_eq!(sizes, [(11, "unknown"), (3, "unknown"), (15, "string")]);
        assert_eq!(scan.version(), (10, false));
        assert_eq!(scan.sum(), Sum::Made(sum));
        assert_eq!(scan.remaining().expect("bytes in memory"), 4);
        file[26] ^= 1;
        let mut scan = Scan::new(&file[..], true);
        let error = loop {
            match scan.next() {
                Ok(Some(_)) => {}
                ended => break ended,
            }
        };
        assert!(matches!(error, Err(ScanError::Rdb(_))), "{error:?}");
    }
}
