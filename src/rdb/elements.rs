//! A number and that many strings: the plain form of every collection. Pure, any core.
//!
//! What always holds while reading: nothing is allocated for elements that have not arrived.

use bytes::Bytes;

use crate::rdb::error::RdbError;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::string::StringReader;

/// Strings on their way in.
#[derive(Debug)]
pub struct Elements {
    /// How many strings an element of the number told has.
    strings_each: u64,
    /// Strings still to come; `None` before the number.
    left: Option<u64>,
    string: StringReader,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A string.
    String(Bytes),
    /// All strings have come.
    End,
    /// The input is used up.
    Starved,
}

impl Elements {
    /// Before the number; an element of it has `strings_each` strings.
    pub fn new(strings_each: u64) -> Elements {
        Elements { strings_each, left: None, string: StringReader::default() }
    }

    /// Goes on reading.
    ///
    /// # Errors
    /// A number that is none, a collection without elements, a broken string.
    pub fn step(&mut self, reader: &mut Reader, input: &mut &[u8]) -> Result<Next, RdbError> {
        let left = match &mut self.left {
            Some(left) => left,
            None => {
                let Some(count) = length::read_count(reader, input)? else {
                    return Ok(Next::Starved);
                };
                if count == 0 {
                    return Err(RdbError::Corrupt { what: EMPTY, offset: reader.offset() });
                }
                self.left.insert(count.saturating_mul(self.strings_each))
            }
        };
        if *left == 0 {
            return Ok(Next::End);
        }
        let Some(string) = self.string.step(reader, input)? else { return Ok(Next::Starved) };
        *left -= 1;
        Ok(Next::String(string.into_bytes()))
    }

    /// Bytes of memory the unfinished string owns.
    pub fn memory(&self) -> usize {
        self.string.memory()
    }
}

/// What is wrong with a collection that has no elements.
pub const EMPTY: &str = "a collection without elements";
