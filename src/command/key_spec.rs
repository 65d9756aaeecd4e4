//! Where a command's keys stand among its arguments. One description drives routing, ACL checks
//! and `COMMAND INFO / GETKEYS`. Pure, any core. The model (where to begin, how to go on, what is
//! done to the key) is the public one of Redis 7's key specifications.

use crate::resp::request::Args;

/// What a command does to the keys that one specification names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFlags(pub u16);

/// How the first key is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument (the command's name is 0).
    Index(u16),
    /// After this word, searched from an argument on; from the end backwards when negative.
    Keyword(&'static str, i16),
    /// Behind the last STORE among the options of SORT. Clients are told `unknown`.
    SortStore,
    /// Not known before the command runs: its options BY and GET make them of what a key holds.
    Unknown,
}

/// How the further keys follow the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (relative to the first; negative counts from the last argument), each `step`
    /// arguments; with `limit` > 1 only the first 1/limit of the arguments left.
    Range { last: i16, step: u16, limit: u16 },
    /// The number of keys stands at `count` and the first at `first`, both relative to the begin.
    Count { count: u16, first: u16, step: u16 },
    /// Not expressible.
    Unknown,
}

/// One group of keys of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What is done to the keys.
    pub flags: KeyFlags,
    /// Where the first is.
    pub begin: Begin,
    /// Where the others are.
    pub find: Find,
}

impl KeyFlags {
    /// Reads and writes.
    pub const RW: KeyFlags = KeyFlags(1);
    /// Reads.
    pub const RO: KeyFlags = KeyFlags(1 << 1);
    /// Overwrites without looking.
    pub const OW: KeyFlags = KeyFlags(1 << 2);
    /// Removes.
    pub const RM: KeyFlags = KeyFlags(1 << 3);
    /// Returns, copies or uses the value.
    pub const ACCESS: KeyFlags = KeyFlags(1 << 4);
    /// Changes the value.
    pub const UPDATE: KeyFlags = KeyFlags(1 << 5);
    /// Adds to the value.
    pub const INSERT: KeyFlags = KeyFlags(1 << 6);
    /// Takes from the value.
    pub const DELETE: KeyFlags = KeyFlags(1 << 7);
    /// Not really a key.
    pub const NOT_KEY: KeyFlags = KeyFlags(1 << 8);
    /// Keys may be missed by the description.
    pub const INCOMPLETE: KeyFlags = KeyFlags(1 << 9);
    /// The flags depend on the arguments.
    pub const VARIABLE: KeyFlags = KeyFlags(1 << 10);

    /// `RO` and `ACCESS`: a plain read.
    pub const READ: KeyFlags = KeyFlags::RO.with(KeyFlags::ACCESS);

