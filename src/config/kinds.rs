//! What a row of the directive table can be: its kind of value, where that value lives in
//! [`Settings`], and how it is read, printed and written back. Plain functions, any core.
//! What always holds: a value printed by [`Directive::print`] is accepted by [`Directive::set`].

use crate::config::error::Reason;
use crate::config::settings::Settings;
use crate::config::values::{self, MemoryLimit, Mode};

/// One row of the table.
pub struct Directive {
    /// The name CONFIG REWRITE writes.
    pub name: &'static str,
    /// Older spellings, as good as the name everywhere.
    pub aliases: &'static [&'static str],
    /// The value without a configuration, in the form CONFIG SET takes.
    pub default: &'static str,
    /// Form, range and place of the value.
    pub kind: Kind,
    /// CONFIG SET refuses it: fixed at start.
    pub immutable: bool,
    /// CONFIG SET needs `enable-protected-configs`.
    pub protected: bool,
    /// Not matched by patterns of CONFIG GET, only by its exact name; not in the configuration file
    /// we ship.
    pub hidden: bool,
    /// A secret: never logged, never in the slow log.
    pub sensitive: bool,
    /// What it is for, in one line.
    pub reason: &'static str,
}

/// Access to a field.
pub struct Field<T: 'static> {
    /// Where to read it.
    pub read: fn(&Settings) -> &T,
    /// Where to write it.
    pub write: fn(&mut Settings) -> &mut T,
}

/// Access to an integer field of any width. `i128` holds them all.
pub struct Number {
    /// The value.
    pub read: fn(&Settings) -> i128,
    /// Stores a value that the row's range allows.
    pub write: fn(&mut Settings, i128),
}

/// A directive with a syntax of its own.
pub struct Special {
    /// It takes exactly one word, which may hold spaces.
    pub one_word: bool,
    /// Reads the words after the name.
    pub set: fn(&mut Settings, &[&str], Mode) -> Result<(), Reason>,
    /// The value as CONFIG GET prints it.
    pub print: fn(&Settings) -> String,
    /// The lines of a file, without the name. With `true`, lines that hold whatever stood before
    /// them.
    pub lines: fn(&Settings, bool) -> Vec<String>,
}

/// Form of the value of a directive that has no effect here: checked, kept, answered.
pub enum Kept {
    /// `yes` or `no`.
    Bool,
    /// An integer.
    Integer(i64, i64),
    /// A memory size.
    Memory(u64, u64),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Anything.
    Text,
}

/// Form, range and place of a value.
pub enum Kind {
    /// `yes` or `no`.
    Bool(Field<bool>),
    /// An integer within bounds.
    Integer(Number, i128, i128),
    /// A memory size within bounds.
    Memory(Number, i128, i128),
    /// An octal number up to a bound.
    Octal(Number, i128),
    /// A memory size or a percentage.
    MemoryOrPercent(Field<MemoryLimit>),
    /// One of some words; the index among them.
    Choice {
        /// The words, in the order of the error message.
        words: &'static [&'static str],
        /// Index of the value set.
        read: fn(&Settings) -> usize,
        /// Stores the value of an index.
        write: fn(&mut Settings, usize),
    },
    /// Text, after a check.
    Text(Field<String>, fn(&str) -> Result<(), Reason>),
    /// A syntax of its own.
    Special(&'static Special),
    /// No effect here.
    Kept(Kept),
}

/// Access to a field by its path in [`Settings`].
macro_rules! field {
    ($($path:ident).+) => {
        $crate::config::kinds::Field { read: |s| &s.$($path).+, write: |s| &mut s.$($path).+ }
    };
}

/// `yes`/`no` in a field.
macro_rules! boolean {
    ($($path:ident).+) => {
        $crate::config::kinds::Kind::Bool($crate::config::kinds::field!($($path).+))
    };
}

/// Access to an integer field by its path.
macro_rules! number {
    ($($path:ident).+) => {
        $crate::config::kinds::Number {
            read: |s| s.$($path).+ as i128,
            write: |s, value| {
                s.$($path).+ = value.try_into().expect("the row's range fits the field");
            },
        }
    };
}

