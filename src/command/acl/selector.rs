//! A selector: commands, keys and channels that belong together. A user has one of its own and may
//! have more; one that allows the whole of a command is enough. Plain data, any core.

use super::check::Denied;
use super::commands::{BadCommandRule, CommandRules};
use super::user::RuleError;
use crate::base::glob::{self, Case};
use crate::command::catalog::keys::flags_of;
use crate::command::key_spec::KeyFlags;
use crate::command::table::Command;
use crate::resp::request::Args;

/// What may be run on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The commands.
    pub commands: CommandRules,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Box<[u8]>>,
}

/// Keys, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPattern {
    read: bool,
    write: bool,
    pattern: Box<[u8]>,
}

impl Selector {
    /// Nothing is allowed, but channels if `all_channels` (`acl-pubsub-default`).
    pub fn new(all_channels: bool) -> Selector {
        Selector {
            commands: CommandRules::none(),
            all_keys: false,
            keys: Vec::new(),
            all_channels,
            channels: Vec::new(),
        }
    }

    /// Everything is allowed.
    pub fn everything() -> Selector {
        let mut selector = Selector::new(true);
        selector.commands.set_all(true);
        selector.all_keys = true;
        selector
    }

    /// Applies one rule about commands, keys or channels.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed then.
    pub fn apply(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        if is("allkeys") || is("~*") {
            (self.all_keys, self.keys) = (true, Vec::new());
        } else if is("resetkeys") {
            (self.all_keys, self.keys) = (false, Vec::new());
        } else if is("allchannels") || is("&*") {
            (self.all_channels, self.channels) = (true, Vec::new());
        } else if is("resetchannels") {
            (self.all_channels, self.channels) = (false, Vec::new());
        } else if is("allcommands") {
            self.commands.set_all(true);
        } else if is("nocommands") {
            self.commands.set_all(false);
        } else {
            return self.apply_pattern(rule);
        }
        Ok(())
    }

