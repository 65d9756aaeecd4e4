//! Lists in their four forms: strings one by one; a ziplist; ziplists in a row; listpacks and large
//! elements in a row, which is what is written for readers since Redis 7. Pure, any core.

use crate::base::lzf::Compressor;
use crate::config::settings_groups::Encoding;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::types::list::limits::Fill;
use crate::keyspace::types::list::node::{Node, Opened, shown};
use crate::keyspace::types::list::quick::QuickList;
use crate::keyspace::types::list::{End, List};
use crate::keyspace::value::ValueRef;
use crate::rdb::error::RdbError;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::record::StringRef;
use crate::rdb::string::{self, StringReader};
use crate::rdb::ziplist::Ziplist;
use bytes::Bytes;

/// A list on its way in.
#[derive(Debug)]
pub struct ListReader {
    form: Form,
    state: State,
    /// Strings that are still to come; known once the number was read.
    left: u64,
    string: StringReader,
    list: QuickList,
}

/// What the strings of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Elements,
    Ziplists,
    Nodes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Count,
    Container,
    Text { is_plain: bool },
}

impl ListReader {
    /// The reader for a type's number; `None` if it is no list's.
    pub fn begin(code: u8, encoding: Encoding) -> Option<ListReader> {
        let (form, state) = match code {
            format::TYPE_LIST => (Form::Elements, State::Count),
            format::TYPE_LIST_ZIPLIST => (Form::Ziplists, State::Text { is_plain: false }),
            format::TYPE_LIST_QUICKLIST => (Form::Ziplists, State::Count),
            format::TYPE_LIST_QUICKLIST_2 => (Form::Nodes, State::Count),
            _ => return None,
        };
        let fill = Fill(encoding.list_max_listpack_size);
        let list = QuickList::new(fill, encoding.list_compress_depth);
        Some(ListReader { form, state, left: 1, string: StringReader::default(), list })
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are no list, or an empty one, which no server keeps.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<List>, RdbError> {
        while self.left > 0 {
            match self.state {
                State::Count => {
                    let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                    self.left = count;
                    self.state = self.next_state();
                }
                State::Container => {
                    let Some(kind) = length::read_count(reader, input)? else { return Ok(None) };
                    let is_plain = match kind {
                        format::NODE_PLAIN => true,
                        format::NODE_PACKED => false,
                        _ => return Err(corrupt(reader, "a list's node of an unknown kind")),
                    };
                    self.state = State::Text { is_plain };
                }
                State::Text { is_plain } => {
                    let Some(text) = self.string.step(reader, input)? else { return Ok(None) };
                    self.add(text.into_bytes(), is_plain).map_err(|what| corrupt(reader, what))?;
                    self.left -= 1;
                    self.state = self.next_state();
                }
            }
        }
        if self.list.is_empty() {
            return Err(corrupt(reader, "an empty list"));
        }
        let empty = QuickList::new(self.list.fill(), 0);
        Ok(Some(List::of_nodes(std::mem::replace(&mut self.list, empty))))
    }

    /// Bytes of memory the unfinished value owns.
    pub fn memory(&self) -> usize {
        self.string.memory() + self.list.memory()
    }

    fn next_state(&self) -> State {
        match self.form {
            Form::Nodes => State::Container,
            Form::Elements | Form::Ziplists => State::Text { is_plain: false },
        }
    }

    fn add(&mut self, bytes: Bytes, is_plain: bool) -> Result<(), &'static str> {
        match self.form {
            Form::Elements => self.list.push(End::Right, ValueRef::Shared(&bytes)),
            Form::Nodes if is_plain => self.list.push_plain(bytes),
            Form::Nodes => {
                let pack = ListPack::from_bytes_checked(Vec::from(bytes));
                self.add_pack(pack.map_err(|invalid| invalid.0)?);
            }
            Form::Ziplists => {
                let ziplist = Ziplist::checked(&bytes).map_err(|invalid| invalid.0)?;
                self.add_pack(ziplist.to_list_pack());
            }
        }
        Ok(())
    }

    /// Adds a node as it is, unless it holds more elements than a listpack counts.
    fn add_pack(&mut self, pack: ListPack) {
        if pack.len() < COUNTED_MAX {
            return self.list.push_pack(pack);
        }
        pack.iter().for_each(|element| self.list.push(End::Right, shown(element)));
    }
}

fn corrupt(reader: &Reader, what: &'static str) -> RdbError {
    RdbError::Corrupt { what, offset: reader.offset() }
}

/// The number of the type a list is written as.
pub fn type_code(version: u16) -> u8 {
    if version >= format::LISTPACKS_SINCE {
        format::TYPE_LIST_QUICKLIST_2
    } else {
        format::TYPE_LIST
    }
}

/// Appends a list without its type.
pub fn write(out: &mut Vec<u8>, list: &List, version: u16, compressor: Option<&mut Compressor>) {
    if version >= format::LISTPACKS_SINCE {
        write_nodes(out, list, compressor);
    } else {
        write_elements(out, list, compressor);
    }
}

fn write_nodes(out: &mut Vec<u8>, list: &List, mut compressor: Option<&mut Compressor>) {
    length::write(out, list.nodes() as u64);
    list.for_each_node(|node| {
        let is_plain = node.is_plain();
        let kind = if is_plain { format::NODE_PLAIN } else { format::NODE_PACKED };
        length::write(out, kind);
        write_node(out, node, compressor.as_deref_mut());
    });
}

fn write_node(out: &mut Vec<u8>, node: &Node, compressor: Option<&mut Compressor>) {
    match node.open() {
        Opened::Plain(text) => string::write_bytes(out, text, compressor),
        Opened::Pack(pack) => string::write_bytes(out, pack.as_bytes(), compressor),
    }
}

fn write_elements(out: &mut Vec<u8>, list: &List, mut compressor: Option<&mut Compressor>) {
    length::write(out, list.len() as u64);
    list.show(0, list.len(), End::Right, |element| {
        let compressor = compressor.as_deref_mut();
        match element {
            ValueRef::Int(number) => string::write(out, StringRef::Int(number), compressor),
            ValueRef::Str(text) => string::write_bytes(out, text, compressor),
            ValueRef::Shared(text) => string::write_bytes(out, text, compressor),
            ValueRef::Object(_) => unreachable!("a list holds no collections"),
        }
    });
}

/// From so many elements on a listpack does not tell their number.
const COUNTED_MAX: usize = u16::MAX as usize;
