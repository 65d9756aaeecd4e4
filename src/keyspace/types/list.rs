//! A list: elements in order, in one listpack while it is short, in a row of them when it is long.
//! Plain data, any core.
//!
//! When it changes from one form to the other is what stock servers do at the same bounds.

use std::fmt;
use std::ops::ControlFlow;

use crate::config::settings_groups::Encoding;
use crate::keyspace::digest::Digest;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::memory::size_class;
use crate::keyspace::types::list::limits::Fill;
use crate::keyspace::types::list::node::{Node, shown};
use crate::keyspace::types::list::quick::QuickList;
use crate::keyspace::value::ValueRef;

pub mod limits;
pub mod node;
pub mod quick;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

/// A side of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the head.
    Before,
    /// Towards the tail.
    After,
}

/// A list: elements in order.
#[derive(Clone)]
pub struct List {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Flat(ListPack),
    Quick(Box<QuickList>),
}

/// The elements: the form is no part of the value.
impl fmt::Debug for List {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = out.debug_list();
        self.show(0, usize::MAX, End::Right, |element| {
            let mut digits = itoa::Buffer::new();
            let text = element.as_text(&mut digits).unwrap_or_default();
            all.entry(&format_args!("{}", text.escape_ascii()));
        });
        all.finish()
    }
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl List {
    /// An empty list.
    pub fn new() -> List {
        List { form: Form::Flat(ListPack::new()) }
    }

    /// A list of these nodes, in the form that fits them.
    pub fn of_nodes(nodes: QuickList) -> List {
        let mut list = List { form: Form::Quick(Box::new(nodes)) };
        list.flatten(false);
        list
    }

    /// Elements.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Flat(pack) => pack.len(),
            Form::Quick(quick) => quick.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes ready for so many more elements of so many bytes in all: the form may change. To be
    /// called before elements are added or replaced.
    pub fn prepare(&mut self, bytes: usize, count: usize, encoding: &Encoding) {
        let Form::Flat(pack) = &mut self.form else { return };
        let fill = Fill(encoding.list_max_listpack_size);
        if !fill.is_exceeded(pack.byte_len() + bytes, pack.len() + count) {
            return;
        }
        let mut quick = QuickList::new(fill, encoding.list_compress_depth);
        quick.push_pack(std::mem::take(pack));
        self.form = Form::Quick(Box::new(quick));
    }

    /// Goes back to the flat form if the list has become short enough. To be called after elements
    /// were removed or replaced.
    pub fn shrink(&mut self) {
        self.flatten(true);
    }

    fn flatten(&mut self, is_shrinking: bool) {
        if let Form::Quick(quick) = &mut self.form
            && let Some(pack) = quick.take_flat(is_shrinking)
        {
            self.form = Form::Flat(pack);
        }
    }

    /// Adds an element at an end; see [`List::prepare`].
    pub fn push(&mut self, end: End, text: ValueRef<'_>) {
        match &mut self.form {
            Form::Quick(quick) => quick.push(end, text),
            Form::Flat(pack) => {
                let element = element(&text);
                match end {
                    End::Left => pack.push_front(element),
                    End::Right => pack.push_back(element),
                }
            }
        }
    }

    /// The element at an end.
    pub fn peek(&self, end: End) -> Option<ValueRef<'_>> {
        match &self.form {
            Form::Quick(quick) => quick.peek(end),
            Form::Flat(pack) => {
                let pos = match end {
                    End::Left => pack.first(),
                    End::Right => pack.last(),
                };
                pos.map(|pos| shown(pack.at(pos)))
            }
        }
    }

    /// Removes the element at an end.
    pub fn drop_end(&mut self, end: End) {
        match &mut self.form {
            Form::Quick(quick) => quick.drop_end(end),
            Form::Flat(pack) => {
                let pos = match end {
                    End::Left => pack.first(),
                    End::Right => pack.last(),
                };
                pos.map(|pos| pack.remove(pos, 1));
            }
        }
    }

    /// Shows the element with this index; `None` if there is none.
    pub fn with<R>(&self, index: usize, show: impl FnOnce(ValueRef<'_>) -> R) -> Option<R> {
        match &self.form {
            Form::Quick(quick) => quick.with(index, show),
            Form::Flat(pack) => {
                let pos = pack.seek(i64::try_from(index).ok()?)?;
                Some(show(shown(pack.at(pos))))
            }
        }
    }

    /// Shows elements from one on, towards an end, until it is told to stop.
    pub fn walk(
        &self,
        index: usize,
        towards: End,
        mut show: impl FnMut(ValueRef<'_>) -> ControlFlow<()>,
    ) {
        match &self.form {
            Form::Quick(quick) => quick.walk(index, towards, show),
            Form::Flat(pack) => {
                let _ = quick::walk_pack(pack, index, towards, &mut show);
            }
        }
    }

    /// Shows so many elements from one on, towards an end.
    pub fn show(
        &self,
        index: usize,
        count: usize,
        towards: End,
        mut show: impl FnMut(ValueRef<'_>),
    ) {
        let mut left = count;
        if left == 0 {
            return;
        }
        self.walk(index, towards, |element| {
            show(element);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Replaces the element with this index; `false` if there is none. See [`List::prepare`].
    pub fn set(&mut self, index: usize, text: ValueRef<'_>) -> bool {
        match &mut self.form {
            Form::Quick(quick) => quick.set(index, text),
            Form::Flat(pack) => {
                let pos = i64::try_from(index).ok().and_then(|index| pack.seek(index));
                if let Some(pos) = pos {
                    pack.replace(pos, element(&text));
                }
                pos.is_some()
            }
        }
    }

    /// Puts an element beside the first one that prints as `pivot`; `false` if there is none. See
    /// [`List::prepare`].
    pub fn insert(&mut self, side: Side, pivot: &[u8], text: ValueRef<'_>) -> bool {
        match &mut self.form {
            Form::Flat(pack) => {
                let Some(pos) = pack.find(pivot, 0) else { return false };
                match side {
                    Side::Before => pack.insert_before(pos, element(&text)),
                    Side::After => {
                        pack.insert_after(pos, element(&text));
                    }
                }
                true
            }
            Form::Quick(quick) => {
                let (mut index, mut found) = (0, false);
                quick.walk(0, End::Right, |element| {
                    found = prints_as(element, pivot);
                    index += usize::from(!found);
                    if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                if found {
                    quick.insert(index, side, text);
                }
                found
            }
        }
    }

    /// Removes up to `count` elements from one on.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        match &mut self.form {
            Form::Flat(pack) => pack.delete_range(index, count),
            Form::Quick(quick) => quick.remove_range(index, count),
        }
    }

    /// Removes elements that print as `text`, up to `limit`, beginning at an end; how many.
    pub fn remove_equal(&mut self, from: End, limit: usize, text: &[u8]) -> usize {
        match &mut self.form {
            Form::Quick(quick) => quick.remove_equal(from, limit, text),
            Form::Flat(pack) if pack.find(text, 0).is_none() => 0,
            Form::Flat(pack) => quick::remove_from_pack(pack, from, limit, Element::from(text)),
        }
    }

    /// Calls `each` with every node, as they stand in files: a flat list is one node.
    pub fn for_each_node(&self, mut each: impl FnMut(&Node)) {
        match &self.form {
            Form::Quick(quick) => quick.nodes().for_each(each),
            Form::Flat(pack) => each(&Node::Packed(pack.clone())),
        }
    }

    /// How many nodes [`List::for_each_node`] shows.
    pub fn nodes(&self) -> usize {
        match &self.form {
            Form::Quick(quick) => quick.nodes().count(),
            Form::Flat(_) => 1,
        }
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Flat(_) => "listpack",
            Form::Quick(_) => "quicklist",
        }
    }

    /// Heap memory owned, in bytes, in constant time.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Flat(pack) => pack.memory(),
            Form::Quick(quick) => quick.memory() + size_class(size_of::<QuickList>()),
        }
    }

    /// Takes the value into a digest as a stock server's DEBUG DIGEST does.
    pub fn digest(&self, digest: &mut Digest) {
        let mut digits = itoa::Buffer::new();
        self.show(0, usize::MAX, End::Right, |element| {
            digest.mix(element.as_text(&mut digits).unwrap_or_default());
        });
    }

    /// Asserts what always holds.
    pub fn invariants(&self) {
        if let Form::Quick(quick) = &self.form {
            quick.invariants();
        }
    }
}

/// Whether an element prints as `text`.
pub fn prints_as(element: ValueRef<'_>, text: &[u8]) -> bool {
    match element {
        ValueRef::Int(number) => itoa::Buffer::new().format(number).as_bytes() == text,
        ValueRef::Str(bytes) => bytes == text,
        ValueRef::Shared(bytes) => bytes == text,
        ValueRef::Object(_) => false,
    }
}

fn element<'a>(text: &ValueRef<'a>) -> Element<'a> {
    match *text {
        ValueRef::Int(number) => Element::Int(number),
        ValueRef::Str(bytes) => Element::from(bytes),
        ValueRef::Shared(bytes) => Element::from(&bytes[..]),
        ValueRef::Object(_) => unreachable!("a list holds no collections"),
    }
}

#[cfg(test)]
mod tests;
