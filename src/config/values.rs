//! Values and words of the configuration language: integers, memory sizes, quoted words, event
//! classes. Pure functions over text, any core; each `parse` has a `print` that it reads back.

use crate::config::error::Reason;
use crate::config::settings_groups::NotifyFlags;

/// How a value meets what is already set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It takes the place of what was there: CONFIG SET, the first line of a file.
    Replace,
    /// It is added, where the directive has lines of its own (`save`): further lines of a file.
    Append,
}

/// A limit in bytes or in percent of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// Bytes; 0 is no limit.
    Bytes(u64),
    /// Percent, 0 to 100.
    Percent(u8),
}

impl Default for MemoryLimit {
    fn default() -> MemoryLimit {
        MemoryLimit::Bytes(0)
    }
}

impl MemoryLimit {
    /// The limit in bytes under a given `maxmemory`; 0 is no limit.
    pub fn bytes(self, maxmemory: u64) -> u64 {
        match self {
            MemoryLimit::Bytes(bytes) => bytes,
            MemoryLimit::Percent(percent) => {
                let bytes = u128::from(maxmemory) * u128::from(percent) / 100;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        }
    }
}

/// `yes` or `no`, in any case.
pub fn parse_bool(text: &str) -> Result<bool, Reason> {
    if text.eq_ignore_ascii_case("yes") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("no") {
        Ok(false)
    } else {
        Err(Reason::NotBool)
    }
}

/// A decimal integer in the one form that would be printed: no sign but `-`, no leading zero.
pub fn parse_integer(text: &str) -> Result<i128, Reason> {
    let number: i64 = text.parse().map_err(|_| Reason::NotInteger)?;
    if number.to_string() == text { Ok(i128::from(number)) } else { Err(Reason::NotInteger) }
}

/// A memory size: digits and a unit. `k` `m` `g` count by thousand, `kb` `mb` `gb` by 1024. Too
/// large a number means the largest.
pub fn parse_memory(text: &str) -> Result<u64, Reason> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err(Reason::NotMemory),
    };
    let number = digits.bytes().fold(0u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Ok(number.saturating_mul(unit))
}

/// A memory size with the largest unit that divides it.
pub fn print_memory(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if bytes != 0 && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

/// A memory size, or a percentage of `maxmemory` written `N%`.
pub fn parse_memory_limit(text: &str) -> Result<MemoryLimit, Reason> {
    let Some(percent) = text.strip_suffix('%') else {
        return parse_memory(text).map(MemoryLimit::Bytes).map_err(|_| Reason::NotMemoryOrPercent);
    };
    if percent.is_empty() || !percent.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::NotMemoryOrPercent);
    }
    match percent.parse::<u8>() {
        Ok(percent) if percent <= 100 => Ok(MemoryLimit::Percent(percent)),
        _ => Err(Reason::PercentTooLarge),
    }
}

/// The event classes, in the order CONFIG GET prints them, a bit each from bit 0.
const NOTIFY_LETTERS: &[u8; 14] = b"g$lshzxetdnKEm";

impl NotifyFlags {
    /// `g`: DEL, EXPIRE, RENAME and other commands of any type.
    pub const GENERIC: NotifyFlags = NotifyFlags(1);
    /// `$`: string commands.
    pub const STRING: NotifyFlags = NotifyFlags(1 << 1);
    /// `l`: list commands.
    pub const LIST: NotifyFlags = NotifyFlags(1 << 2);
    /// `s`: set commands.
    pub const SET: NotifyFlags = NotifyFlags(1 << 3);
    /// `h`: hash commands.
    pub const HASH: NotifyFlags = NotifyFlags(1 << 4);
    /// `z`: sorted set commands.
    pub const ZSET: NotifyFlags = NotifyFlags(1 << 5);
    /// `x`: a key expired.
    pub const EXPIRED: NotifyFlags = NotifyFlags(1 << 6);
    /// `e`: a key was evicted.
    pub const EVICTED: NotifyFlags = NotifyFlags(1 << 7);
    /// `t`: stream commands.
    pub const STREAM: NotifyFlags = NotifyFlags(1 << 8);
    /// `d`: module types.
    pub const MODULE: NotifyFlags = NotifyFlags(1 << 9);
    /// `n`: a key was created.
    pub const NEW: NotifyFlags = NotifyFlags(1 << 10);
    /// `K`: events go to `__keyspace@N__` channels.
    pub const KEYSPACE: NotifyFlags = NotifyFlags(1 << 11);
    /// `E`: events go to `__keyevent@N__` channels.
    pub const KEYEVENT: NotifyFlags = NotifyFlags(1 << 12);
    /// `m`: a key was looked for and not found.
    pub const KEY_MISS: NotifyFlags = NotifyFlags(1 << 13);
    /// `A`: all but `m` and `n`.
    pub const ALL: NotifyFlags = NotifyFlags((1 << 10) - 1);