    /// Both sets together.
    pub const fn with(self, other: KeyFlags) -> KeyFlags {
        KeyFlags(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    pub const fn has(self, other: KeyFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names `COMMAND INFO` prints.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }
}

impl KeySpec {
    /// One key at argument `index`.
    pub const fn one(index: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::range(index, 0, 1, flags)
    }

    /// Keys from argument `first` to `last` (relative to it, negative from the end) by `step`.
    pub const fn range(first: u16, last: i16, step: u16, flags: KeyFlags) -> KeySpec {
        let find = Find::Range { last, step, limit: 0 };
        KeySpec { flags, begin: Begin::Index(first), find }
    }

    /// A count at argument `index`, followed by that many keys.
    pub const fn counted(index: u16, flags: KeyFlags) -> KeySpec {
        let find = Find::Count { count: 0, first: 1, step: 1 };
        KeySpec { flags, begin: Begin::Index(index), find }
    }

    /// Calls `each` with the argument index of every key. `false` if the arguments do not fit the
    /// description (a count that is no number or too large).
    pub fn for_each(&self, args: Args<'_>, mut each: impl FnMut(usize, KeyFlags)) -> bool {
        let Some(begin) = self.begin_index(args) else { return true };
        let (first, last, step) = match self.find {
            Find::Range { last, step, limit } => {
                let end = range_end(begin, last, limit, args.len());
                (begin, end, usize::from(step))
            }
            Find::Count { count, first, step } => {
                let at = begin + usize::from(count);
                let Some(number) = (at < args.len()).then(|| args.get(at)).and_then(small_number)
                else {
                    return false;
                };
                let first = begin + usize::from(first);
                let step = usize::from(step);
                if number == 0 {
                    return true;
                }
                (first, first + (number - 1) * step, step)
            }
            Find::Unknown => (begin, begin, 1),
        };
        if last >= args.len() {
            return false;
        }
        let mut index = first;
        while index <= last {
            each(index, self.flags);
            index += step;
        }
        true
    }

    /// Whether the command may look at keys that nobody knows before it runs.
    pub fn is_open(&self, args: Args<'_>) -> bool {
        self.begin == Begin::Unknown && SortKeys::of(args).by_patterns
    }

    fn begin_index(&self, args: Args<'_>) -> Option<usize> {
        match self.begin {
            Begin::Index(index) => (usize::from(index) < args.len()).then_some(usize::from(index)),
            Begin::Keyword(word, from) => {
                let is_word =
                    |index: &usize| args.get(*index).eq_ignore_ascii_case(word.as_bytes());
                let from_end = args.len().checked_sub(usize::from(from.unsigned_abs()))?;
                let found = if from >= 0 {
                    (usize::from(from.unsigned_abs())..args.len()).find(is_word)
                } else {
                    (1..=from_end).rev().find(is_word)
                };
                found.map(|index| index + 1).filter(|index| *index < args.len())
            }
            Begin::SortStore => SortKeys::of(args).store,
            Begin::Unknown => None,
        }
    }
}

/// What the options of SORT say of keys.
struct SortKeys {
    /// The argument that is the key of STORE.
    store: Option<usize>,
    /// BY or GET has a place for elements.
    by_patterns: bool,
}

impl SortKeys {
    /// Goes through the options as the command does.
    fn of(args: Args<'_>) -> SortKeys {
        let mut keys = SortKeys { store: None, by_patterns: false };
        let mut index = 2;
        while let Some(word) = args.at(index) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let next = args.at(index + 1);
            if is("limit") {
                index += 2;
            } else if is("store") {
                keys.store = next.map(|_| index + 1).or(keys.store);
                index += 1;
            } else if is("by") || is("get") {
                keys.by_patterns |= next.is_some_and(|pattern| pattern.contains(&b'*'));
                index += 1;
            }
            index += 1;
        }
        keys
    }
}

/// First key, last key and step, as clients of before Redis 7 know a command's keys: of the ranges
/// at fixed places that follow one another without a gap. `(0, 0, 0)` without any.
pub fn legacy_range(keys: &[KeySpec]) -> (i64, i64, i64) {
    let mut whole: Option<(i64, i64, i64)> = None;
    for spec in keys {
        let (Begin::Index(begin), Find::Range { last, step, .. }) = (spec.begin, spec.find) else {
            continue;
        };
        let (begin, last, step) = (i64::from(begin), i64::from(last), i64::from(step));
        let last = if last >= 0 { begin + last } else { last };
        whole = match whole {
            None => Some((begin, last, step)),
            Some((first, end, 1)) if step == 1 && end + 1 == begin => Some((first, last, 1)),
            whole => whole,
        };
    }
    whole.unwrap_or((0, 0, 0))
}

fn range_end(begin: usize, last: i16, limit: u16, len: usize) -> usize {
    if last >= 0 {
        return begin + usize::from(last.unsigned_abs());
    }
    if limit > 1 && last == -1 {
        return begin + (len - begin) / usize::from(limit) - 1;
    }
    (len - usize::from(last.unsigned_abs()).min(len)).max(begin)
}

fn small_number(text: &[u8]) -> Option<usize> {
    if text.is_empty() || text.len() > 9 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

const NAMES: &[(KeyFlags, &str)] = &[
    (KeyFlags::RW, "RW"),
    (KeyFlags::RO, "RO"),
    (KeyFlags::OW, "OW"),
    (KeyFlags::RM, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE, "variable_flags"),
];
