//! A node of a long list: elements in a listpack, the same compressed, or one large element by
//! itself. Plain data, any core.

use bytes::Bytes;

use super::limits::{ELEMENT_OVERHEAD, Fill, MERGED_SAVES};
use crate::base::lzf::{self, Compressor};
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::memory::size_class;
use crate::keyspace::value::ValueRef;
use std::borrow::Cow;

/// A node.
#[derive(Clone, Debug)]
pub enum Node {
    /// Elements.
    Packed(ListPack),
    /// Elements, compressed.
    Squeezed {
        /// The listpack's bytes, compressed.
        lzf: Box<[u8]>,
        /// How many bytes they were.
        bytes: usize,
        /// How many elements there are.
        count: u32,
    },
    /// One large element.
    Plain(Bytes),
}

/// What a node holds, ready to be read.
pub enum Opened<'a> {
    /// Elements.
    Pack(Cow<'a, ListPack>),
    /// One large element.
    Plain(&'a Bytes),
}

impl Node {
    /// A node of one element, which decides how it is held.
    pub fn of(text: ValueRef<'_>, fill: Fill) -> Node {
        let mut digits = itoa::Buffer::new();
        let bytes = bytes_of(&text, &mut digits);
        if fill.is_large(bytes.len()) {
            return Node::Plain(match text {
                ValueRef::Shared(shared) => shared.clone(),
                _ => Bytes::copy_from_slice(bytes),
            });
        }
        let mut pack = ListPack::new();
        pack.push_back(bytes);
        Node::Packed(pack)
    }

    /// Elements.
    pub fn count(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.len(),
            Node::Squeezed { count, .. } => *count as usize,
            Node::Plain(_) => 1,
        }
    }

    /// Bytes as a listpack or as the element, whether compressed or not.
    pub fn byte_len(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.byte_len(),
            Node::Squeezed { bytes, .. } => *bytes,
            Node::Plain(text) => text.len(),
        }
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.memory(),
            Node::Squeezed { lzf, .. } => size_class(lzf.len()),
            Node::Plain(text) => size_class(text.len()) + SHARED_OVERHEAD,
        }
    }

    /// Whether it is one large element.
    pub fn is_plain(&self) -> bool {
        matches!(self, Node::Plain(_))
    }

    /// Whether another element of so many bytes may be added.
    pub fn has_room(&self, len: usize, fill: Fill) -> bool {
        let bytes = self.byte_len() + len + ELEMENT_OVERHEAD;
        !self.is_plain() && !fill.is_large(len) && !fill.is_exceeded(bytes, self.count() + 1)
    }

    /// Whether this and its neighbour may become one.
    pub fn may_join(&self, other: &Node, fill: Fill) -> bool {
        let bytes = (self.byte_len() + other.byte_len()).saturating_sub(MERGED_SAVES);
        let count = self.count() + other.count();
        !self.is_plain() && !other.is_plain() && !fill.is_exceeded(bytes, count)
    }

    /// The contents.
    pub fn open(&self) -> Opened<'_> {
        match self {
            Node::Packed(pack) => Opened::Pack(Cow::Borrowed(pack)),
            Node::Squeezed { lzf, bytes, .. } => Opened::Pack(Cow::Owned(expanded(lzf, *bytes))),
            Node::Plain(text) => Opened::Plain(text),
        }
    }

    /// The elements for changing, decompressed if need be; `None` for a large element.
    pub fn pack_mut(&mut self) -> Option<&mut ListPack> {
        self.expand();
        match self {
            Node::Packed(pack) => Some(pack),
            _ => None,
        }
    }

    /// Decompresses it.
    pub fn expand(&mut self) {
        if let Node::Squeezed { lzf, bytes, .. } = self {
            *self = Node::Packed(expanded(lzf, *bytes));
        }
    }

    /// Compresses it, if that is worth it.
    pub fn squeeze(&mut self) {
        let Node::Packed(pack) = self else { return };
        let (bytes, count) = (pack.byte_len(), pack.len());
        let Ok(count) = u32::try_from(count) else { return };
        if bytes < SQUEEZED_BYTES_MIN {
            return;
        }
        let mut out = Vec::with_capacity(bytes);
        if Compressor::new().compress(pack.as_bytes(), &mut out, bytes - SQUEEZE_GAIN_MIN) {
            *self = Node::Squeezed { lzf: out.into_boxed_slice(), bytes, count };
        }
    }
}

/// The text of an element that is to be stored.
pub fn bytes_of<'a>(text: &ValueRef<'a>, digits: &'a mut itoa::Buffer) -> &'a [u8] {
    text.as_text(digits).expect("a list holds no collections")
}

/// An element as values are shown.
pub fn shown<'a>(element: Element<'a>) -> ValueRef<'a> {
    match element {
        Element::Int(number) => ValueRef::Int(number),
        Element::Text(text) => ValueRef::Str(text),
    }
}

fn expanded(squeezed: &[u8], bytes: usize) -> ListPack {
    let bytes = lzf::decompress(squeezed, bytes).expect("it was compressed here");
    ListPack::from_bytes_checked(bytes).expect("it was a listpack")
}

/// Smaller nodes are not worth compressing.
const SQUEEZED_BYTES_MIN: usize = 48;
/// Bytes that compression must save.
const SQUEEZE_GAIN_MIN: usize = 8;
/// The counter beside memory that is shared.
const SHARED_OVERHEAD: usize = 32;
