//! The option words of SET and GETEX: what to keep, on what condition, until when. Pure, any core.
//! The grammar is that of Valkey 8.0: a word may be repeated, the last one counting; words that
//! contradict each other are a syntax error.

use super::error::CommandError;
use crate::base::number;
use crate::resp::request::Args;

/// How the time of an expiry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `EX`: seconds from now.
    Seconds,
    /// `PX`: milliseconds from now.
    Milliseconds,
    /// `EXAT`: Unix seconds.
    UnixSeconds,
    /// `PXAT`: Unix milliseconds.
    UnixMilliseconds,
}

/// An expiry as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry<'a> {
    /// What the number means.
    pub unit: Unit,
    /// The number, not yet read: grammar is checked before numbers.
    pub text: &'a [u8],
}

/// What must hold of the key for SET to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `NX`: it does not exist.
    Absent,
    /// `XX`: it exists.
    Present,
}

/// The options of SET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetOptions<'a> {
    /// On what condition to write.
    pub condition: Option<Condition>,
    /// `GET`: reply the old value.
    pub get: bool,
    /// `KEEPTTL`: the key keeps its expiry.
    pub keep_ttl: bool,
    /// The key's new expiry.
    pub expiry: Option<Expiry<'a>>,
}

/// The options of GETEX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetexOptions<'a> {
    /// `PERSIST`: the key loses its expiry.
    pub persist: bool,
    /// The key's new expiry.
    pub expiry: Option<Expiry<'a>>,
}

impl<'a> SetOptions<'a> {
    /// Reads the words behind `SET key value`.
    ///
    /// # Errors
    /// `Syntax`.
    pub fn parse(args: Args<'a>) -> Result<SetOptions<'a>, CommandError> {
        let mut options = SetOptions::default();
        let mut index = 3;
        while let Some(word) = args.at(index) {
            index += 1;
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("nx") && options.condition != Some(Condition::Present) {
                options.condition = Some(Condition::Absent);
            } else if is("xx") && options.condition != Some(Condition::Absent) {
                options.condition = Some(Condition::Present);
            } else if is("get") {
                options.get = true;
            } else if is("keepttl") && options.expiry.is_none() {
                options.keep_ttl = true;
            } else if !options.keep_ttl {
                options.expiry = Some(Expiry::parse(word, args.at(index), options.expiry)?);
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}

impl<'a> GetexOptions<'a> {
    /// Reads the words behind `GETEX key`.
    ///
    /// # Errors
    /// `Syntax`.
    pub fn parse(args: Args<'a>) -> Result<GetexOptions<'a>, CommandError> {
        let mut options = GetexOptions::default();
        let mut index = 2;
        while let Some(word) = args.at(index) {
            index += 1;
            if word.eq_ignore_ascii_case(b"persist") && options.expiry.is_none() {
                options.persist = true;
            } else if !options.persist {
                options.expiry = Some(Expiry::parse(word, args.at(index), options.expiry)?);
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}

impl<'a> Expiry<'a> {
    /// The expiry that `word` begins, `before` being the one already read.
    fn parse(
        word: &[u8],
        text: Option<&'a [u8]>,
        before: Option<Expiry<'_>>,
    ) -> Result<Expiry<'a>, CommandError> {
        let unit = match word.to_ascii_lowercase().as_slice() {
            b"ex" => Unit::Seconds,
            b"px" => Unit::Milliseconds,
            b"exat" => Unit::UnixSeconds,
            b"pxat" => Unit::UnixMilliseconds,
            _ => return Err(CommandError::Syntax),
        };
        match text {
            Some(text) if before.is_none_or(|before| before.unit == unit) => {
                Ok(Expiry { unit, text })
            }
            _ => Err(CommandError::Syntax),
        }
    }

    /// The instant meant, in Unix milliseconds; it may be over. `command` stands in the error.
    ///
    /// # Errors
    /// No integer; not above zero, or beyond what 63 bits of milliseconds hold.
    pub fn deadline_ms(&self, now_ms: u64, command: &str) -> Result<u64, CommandError> {
        let number = number::parse_i64(self.text).ok_or(CommandError::NotInteger)?;
        self.instant(number, now_ms).ok_or_else(|| {
            CommandError::owned(format!("ERR invalid expire time in '{command}' command"))
        })
    }

    fn instant(&self, number: i64, now_ms: u64) -> Option<u64> {
        if number <= 0 {
            return None;
        }
        let milliseconds = match self.unit {
            Unit::Seconds | Unit::UnixSeconds => number.checked_mul(1000)?,
            Unit::Milliseconds | Unit::UnixMilliseconds => number,
        };
        let base = match self.unit {
            Unit::Seconds | Unit::Milliseconds => i64::try_from(now_ms).ok()?,
            Unit::UnixSeconds | Unit::UnixMilliseconds => 0,
        };
        u64::try_from(milliseconds.checked_add(base)?).ok()
    }
}