/// An integer field with its range.
macro_rules! integer {
    ($($path:ident).+, $min:expr, $max:expr) => {
        $crate::config::kinds::Kind::Integer(
            $crate::config::kinds::number!($($path).+), $min as i128, $max as i128)
    };
}

/// A memory size with its range.
macro_rules! memory {
    ($($path:ident).+, $min:expr, $max:expr) => {
        $crate::config::kinds::Kind::Memory(
            $crate::config::kinds::number!($($path).+), $min as i128, $max as i128)
    };
}

/// One of the words of an enum that is a [`crate::config::choices::Choice`].
macro_rules! choice {
    ($($path:ident).+, $name:ident) => {
        $crate::config::kinds::Kind::Choice {
            words: <$crate::config::choices::$name as $crate::config::choices::Choice>::WORDS,
            read: |s| {
                let values =
                    <$crate::config::choices::$name as $crate::config::choices::Choice>::VALUES;
                let index = values.iter().position(|value| *value == s.$($path).+);
                index.expect("every variant has a word")
            },
            write: |s, index| {
                s.$($path).+ = <$crate::config::choices::$name
                    as $crate::config::choices::Choice>::VALUES[index];
            },
        }
    };
}

/// Text in a field.
macro_rules! text {
    ($($path:ident).+) => {
        $crate::config::kinds::Kind::Text($crate::config::kinds::field!($($path).+), |_| Ok(()))
    };
    ($($path:ident).+, $check:expr) => {
        $crate::config::kinds::Kind::Text($crate::config::kinds::field!($($path).+), $check)
    };
}

pub(crate) use {boolean, choice, field, integer, memory, number, text};

/// A row; flags follow by the methods below.
pub const fn row(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    reason: &'static str,
) -> Directive {
    Directive {
        name,
        aliases: &[],
        default,
        kind,
        immutable: false,
        protected: false,
        hidden: false,
        sensitive: false,
        reason,
    }
}

