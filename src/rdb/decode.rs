//! Reading an RDB file as its bytes arrive, in parts of any size, without I/O. One core owns a
//! decoder.
//!
//! What always holds: when [`Decoder::next`] answers `Incomplete` it has taken all its input, so
//! nothing is scanned twice and the caller keeps no bytes; what is owned is bounded by what has
//! arrived, never by what lengths declare; and no bytes make it panic.
//!
//! ```no_run
//! # use tributary::rdb::decode::{DecodeOptions, Decoder, Step};
//! # fn read_some() -> Vec<u8> { Vec::new() }
//! # fn load() -> Result<(), tributary::rdb::error::RdbError> {
//! let mut decoder = Decoder::new(DecodeOptions::default());
//! loop {
//!     let bytes = read_some();
//!     if bytes.is_empty() {
//!         return decoder.finish();
//!     }
//!     let mut input = &bytes[..];
//!     loop {
//!         match decoder.next(&mut input)? {
//!             Step::Record(record) => { /* load it */ }
//!             Step::Incomplete => break,
//!             Step::End => return Ok(()), // what is left of `input` is not the file's
//!         }
//!     }
//! }
//! # }
//! ```

use bytes::Bytes;

use crate::base::crc64::Crc64;
use crate::base::ids::DbIndex;
use crate::base::lzf;
use crate::config::settings::Settings;
use crate::config::settings_groups::Encoding;
use crate::rdb::error::{self, RdbError};
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::module_aux::ModuleAuxReader;
use crate::rdb::reader::Reader;
use crate::rdb::record::{KeyMeta, KeyRecord, Record};
use crate::rdb::string::StringReader;
use crate::rdb::value::ValueReader;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Whether the sum at the end is compared, if the file has one.
    pub checksum: bool,
    /// The longest string that is read, in bytes.
    pub string_max: u64,
    /// Where the compact encodings of what is read end.
    pub encoding: Encoding,
}

impl Default for DecodeOptions {
    fn default() -> DecodeOptions {
        let encoding = Settings::defaults().encoding;
        DecodeOptions { checksum: true, string_max: STRING_MAX, encoding }
    }
}

/// What a call to [`Decoder::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// All input was taken; more is needed.
    Incomplete,
    /// A record; there may be more in the input.
    Record(Record),
    /// The file is complete and its sum right. What is left of the input follows the file.
    End,
}

/// A file on its way in.
#[derive(Debug)]
pub struct Decoder {
    options: DecodeOptions,
    reader: Reader,
    state: State,
    string: StringReader,
    sum: Crc64,
    version: u16,
    valkey: bool,
    db: DbIndex,
    /// What was said of the next key.
    meta: KeyMeta,
    /// See [`Decoder::expiring_fields`].
    expiring_fields: u64,
}

#[derive(Debug)]
enum State {
    Header,
    Opcode,
    AuxKey,
    AuxValue {
        key: Bytes,
    },
    /// One to three lengths that belong to an opcode.
    Counts {
        opcode: u8,
        counts: [u64; 3],
        read: usize,
    },
    ExpireMs,
    ExpireSeconds,
    Freq,
    Key {
        code: u8,
    },
    Value {
        key: Bytes,
        value: ValueReader,
    },
    Function,
    ModuleAux(ModuleAuxReader),
    Checksum,
    End,
}

/// What one step inside the file came to.
enum Progress {
    Starved,
    Moved,
    Found(Record),
}

impl Decoder {
    /// A decoder before the first byte.
    pub fn new(options: DecodeOptions) -> Decoder {
        Decoder {
            options,
            reader: Reader::new(options.string_max),
            state: State::Header,
            string: StringReader::default(),
            sum: Crc64::new(),
            version: 0,
            valkey: false,
            db: DbIndex(0),
            meta: KeyMeta::default(),
            expiring_fields: 0,
        }
    }

