//! Hashes whose fields have an expiry of their own, as Redis 7.4 (24, 25) and Valkey 9 (22) write
//! them. Fields do not expire here, so they are loaded to stay, and how many of them that concerns
//! is counted for whoever answers for it. Read only; pure, any core.
//!
//! ```text
//! 24    least moment(8)  fields { moment - least + 1, or 0: never  field  value }*
//! 25    least moment(8)  a listpack in a string: field, value, moment or 0: never, by turns
//! 22    fields { field  value  moment(8), or -1: never }*            behind the magic of Valkey
//! ```
//!
//! Moments are Unix milliseconds, those of 8 bytes little-endian.

use bytes::Bytes;

use crate::config::settings_groups::Encoding;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::types::hash::Hash;
use crate::keyspace::value::{Object, Value as Stored};
use crate::rdb::elements::EMPTY;
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::string::StringReader;

/// A hash on its way in.
#[derive(Debug)]
pub struct ExpiringHashReader {
    form: Form,
    state: State,
    limits: Encoding,
    left: u64,
    string: StringReader,
    field: Bytes,
    hash: Hash,
    expiring: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// 24
    Offsets,
    /// 25
    Pack,
    /// 22 of Valkey
    Moments,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Least,
    Count,
    Offset,
    Field,
    Value,
    Moment,
    Pack,
}

impl ExpiringHashReader {
    /// The decoder for one of these types; `None` for another type. `valkey` says whose numbers
    /// they are.
    pub fn begin(code: u8, valkey: bool, limits: Encoding) -> Option<ExpiringHashReader> {
        let (form, state) = match code {
            format::TYPE_HASH_METADATA if !valkey => (Form::Offsets, State::Least),
            format::TYPE_HASH_LISTPACK_METADATA if !valkey => (Form::Pack, State::Least),
            format::TYPE_HASH_VALKEY if valkey => (Form::Moments, State::Count),
            _ => return None,
        };
        let (string, hash) = (StringReader::default(), Hash::default());
        let (left, expiring, field) = (0, 0, Bytes::new());
        Some(ExpiringHashReader { form, state, limits, left, string, field, hash, expiring })
    }

    /// How many fields had an expiry, of those that have come.
    pub fn expiring(&self) -> u64 {
        self.expiring
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are no such hash, a field that comes twice, no field at all.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<Object>, RdbError> {
        loop {
            let next = match self.state {
                State::Least => reader.take::<8>(input).map(|_| match self.form {
                    Form::Pack => State::Pack,
                    _ => State::Count,
                }),
                State::Count => match length::read_count(reader, input)? {
                    Some(0) => return Err(corrupt(reader, EMPTY)),
                    Some(count) => {
                        self.left = count;
                        Some(self.field_begins())
                    }
                    None => None,
                },
                State::Offset => length::read_count(reader, input)?.map(|offset| {
                    self.expiring += u64::from(offset != 0);
                    State::Field
                }),
                State::Field => self.string.step(reader, input)?.map(|field| {
                    self.field = field.into_bytes();
                    State::Value
                }),
                State::Value => match self.string.step(reader, input)? {
                    Some(value) => Some(self.take_value(value.into_bytes(), reader)?),
                    None => None,
                },
                State::Moment => reader.take(input).map(|moment| {
                    self.expiring += u64::from(i64::from_le_bytes(moment) != NEVER);
                    self.left -= 1;
                    self.field_begins()
                }),
                State::Pack => {
                    let Some(flat) = self.string.step(reader, input)? else { return Ok(None) };
                    self.take_pack(flat.into_bytes(), reader)?;
                    return Ok(Some(Object::Hash(std::mem::take(&mut self.hash))));
                }
            };
            let Some(next) = next else { return Ok(None) };
            self.state = next;
            if self.left == 0 && matches!(self.state, State::Offset | State::Field) {
                return Ok(Some(Object::Hash(std::mem::take(&mut self.hash))));
            }
        }
    }

    /// Bytes of memory the unfinished hash owns.
    pub fn memory(&self) -> usize {
        self.string.memory() + self.field.len() + self.hash.memory()
    }

    fn field_begins(&self) -> State {
        if self.form == Form::Offsets { State::Offset } else { State::Field }
    }

    fn take_value(&mut self, value: Bytes, reader: &Reader) -> Result<State, RdbError> {
        let field = std::mem::take(&mut self.field);
        if !self.hash.set(&field, Stored::Shared(value), &self.limits) {
            return Err(corrupt(reader, TWICE));
        }
        if self.form == Form::Moments {
            return Ok(State::Moment);
        }
        self.left -= 1;
        Ok(State::Offset)
    }

    fn take_pack(&mut self, flat: Bytes, reader: &Reader) -> Result<(), RdbError> {
        let pack = ListPack::from_bytes_checked(Vec::from(flat));
        let pack = pack.map_err(|invalid| corrupt(reader, invalid.0))?;
        let mut elements = pack.iter();
        let (mut name, mut text) = (itoa::Buffer::new(), itoa::Buffer::new());
        while let Some(field) = elements.next() {
            let (Some(value), Some(Element::Int(moment))) = (elements.next(), elements.next())
            else {
                return Err(corrupt(reader, "a field without a value or a moment"));
            };
            let value = Stored::Bytes(value.as_text(&mut text));
            if !self.hash.set(field.as_text(&mut name), value, &self.limits) {
                return Err(corrupt(reader, TWICE));
            }
            self.expiring += u64::from(moment != 0);
        }
        if self.hash.is_empty() { Err(corrupt(reader, EMPTY)) } else { Ok(()) }
    }
}

fn corrupt(reader: &Reader, what: &'static str) -> RdbError {
    RdbError::Corrupt { what, offset: reader.offset() }
}

const TWICE: &str = "a field that comes twice";
/// In the place of a moment, in the form of Valkey.
const NEVER: i64 = -1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crc64::crc64;
    use crate::rdb::decode::{DecodeOptions, Decoder, Step, decode_all};
    use crate::rdb::dump::{self, DumpError};
    use crate::rdb::record::{Record, Value};

