//! Sorted sets in their four forms: members with their scores as text, and as doubles; a ziplist; a
//! listpack. The last is what is written of small ones for readers since Redis 7, doubles of all
//! others. Pure, any core.

use crate::base::lzf::Compressor;
use crate::base::number;
use crate::config::settings_groups::Encoding;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::string::{self, StringReader};
use crate::rdb::ziplist::Ziplist;
use bytes::Bytes;

/// A sorted set on its way in.
#[derive(Debug)]
pub struct SortedSetReader {
    state: State,
    encoding: Encoding,
    /// Whether scores are doubles; else they are texts.
    is_binary: bool,
    /// Members that are still to come.
    left: u64,
    string: StringReader,
    set: SortedSet,
}

#[derive(Debug)]
enum State {
    Count,
    Member,
    /// Before or inside a double, or the length of a text.
    Score(Bytes),
    /// In a text of so many bytes.
    ScoreText(Bytes, usize, Vec<u8>),
    Ziplist,
    ListPack,
}

impl SortedSetReader {
    /// The reader for a type's number; `None` if it is no sorted set's.
    pub fn begin(code: u8, encoding: Encoding) -> Option<SortedSetReader> {
        let state = match code {
            format::TYPE_SORTED_SET | format::TYPE_SORTED_SET_2 => State::Count,
            format::TYPE_SORTED_SET_ZIPLIST => State::Ziplist,
            format::TYPE_SORTED_SET_LISTPACK => State::ListPack,
            _ => return None,
        };
        let is_binary = code == format::TYPE_SORTED_SET_2;
        let (string, set) = (StringReader::default(), SortedSet::default());
        Some(SortedSetReader { state, encoding, is_binary, left: 0, string, set })
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are no sorted set, or an empty one, which no server keeps.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<SortedSet>, RdbError> {
        loop {
            match &mut self.state {
                State::Count => {
                    let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                    self.left = count;
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    self.set = SortedSet::for_members(&self.encoding, count, 0);
                    self.state = State::Member;
                    if count == 0 {
                        return Err(corrupt(reader, EMPTY));
                    }
                }
                State::Member => {
                    if self.left == 0 {
                        return Ok(Some(std::mem::take(&mut self.set)));
                    }
                    let Some(text) = self.string.step(reader, input)? else { return Ok(None) };
                    self.state = State::Score(text.into_bytes());
                }
                State::Score(member) => {
                    let member = std::mem::take(member);
                    if !self.read_score(member, reader, input)? {
                        return Ok(None);
                    }
                }
                State::ScoreText(member, length, text) => {
                    if !reader.fill(input, text, *length) {
                        return Ok(None);
                    }
                    // As C reads it, so that every digit that was printed says the same.
                    let score = number::parse_lenient_f64(text);
                    let member = std::mem::take(member);
                    self.add(&member, score.unwrap_or(f64::NAN), reader)?;
                }
                State::Ziplist | State::ListPack => {
                    let Some(text) = self.string.step(reader, input)? else { return Ok(None) };
                    return self.of_pack(&text.into_bytes(), reader).map(Some);
                }
            }
        }
    }

    /// Bytes of memory the unfinished value owns.
    pub fn memory(&self) -> usize {
        let in_state = match &self.state {
            State::Score(member) => member.len(),
            State::ScoreText(member, _, text) => member.len() + text.capacity(),
            _ => 0,
        };
        in_state + self.string.memory() + self.set.memory()
    }

    /// Reads a double, or how long a text is; `false`, the member being put back, if the input is
    /// used up.
    fn read_score(
        &mut self,
        member: Bytes,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<bool, RdbError> {
        if self.is_binary {
            let Some(score) = reader.take(input) else {
                self.state = State::Score(member);
                return Ok(false);
            };
            return self.add(&member, f64::from_le_bytes(score), reader).map(|()| true);
        }
        let Some(length) = reader.byte(input) else {
            self.state = State::Score(member);
            return Ok(false);
        };
        match length {
            SCORE_NAN => self.add(&member, f64::NAN, reader)?,
            SCORE_INFINITE => self.add(&member, f64::INFINITY, reader)?,
            SCORE_NEGATIVE => self.add(&member, f64::NEG_INFINITY, reader)?,
            length => self.state = State::ScoreText(member, usize::from(length), Vec::new()),
        }
        Ok(true)
    }

    fn add(&mut self, member: &[u8], score: f64, reader: &Reader) -> Result<(), RdbError> {
        if score.is_nan() {
            return Err(corrupt(reader, "a score that is no number"));
        }
        if self.set.add(member, score, &self.encoding).is_some() {
            return Err(corrupt(reader, "a sorted set has a member twice"));
        }
        self.left -= 1;
        self.state = State::Member;
        Ok(())
    }

    fn of_pack(&self, bytes: &Bytes, reader: &Reader) -> Result<SortedSet, RdbError> {
        let pack = match self.state {
            State::Ziplist => Ziplist::checked(bytes).map(|ziplist| ziplist.to_list_pack()),
            _ => ListPack::from_bytes_checked(bytes.to_vec()),
        };
        let set = pack.and_then(|pack| SortedSet::from_pack(pack, &self.encoding));
        let set = set.map_err(|invalid| corrupt(reader, invalid.0))?;
        if set.is_empty() { Err(corrupt(reader, EMPTY)) } else { Ok(set) }
    }
}

/// The number of the type that `set` is written as in RDB version `version`.
pub fn type_code(set: &SortedSet, version: u16) -> u8 {
    match listpack_of(set, version) {
        Some(_) => format::TYPE_SORTED_SET_LISTPACK,
        None => format::TYPE_SORTED_SET_2,
    }
}

/// Appends a sorted set without its type.
pub fn write(
    out: &mut Vec<u8>,
    set: &SortedSet,
    version: u16,
    mut compressor: Option<&mut Compressor>,
) {
    if let Some(pack) = listpack_of(set, version) {
        return string::write_bytes(out, pack.as_bytes(), compressor);
    }
    length::write(out, set.len() as u64);
    // From the highest score down, as stock servers do: they insert at the head fastest.
    set.walk(0..set.len(), true, &mut |member, score| {
        string::write_bytes(out, member, compressor.as_deref_mut());
        out.extend_from_slice(&score.to_le_bytes());
    });
}

fn listpack_of(set: &SortedSet, version: u16) -> Option<&ListPack> {
    set.pack().filter(|_| version >= format::LISTPACKS_SINCE)
}

fn corrupt(reader: &Reader, what: &'static str) -> RdbError {
    RdbError::Corrupt { what, offset: reader.offset() }
}

const EMPTY: &str = "an empty sorted set";

/// In the place of a text's length: not a number.
const SCORE_NAN: u8 = 253;
/// In the place of a text's length: plus infinity.
const SCORE_INFINITE: u8 = 254;
/// In the place of a text's length: minus infinity.
const SCORE_NEGATIVE: u8 = 255;

#[cfg(test)]
mod tests;
