//! A set: different members. Plain data, any core.
//!
//! Small sets of integers are an intset, other small ones a listpack, larger ones `members`. A set
//! goes from each form to a later one when it outgrows it and never back, as in stock servers.

use crate::config::settings_groups::Encoding;
use crate::keyspace::digest::Digest;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::intset::IntSet;
use crate::keyspace::encoding::listpack::{self, ListPack};
use crate::keyspace::types::members::{self, Member, Members};

/// A set: different members.
#[derive(Clone, Debug)]
pub struct Set {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Ints(IntSet),
    Pack(ListPack),
    Table(Box<Members>),
}

/// The flat forms, as files take them.
pub enum Flat<'a> {
    /// Integers.
    Ints(&'a IntSet),
    /// Any members.
    Pack(&'a ListPack),
}

/// A member that was removed.
pub enum Taken {
    /// An integer.
    Int(i64),
    /// Any text.
    Text(Vec<u8>),
    /// A member of a large set, in the memory it had there.
    Member(Member),
}

impl Default for Set {
    fn default() -> Set {
        Set { form: Form::Ints(IntSet::new()) }
    }
}

impl Set {
    /// An empty set in the form that suits `first` and about `count` members.
    pub fn beginning(first: &[u8], count: usize, limits: &Encoding) -> Set {
        let is_int = matches!(Element::from(first), Element::Int(_));
        let form = if is_int && count <= limits.set_max_intset_entries {
            Form::Ints(IntSet::new())
        } else if count <= limits.set_max_listpack_entries {
            Form::Pack(ListPack::new())
        } else {
            Form::Table(Box::default())
        };
        Set { form }
    }

    /// An empty set for what is left of another one.
    pub fn for_part_of(other: &Set) -> Set {
        match other.form {
            Form::Ints(_) => Set::default(),
            Form::Pack(_) | Form::Table(_) => Set { form: Form::Pack(ListPack::new()) },
        }
    }

    /// Makes a set of nothing but integers an intset, if it may be one: what an intersection
    /// leaves.
    pub fn settle(&mut self, limits: &Encoding) {
        if matches!(self.form, Form::Ints(_)) || self.len() > limits.set_max_intset_entries {
            return;
        }
        let mut ints = IntSet::new();
        for member in self.iter() {
            let Some(number) = member.as_int() else { return };
            ints.insert(number);
        }
        self.form = Form::Ints(ints);
    }

    /// The set of these integers.
    pub fn from_ints(ints: IntSet, limits: &Encoding) -> Set {
        let fits = ints.len() <= limits.set_max_intset_entries;
        let mut set = Set { form: Form::Ints(ints) };
        if !fits {
            set.table();
        }
        set
    }

    /// The set of these elements, which differ.
    pub fn from_pack(pack: ListPack, limits: &Encoding) -> Set {
        let fits = pack.len() <= limits.set_max_listpack_entries
            && pack.iter().all(|element| element.text_len() <= limits.set_max_listpack_value);
        let mut set = Set { form: Form::Pack(pack) };
        if !fits {
            set.table();
        }
        set
    }

    /// The flat form, if it has one.
    pub fn flat(&self) -> Option<Flat<'_>> {
        match &self.form {
            Form::Ints(ints) => Some(Flat::Ints(ints)),
            Form::Pack(pack) => Some(Flat::Pack(pack)),
            Form::Table(_) => None,
        }
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match self.form {
            Form::Ints(_) => "intset",
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.len(),
            Form::Pack(pack) => pack.len(),
            Form::Table(members) => members.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a text is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.has(Element::from(member))
    }

    /// Whether an element is a member.
    pub fn has(&self, member: Element<'_>) -> bool {
        let mut digits = itoa::Buffer::new();
        match &self.form {
            Form::Ints(ints) => member.as_int().is_some_and(|number| ints.contains(number)),
            Form::Pack(pack) => pack.find(member.as_text(&mut digits), 0).is_some(),
            Form::Table(members) => members.contains(member.as_text(&mut digits)),
        }
    }

    /// Makes ready for `count` more members, whether new or not: stock servers decide by their
    /// number before they add the first.
    pub fn expect(&mut self, count: usize, limits: &Encoding) {
        let max = match self.form {
            Form::Ints(_) => limits.set_max_intset_entries,
            Form::Pack(_) => limits.set_max_listpack_entries,
            Form::Table(_) => return,
        };
        if count > max {
            self.table();
        }
    }

    /// Adds a member; whether it was not there.
    pub fn add(&mut self, member: &[u8], limits: &Encoding) -> bool {
        match &mut self.form {
            Form::Table(members) => members.add(member),
            Form::Pack(pack) => {
                if pack.find(member, 0).is_some() {
                    return false;
                }
                let fits = pack.len() < limits.set_max_listpack_entries
                    && member.len() <= limits.set_max_listpack_value
                    && pack.fits(member.len());
                if fits {
                    pack.push_back(member);
                    return true;
                }
                self.table().add(member)
            }
            Form::Ints(ints) => {
                let Element::Int(number) = Element::from(member) else {
                    return self.add_text(member, limits);
                };
                let new = ints.insert(number);
                if new && ints.len() > limits.set_max_intset_entries {
                    self.table();
                }
                new
            }
        }
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.form {
            Form::Ints(ints) => {
                Element::from(member).as_int().is_some_and(|number| ints.remove(number))
            }
            Form::Pack(pack) => {
                let found = pack.find(member, 0);
                if let Some(pos) = found {
                    pack.remove(pos, 1);
                }
                found.is_some()
            }
            Form::Table(members) => members.remove(member),
        }
    }

    /// All members.
    pub fn iter(&self) -> Elements<'_> {
        match &self.form {
            Form::Ints(ints) => Elements::Ints { ints, next: 0 },
            Form::Pack(pack) => Elements::Pack(pack.iter()),
            Form::Table(members) => Elements::Table(members.iter()),
        }
    }

    /// The member with this index. The order says nothing.
    pub fn nth(&self, index: usize) -> Option<Element<'_>> {
        match &self.form {
            Form::Ints(ints) => ints.at(index).map(Element::Int),
            Form::Pack(pack) => Some(pack.at(pack.seek(i64::try_from(index).ok()?)?)),
            Form::Table(members) => members.nth(index).map(|(name, _)| Element::Text(name)),
        }
    }

    /// Removes the member with this index.
    pub fn remove_nth(&mut self, index: usize) -> Option<Taken> {
        match &mut self.form {
            Form::Ints(ints) => {
                let number = ints.at(index)?;
                ints.remove(number);
                Some(Taken::Int(number))
            }
            Form::Pack(pack) => {
                let pos = pack.seek(i64::try_from(index).ok()?)?;
                let text = pack.at(pos).to_vec();
                pack.remove(pos, 1);
                Some(Taken::Text(text))
            }
            Form::Table(members) => members.remove_nth(index).map(Taken::Member),
        }
    }

    /// Calls `visit` for about `count` members from a cursor on, for all of a small set; the next
    /// cursor, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(Element<'_>)) -> u64 {
        match &self.form {
            Form::Ints(_) | Form::Pack(_) => {
                self.iter().for_each(visit);
                0
            }
            Form::Table(members) => {
                members.scan(cursor, count, &mut |name, _| visit(Element::Text(name)))
            }
        }
    }

    /// Heap memory owned, in bytes, in constant time.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.memory(),
            Form::Pack(pack) => pack.memory(),
            Form::Table(members) => members.memory(),
        }
    }

    /// Takes the value into a digest as a stock server's DEBUG DIGEST does.
    pub fn digest(&self, digest: &mut Digest) {
        let mut digits = itoa::Buffer::new();
        self.iter().for_each(|member| digest.xor(member.as_text(&mut digits)));
    }

    /// Adds what is no integer to integers.
    fn add_text(&mut self, member: &[u8], limits: &Encoding) -> bool {
        let longest = self.iter().map(|number| number.text_len()).max().unwrap_or(0);
        let fits = self.len() < limits.set_max_listpack_entries
            && member.len().max(longest) <= limits.set_max_listpack_value;
        if !fits {
            return self.table().add(member);
        }
        let mut pack: ListPack = self.iter().collect();
        pack.push_back(member);
        self.form = Form::Pack(pack);
        true
    }

    /// The table, made of the flat form if need be.
    fn table(&mut self) -> &mut Members {
        if !matches!(self.form, Form::Table(_)) {
            let mut members = Box::<Members>::default();
            let mut digits = itoa::Buffer::new();
            for member in self.iter() {
                members.add(member.as_text(&mut digits));
            }
            self.form = Form::Table(members);
        }
        match &mut self.form {
            Form::Table(members) => members,
            Form::Ints(_) | Form::Pack(_) => unreachable!("it was converted above"),
        }
    }
}

