//! One argument of a command as `COMMAND DOCS` describes it, and short constructors for the tables
//! beside this file. Constants, any core.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Any bytes.
    Text,
    /// A decimal integer.
    Integer,
    /// A decimal number.
    Double,
    /// A key.
    Key,
    /// A glob.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// The token itself.
    Token,
    /// One of the arguments below it.
    OneOf,
    /// All of the arguments below it.
    Block,
}

/// One argument, or a group of them.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name, unique among its siblings.
    pub name: &'static str,
    /// What it is.
    pub kind: Type,
    /// The word that stands before it, or is it.
    pub token: Option<&'static str>,
    /// What is shown to people.
    pub display: &'static str,
    /// For a key: which of the command's key specifications finds it.
    pub key_spec: Option<u8>,
    /// The version that brought it, if not the command's own.
    pub since: Option<&'static str>,
    /// The version since which something else is used instead.
    pub deprecated_since: Option<&'static str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be given again and again.
    pub repeated: bool,
    /// The token stands before each of them.
    pub token_repeated: bool,
    /// What it consists of.
    pub parts: &'static [Argument],
}

impl Type {
    /// The word in the reply.
    pub fn name(self) -> &'static str {
        match self {
            Type::Text => "string",
            Type::Integer => "integer",
            Type::Double => "double",
            Type::Key => "key",
            Type::Pattern => "pattern",
            Type::UnixTime => "unix-time",
            Type::Token => "pure-token",
            Type::OneOf => "oneof",
            Type::Block => "block",
        }
    }
}

impl Argument {
    const fn new(name: &'static str, kind: Type) -> Argument {
        Argument {
            name,
            kind,
            token: None,
            display: name,
            key_spec: None,
            since: None,
            deprecated_since: None,
            optional: false,
            repeated: false,
            token_repeated: false,
            parts: &[],
        }
    }

    /// Stands after a word.
    pub const fn after(mut self, token: &'static str) -> Argument {
        self.token = Some(token);
        self
    }

    /// Names keys by a pattern: those of this key specification.
    pub const fn naming_keys(mut self, key_spec: u8) -> Argument {
        self.key_spec = Some(key_spec);
        self
    }

    /// Is shown under another name.
    pub const fn shown(mut self, display: &'static str) -> Argument {
        self.display = display;
        self
    }

    /// Came with a later version than the command.
    pub const fn since(mut self, version: &'static str) -> Argument {
        self.since = Some(version);
        self
    }

    /// Is out of use since a version.
    pub const fn deprecated(mut self, version: &'static str) -> Argument {
        self.deprecated_since = Some(version);
        self
    }

    /// May be left out.
    pub const fn optional(mut self) -> Argument {
        self.optional = true;
        self
    }

    /// May be given again and again.
    pub const fn repeated(mut self) -> Argument {
        self.repeated = true;
        self
    }

    /// May be given again and again, each time after its word.
    pub const fn repeated_with_token(mut self) -> Argument {
        self.token_repeated = true;
        self.repeated()
    }

    /// The flags' words.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.optional, "optional"),
            (self.repeated, "multiple"),
            (self.token_repeated, "multiple_token"),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word)
    }
}

/// Any bytes.
pub const fn string(name: &'static str) -> Argument {
    Argument::new(name, Type::Text)
}

/// A decimal integer.
pub const fn integer(name: &'static str) -> Argument {
    Argument::new(name, Type::Integer)
}

/// A decimal number.
pub const fn double(name: &'static str) -> Argument {
    Argument::new(name, Type::Double)
}

/// A key that the command's key specification of this number finds.
pub const fn key(name: &'static str, key_spec: u8) -> Argument {
    let mut argument = Argument::new(name, Type::Key);
    argument.key_spec = Some(key_spec);
    argument
}

/// A glob.
pub const fn pattern(name: &'static str) -> Argument {
    Argument::new(name, Type::Pattern)
}

/// A moment, in the unit that the command says.
pub const fn unix_time(name: &'static str) -> Argument {
    Argument::new(name, Type::UnixTime)
}

/// A word of the command's grammar.
pub const fn token(name: &'static str, word: &'static str) -> Argument {
    Argument::new(name, Type::Token).after(word)
}

/// A choice.
pub const fn one_of(name: &'static str, parts: &'static [Argument]) -> Argument {
    let mut argument = Argument::new(name, Type::OneOf);
    argument.parts = parts;
    argument
}

/// Arguments that stand together.
pub const fn block(name: &'static str, parts: &'static [Argument]) -> Argument {
    let mut argument = Argument::new(name, Type::Block);
    argument.parts = parts;
    argument
}
