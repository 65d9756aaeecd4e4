//! A listpack: elements one behind the other in one buffer, each readable from both ends. Pure, any
//! core.
//!
//! ```text
//! bytes in all(4)  elements(2)  entry ... entry  0xff          numbers little-endian
//! ```
//!
//! Entries are as in `layout`. The layout is that of RDB files, which take the bytes as they are.
//! 65535 in the second field says "count them".
//!
//! What always holds: the bytes are valid in every part, as [`ListPack::from_bytes_checked`] checks
//! it, and the buffer is at most one size class larger than what was once in it.

use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::listpack::layout::Head;
use crate::keyspace::memory::size_class;

mod layout;

/// A listpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPack {
    bytes: Vec<u8>,
}

/// Where an element is. Good until the pack changes before it or at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(u32);

/// A pack grown beyond this is to be split or converted by its owner, see [`ListPack::fits`]. Stock
/// servers stop at the same size.
pub const BYTES_MAX: usize = 1 << 30;

impl Default for ListPack {
    fn default() -> ListPack {
        ListPack::new()
    }
}

impl ListPack {
    /// An empty pack.
    pub fn new() -> ListPack {
        let mut pack = ListPack { bytes: Vec::with_capacity(size_class(HEADER + 1)) };
        pack.bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, END]);
        pack.write_len(0);
        pack
    }

    /// A pack in the form it has in a file.
    ///
    /// # Errors
    /// Whatever contradicts the layout, anywhere.
    pub fn from_bytes_checked(bytes: Vec<u8>) -> Result<ListPack, Invalid> {
        let Some((&END, body)) = bytes.split_last().filter(|(_, body)| body.len() >= HEADER) else {
            return Err(Invalid("a listpack without a header or an end"));
        };
        let end = body.len();
        let pack = ListPack { bytes };
        if pack.header_bytes() as usize != pack.bytes.len() {
            return Err(Invalid("a listpack of another length than it says"));
        }
        let (mut at, mut count) = (HEADER, 0);
        while at < end {
            at += layout::check(&pack.bytes[at..])?;
            count += 1;
        }
        let told = pack.header_len();
        if told != LEN_UNKNOWN && usize::from(told) != count {
            return Err(Invalid("a listpack with another number of entries than it says"));
        }
        Ok(pack)
    }

    /// The bytes as a file has them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many elements there are. Takes constant time up to 65534.
    pub fn len(&self) -> usize {
        match self.header_len() {
            LEN_UNKNOWN => self.iter().count(),
            len => usize::from(len),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER + 1
    }

    /// How long the bytes are.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes the pack would grow by an element.
    pub fn cost_of<'e>(element: impl Into<Element<'e>>) -> usize {
        let element = element.into();
        let text = text_of(element).len();
        let entry = Head::of(element).as_bytes().len() + text;
        entry + layout::back_len(entry)
    }

    /// Whether texts of so many bytes can be added without passing [`BYTES_MAX`].
    pub fn fits(&self, text_bytes: usize) -> bool {
        self.bytes.len().saturating_add(text_bytes) <= BYTES_MAX
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        size_class(self.bytes.capacity())
    }

    /// The elements in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.bytes, front: HEADER, back: self.end() }
    }

    /// The elements from one on, in order; backwards, those from the last down to it.
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter { bytes: &self.bytes, front: pos.index(), back: self.end() }
    }

    /// The elements before one, in order.
    pub fn iter_before(&self, pos: Pos) -> Iter<'_> {
        Iter { bytes: &self.bytes, front: HEADER, back: pos.index() }
    }

    /// Where the first element is.
    pub fn first(&self) -> Option<Pos> {
        self.pos_of(HEADER)
    }

    /// Where the last element is.
    pub fn last(&self) -> Option<Pos> {
        self.pos_before(self.end())
    }

    /// Where the element after this one is.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.pos_of(self.after(pos))
    }

    /// Where the element before this one is.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.pos_before(pos.index())
    }

    /// Where the element with this index is; from -1 on down, counted from the end.
    pub fn seek(&self, index: i64) -> Option<Pos> {
        let len = self.len() as u64;
        let forward = match u64::try_from(index) {
            Ok(index) => index,
            Err(_) => len.checked_sub(index.unsigned_abs())?,
        };
        if forward >= len {
            return None;
        }
        if forward <= len / 2 {
            (0..forward).try_fold(self.first()?, |pos, _| self.next(pos))
        } else {
            (forward + 1..len).try_fold(self.last()?, |pos, _| self.prev(pos))
        }
    }

    /// The element at a place.
    #[inline]
    pub fn at(&self, pos: Pos) -> Element<'_> {
        layout::element(&self.bytes[pos.index()..]).0
    }

    /// Where the first element is that prints as `text`, `skip` elements being passed over after
    /// each that is compared.
    pub fn find(&self, text: &[u8], skip: usize) -> Option<Pos> {
        self.find_from(self.first()?, text, skip)
    }

    /// [`ListPack::find`] from an element on.
    pub fn find_from(&self, from: Pos, text: &[u8], skip: usize) -> Option<Pos> {
        let wanted = match Element::from(text) {
            Element::Int(number) => Some(number),
            Element::Text(_) => None,
        };
        let (mut at, mut pass) = (from.index(), 0);
        let end = self.end();
        while at < end {
            let bytes = &self.bytes[at..];
            let span = layout::span(bytes);
            if pass > 0 {
                pass -= 1;
            } else {
                let equal = if layout::is_text(bytes[0]) {
                    span.text == text.len() && bytes[span.head..span.entry_len()] == *text
                } else {
                    wanted.is_some_and(|wanted| wanted == layout::integer(bytes))
                };
                if equal {
                    return self.pos_of(at);
                }
                pass = skip;
            }
            at += span.total_len();
        }
        None
    }

    /// Adds an element at the end.
    pub fn push_back<'e>(&mut self, element: impl Into<Element<'e>>) {
        self.splice(self.end(), 0, element.into());
        self.add_len(1);
    }

    /// Adds an element at the front.
    pub fn push_front<'e>(&mut self, element: impl Into<Element<'e>>) {
        self.splice(HEADER, 0, element.into());
        self.add_len(1);
    }

    /// Adds an element before another, at whose place it then is.
    pub fn insert_before<'e>(&mut self, pos: Pos, element: impl Into<Element<'e>>) {
        self.splice(pos.index(), 0, element.into());
        self.add_len(1);
    }

    /// Adds an element after another; where it is.
    pub fn insert_after<'e>(&mut self, pos: Pos, element: impl Into<Element<'e>>) -> Pos {
        let at = self.after(pos);
        self.splice(at, 0, element.into());
        self.add_len(1);
        Pos(at as u32)
    }

    /// Puts another element in the place of one.
    pub fn replace<'e>(&mut self, pos: Pos, element: impl Into<Element<'e>>) {
        let old = self.after(pos) - pos.index();
        self.splice(pos.index(), old, element.into());
        self.write_byte_len();
    }

    /// Removes up to `count` elements from one on; where the next one is.
    pub fn remove(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let (mut at, mut removed) = (pos.index(), 0);
        let end = self.end();
        while at < end && removed < count {
            at += layout::span(&self.bytes[at..]).total_len();
            removed += 1;
        }
        let len = self.header_len();
        self.bytes.drain(pos.index()..at);
        self.shrink();
        if len == LEN_UNKNOWN {
            let left = self.iter().count();
            self.write_len(left);
        } else {
            self.write_len(usize::from(len) - removed);
        }
        self.pos_of(pos.index())
    }

    /// Removes up to `count` elements from the `index`th on.
    pub fn delete_range(&mut self, index: usize, count: usize) {
        if count == 0 {
            return;
        }
        if let Some(pos) = i64::try_from(index).ok().and_then(|index| self.seek(index)) {
            self.remove(pos, count);
        }
    }

    /// Adds all elements of another pack at the end.
    pub fn append(&mut self, other: &ListPack) {
        let (end, len) = (self.end(), self.len() + other.len());
        let body = &other.bytes[HEADER..];
        self.reserve(body.len());
        self.bytes.truncate(end);
        self.bytes.extend_from_slice(body);
        self.write_len(len);
    }

    /// Gives up memory beyond what the elements need.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to(size_class(self.bytes.len()));
    }

    fn end(&self) -> usize {
        self.bytes.len() - 1
    }

    #[inline]
    fn after(&self, pos: Pos) -> usize {
        pos.index() + layout::span(&self.bytes[pos.index()..]).total_len()
    }

    #[inline]
    fn pos_of(&self, at: usize) -> Option<Pos> {
        (at < self.end()).then_some(Pos(at as u32))
    }

    #[inline]
    fn pos_before(&self, at: usize) -> Option<Pos> {
        if at <= HEADER {
            return None;
        }
        let (entry, back) = layout::read_back(&self.bytes[..at])?;
        Some(Pos((at - back - entry) as u32))
    }

    /// Puts an element in the place of `old` bytes. The header is left to the caller.
    fn splice(&mut self, at: usize, old: usize, element: Element<'_>) {
        let (head, text) = (Head::of(element), text_of(element));
        let head = head.as_bytes();
        let entry = head.len() + text.len();
        let new = entry + layout::back_len(entry);
        let (before, tail) = (self.bytes.len(), at + old);
        if new > old {
            self.reserve(new - old);
            self.bytes.resize(before + new - old, 0);
        }
        self.bytes.copy_within(tail..before, at + new);
        if new < old {
            self.bytes.truncate(before + new - old);
            self.shrink();
        }
        let place = &mut self.bytes[at..at + new];
        place[..head.len()].copy_from_slice(head);
        place[head.len()..entry].copy_from_slice(text);
        layout::write_back(&mut place[entry..], entry);
    }

    /// Makes room in step with the allocator's sizes, four a doubling: growing costs amortized
    /// constant time a byte.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        assert!(u32::try_from(needed).is_ok(), "a listpack above 4 GiB");
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact(size_class(needed) - self.bytes.len());
        }
    }

    fn shrink(&mut self) {
        if self.bytes.len() <= self.bytes.capacity() / 2 {
            self.shrink_to_fit();
        }
    }

    fn header_bytes(&self) -> u32 {
        let [a, b, c, d, ..] = *self.bytes else { return 0 };
        u32::from_le_bytes([a, b, c, d])
    }

    fn header_len(&self) -> u16 {
        let [_, _, _, _, a, b, ..] = *self.bytes else { return 0 };
        u16::from_le_bytes([a, b])
    }

    fn add_len(&mut self, more: usize) {
        match self.header_len() {
            LEN_UNKNOWN => self.write_byte_len(),
            len => self.write_len(usize::from(len) + more),
        }
    }

    fn write_len(&mut self, len: usize) {
        let len = u16::try_from(len).unwrap_or(LEN_UNKNOWN);
        self.bytes[4..HEADER].copy_from_slice(&len.to_le_bytes());
        self.write_byte_len();
    }

    fn write_byte_len(&mut self) {
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_le_bytes());
    }
}

impl Pos {
    #[inline]
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl<'e, E: Into<Element<'e>>> FromIterator<E> for ListPack {
    fn from_iter<I: IntoIterator<Item = E>>(elements: I) -> ListPack {
        let mut pack = ListPack::new();
        elements.into_iter().for_each(|element| pack.push_back(element));
        pack
    }
}

/// Elements of a pack, from both ends.
#[derive(Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (element, span) = layout::element(&self.bytes[self.front..]);
        self.front += span.total_len();
        Some(element)
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Element<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (entry, back) = layout::read_back(&self.bytes[..self.back])?;
        self.back -= back + entry;
        Some(layout::element(&self.bytes[self.back..]).0)
    }
}

fn text_of(element: Element<'_>) -> &[u8] {
    match element {
        Element::Int(_) => &[],
        Element::Text(text) => text,
    }
}

const HEADER: usize = 6;
const END: u8 = 0xff;
/// In the header: too many elements to tell.
const LEN_UNKNOWN: u16 = u16::MAX;

#[cfg(test)]
mod tests;
