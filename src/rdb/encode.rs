//! Writing an RDB file, or a chunk of one that another encoder appends. One core owns an encoder;
//! several may write chunks side by side, since a file may name its database again at each.
//!
//! What always holds: `sum` covers every byte that left by [`Encoder::take`], and `out` is what
//! has been written since.

use crate::base::crc64::Crc64;
use crate::base::ids::DbIndex;
use crate::base::lzf::Compressor;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::record::{KeyMeta, ValueRef};
use crate::rdb::string;
use crate::rdb::value;

/// How a file or payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// [`format::WRITTEN_MIN`]`..=`[`format::WRITTEN_MAX`].
    pub version: u16,
    /// `rdbcompression`.
    pub compress: bool,
    /// `rdbchecksum`; without it the sum is 0, which readers take for "not made".
    pub checksum: bool,
}

impl Default for EncodeOptions {
    fn default() -> EncodeOptions {
        EncodeOptions { version: format::WRITTEN_DEFAULT, compress: true, checksum: true }
    }
}

/// A file or chunk in the making.
#[derive(Debug)]
pub struct Encoder {
    options: EncodeOptions,
    out: Vec<u8>,
    sum: Crc64,
    compressor: Option<Compressor>,
}

impl Encoder {
    /// An encoder that has written nothing. A file begins with [`Encoder::header`]; a chunk does
    /// not.
    ///
    /// # Panics
    /// If the version is not one that is written.
    pub fn new(options: EncodeOptions) -> Encoder {
        let versions = format::WRITTEN_MIN..=format::WRITTEN_MAX;
        assert!(versions.contains(&options.version), "RDB version {}", options.version);
        let compressor = options.compress.then(Compressor::new);
        Encoder { options, out: Vec::new(), sum: Crc64::new(), compressor }
    }

    /// Magic and version.
    pub fn header(&mut self) {
        let header = format!("REDIS{:04}", self.options.version);
        debug_assert_eq!(header.len(), format::HEADER_LENGTH);
        self.out.extend_from_slice(header.as_bytes());
    }

    /// A field about the file.
    pub fn aux(&mut self, key: &[u8], value: &[u8]) {
        self.out.push(format::AUX);
        string::write_bytes(&mut self.out, key, None);
        string::write_bytes(&mut self.out, value, None);
    }

    /// A function library's source.
    pub fn function(&mut self, source: &[u8]) {
        self.out.push(format::FUNCTION);
        string::write_bytes(&mut self.out, source, self.compressor.as_mut());
    }

    /// The keys that follow belong to `db`.
    pub fn select_db(&mut self, db: DbIndex) {
        self.out.push(format::SELECT_DB);
        length::write(&mut self.out, u64::from(db.0));
    }

    /// How large the selected database is: keys, and how many of them expire.
    pub fn resize_db(&mut self, keys: u64, expires: u64) {
        self.out.push(format::RESIZE_DB);
        length::write(&mut self.out, keys);
        length::write(&mut self.out, expires);
    }

    /// A key and its value in the selected database.
    pub fn key(&mut self, key: &[u8], meta: &KeyMeta, value: ValueRef<'_>) {
        if let Some(expire_ms) = meta.expire_ms {
            self.out.push(format::EXPIRE_MS);
            self.out.extend_from_slice(&expire_ms.to_le_bytes());
        }
        if let Some(seconds) = meta.idle_seconds {
            self.out.push(format::IDLE);
            length::write(&mut self.out, seconds);
        }
        if let Some(freq) = meta.freq {
            self.out.extend_from_slice(&[format::FREQ, freq]);
        }
        self.out.push(value::type_code(value, self.options.version));
        string::write_bytes(&mut self.out, key, self.compressor.as_mut());
        value::write(&mut self.out, value, self.options.version, self.compressor.as_mut());
    }

    /// Bytes that another encoder wrote without header and end.
    pub fn chunk(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// The end mark and the checksum. Nothing may be written after it.
    pub fn end(&mut self) {
        self.out.push(format::EOF);
        let sum = if self.options.checksum {
            let mut sum = self.sum;
            sum.update(&self.out);
            sum.sum()
        } else {
            0
        };
        self.out.extend_from_slice(&sum.to_le_bytes());
    }

    /// Bytes written and not taken yet.
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// What was written since the last call, to be put into the file or socket.
    pub fn take(&mut self) -> Vec<u8> {
        if self.options.checksum {
            self.sum.update(&self.out);
        }
        std::mem::take(&mut self.out)
    }

    /// As [`Encoder::take`], but swaps with an empty buffer of the caller's, so that both keep
    /// their memory.
    pub fn take_into(&mut self, buffer: &mut Vec<u8>) {
        if self.options.checksum {
            self.sum.update(&self.out);
        }
        buffer.clear();
        std::mem::swap(buffer, &mut self.out);
    }
}
