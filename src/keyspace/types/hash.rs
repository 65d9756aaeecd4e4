//! A hash: fields and their values. Plain data, any core.
//!
//! Small hashes are one listpack, a field and its value by turns; larger ones are `members`. What
//! has once outgrown the listpack never returns to it, as in stock servers.

use crate::config::settings_groups::Encoding;
use crate::keyspace::digest::Digest;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::listpack::{self, ListPack, Pos};
use crate::keyspace::types::members::{self, Members};
use crate::keyspace::value::{Value, ValueRef};

/// A hash: fields and their values.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Pack(ListPack),
    Table(Box<Members>),
}

impl Default for Hash {
    fn default() -> Hash {
        Hash { form: Form::Pack(ListPack::new()) }
    }
}

impl Hash {
    /// A hash of the fields and values in a pack, by turns, as a file had them. The fields differ.
    pub fn from_pack(pack: ListPack, limits: &Encoding) -> Hash {
        let fits = pack.len() / 2 <= limits.hash_max_listpack_entries
            && pack.iter().all(|element| element.text_len() <= limits.hash_max_listpack_value);
        let mut hash = Hash { form: Form::Pack(pack) };
        if !fits {
            hash.convert();
        }
        hash
    }

    /// The pack, if that is the form.
    pub fn as_pack(&self) -> Option<&ListPack> {
        match &self.form {
            Form::Pack(pack) => Some(pack),
            Form::Table(_) => None,
        }
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match self.form {
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len() / 2,
            Form::Table(members) => members.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Pack(pack) => pack.is_empty(),
            Form::Table(members) => members.is_empty(),
        }
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<ValueRef<'_>> {
        match &self.form {
            Form::Pack(pack) => Some(value_of(pack.at(value_pos(pack, field)?))),
            Form::Table(members) => members.get(field),
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.form {
            Form::Pack(pack) => pack.find(field, 1).is_some(),
            Form::Table(members) => members.contains(field),
        }
    }

    /// Makes ready for `fields` more fields, whether new or not: stock servers decide by their
    /// number, and by the longest text among them, before they set the first.
    pub fn expect(&mut self, fields: usize, longest: usize, limits: &Encoding) {
        let too_many = fields > limits.hash_max_listpack_entries;
        if too_many || longest > limits.hash_max_listpack_value {
            self.convert();
        }
    }

    /// Sets a field; whether it was not there.
    pub fn set(&mut self, field: &[u8], value: Value<'_>, limits: &Encoding) -> bool {
        let Form::Pack(pack) = &mut self.form else { return self.table().put(field, value) };
        let mut digits = itoa::Buffer::new();
        let text = match &value {
            Value::Int(number) => digits.format(*number).as_bytes(),
            Value::Bytes(text) => text,
            Value::Buffer(text) => text.as_slice(),
            Value::Shared(text) => text.as_ref(),
            Value::Object(_) => b"",
        };
        let longest = field.len().max(text.len());
        if longest > limits.hash_max_listpack_value || !pack.fits(field.len() + text.len()) {
            return self.table().put(field, value);
        }
        if let Some(pos) = value_pos(pack, field) {
            pack.replace(pos, text);
            return false;
        }
        pack.push_back(field);
        pack.push_back(text);
        if self.len() > limits.hash_max_listpack_entries {
            self.convert();
        }
        true
    }

    /// Removes a field; whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Pack(pack) => {
                let found = pack.find(field, 1);
                if let Some(pos) = found {
                    pack.remove(pos, 2);
                }
                found.is_some()
            }
            Form::Table(members) => members.remove(field),
        }
    }

    /// All fields with their values.
    pub fn iter(&self) -> Pairs<'_> {
        match &self.form {
            Form::Pack(pack) => Pairs::Pack(pack.iter()),
            Form::Table(members) => Pairs::Table(members.iter()),
        }
    }

    /// The field with this index, and its value. The order says nothing.
    pub fn nth(&self, index: usize) -> Option<(Element<'_>, ValueRef<'_>)> {
        match &self.form {
            Form::Pack(pack) => {
                let field = pack.seek(i64::try_from(index).ok()?.checked_mul(2)?)?;
                Some((pack.at(field), value_of(pack.at(pack.next(field)?))))
            }
            Form::Table(members) => {
                members.nth(index).map(|(field, value)| (Element::Text(field), value))
            }
        }
    }

    /// Calls `visit` for about `count` fields from a cursor on, for all of a small hash; the next
    /// cursor, 0 at the end.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        visit: &mut dyn FnMut(Element<'_>, ValueRef<'_>),
    ) -> u64 {
        match &self.form {
            Form::Pack(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Form::Table(members) => members.scan(cursor, count, &mut |field, value| {
                visit(Element::Text(field), value);
            }),
        }
    }

    /// Heap memory owned, in bytes, in constant time.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.memory(),
            Form::Table(members) => members.memory(),
        }
    }

    /// Takes the value into a digest as a stock server's DEBUG DIGEST does.
    pub fn digest(&self, digest: &mut Digest) {
        let mut digits = itoa::Buffer::new();
        for (field, value) in self.iter() {
            let mut pair = Digest::default();
            pair.mix(field.as_text(&mut digits));
            pair.mix(value.as_text(&mut digits).unwrap_or_default());
            digest.xor(&pair.0);
        }
    }

    fn convert(&mut self) {
        self.table();
    }

    /// The table, made of the pack if need be.
    fn table(&mut self) -> &mut Members {
        if let Form::Pack(_) = &self.form {
            let mut members = Box::<Members>::default();
            let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
            for (field, value) in self.iter() {
                let value = value.as_text(&mut other).unwrap_or_default();
                members.put(field.as_text(&mut one), Value::Bytes(value));
            }
            self.form = Form::Table(members);
        }
        match &mut self.form {
            Form::Table(members) => members,
            Form::Pack(_) => unreachable!("it was converted above"),
        }
    }
}

