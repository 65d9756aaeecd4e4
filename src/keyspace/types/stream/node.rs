//! A run of a stream's entries in one listpack, in the form that files hold too. Plain data, any
//! core. A node does not know its own first id: the stream keeps it beside the node, and ids inside
//! are differences from it.
//!
//! ```text
//! live  deleted  names  name ... name  0         the master entry: the names of most entries
//! flags  ms  seq  names  name value ... name value  elements      an entry with its own names
//! flags  ms  seq  value ... value  elements                       an entry with the master's
//! ```
//!
//! `elements` counts those of the entry before it, so that entries can be read backwards; the
//! master entry's 0 ends that. A deleted entry keeps its place and carries a flag.
//!
//! What always holds: the pack consists of a master entry and whole entries in ascending order of
//! their ids, `live` and `deleted` count them, and no entry is before the node's first id.

use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::error::Invalid;
use crate::keyspace::encoding::listpack::{ListPack, Pos};
use crate::keyspace::types::stream::id::StreamId;

/// A run of entries.
#[derive(Clone, Debug)]
pub struct Node {
    pack: ListPack,
}

/// One entry of a node.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    pack: &'a ListPack,
    at: Pos,
    flags: i64,
    /// Where the first name stands; `None` if an entry has no names at all.
    names: Option<Pos>,
    /// Where the first value stands, if names and values do not alternate.
    values: Option<Pos>,
    len: usize,
}

/// The fields of an entry, as names and values.
pub struct Fields<'a> {
    pack: &'a ListPack,
    name: Option<Pos>,
    value: Option<Pos>,
    left: usize,
}

/// Walks a node's entries, deleted ones too, in one direction.
pub struct Walk<'a> {
    pack: &'a ListPack,
    first_id: StreamId,
    /// Forwards the first element of the next entry, backwards the last.
    next: Option<Pos>,
    backwards: bool,
    names: usize,
    first_name: Option<Pos>,
}