    /// Whether any of `classes` is on.
    pub fn contains(self, classes: NotifyFlags) -> bool {
        self.0 & classes.0 != 0
    }

    /// Whether an event of this class is published to any channel.
    pub fn publishes(self, class: NotifyFlags) -> bool {
        self.contains(class) && self.contains(NotifyFlags(Self::KEYSPACE.0 | Self::KEYEVENT.0))
    }

    /// Reads the letters of `notify-keyspace-events`.
    pub fn parse(text: &str) -> Result<NotifyFlags, Reason> {
        let mut flags = 0;
        for letter in text.bytes() {
            flags |= match letter {
                b'A' => Self::ALL.0,
                _ => match NOTIFY_LETTERS.iter().position(|known| *known == letter) {
                    Some(bit) => 1 << bit,
                    None => {
                        let text = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
                        return Err(Reason::Invalid(text));
                    }
                },
            };
        }
        Ok(NotifyFlags(flags))
    }

    /// The letters, in the order tools expect. `A` stands for the classes, and hides an `n` beside
    /// it, as clients have always seen it.
    pub fn print(self) -> String {
        let all = self.0 & Self::ALL.0 == Self::ALL.0;
        let hidden = if all { Self::ALL.0 | Self::NEW.0 } else { 0 };
        let mut text = String::from(if all { "A" } else { "" });
        for (bit, letter) in NOTIFY_LETTERS.iter().enumerate() {
            if self.0 & !hidden & (1 << bit) != 0 {
                text.push(char::from(*letter));
            }
        }
        text
    }
}

/// Splits a line into words: separated by white space, in `"..."` with escapes, or in `'...'`.
/// Works on bytes, since `\xHH` can write any byte; the words must then be text.
pub fn split_line(line: &str) -> Result<Vec<String>, Reason> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        if at == bytes.len() {
            return Ok(words);
        }
        let (word, end) = read_word(bytes, at)?;
        if word.contains(&0) {
            return Err(Reason::NotText);
        }
        words.push(String::from_utf8(word).map_err(|_| Reason::NotText)?);
        at = end;
    }
}

/// One word from `start`, which is not a space; returns it and the index behind it. A quote may
/// open inside a word, but must be followed by a space or the end.
fn read_word(bytes: &[u8], start: usize) -> Result<(Vec<u8>, usize), Reason> {
    let mut word = Vec::new();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => {
                let end = read_quoted(bytes, at, &mut word)?;
                return match bytes.get(end) {
                    Some(next) if !is_space(*next) => Err(Reason::UnbalancedQuotes),
                    _ => Ok((word, end)),
                };
            }
            _ if is_space(byte) => break,
            _ => word.push(byte),
        }
        at += 1;
    }
    Ok((word, at))
}

/// A quoted part whose opening quote is at `start`; returns the index behind the closing quote.
fn read_quoted(bytes: &[u8], start: usize, word: &mut Vec<u8>) -> Result<usize, Reason> {
    let quote = bytes[start];
    let mut at = start + 1;
    loop {
        let byte = *bytes.get(at).ok_or(Reason::UnbalancedQuotes)?;
        at += 1;
        if byte == quote {
            return Ok(at);
        }
        if byte != b'\\' {
            word.push(byte);
            continue;
        }
        if quote == b'\'' {
            // Between single quotes a backslash is itself, except before a single quote.
            let escaped = bytes.get(at) == Some(&b'\'');
            word.push(if escaped { b'\'' } else { b'\\' });
            at += usize::from(escaped);
            continue;
        }
        let (escaped, length) = read_escape(&bytes[at..]).ok_or(Reason::UnbalancedQuotes)?;
        word.push(escaped);
        at += length;
    }
}

/// What follows a backslash between double quotes: the byte meant and the bytes read.
fn read_escape(rest: &[u8]) -> Option<(u8, usize)> {
    let first = *rest.first()?;
    if let [b'x', high, low, ..] = rest
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        return Some((high << 4 | low, 3));
    }
    let byte = match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    };
    Some((byte, 1))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// A word in double quotes, which [`split_line`] reads back.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{7}' => quoted.push_str("\\a"),
            _ if letter.is_ascii_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(letter)));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A word as it stands if it reads back as itself, else in quotes.
pub fn quote_if_needed(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte > b' ' && byte != 0x7f && !b"\"'\\#".contains(&byte));
    if plain && !text.is_empty() { text.to_owned() } else { quote(text) }
}

#[cfg(test)]
mod tests;
