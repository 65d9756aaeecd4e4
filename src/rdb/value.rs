//! Which decoder reads a value of which type, and how a value is written. Pure, any core. Each
//! type has a file of its own; here is one arm for it in each function.

use crate::base::lzf::Compressor;
use crate::config::settings_groups::Encoding;
use crate::keyspace::value::Object;
use crate::rdb::error::RdbError;
use crate::rdb::expiring_hash::ExpiringHashReader;
use crate::rdb::format;
use crate::rdb::hash::{self, HashReader};
use crate::rdb::list::{self, ListReader};
use crate::rdb::reader::Reader;
use crate::rdb::record::{Value, ValueRef};
use crate::rdb::set::{self, SetReader};
use crate::rdb::sorted_set::{self, SortedSetReader};
use crate::rdb::stream;
use crate::rdb::stream_reader::StreamReader;
use crate::rdb::string::{self, StringReader};

/// A value on its way in.
#[derive(Debug)]
pub enum ValueReader {
    /// A string.
    String(StringReader),
    /// A list.
    List(Box<ListReader>),
    /// A set.
    Set(Box<SetReader>),
    /// A hash.
    Hash(Box<HashReader>),
    /// A hash with fields that may expire.
    ExpiringHash(Box<ExpiringHashReader>),
    /// A sorted set.
    SortedSet(Box<SortedSetReader>),
    /// A stream.
    Stream(Box<StreamReader>),
}

impl ValueReader {
    /// The decoder for a type's number; `None` if it cannot be read. `encoding` decides how a
    /// collection will be held, whatever form it is read from; `valkey` whose number it is, where
    /// Redis and Valkey differ.
    pub fn begin(code: u8, valkey: bool, encoding: Encoding) -> Option<ValueReader> {
        match code {
            format::TYPE_STRING => Some(ValueReader::String(StringReader::default())),
            format::TYPE_STREAM_1 | format::TYPE_STREAM_2 | format::TYPE_STREAM_3 => {
                let form = stream::Form::of_code(code)?;
                Some(ValueReader::Stream(Box::new(StreamReader::new(form))))
            }
            _ => {
                let list = ListReader::begin(code, encoding).map(Box::new).map(ValueReader::List);
                let sorted_set = || SortedSetReader::begin(code, encoding).map(Box::new);
                let set = || SetReader::begin(code, encoding).map(Box::new);
                let hash = || HashReader::begin(code, encoding).map(Box::new);
                let expiring = || ExpiringHashReader::begin(code, valkey, encoding).map(Box::new);
                list.or_else(|| sorted_set().map(ValueReader::SortedSet))
                    .or_else(|| set().map(ValueReader::Set))
                    .or_else(|| hash().map(ValueReader::Hash))
                    .or_else(|| expiring().map(ValueReader::ExpiringHash))
            }
        }
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are not a value of the type.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<Value>, RdbError> {
        match self {
            ValueReader::String(string) => Ok(string.step(reader, input)?.map(Value::String)),
            ValueReader::List(list) => {
                let object = list.step(reader, input)?.map(Object::List);
                Ok(object.map(|object| Value::Object(Box::new(object))))
            }
            ValueReader::Set(set) => Ok(set.step(reader, input)?.map(object)),
            ValueReader::Hash(hash) => Ok(hash.step(reader, input)?.map(object)),
            ValueReader::ExpiringHash(hash) => Ok(hash.step(reader, input)?.map(object)),
            ValueReader::SortedSet(set) => {
                let object = set.step(reader, input)?.map(Object::SortedSet);
                Ok(object.map(|object| Value::Object(Box::new(object))))
            }
            ValueReader::Stream(stream) => stream.step(reader, input),
        }
    }

    /// How many of the value's fields have an expiry that is not kept here.
    pub fn expiring_fields(&self) -> u64 {
        match self {
            ValueReader::ExpiringHash(hash) => hash.expiring(),
            _ => 0,
        }
    }

    /// Bytes of memory the unfinished value owns.
    pub fn memory(&self) -> usize {
        match self {
            ValueReader::String(string) => string.memory(),
            ValueReader::List(list) => list.memory(),
            ValueReader::Set(set) => set.memory(),
            ValueReader::Hash(hash) => hash.memory(),
            ValueReader::ExpiringHash(hash) => hash.memory(),
            ValueReader::SortedSet(set) => set.memory(),
            ValueReader::Stream(stream) => stream.memory(),
        }
    }
}

/// The number of the type a value is written as in RDB version `version`: older ones lack types.
pub fn type_code(value: ValueRef<'_>, version: u16) -> u8 {
    match value {
        ValueRef::String(_) => format::TYPE_STRING,
        ValueRef::Object(object) => match object {
            Object::Hash(hash) => hash::type_code(hash, version),
            Object::List(_) => list::type_code(version),
            Object::Set(set) => set::type_code(set, version),
            Object::SortedSet(set) => sorted_set::type_code(set, version),
            Object::Stream(_) => stream::Form::of_version(version).code(),
        },
    }
}

/// Appends a value without its type, as [`type_code`] of the same version tells it.
pub fn write(
    out: &mut Vec<u8>,
    value: ValueRef<'_>,
    version: u16,
    compressor: Option<&mut Compressor>,
) {
    match value {
        ValueRef::String(string) => string::write(out, string, compressor),
        ValueRef::Object(object) => match object {
            Object::Hash(hash) => hash::write(out, hash, version, compressor),
            Object::List(list) => list::write(out, list, version, compressor),
            Object::Set(set) => set::write(out, set, version, compressor),
            Object::SortedSet(set) => sorted_set::write(out, set, version, compressor),
            Object::Stream(held) => {
                stream::write(out, held, stream::Form::of_version(version), compressor)
            }
        },
    }
}

fn object(object: Object) -> Value {
    Value::Object(Box::new(object))
}