impl Directive {
    /// With older spellings.
    pub const fn or(mut self, aliases: &'static [&'static str]) -> Directive {
        self.aliases = aliases;
        self
    }

    /// Fixed at start.
    pub const fn immutable(mut self) -> Directive {
        self.immutable = true;
        self
    }

    /// Behind `enable-protected-configs`.
    pub const fn protected(mut self) -> Directive {
        self.protected = true;
        self
    }

    /// Only by its exact name.
    pub const fn hidden(mut self) -> Directive {
        self.hidden = true;
        self
    }

    /// A secret.
    pub const fn sensitive(mut self) -> Directive {
        self.sensitive = true;
        self
    }

    /// Whether it does anything here. Those that do not are accepted with a warning.
    pub fn applies(&self) -> bool {
        !matches!(self.kind, Kind::Kept(_))
    }

    /// Whether it takes several words.
    pub fn takes_words(&self) -> bool {
        matches!(&self.kind, Kind::Special(special) if !special.one_word)
    }

    /// The words of a value given as one text, as CONFIG SET and the command line do.
    pub fn words<'v>(&self, value: &'v str) -> Vec<&'v str> {
        if self.takes_words() { value.split(' ').collect() } else { vec![value] }
    }

    /// Whether `name` is this directive, in any spelling and case.
    pub fn is_called(&self, name: &str) -> bool {
        self.names().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The name and the older spellings.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Reads the words after the name into `settings`, which stay untouched on error.
    pub fn set(&self, settings: &mut Settings, words: &[&str], mode: Mode) -> Result<(), Reason> {
        if let Kind::Special(special) = &self.kind {
            if special.one_word && words.len() != 1 {
                return Err(Reason::WrongArgumentCount);
            }
            return (special.set)(settings, words, mode);
        }
        let [value] = words else {
            return Err(Reason::WrongArgumentCount);
        };
        match &self.kind {
            Kind::Bool(field) => *(field.write)(settings) = values::parse_bool(value)?,
            Kind::Integer(number, min, max) => {
                let value = bounded(values::parse_integer(value)?, *min, *max)?;
                (number.write)(settings, value);
            }
            Kind::Memory(number, min, max) => {
                let value = bounded(i128::from(values::parse_memory(value)?), *min, *max)?;
                (number.write)(settings, value);
            }
            Kind::Octal(number, max) => (number.write)(settings, parse_octal(value, *max)?),
            Kind::MemoryOrPercent(field) => {
                *(field.write)(settings) = values::parse_memory_limit(value)?;
            }
            Kind::Choice { words, write, .. } => {
                let index = words.iter().position(|word| word.eq_ignore_ascii_case(value));
                write(settings, index.ok_or(Reason::NotOneOf(words))?);
            }
            Kind::Text(field, check) => {
                check(value)?;
                *(field.write)(settings) = (*value).to_owned();
            }
            Kind::Kept(kept) => self.keep(settings, kept_value(kept, value)?),
            Kind::Special(_) => unreachable!("handled above"),
        }
        Ok(())
    }

    /// The value as CONFIG GET prints it.
    pub fn print(&self, settings: &Settings) -> String {
        match &self.kind {
            Kind::Bool(field) => yes_no(*(field.read)(settings)).to_owned(),
            Kind::Integer(number, ..) | Kind::Memory(number, ..) => {
                (number.read)(settings).to_string()
            }
            Kind::Octal(number, _) => format!("{:o}", (number.read)(settings)),
            Kind::MemoryOrPercent(field) => match (field.read)(settings) {
                MemoryLimit::Bytes(bytes) => bytes.to_string(),
                MemoryLimit::Percent(percent) => format!("{percent}%"),
            },
            Kind::Choice { words, read, .. } => words[read(settings)].to_owned(),
            Kind::Text(field, _) => (field.read)(settings).clone(),
            Kind::Special(special) => (special.print)(settings),
            Kind::Kept(_) => {
                let kept = settings.kept.get(self.name);
                kept.cloned().unwrap_or_else(|| self.default.to_owned())
            }
        }
    }

    /// The lines of a file that give this value. With `explicit`, whatever earlier lines say.
    pub fn lines(&self, settings: &Settings, explicit: bool) -> Vec<String> {
        let value = match &self.kind {
            Kind::Special(special) => {
                let lines = (special.lines)(settings, explicit);
                return lines.iter().map(|line| format!("{} {line}", self.name)).collect();
            }
            Kind::Text(..) | Kind::Kept(Kept::Text) => values::quote(&self.print(settings)),
            Kind::Memory(number, ..) => {
                let bytes = u64::try_from((number.read)(settings));
                values::print_memory(bytes.expect("a memory size is never negative"))
            }
            _ => self.print(settings),
        };
        vec![format!("{} {value}", self.name)]
    }

    /// Stores the value of a directive without effect; the default is stored as nothing.
    fn keep(&self, settings: &mut Settings, value: String) {
        if value == self.default {
            settings.kept.remove(self.name);
        } else {
            settings.kept.insert(self.name, value);
        }
    }
}

/// `yes` or `no`.
pub fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn bounded(value: i128, min: i128, max: i128) -> Result<i128, Reason> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(Reason::OutOfRange { min: min.to_string(), max: max.to_string() })
    }
}

fn parse_octal(text: &str, max: i128) -> Result<i128, Reason> {
    let number = i64::from_str_radix(text, 8).map_err(|_| Reason::NotOctal)?;
    let number = i128::from(number);
    if (0..=max).contains(&number) {
        Ok(number)
    } else {
        Err(Reason::OutOfRange { min: "0".to_owned(), max: format!("{max:o}") })
    }
}

/// The canonical text of a value that is only kept.
fn kept_value(kept: &Kept, value: &str) -> Result<String, Reason> {
    Ok(match kept {
        Kept::Bool => yes_no(values::parse_bool(value)?).to_owned(),
        Kept::Integer(min, max) => {
            let number = values::parse_integer(value)?;
            bounded(number, i128::from(*min), i128::from(*max))?.to_string()
        }
        Kept::Memory(min, max) => {
            let bytes = i128::from(values::parse_memory(value)?);
            bounded(bytes, i128::from(*min), i128::from(*max))?.to_string()
        }
        Kept::Choice(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(value));
            (*word.ok_or(Reason::NotOneOf(words))?).to_owned()
        }
        Kept::Text => value.to_owned(),
    })
}
