//! Passing over a module's data that belongs to no key, while learning the module's name. Pure.
//!
//! ```text
//! id(length encoding)  { item }*  0
//! item: 1 or 2 length | 3 float(4) | 4 double(8) | 5 string
//! ```
//! The point of time the data is for stands first, as an item of kind 2.

use crate::rdb::error::RdbError;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::string::StringReader;

/// The data on its way past.
#[derive(Debug, Default)]
pub struct ModuleAuxReader {
    id: Option<u64>,
    item: Item,
}

#[derive(Debug, Default)]
enum Item {
    #[default]
    Kind,
    Number,
    Skip(u64),
    Text(StringReader),
}

impl ModuleAuxReader {
    /// Goes on; the module type's name at the end.
    ///
    /// # Errors
    /// An item of no known kind, or a string or length that is broken.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<String>, RdbError> {
        loop {
            let Some(id) = self.id else {
                self.id = length::read_count(reader, input)?;
                if self.id.is_none() {
                    return Ok(None);
                }
                continue;
            };
            let complete = match &mut self.item {
                Item::Kind => {
                    let Some(kind) = length::read_count(reader, input)? else { return Ok(None) };
                    match kind {
                        0 => return Ok(Some(module_name(id))),
                        1 | 2 => self.item = Item::Number,
                        3 => self.item = Item::Skip(4),
                        4 => self.item = Item::Skip(8),
                        5 => self.item = Item::Text(StringReader::default()),
                        _ => {
                            let offset = reader.offset();
                            let what = "a module's item of unknown kind";
                            return Err(RdbError::Corrupt { what, offset });
                        }
                    }
                    continue;
                }
                Item::Number => length::read_count(reader, input)?.is_some(),
                Item::Skip(left) => {
                    *left = reader.skip(input, *left);
                    *left == 0
                }
                Item::Text(string) => string.step(reader, input)?.is_some(),
            };
            if !complete {
                return Ok(None);
            }
            self.item = Item::Kind;
        }
    }

    /// Bytes of memory the unfinished data owns.
    pub fn memory(&self) -> usize {
        match &self.item {
            Item::Text(string) => string.memory(),
            _ => 0,
        }
    }
}

/// A module type's id is nine characters of six bits, the first on top, and ten bits of version.
pub fn module_name(id: u64) -> String {
    (0..9).map(|index| char::from(ALPHABET[(id >> (58 - 6 * index)) as usize & 63])).collect()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_passed_over_whatever_the_parts() {
        // "ReJSON-RL" and version 3.
        let name = b"ReJSON-RL".iter().fold(0, |id, letter| {
            let place = ALPHABET.iter().position(|it| it == letter).expect("in the alphabet");
            id << 6 | place as u64
        });
        let mut bytes = Vec::new();
        length::write(&mut bytes, name << 10 | 3);
        bytes
            .extend_from_slice(&[2, 1, 3, 0, 0, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 2, b'h', b'i']);
        bytes.extend_from_slice(&[1, 0x40, 0xff, 0]);
        for part in 1..=bytes.len() {
            let (mut reader, mut aux) = (Reader::new(100), ModuleAuxReader::default());
            let mut read = None;
            for mut input in bytes.chunks(part) {
                assert_eq!(read, None);
                read = aux.step(&mut reader, &mut input).expect("well formed");
            }
            assert_eq!(read.as_deref(), Some("ReJSON-RL"), "in parts of {part}");
        }
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let refused = ModuleAuxReader::default().step(&mut Reader::new(0), &mut &[1, 6][..]);
        assert!(matches!(refused, Err(RdbError::Corrupt { offset: 2, .. })), "{refused:?}");
    }
}
