//! Sets: members one by one (2), or in a flat form: intset (11), listpack (20). The first flat form
//! is always written, the second from version 11 on. Pure, any core.

use crate::base::lzf::Compressor;
use crate::config::settings_groups::Encoding;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::intset::IntSet;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::types::set::{Flat, Set};
use crate::keyspace::value::Object;
use crate::rdb::elements::{EMPTY, Elements, Next};
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::string::{self, StringReader};
use bytes::Bytes;

/// A set on its way in.
#[derive(Debug)]
pub struct SetReader {
    form: Form,
    limits: Encoding,
}

#[derive(Debug)]
enum Form {
    Members {
        elements: Elements,
        set: Set,
    },
    /// The whole set is one string.
    Flat {
        code: u8,
        string: StringReader,
    },
}

impl SetReader {
    /// The decoder for one of the set's types; `None` for another type.
    pub fn begin(code: u8, limits: Encoding) -> Option<SetReader> {
        let form = match code {
            format::TYPE_SET => Form::Members { elements: Elements::new(1), set: Set::default() },
            format::TYPE_SET_INTSET | format::TYPE_SET_LISTPACK => {
                Form::Flat { code, string: StringReader::default() }
            }
            _ => return None,
        };
        Some(SetReader { form, limits })
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are not a set, a member that comes twice, no member at all.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<Object>, RdbError> {
        let corrupt = |what, reader: &Reader| RdbError::Corrupt { what, offset: reader.offset() };
        match &mut self.form {
            Form::Members { elements, set } => loop {
                match elements.step(reader, input)? {
                    Next::Starved => return Ok(None),
                    Next::End => return Ok(Some(Object::Set(std::mem::take(set)))),
                    Next::String(text) if set.add(&text, &self.limits) => {}
                    Next::String(_) => return Err(corrupt(TWICE, reader)),
                }
            },
            Form::Flat { code, string } => {
                let Some(flat) = string.step(reader, input)? else { return Ok(None) };
                let set = unpack(*code, flat.into_bytes(), &self.limits)
                    .map_err(|Invalid(what)| corrupt(what, reader))?;
                Ok(Some(Object::Set(set)))
            }
        }
    }

    /// Bytes of memory the unfinished set owns.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Members { elements, set } => elements.memory() + set.memory(),
            Form::Flat { string, .. } => string.memory(),
        }
    }
}

fn unpack(code: u8, flat: Bytes, limits: &Encoding) -> Result<Set, Invalid> {
    let set = if code == format::TYPE_SET_INTSET {
        Set::from_ints(IntSet::from_bytes_checked(Vec::from(flat))?, limits)
    } else {
        let pack = ListPack::from_bytes_checked(Vec::from(flat))?;
        let mut members = std::collections::HashSet::with_hasher(ahash::RandomState::new());
        if !pack.iter().all(|member| members.insert(member)) {
            return Err(Invalid(TWICE));
        }
        Set::from_pack(pack, limits)
    };
    if set.is_empty() { Err(Invalid(EMPTY)) } else { Ok(set) }
}

/// The number of the type a set is written as.
pub fn type_code(set: &Set, version: u16) -> u8 {
    match flat_form(set, version) {
        Some(Flat::Ints(_)) => format::TYPE_SET_INTSET,
        Some(Flat::Pack(_)) => format::TYPE_SET_LISTPACK,
        None => format::TYPE_SET,
    }
}

/// Appends a set without its type.
pub fn write(out: &mut Vec<u8>, set: &Set, version: u16, mut compressor: Option<&mut Compressor>) {
    match flat_form(set, version) {
        Some(Flat::Ints(ints)) => string::write_bytes(out, ints.as_bytes(), compressor),
        Some(Flat::Pack(pack)) => string::write_bytes(out, pack.as_bytes(), compressor),
        None => {
            length::write(out, set.len() as u64);
            let mut digits = itoa::Buffer::new();
            for member in set.iter() {
                let text = member.as_text(&mut digits);
                string::write_bytes(out, text, compressor.as_deref_mut());
            }
        }
    }
}

fn flat_form(set: &Set, version: u16) -> Option<Flat<'_>> {
    set.flat()
        .filter(|flat| matches!(flat, Flat::Ints(_)) || version >= format::SET_LISTPACKS_SINCE)
}

const TWICE: &str = "a member that comes twice";

#[cfg(test)]
pub mod tests;
