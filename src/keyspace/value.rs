//! What a value is: given to the keyspace ([`Value`]), read from it ([`ValueRef`]), and the
//! collection types ([`Object`]). Plain data, any core.

use bytes::Bytes;

use crate::keyspace::digest::Digest;
use crate::keyspace::types::hash::Hash;
use crate::keyspace::types::list::List;
use crate::keyspace::types::set::Set;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::keyspace::types::stream::Stream;

/// The type of a value, as TYPE tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string: text, an integer or any bytes.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

/// A value on its way into the keyspace.
#[derive(Debug)]
pub enum Value<'a> {
    /// A string kept as an integer (`int`).
    Int(i64),
    /// A string to be copied.
    Bytes(&'a [u8]),
    /// A string whose memory the keyspace takes over if it is large, and may grow later.
    Buffer(Vec<u8>),
    /// A string whose memory is shared with whoever received it; not copied if it is large.
    Shared(Bytes),
    /// A collection.
    Object(Box<Object>),
}

/// A value as it stands in the keyspace.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string kept as an integer.
    Int(i64),
    /// A string held by the keyspace alone: copy what is to outlive the borrow.
    Str(&'a [u8]),
    /// A large string that may be shared: clone the `Bytes` instead of copying.
    Shared(&'a Bytes),
    /// A collection.
    Object(&'a Object),
}

/// A collection. Boxed out of line.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each variant is the type of that name.
pub enum Object {
    Hash(Hash),
    List(List),
    Set(Set),
    SortedSet(SortedSet),
    Stream(Stream),
}

/// The longest string reported as `embstr`, in bytes. From Redis's documented OBJECT ENCODING.
pub const EMBSTR_MAX: usize = 44;

impl Kind {
    /// The word TYPE replies.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::SortedSet => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
        }
    }
}

impl<'a> Value<'a> {
    /// The value SET stores for `text`: an integer if the text is exactly how that integer is
    /// printed.
    pub fn text(text: &'a [u8]) -> Value<'a> {
        match canonical_int(text) {
            Some(number) => Value::Int(number),
            None => Value::Bytes(text),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The type.
    pub fn kind(&self) -> Kind {
        match self {
            ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Shared(_) => Kind::String,
            ValueRef::Object(object) => object.kind(),
        }
    }

    /// A string's text, an integer's being printed into `digits`; `None` for a collection.
    pub fn as_text<'b>(&self, digits: &'b mut itoa::Buffer) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        match *self {
            ValueRef::Int(number) => Some(digits.format(number).as_bytes()),
            ValueRef::Str(text) => Some(text),
            ValueRef::Shared(text) => Some(text),
            ValueRef::Object(_) => None,
        }
    }

    /// A string's length in bytes, as STRLEN tells it; `None` for a collection.
    pub fn text_len(&self) -> Option<usize> {
        self.as_text(&mut itoa::Buffer::new()).map(<[u8]>::len)
    }

    /// A string's integer, held as one or written canonically; `None` if it is none.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            ValueRef::Int(number) => Some(number),
            ValueRef::Str(text) => canonical_int(text),
            ValueRef::Shared(_) | ValueRef::Object(_) => None,
        }
    }
}

impl Object {
    /// The type.
    pub fn kind(&self) -> Kind {
        match self {
            Object::Hash(_) => Kind::Hash,
            Object::List(_) => Kind::List,
            Object::Set(_) => Kind::Set,
            Object::SortedSet(_) => Kind::SortedSet,
            Object::Stream(_) => Kind::Stream,
        }
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match self {
            Object::Hash(hash) => hash.encoding(),
            Object::List(list) => list.encoding(),
            Object::Set(set) => set.encoding(),
            Object::SortedSet(set) => set.encoding(),
            Object::Stream(stream) => stream.encoding(),
        }
    }

    /// An equal collection that shares nothing with this one.
    pub fn duplicate(&self) -> Box<Object> {
        Box::new(self.clone())
    }

    /// Heap memory owned, in bytes. Takes constant time: it is asked at every mutation.
    pub fn memory(&self) -> usize {
        match self {
            Object::Hash(hash) => hash.memory(),
            Object::List(list) => list.memory(),
            Object::Set(set) => set.memory(),
            Object::SortedSet(set) => set.memory(),
            Object::Stream(stream) => stream.memory(),
        }
    }

    /// Takes the value into a digest as a stock server's DEBUG DIGEST does.
    pub fn digest(&self, digest: &mut Digest) {
        match self {
            Object::Hash(hash) => hash.digest(digest),
            Object::List(list) => list.digest(digest),
            Object::Set(set) => set.digest(digest),
            Object::SortedSet(set) => set.digest(digest),
            Object::Stream(stream) => stream.digest(digest),
        }
    }
}

/// Equal in type and contents, however encoded. Takes as long as DEBUG DIGEST-VALUE.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        let digest_of = |object: &Object| {
            let mut digest = Digest::default();
            object.digest(&mut digest);
            digest
        };
        self.kind() == other.kind() && digest_of(self) == digest_of(other)
    }
}

impl Eq for Object {}

/// The integer that prints as exactly `text`: no plus sign, no leading zeros, no `-0`, within
/// `i64`.
pub fn canonical_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= INT_DIGITS_MAX => {}
        _ => return None,
    }
    let mut magnitude: u64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // At most 19 digits: below 10^19, which fits u64.
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The digits of `i64::MAX`.
const INT_DIGITS_MAX: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_integers() {
        for number in [0, 1, -1, 9, 10, 12345, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(canonical_int(number.to_string().as_bytes()), Some(number));
        }
        for text in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "-01",
            "0x1",
            "1.0",
            "--1",
        ] {
            assert_eq!(canonical_int(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn an_integer_is_read_as_its_text() {
        let mut digits = itoa::Buffer::new();
        assert_eq!(ValueRef::Int(-120).as_text(&mut digits), Some(&b"-120"[..]));
        assert_eq!(ValueRef::Int(-120).text_len(), Some(4));
        assert_eq!(ValueRef::Str(b"17").as_int(), Some(17));
    }
}