    /// Takes bytes from the front of `input` until a record is complete, the file ends, or the
    /// input is used up.
    ///
    /// # Errors
    /// The first thing that is wrong. The decoder is of no use after it.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Step, RdbError> {
        let start = *input;
        let mut step = Step::Incomplete;
        while !matches!(self.state, State::Checksum | State::End) {
            match self.advance(input)? {
                Progress::Moved => {}
                Progress::Starved => break,
                Progress::Found(record) => {
                    step = Step::Record(record);
                    break;
                }
            }
        }
        if self.options.checksum {
            self.sum.update(&start[..start.len() - input.len()]);
        }
        if step == Step::Incomplete && matches!(self.state, State::Checksum) {
            self.compare_sum(input)?;
        }
        Ok(if matches!(self.state, State::End) { Step::End } else { step })
    }

    /// To be called when no more bytes will come.
    ///
    /// # Errors
    /// [`RdbError::Truncated`] unless the end of the file was read.
    pub fn finish(&self) -> Result<(), RdbError> {
        match self.state {
            State::End => Ok(()),
            _ => Err(RdbError::Truncated { offset: self.reader.offset() }),
        }
    }

    /// How many bytes are wanted at least before the next call can get any further than storing
    /// them; a hint for the size of the next read.
    pub fn needs(&self) -> usize {
        self.reader.missing().max(1)
    }

    /// Bytes of the file taken so far.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Fields of hashes read so far that have an expiry of their own. It is not kept: they stay.
    pub fn expiring_fields(&self) -> u64 {
        self.expiring_fields
    }

    /// The file's version once the header was read, else 0.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Bytes of memory that the unfinished record owns.
    pub fn memory(&self) -> usize {
        let in_state = match &self.state {
            State::Value { key, value } => key.len() + value.memory(),
            State::AuxValue { key } => key.len(),
            State::ModuleAux(module) => module.memory(),
            _ => 0,
        };
        in_state + self.string.memory()
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Progress, RdbError> {
        match &mut self.state {
            State::Header => self.read_header(input),
            State::Opcode => self.read_opcode(input),
            State::Counts { .. } => self.read_counts(input),
            State::ExpireMs | State::ExpireSeconds | State::Freq => Ok(self.read_meta(input)),
            State::Value { .. } => self.read_value(input),
            State::ModuleAux(module) => match module.step(&mut self.reader, input)? {
                None => Ok(Progress::Starved),
                Some(name) => {
                    self.state = State::Opcode;
                    Ok(Progress::Found(Record::ModuleAux { name }))
                }
            },
            State::AuxKey | State::AuxValue { .. } | State::Key { .. } | State::Function => {
                match self.string.step(&mut self.reader, input)? {
                    None => Ok(Progress::Starved),
                    Some(string) => self.string_read(string.into_bytes()),
                }
            }
            State::Checksum | State::End => Ok(Progress::Starved),
        }
    }

    fn read_header(&mut self, input: &mut &[u8]) -> Result<Progress, RdbError> {
        let Some(header) = self.reader.take::<{ format::HEADER_LENGTH }>(input) else {
            return Ok(Progress::Starved);
        };
        let (digits, valkey) = match (header.strip_prefix(b"REDIS"), header.strip_prefix(b"VALKEY"))
        {
            (Some(digits), _) => (digits, false),
            (_, Some(digits)) => (digits, true),
            _ => (&header[..0], false),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(RdbError::Magic { found: error::printable(&header) });
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        let known = match valkey {
            false => (1..=format::VERSION_MAX).contains(&number),
            true => number == format::VALKEY_VERSION,
        };
        if !known {
            return Err(RdbError::Version { version: u32::from(number) });
        }
        (self.version, self.valkey, self.state) = (number, valkey, State::Opcode);
        Ok(Progress::Moved)
    }

    fn read_opcode(&mut self, input: &mut &[u8]) -> Result<Progress, RdbError> {
        let Some(opcode) = self.reader.byte(input) else { return Ok(Progress::Starved) };
        let counts = State::Counts { opcode, counts: [0; 3], read: 0 };
        self.state = match opcode {
            format::AUX => State::AuxKey,
            format::SELECT_DB | format::RESIZE_DB | format::SLOT_INFO | format::IDLE => counts,
            format::EXPIRE_MS => State::ExpireMs,
            format::EXPIRE_SECONDS => State::ExpireSeconds,
            format::FREQ => State::Freq,
            format::FUNCTION => State::Function,
            format::MODULE_AUX => State::ModuleAux(ModuleAuxReader::default()),
            format::EOF if self.version < format::CHECKSUM_SINCE => State::End,
            format::EOF => State::Checksum,
            code if format::type_name(code, self.valkey) != format::UNKNOWN => State::Key { code },
            code => {
                let offset = self.reader.offset_before(1);
                return Err(RdbError::UnknownOpcode { code, offset });
            }
        };
        Ok(Progress::Moved)
    }

    fn read_counts(&mut self, input: &mut &[u8]) -> Result<Progress, RdbError> {
        let State::Counts { opcode, counts, read } = &mut self.state else {
            return Ok(Progress::Moved);
        };
        let wanted = match *opcode {
            format::SLOT_INFO => 3,
            format::RESIZE_DB => 2,
            _ => 1,
        };
        while *read < wanted {
            let Some(count) = length::read_count(&mut self.reader, input)? else {
                return Ok(Progress::Starved);
            };
            counts[*read] = count;
            *read += 1;
        }
        let (opcode, [first, second, third]) = (*opcode, *counts);
        self.state = State::Opcode;
        match opcode {
            format::SLOT_INFO => {
                let (slot, keys, expires) = (first, second, third);
                Ok(Progress::Found(Record::SlotInfo { slot, keys, expires }))
            }
            format::RESIZE_DB => {
                Ok(Progress::Found(Record::ResizeDb { keys: first, expires: second }))
            }
            format::IDLE => {
                self.meta.idle_seconds = Some(first);
                Ok(Progress::Moved)
            }
            _ => {
                let out_of_range =
                    |_| RdbError::Database { number: first, offset: self.reader.offset() };
                self.db = DbIndex(u16::try_from(first).map_err(out_of_range)?);
                Ok(Progress::Found(Record::SelectDb(self.db)))
            }
        }
    }

    fn read_meta(&mut self, input: &mut &[u8]) -> Progress {
        let complete = match self.state {
            State::ExpireMs => self.reader.take(input).map(|bytes| {
                // A time before 1970 is as past as its first millisecond.
                let expire = u64::try_from(i64::from_le_bytes(bytes)).unwrap_or(0);
                self.meta.expire_ms = Some(expire);
            }),
            State::ExpireSeconds => self.reader.take(input).map(|bytes| {
                let seconds = u64::try_from(i32::from_le_bytes(bytes)).unwrap_or(0);
                self.meta.expire_ms = Some(seconds * 1000);
            }),
            _ => self.reader.byte(input).map(|freq| self.meta.freq = Some(freq)),
        };
        if complete.is_none() {
            return Progress::Starved;
        }
        self.state = State::Opcode;
        Progress::Moved
    }

    /// A key, an aux field's half or a function's source is complete.
    fn string_read(&mut self, bytes: Bytes) -> Result<Progress, RdbError> {
        match std::mem::replace(&mut self.state, State::Opcode) {
            State::AuxKey => self.state = State::AuxValue { key: bytes },
            State::AuxValue { key } => {
                return Ok(Progress::Found(Record::Aux { key, value: bytes }));
            }
            State::Key { code } => {
                let Some(value) = ValueReader::begin(code, self.valkey, self.options.encoding)
                else {
                    return Err(RdbError::UnsupportedType {
                        name: format::type_name(code, self.valkey),
                        code,
                        key: error::printable(&bytes),
                        offset: self.reader.offset(),
                    });
                };
                self.state = State::Value { key: bytes, value };
            }
            _ => return Ok(Progress::Found(Record::Function(bytes))),
        }
        Ok(Progress::Moved)
    }

    fn read_value(&mut self, input: &mut &[u8]) -> Result<Progress, RdbError> {
        let State::Value { key, value } = &mut self.state else { return Ok(Progress::Moved) };
        let Some(read) = value.step(&mut self.reader, input)? else {
            return Ok(Progress::Starved);
        };
        self.expiring_fields += value.expiring_fields();
        let value = read;
        let key = std::mem::take(key);
        let meta = std::mem::take(&mut self.meta);
        self.state = State::Opcode;
        Ok(Progress::Found(Record::Key(KeyRecord { db: self.db, key, meta, value })))
    }

    fn compare_sum(&mut self, input: &mut &[u8]) -> Result<(), RdbError> {
        let Some(bytes) = self.reader.take::<{ format::CHECKSUM_LENGTH }>(input) else {
            return Ok(());
        };
        let (expected, computed) = (u64::from_le_bytes(bytes), self.sum.sum());
        if self.options.checksum && expected != 0 && expected != computed {
            let offset = self.reader.offset_before(format::CHECKSUM_LENGTH);
            return Err(RdbError::Checksum { expected, computed, offset });
        }
        self.state = State::End;
        Ok(())
    }
}

/// Every record of a whole file in memory.
///
/// # Errors
/// As [`Decoder::next`] and [`Decoder::finish`].
pub fn decode_all(bytes: &[u8], options: DecodeOptions) -> Result<Vec<Record>, RdbError> {
    let mut decoder = Decoder::new(options);
    let mut input = bytes;
    let mut records = Vec::new();
    loop {
        match decoder.next(&mut input)? {
            Step::Record(record) => records.push(record),
            Step::Incomplete => decoder.finish()?,
            Step::End => return Ok(records),
        }
    }
}

/// For fuzzing: arbitrary bytes are read or refused, in parts as at once, and take no more memory
/// than their size allows. The first byte sets the size of the parts.
pub fn fuzz_decode(bytes: &[u8]) {
    let options = DecodeOptions { checksum: false, ..DecodeOptions::default() };
    let whole = decode_all(bytes, options);
    let part = bytes.first().map_or(1, |byte| usize::from(*byte).max(1));
    let mut decoder = Decoder::new(options);
    let mut records = Vec::new();
    let mut outcome = Ok(Step::Incomplete);
    'parts: for mut input in bytes.chunks(part) {
        loop {
            outcome = decoder.next(&mut input);
            assert!(decoder.memory() <= memory_max(bytes.len()), "memory {}", decoder.memory());
            match outcome {
                Ok(Step::Record(record)) => records.push(record),
                Ok(Step::Incomplete) => break,
                Ok(Step::End) | Err(_) => break 'parts,
            }
        }
    }
    match outcome {
        Ok(_) => assert_eq!(decoder.finish().map(|()| records), whole),
        Err(error) => assert_eq!(Err(error), whole),
    }
}

/// What an unfinished record of so many bytes may own: the parts of a collection stand expanded
/// where they came compressed, each in an allocation of its own; and a large one begins with tables
/// of some KiB.
fn memory_max(length: usize) -> usize {
    (2 + lzf::EXPANSION_MAX as usize) * length + 8 * 1024
}

/// The limit on a string unless another is set: eight times the largest value a server takes with
/// its default `proto-max-bulk-len` of 512 MiB.
pub const STRING_MAX: u64 = 4 << 30;

#[cfg(test)]
mod tests;
