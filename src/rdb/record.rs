//! What an RDB file says, record by record: plain values, read and written by any core. Owned
//! forms are read, borrowed forms are written. Collections are the keyspace's own; strings are not,
//! since a file knows other forms of them.

use bytes::Bytes;

use crate::base::ids::DbIndex;
use crate::base::number;
use crate::keyspace::value::Object;

/// One thing in a file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A field about the file, such as `redis-ver`, `repl-id`, `repl-offset`.
    Aux {
        /// Its name.
        key: Bytes,
        /// Its text; integers as decimal text.
        value: Bytes,
    },
    /// The keys that follow are of this database.
    SelectDb(DbIndex),
    /// How large the selected database is going to be. A hint that the file may lie in.
    ResizeDb {
        /// Keys in all.
        keys: u64,
        /// Keys that expire.
        expires: u64,
    },
    /// How large a hash slot is. A hint.
    SlotInfo {
        /// The slot's number, unchecked.
        slot: u64,
        /// Keys in it.
        keys: u64,
        /// Keys that expire.
        expires: u64,
    },
    /// A key and its value.
    Key(KeyRecord),
    /// A function library's source.
    Function(Bytes),
    /// Data of a module, passed over. Whether to go on without it is the reader's to decide.
    ModuleAux {
        /// The module type's name, nine characters.
        name: String,
    },
}

/// A key with all that the file says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The database selected when it was read.
    pub db: DbIndex,
    /// The key.
    pub key: Bytes,
    /// Expiry, idle time, frequency.
    pub meta: KeyMeta,
    /// The value.
    pub value: Value,
}

/// What is known of a key beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KeyMeta {
    /// Unix time in milliseconds at which it expires; may be in the past.
    pub expire_ms: Option<u64>,
    /// Seconds since it was last used.
    pub idle_seconds: Option<u64>,
    /// The logarithmic use counter.
    pub freq: Option<u8>,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    String(StringValue),
    /// A collection, as the keyspace holds it.
    Object(Box<Object>),
}

/// A string as it was encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringValue {
    /// An integer.
    Int(i64),
    /// Bytes; they may spell an integer too large for the file's integer forms.
    Bytes(Bytes),
}

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    String(StringRef<'a>),
    /// A collection.
    Object(&'a Object),
}

/// A string to be written.
#[derive(Clone, Copy, Debug)]
pub enum StringRef<'a> {
    /// An integer, to be read back as its decimal text.
    Int(i64),
    /// Bytes; short ones that spell an integer are written as one.
    Bytes(&'a [u8]),
}

impl StringValue {
    /// The string's bytes; an integer as decimal text.
    pub fn into_bytes(self) -> Bytes {
        match self {
            StringValue::Bytes(bytes) => bytes,
            StringValue::Int(integer) => {
                let mut text = Vec::new();
                number::append_i64(&mut text, integer);
                Bytes::from(text)
            }
        }
    }

    /// The same to be written.
    pub fn borrowed(&self) -> StringRef<'_> {
        match self {
            StringValue::Int(integer) => StringRef::Int(*integer),
            StringValue::Bytes(bytes) => StringRef::Bytes(bytes),
        }
    }
}

impl Value {
    /// The same to be written.
    pub fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Value::String(string) => ValueRef::String(string.borrowed()),
            Value::Object(object) => ValueRef::Object(object),
        }
    }
}