impl Node {
    /// A node without entries whose master entry has these names.
    pub fn new<'f>(names: impl Iterator<Item = &'f [u8]> + Clone) -> Node {
        let mut pack = ListPack::new();
        pack.push_back(0);
        pack.push_back(0);
        pack.push_back(number(names.clone().count()));
        names.for_each(|name| pack.push_back(name));
        pack.push_back(0);
        Node { pack }
    }

    /// A node in the form it has in a file.
    ///
    /// # Errors
    /// Whatever breaks what always holds of a node whose first id is `first_id`.
    pub fn from_bytes_checked(bytes: Vec<u8>, first_id: StreamId) -> Result<Node, Invalid> {
        let node = Node { pack: ListPack::from_bytes_checked(bytes)? };
        node.check(first_id)?;
        Ok(node)
    }

    /// The bytes as a file has them.
    pub fn as_bytes(&self) -> &[u8] {
        self.pack.as_bytes()
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.pack.memory()
    }

    /// How many entries there are, deleted ones left out.
    pub fn live(&self) -> u64 {
        self.counter(0)
    }

    /// How many entries were deleted and keep their place.
    pub fn deleted(&self) -> u64 {
        self.counter(1)
    }

    /// How long the bytes are.
    pub fn byte_len(&self) -> usize {
        self.pack.byte_len()
    }

    /// Adds an entry behind all others; its id is greater than theirs.
    pub fn append<'f, F>(&mut self, first_id: StreamId, id: StreamId, fields: F)
    where
        F: Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    {
        let same = self.has_names(fields.clone().map(|(name, _)| name));
        let count = number(fields.clone().count());
        self.pack.push_back(if same { SAME_NAMES } else { 0 });
        self.pack.push_back(id.ms.wrapping_sub(first_id.ms).cast_signed());
        self.pack.push_back(id.seq.wrapping_sub(first_id.seq).cast_signed());
        if !same {
            self.pack.push_back(count);
        }
        for (name, value) in fields {
            if !same {
                self.pack.push_back(name);
            }
            self.pack.push_back(value);
        }
        self.pack.push_back(if same { HEAD + count } else { HEAD + 1 + 2 * count });
        self.set_counter(0, self.live() + 1);
    }

    /// Marks as deleted the live entries that were found at these places.
    pub fn delete(&mut self, places: &[Place]) {
        // From the last on: what changes leaves the places before it right.
        for place in places.iter().rev() {
            self.pack.replace(place.0, place.1 | DELETED);
        }
        let (live, deleted, count) = (self.live(), self.deleted(), places.len() as u64);
        self.set_counter(0, live.saturating_sub(count));
        self.set_counter(1, deleted + count);
    }

    /// Walks from the first entry on.
    pub fn walk(&self, first_id: StreamId) -> Walk<'_> {
        let mut walk = self.begin(first_id);
        // Behind the names stands the 0 that ends the master entry.
        let zero = (0..walk.names).try_fold(walk.first_name, |at, _| Some(self.next_of(at)));
        walk.next = self.next_of(zero.flatten());
        walk
    }

    /// Walks from the last entry down.
    pub fn walk_back(&self, first_id: StreamId) -> Walk<'_> {
        Walk { next: self.pack.last(), backwards: true, ..self.begin(first_id) }
    }

    /// The id of the last entry, deleted or not.
    pub fn last_id(&self, first_id: StreamId) -> Option<StreamId> {
        self.walk_back(first_id).next().map(|entry| entry.id)
    }

    fn begin(&self, first_id: StreamId) -> Walk<'_> {
        let count = self.head(2);
        let names = count.and_then(|at| self.count_at(at)).unwrap_or(0);
        let first_name = self.next_of(count);
        Walk { pack: &self.pack, first_id, next: None, backwards: false, names, first_name }
    }

    fn next_of(&self, at: Option<Pos>) -> Option<Pos> {
        self.pack.next(at?)
    }

    fn count_at(&self, at: Pos) -> Option<usize> {
        usize::try_from(int(self.pack.at(at))?).ok()
    }

    fn has_names<'f>(&self, names: impl Iterator<Item = &'f [u8]>) -> bool {
        let walk = self.begin(StreamId::MIN);
        let (mut at, mut left) = (walk.first_name, walk.names);
        for name in names {
            let Some(pos) = at.filter(|pos| left > 0 && self.pack.at(*pos).eq_text(name)) else {
                return false;
            };
            at = self.pack.next(pos);
            left -= 1;
        }
        left == 0
    }

    /// Where one of the numbers stands that a node begins with.
    fn head(&self, index: usize) -> Option<Pos> {
        (0..index).try_fold(self.pack.first()?, |at, _| self.pack.next(at))
    }

    fn counter(&self, index: usize) -> u64 {
        let element = self.head(index).map(|at| self.pack.at(at));
        element.and_then(int).map_or(0, |count| count.max(0).unsigned_abs())
    }

    fn set_counter(&mut self, index: usize, count: u64) {
        if let Some(at) = self.head(index) {
            self.pack.replace(at, count.cast_signed());
        }
    }

    fn check(&self, first_id: StreamId) -> Result<(), Invalid> {
        let mut elements = self.pack.iter();
        let mut next = || elements.next().and_then(int).ok_or(Invalid("a stream node's head"));
        let (live, deleted, names) = (next()?, next()?, next()?);
        let names = usize::try_from(names).map_err(|_| Invalid("a number of names"))?;
        let mut passed = 0;
        while passed < names {
            elements.next().ok_or(Invalid("names of a stream node are missing"))?;
            passed += 1;
        }
        let mut check = Check { elements, names, first_id, last: None, live: 0, deleted: 0 };
        if check.int()? != 0 {
            return Err(Invalid("a stream node's head has no end"));
        }
        while check.entry()? {}
        if (check.live, check.deleted) != (live, deleted) {
            return Err(Invalid("a stream node counts its entries wrong"));
        }
        Ok(())
    }
}

/// Reads the entries of a node from elsewhere.
struct Check<'a, I: Iterator<Item = Element<'a>>> {
    elements: I,
    names: usize,
    first_id: StreamId,
    last: Option<StreamId>,
    live: i64,
    deleted: i64,
}