/// Walks fields and values.
#[derive(Clone)]
pub enum Pairs<'a> {
    /// Of a small hash.
    Pack(listpack::Iter<'a>),
    /// Of a large one.
    Table(members::Pairs<'a>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, ValueRef<'a>);

    fn next(&mut self) -> Option<(Element<'a>, ValueRef<'a>)> {
        match self {
            Pairs::Pack(pack) => {
                let field = pack.next()?;
                Some((field, value_of(pack.next()?)))
            }
            Pairs::Table(members) => {
                members.next().map(|(field, value)| (Element::Text(field), value))
            }
        }
    }
}

fn value_pos(pack: &ListPack, field: &[u8]) -> Option<Pos> {
    pack.next(pack.find(field, 1)?)
}

fn value_of(element: Element<'_>) -> ValueRef<'_> {
    match element {
        Element::Int(number) => ValueRef::Int(number),
        Element::Text(text) => ValueRef::Str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Encoding {
        Encoding {
            hash_max_listpack_entries: 4,
            hash_max_listpack_value: 10,
            ..Encoding::default()
        }
    }

    fn text(hash: &Hash, field: &str) -> Option<String> {
        let value = hash.get(field.as_bytes())?;
        let mut digits = itoa::Buffer::new();
        let text = value.as_text(&mut digits).expect("hashes hold strings");
        Some(String::from_utf8_lossy(text).into_owned())
    }

    #[test]
    fn a_hash_grows_out_of_its_pack_and_stays_out() {
        let limits = limits();
        let mut hash = Hash::default();
        for index in 0..4 {
            assert!(hash.set(format!("f{index}").as_bytes(), Value::Bytes(b"1"), &limits));
        }
        assert!(!hash.set(b"f2", Value::Bytes(b"two"), &limits));
        assert_eq!((hash.encoding(), hash.len()), ("listpack", 4));
        assert!(hash.set(b"f4", Value::Bytes(b"x"), &limits));
        assert_eq!((hash.encoding(), hash.len()), ("hashtable", 5));
        assert_eq!(text(&hash, "f2").as_deref(), Some("two"));
        assert_eq!(text(&hash, "f4").as_deref(), Some("x"));
        assert_eq!(text(&hash, "f5"), None);
        (0..5).for_each(|index| assert!(hash.remove(format!("f{index}").as_bytes())));
        assert!(hash.is_empty());
        assert_eq!(hash.encoding(), "hashtable");
    }

    #[test]
    fn a_long_text_makes_a_table() {
        let mut hash = Hash::default();
        hash.set(b"f", Value::Bytes(b"0123456789"), &limits());
        assert_eq!(hash.encoding(), "listpack");
        hash.set(b"g", Value::Bytes(b"0123456789a"), &limits());
        assert_eq!(hash.encoding(), "hashtable");
        assert_eq!(hash.nth(0).is_some(), hash.nth(1).is_some());
        assert!(hash.nth(2).is_none());
    }

    #[test]
    fn memory_is_followed() {
        let mut hash = Hash::default();
        assert_eq!(hash.memory(), 16);
        for index in 0..1000 {
            hash.set(format!("field {index}").as_bytes(), Value::Bytes(b"value"), &limits());
        }
        let Form::Table(members) = &hash.form else { panic!("it is large") };
        members.invariants();
        assert!(hash.memory() > 1000 * 32 && hash.memory() < 1000 * 48, "{}", hash.memory());
        assert_eq!(hash.clone().iter().count(), 1000);
    }
}