    fn apply_pattern(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            [b'~' | b'%', ..] if self.all_keys => Err(RuleError::KeyBehindAll),
            [b'~', pattern @ ..] => self.add_keys(pattern, true, true),
            [b'%'] => Ok(()),
            [b'%', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'~').ok_or(RuleError::Syntax)?;
                let (kinds, pattern) = (&rest[..end], &rest[end + 1..]);
                if kinds.is_empty() || !kinds.iter().all(|kind| b"rRwW".contains(kind)) {
                    return Err(RuleError::Syntax);
                }
                let has = |kind: u8| kinds.iter().any(|given| given.eq_ignore_ascii_case(&kind));
                self.add_keys(pattern, has(b'r'), has(b'w'))
            }
            [b'&', pattern @ ..] => {
                if self.all_channels {
                    return Err(RuleError::ChannelBehindAll);
                }
                if has_space(pattern) {
                    return Err(RuleError::Syntax);
                }
                if !self.channels.iter().any(|known| **known == *pattern) {
                    self.channels.push(pattern.into());
                }
                Ok(())
            }
            [sign @ (b'+' | b'-'), word @ ..] => {
                self.commands.apply(*sign == b'+', word).map_err(|error| match error {
                    BadCommandRule::Unknown => RuleError::UnknownCommand,
                    BadCommandRule::FirstArgOfSubcommand => RuleError::FirstArgOfSubcommand,
                })
            }
            _ => Err(RuleError::Syntax),
        }
    }

    fn add_keys(&mut self, pattern: &[u8], read: bool, write: bool) -> Result<(), RuleError> {
        if has_space(pattern) {
            return Err(RuleError::Syntax);
        }
        if pattern == b"*" && read && write {
            (self.all_keys, self.keys) = (true, Vec::new());
            return Ok(());
        }
        match self.keys.iter_mut().find(|known| *known.pattern == *pattern) {
            Some(known) => {
                known.read |= read;
                known.write |= write;
            }
            None => self.keys.push(KeyPattern { read, write, pattern: pattern.into() }),
        }
        Ok(())
    }

    /// Whether every command may run on everything.
    pub fn allows_everything(&self) -> bool {
        self.all_keys && self.all_channels && self.commands.allows_all()
    }

    /// Whether every key may be read.
    pub fn reads_all_keys(&self) -> bool {
        let whole = |keys: &KeyPattern| keys.read && *keys.pattern == *b"*";
        self.all_keys || self.keys.iter().any(whole)
    }

    /// Whether a command may run with its arguments.
    ///
    /// # Errors
    /// What it may not: the command, a key, a channel, with the argument's index.
    pub fn check(&self, command: &Command, args: Args<'_>) -> Result<(), Denied> {
        let first_arg = (args.len() > 1).then(|| args.get(1));
        if !self.commands.allows(command, first_arg) {
            return Err(Denied::Command);
        }
        if !self.all_keys {
            for spec in command.spec.keys {
                let mut denied = None;
                // Arguments that do not fit the description are for the handler to refuse.
                spec.for_each(args, |index, flags| {
                    let flags = flags_of(command, args, flags);
                    if denied.is_none() && !self.allows_key(args.get(index), flags) {
                        denied = Some(index);
                    }
                });
                if let Some(index) = denied {
                    return Err(Denied::Key(index));
                }
            }
        }
        match channels_of(command.spec.name) {
            Some(channels) if !self.all_channels => self.check_channels(channels, args),
            _ => Ok(()),
        }
    }

    fn check_channels(&self, channels: Channels, args: Args<'_>) -> Result<(), Denied> {
        let end = if channels.several { args.len() } else { args.len().min(2) };
        match (1..end).find(|index| !self.allows_channel(args.get(*index), channels.patterns)) {
            Some(index) => Err(Denied::Channel(index)),
            None => Ok(()),
        }
    }

    fn allows_key(&self, key: &[u8], flags: KeyFlags) -> bool {
        if flags.has(KeyFlags::NOT_KEY) {
            return true;
        }
        let changes = [KeyFlags::INSERT, KeyFlags::DELETE, KeyFlags::UPDATE];
        let writes = changes.into_iter().any(|change| flags.has(change));
        let reads = flags.has(KeyFlags::ACCESS);
        let fits = |keys: &KeyPattern| {
            (keys.read || !reads)
                && (keys.write || !writes)
                && glob::matches(&keys.pattern, key, Case::Sensitive)
        };
        self.all_keys || self.keys.iter().any(fits)
    }

    /// Whether a channel, or literally this pattern of channels, may be used.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        let fits = |known: &[u8]| match is_pattern {
            true => known == channel,
            false => glob::matches(known, channel, Case::Sensitive),
        };
        self.all_channels || self.channels.iter().any(|known| fits(known))
    }

    /// The keys as rules, `~*` for all.
    pub fn keys_text(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let rules = self.keys.iter().map(|keys| {
            let sign: &[u8] = match (keys.read, keys.write) {
                (true, true) => b"~",
                (true, false) => b"%R~",
                _ => b"%W~",
            };
            [sign, &keys.pattern].concat()
        });
        rules.collect::<Vec<_>>().join(&b' ')
    }

    /// The channels as rules, `&*` for all.
    pub fn channels_text(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let rules = self.channels.iter().map(|pattern| [b"&", &pattern[..]].concat());
        rules.collect::<Vec<_>>().join(&b' ')
    }

    /// All of it as rules that make it again.
    pub fn text(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        let (keys, channels) = (self.keys_text(), self.channels_text());
        if !keys.is_empty() {
            parts.push(keys);
        }
        if !self.all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        if !channels.is_empty() {
            parts.push(channels);
        }
        parts.push(self.commands.text().into_bytes());
        parts.join(&b' ')
    }
}

/// How a command names channels.
#[derive(Clone, Copy)]
struct Channels {
    several: bool,
    patterns: bool,
}

fn channels_of(name: &str) -> Option<Channels> {
    match name {
        "publish" | "spublish" => Some(Channels { several: false, patterns: false }),
        "subscribe" | "ssubscribe" => Some(Channels { several: true, patterns: false }),
        "psubscribe" => Some(Channels { several: true, patterns: true }),
        _ => None,
    }
}

fn has_space(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0)
}