impl<'a, I: Iterator<Item = Element<'a>>> Check<'a, I> {
    fn int(&mut self) -> Result<i64, Invalid> {
        self.elements.next().and_then(int).ok_or(Invalid("a number in a stream node"))
    }

    /// Checks the next entry; whether there is one.
    fn entry(&mut self) -> Result<bool, Invalid> {
        let Some(flags) = self.elements.next() else { return Ok(false) };
        let flags = int(flags).filter(|flags| (0..=DELETED | SAME_NAMES).contains(flags));
        let flags = flags.ok_or(Invalid("flags of a stream's entry"))?;
        let id = moved(self.first_id, self.int()?, self.int()?);
        if id < self.first_id || self.last.is_some_and(|last| last >= id) {
            return Err(Invalid("ids of a stream's entries are not in order"));
        }
        self.last = Some(id);
        let elements = if flags & SAME_NAMES != 0 {
            self.names
        } else {
            let count = usize::try_from(self.int()?).map_err(|_| Invalid("a number of fields"))?;
            count.checked_mul(2).ok_or(Invalid("a number of fields"))?
        };
        let mut passed = 0;
        while passed < elements {
            self.elements.next().ok_or(Invalid("fields of a stream's entry are missing"))?;
            passed += 1;
        }
        let head = if flags & SAME_NAMES != 0 { HEAD } else { HEAD + 1 };
        if self.int()? != number(elements) + head {
            return Err(Invalid("a stream's entry counts its elements wrong"));
        }
        if flags & DELETED != 0 {
            self.deleted += 1
        } else {
            self.live += 1
        }
        Ok(true)
    }
}

/// Where a live entry of a node is.
#[derive(Clone, Copy, Debug)]
pub struct Place(Pos, i64);

impl<'a> Entry<'a> {
    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place(self.at, self.flags)
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no fields; one that a client added has some.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its fields.
    pub fn fields(&self) -> Fields<'a> {
        Fields { pack: self.pack, name: self.names, value: self.values, left: self.len }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Element<'a>, Element<'a>);

    fn next(&mut self) -> Option<(Element<'a>, Element<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let name = self.name?;
        let apart = self.value.is_some();
        let value = if apart { self.value? } else { self.pack.next(name)? };
        let after = self.pack.next(value);
        if apart {
            (self.name, self.value) = (self.pack.next(name), after);
        } else {
            self.name = after;
        }
        Some((self.pack.at(name), self.pack.at(value)))
    }
}

impl<'a> Walk<'a> {
    fn int_at(&self, at: Pos) -> Option<i64> {
        int(self.pack.at(at))
    }

    /// Reads the entry that begins here; also where its last element stands, if it was looked for.
    fn entry_at(&self, at: Pos) -> Option<(Entry<'a>, Pos)> {
        let flags = self.int_at(at)?;
        let ms = self.pack.next(at)?;
        let seq = self.pack.next(ms)?;
        let id = moved(self.first_id, self.int_at(ms)?, self.int_at(seq)?);
        let body = self.pack.next(seq)?;
        let entry = Entry { id, pack: self.pack, at, flags, names: None, values: None, len: 0 };
        if flags & SAME_NAMES != 0 {
            let (names, values) = (self.first_name, Some(body));
            return Some((Entry { names, values, len: self.names, ..entry }, body));
        }
        let len = usize::try_from(self.int_at(body)?).ok()?;
        let names = self.pack.next(body)?;
        Some((Entry { names: Some(names), len, ..entry }, names))
    }

    fn forwards(&mut self) -> Option<Entry<'a>> {
        let (entry, body) = self.entry_at(self.next?)?;
        let elements = if entry.values.is_some() { entry.len } else { 2 * entry.len };
        let last = (0..elements).try_fold(body, |at, _| self.pack.next(at))?;
        self.next = self.pack.next(last);
        Some(entry)
    }

    fn downwards(&mut self) -> Option<Entry<'a>> {
        let last = self.next?;
        let elements = self.int_at(last).filter(|elements| *elements > 0)?;
        let first = (0..elements).try_fold(last, |at, _| self.pack.prev(at))?;
        self.next = self.pack.prev(first);
        self.entry_at(first).map(|(entry, _)| entry)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let found = if self.backwards { self.downwards() } else { self.forwards() };
        if found.is_none() {
            self.next = None;
        }
        found
    }
}

/// The id that stands in an entry as differences.
fn moved(first_id: StreamId, ms: i64, seq: i64) -> StreamId {
    let ms = first_id.ms.wrapping_add(ms.cast_unsigned());
    StreamId::new(ms, first_id.seq.wrapping_add(seq.cast_unsigned()))
}

fn int(element: Element<'_>) -> Option<i64> {
    element.as_int()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("counts of elements in memory fit")
}

/// Elements before an entry's names and values: flags and id.
const HEAD: i64 = 3;
/// The entry was deleted.
const DELETED: i64 = 1;
/// The entry has the names of the master entry, and only its values stand in it.
const SAME_NAMES: i64 = 2;
