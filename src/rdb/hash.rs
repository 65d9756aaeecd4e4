//! Hashes: fields and values one by one (4), or in a flat form: zipmap (9), ziplist (13), listpack
//! (16). Written as listpack from version 10 on. Pure, any core.

use bytes::Bytes;

use crate::base::lzf::Compressor;
use crate::config::settings_groups::Encoding;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::types::hash::Hash;
use crate::keyspace::value::{Object, Value as Stored, ValueRef as StoredRef};
use crate::rdb::elements::{EMPTY, Elements, Next};
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::record::StringRef;
use crate::rdb::string::{self, StringReader};
use crate::rdb::ziplist::Ziplist;
use crate::rdb::zipmap;

/// A hash on its way in.
#[derive(Debug)]
pub struct HashReader {
    form: Form,
    limits: Encoding,
}

#[derive(Debug)]
enum Form {
    /// The field waits for its value.
    Pairs { elements: Elements, field: Option<Bytes>, hash: Hash },
    /// The whole hash is one string.
    Flat { code: u8, string: StringReader },
}

impl HashReader {
    /// The decoder for one of the hash's types; `None` for another type.
    pub fn begin(code: u8, limits: Encoding) -> Option<HashReader> {
        let form = match code {
            format::TYPE_HASH => {
                Form::Pairs { elements: Elements::new(2), field: None, hash: Hash::default() }
            }
            format::TYPE_HASH_ZIPMAP | format::TYPE_HASH_ZIPLIST | format::TYPE_HASH_LISTPACK => {
                Form::Flat { code, string: StringReader::default() }
            }
            _ => return None,
        };
        Some(HashReader { form, limits })
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are not a hash, a field that comes twice, no field at all.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<Object>, RdbError> {
        match &mut self.form {
            Form::Pairs { elements, field, hash } => loop {
                let text = match elements.step(reader, input)? {
                    Next::Starved => return Ok(None),
                    Next::End => return Ok(Some(Object::Hash(std::mem::take(hash)))),
                    Next::String(text) => text,
                };
                let Some(name) = field.take() else {
                    *field = Some(text);
                    continue;
                };
                if !hash.set(&name, Stored::Shared(text), &self.limits) {
                    return Err(RdbError::Corrupt { what: TWICE, offset: reader.offset() });
                }
            },
            Form::Flat { code, string } => {
                let Some(flat) = string.step(reader, input)? else { return Ok(None) };
                let pack = unpack(*code, flat.into_bytes())
                    .map_err(|Invalid(what)| RdbError::Corrupt { what, offset: reader.offset() })?;
                Ok(Some(Object::Hash(Hash::from_pack(pack, &self.limits))))
            }
        }
    }

    /// Bytes of memory the unfinished hash owns.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Pairs { elements, field, hash } => {
                elements.memory() + field.as_ref().map_or(0, Bytes::len) + hash.memory()
            }
            Form::Flat { string, .. } => string.memory(),
        }
    }
}

fn unpack(code: u8, flat: Bytes) -> Result<ListPack, Invalid> {
    let pack = match code {
        format::TYPE_HASH_ZIPMAP => {
            zipmap::read(&flat)?.into_iter().flat_map(|(field, value)| [field, value]).collect()
        }
        format::TYPE_HASH_ZIPLIST => Ziplist::checked(&flat)?.to_list_pack(),
        _ => ListPack::from_bytes_checked(Vec::from(flat))?,
    };
    if pack.is_empty() {
        return Err(Invalid(EMPTY));
    }
    if !pack.len().is_multiple_of(2) {
        return Err(Invalid("a field without a value"));
    }
    let mut fields = std::collections::HashSet::with_hasher(ahash::RandomState::new());
    if !pack.iter().step_by(2).all(|field: Element<'_>| fields.insert(field)) {
        return Err(Invalid(TWICE));
    }
    Ok(pack)
}

/// The number of the type a hash is written as.
pub fn type_code(hash: &Hash, version: u16) -> u8 {
    if flat_form(hash, version).is_some() { format::TYPE_HASH_LISTPACK } else { format::TYPE_HASH }
}

/// Appends a hash without its type.
pub fn write(
    out: &mut Vec<u8>,
    hash: &Hash,
    version: u16,
    mut compressor: Option<&mut Compressor>,
) {
    if let Some(pack) = flat_form(hash, version) {
        return string::write_bytes(out, pack.as_bytes(), compressor);
    }
    length::write(out, hash.len() as u64);
    let mut digits = itoa::Buffer::new();
    for (field, value) in hash.iter() {
        string::write_bytes(out, field.as_text(&mut digits), compressor.as_deref_mut());
        let value = match value {
            StoredRef::Int(number) => StringRef::Int(number),
            StoredRef::Str(text) => StringRef::Bytes(text),
            StoredRef::Shared(text) => StringRef::Bytes(text),
            StoredRef::Object(_) => StringRef::Bytes(b""),
        };
        string::write(out, value, compressor.as_deref_mut());
    }
}

fn flat_form(hash: &Hash, version: u16) -> Option<&ListPack> {
    hash.as_pack().filter(|_| version >= format::LISTPACKS_SINCE)
}

const TWICE: &str = "a field that comes twice";

#[cfg(test)]
mod tests;