impl Taken {
    /// The member's text, an integer's being printed into `digits`.
    pub fn as_text<'a>(&'a self, digits: &'a mut itoa::Buffer) -> &'a [u8] {
        match self {
            Taken::Int(number) => digits.format(*number).as_bytes(),
            Taken::Text(text) => text,
            Taken::Member(member) => member.name(),
        }
    }
}

/// Walks the members.
#[derive(Clone)]
pub enum Elements<'a> {
    /// Of a set of integers.
    Ints {
        /// The set.
        ints: &'a IntSet,
        /// The index of the next.
        next: usize,
    },
    /// Of another small set.
    Pack(listpack::Iter<'a>),
    /// Of a large one.
    Table(members::Pairs<'a>),
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Elements::Ints { ints, next } => {
                let number = ints.at(*next)?;
                *next += 1;
                Some(Element::Int(number))
            }
            Elements::Pack(pack) => pack.next(),
            Elements::Table(members) => members.next().map(|(name, _)| Element::Text(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn limits() -> Encoding {
        Encoding {
            set_max_intset_entries: 4,
            set_max_listpack_entries: 6,
            set_max_listpack_value: 10,
            ..Encoding::default()
        }
    }

    fn set_of(members: &[&str]) -> Set {
        let mut set = Set::default();
        members.iter().for_each(|member| assert!(set.add(member.as_bytes(), &limits())));
        set
    }

    #[test]
    fn a_set_grows_through_its_forms() {
        let check = |members: &[&str], encoding: &str| {
            let set = set_of(members);
            assert_eq!(set.encoding(), encoding, "{members:?}");
            assert_eq!(set.len(), members.len());
            assert!(members.iter().all(|member| set.contains(member.as_bytes())));
            let found: BTreeSet<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
            assert!(members.iter().all(|member| found.contains(member.as_bytes())));
            assert_eq!(found.len(), members.len());
        };
        check(&["1", "-5", "70000", "3"], "intset");
        check(&["1", "2", "3", "4", "5"], "hashtable");
        check(&["1", "2", "3", "4", "a"], "listpack");
        check(&["1", "a", "3", "4", "5", "6"], "listpack");
        check(&["1", "a", "3", "4", "5", "6", "7"], "hashtable");
        check(&["1", "0123456789"], "listpack");
        check(&["1", "0123456789a"], "hashtable");
        check(&["12345678901", "a"], "hashtable");
    }

    #[test]
    fn members_leave_by_name_and_by_index() {
        for members in
            [&["1", "2", "3"][..], &["a", "b", "1"], &["a", "b", "c", "d", "e", "f", "g"]]
        {
            let mut set = set_of(members);
            assert!(!set.add(members[1].as_bytes(), &limits()));
            assert!(set.remove(members[1].as_bytes()));
            assert!(!set.remove(members[1].as_bytes()));
            assert!(!set.has(Element::from(members[1].as_bytes())));
            let mut left = set.len();
            while let Some(index) = left.checked_sub(1) {
                let named = set.nth(index).expect("it is below the count").to_vec();
                let taken = set.remove_nth(index).expect("it is below the count");
                assert_eq!(taken.as_text(&mut itoa::Buffer::new()), named);
                left = index;
            }
            assert!(set.is_empty() && set.nth(0).is_none() && set.remove_nth(0).is_none());
        }
    }
}