    const LEAST: [u8; 8] = 1_900_000_000_000_u64.to_le_bytes();

    fn offsets(moments: [u8; 2]) -> Vec<u8> {
        let fields = [&[2, moments[0], 1, b'a', 1, b'x', moments[1], 1, b'b', 0xc0, 7][..]];
        [&[24][..], &LEAST, fields[0]].concat()
    }

    fn pack(words: &[&[u8]]) -> Vec<u8> {
        let mut pack = ListPack::new();
        words.iter().for_each(|word| pack.push_back(*word));
        let length = u8::try_from(pack.byte_len()).expect("a small one");
        assert!(length < 64);
        [&[25][..], &LEAST, &[length], pack.as_bytes()].concat()
    }

    fn moments(moment: i64) -> Vec<u8> {
        let never = (-1_i64).to_le_bytes();
        let (a, b) = ([&[1, b'a', 1, b'x'][..], &never], [&[1, b'b', 1, b'7'][..]]);
        [&[22, 2][..], &a.concat(), b[0], &moment.to_le_bytes()].concat()
    }

    fn restore(body: &[u8], version: u16) -> Result<Value, DumpError> {
        let mut payload = [body, &version.to_le_bytes()].concat();
        payload.extend_from_slice(&crc64(&payload).to_le_bytes());
        dump::decode(&payload, &DecodeOptions::default())
    }

    fn expected() -> Object {
        let (mut hash, limits) = (Hash::default(), DecodeOptions::default().encoding);
        hash.set(b"a", Stored::Bytes(b"x"), &limits);
        hash.set(b"b", Stored::Bytes(b"7"), &limits);
        Object::Hash(hash)
    }

    fn check(with: &[u8], without: &[u8], magic: &str, version: u16) {
        let loaded = restore(without, version).expect("no field expires");
        assert_eq!(loaded, Value::Object(Box::new(expected())));
        let refused = restore(with, version).expect_err("a field's expiry would be lost");
        assert!(matches!(refused, DumpError::Value(RdbError::UnsupportedType { .. })));
        let key = [&with[..1], &[1, b'k'], &with[1..]].concat();
        let file = [magic.as_bytes(), &key, &[0xff], &[0; 8]].concat();
        let (mut decoder, mut found) = (Decoder::new(DecodeOptions::default()), Vec::new());
        for byte in &file {
            let mut input = std::slice::from_ref(byte);
            if let Step::Record(record) = decoder.next(&mut input).expect("it is whole") {
                found.push(record);
            }
        }
        decoder.finish().expect("it is whole");
        assert_eq!(decoder.expiring_fields(), 1);
        assert_eq!(decode_all(&file, DecodeOptions::default()).as_ref(), Ok(&found));
        let [Record::Key(record)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(record.value, Value::Object(Box::new(expected())));
        for end in 1..with.len() {
            assert!(restore(&with[..end], version).is_err(), "cut after {end} bytes");
        }
    }

    #[test]
    fn fields_are_loaded_and_those_that_would_have_expired_counted() {
        check(&offsets([0, 1]), &offsets([0, 0]), "REDIS0012", 12);
        let moment = b"1900000000000";
        let with = pack(&[b"b", b"7", moment, b"a", b"x", b"0"]);
        let without = pack(&[b"a", b"x", b"0", b"b", b"7", b"0"]);
        check(&with, &without, "REDIS0012", 12);
        check(&moments(1_900_000_000_000), &moments(-1), "VALKEY080", 80);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let twice = [&[24][..], &LEAST, &[2, 0, 1, b'a', 0, 0, 1, b'a', 0]].concat();
        let none = [&[24][..], &LEAST, &[0]].concat();
        let bodies = [twice, none, pack(&[]), pack(&[b"a", b"x"]), pack(&[b"a", b"x", b"y"])];
        for body in bodies {
            assert!(restore(&body, 12).is_err(), "{}", body.escape_ascii());
        }
        // Each number means its form in one family of servers only.
        assert!(restore(&moments(-1), 12).is_err());
        assert!(restore(&offsets([0, 0]), 80).is_err());
    }
}
