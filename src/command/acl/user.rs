//! A user: whether it may come in, by which passwords, and what it may do. Plain data, any core;
//! what is given to clients as the current user is never changed but replaced.

use super::check::Denied;
use super::selector::Selector;
use crate::base::hex;
use crate::command::context::AnyKey;
use crate::command::error::CommandError;
use crate::command::table::{Command, table};
use crate::resp::request::Args;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The user of clients that name none.
pub const DEFAULT_USER: &[u8] = b"default";

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: Box<[u8]>,
    /// Whether it may log in.
    pub enabled: bool,
    /// Any password will do.
    pub nopass: bool,
    /// DUMP payloads it gives are not looked at as closely as others. Kept for ACL LIST: here all
    /// payloads are checked in full.
    pub skip_sanitize: bool,
    /// SHA-256 of its passwords, as 64 lower-case hexadecimal digits.
    passwords: Vec<String>,
    /// What it may do: its own selector first, then those added.
    selectors: Vec<Selector>,
    /// The first selector allows everything.
    everything: bool,
}

/// Why a rule is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No rule at all.
    #[error("Syntax error")]
    Syntax,
    /// No such command or category.
    #[error("Unknown command or category name in ACL")]
    UnknownCommand,
    /// `+command|subcommand|argument`
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgOfSubcommand,
    /// A key pattern that adds nothing.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not \
         have any effect. Try 'resetkeys' to start with an empty list of patterns"
    )]
    KeyBehindAll,
    /// A channel pattern that adds nothing.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does \
         not have any effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    ChannelBehindAll,
    /// No password with this text or hash is there to be removed.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// `#` with something else than a hash.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal \
         characters"
    )]
    BadHash,
    /// A selector in parentheses within one, or the like.
    #[error("Unmatched parenthesis in selector definition.")]
    Unmatched,
}

impl User {
    /// A user that may do nothing, as ACL SETUSER begins with.
    pub fn new(name: &[u8], all_channels: bool) -> User {
        User {
            name: name.into(),
            enabled: false,
            nopass: false,
            skip_sanitize: false,
            passwords: Vec::new(),
            selectors: vec![Selector::new(all_channels)],
            everything: false,
        }
    }

    /// The default user, who may do everything; with a password unless `requirepass` is empty.
    pub fn default_with(requirepass: &str) -> User {
        let mut user = User::new(DEFAULT_USER, true);
        user.enabled = true;
        user.selectors = vec![Selector::everything()];
        user.everything = true;
        user.set_only_password(requirepass);
        user
    }

    /// Makes this the only password; none at all if it is empty.
    pub fn set_only_password(&mut self, password: &str) {
        self.nopass = password.is_empty();
        self.passwords = match password {
            "" => Vec::new(),
            password => vec![hash(password.as_bytes())],
        };
    }

    /// Applies one rule, as ACL SETUSER takes them; a whole selector in parentheses is one.
    ///
    /// # Errors
    /// What is wrong with it. The user may have been changed in part.
    pub fn apply(&mut self, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        if rule.is_empty() {
            return Ok(());
        }
        if is("on") || is("off") {
            self.enabled = is("on");
        } else if is("nopass") {
            (self.nopass, self.passwords) = (true, Vec::new());
        } else if is("resetpass") {
            (self.nopass, self.passwords) = (false, Vec::new());
        } else if is("skip-sanitize-payload") || is("sanitize-payload") {
            self.skip_sanitize = is("skip-sanitize-payload");
        } else if is("clearselectors") {
            self.selectors.truncate(1);
        } else if is("reset") {
            *self = User::new(&self.name, all_channels);
        } else if let [b'(', inside @ ..] = rule {
            let inside = inside.strip_suffix(b")").ok_or(RuleError::Unmatched)?;
            self.selectors.push(selector(inside, all_channels)?);
        } else {
            return self.apply_password(rule);
        }
        self.everything = self.selectors[0].allows_everything();
        Ok(())
    }

    fn apply_password(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            [b'>', password @ ..] => self.add_password(hash(password)),
            [b'#', digits @ ..] => {
                let digits = checked_hash(digits)?;
                self.add_password(digits);
            }
            [b'<', password @ ..] => self.remove_password(&hash(password))?,
            [b'!', digits @ ..] => self.remove_password(&checked_hash(digits)?)?,
            _ => {
                self.selectors[0].apply(rule)?;
                self.everything = self.selectors[0].allows_everything();
            }
        }
        Ok(())
    }

    fn add_password(&mut self, hash: String) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.nopass = false;
    }

    fn remove_password(&mut self, hash: &str) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == hash);
        self.passwords.remove(at.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }

    /// Whether this opens to it. Takes the same time for wrong passwords of any kind.
    pub fn opens_to(&self, password: &[u8]) -> bool {
        let given = hash(password);
        let fits = |known: &String| {
            let pairs = known.bytes().zip(given.bytes());
            pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
        };
        // Every password is looked at, whichever fits.
        let one_fits = self.passwords.iter().fold(false, |found, known| found | fits(known));
        self.enabled & (self.nopass | one_fits)
    }

    /// Whether clients are this user without saying a password.
    pub fn is_open(&self) -> bool {
        self.enabled && self.nopass
    }

    /// Whether nothing is ever refused to it.
    #[inline]
    pub fn may_everything(&self) -> bool {
        self.everything
    }

    /// Whether it may run a command with these arguments.
    ///
    /// # Errors
    /// What it may not: of several selectors the one that came nearest tells.
    pub fn check(&self, command: &Command, args: Args<'_>) -> Result<(), Denied> {
        if self.everything {
            return Ok(());
        }
        let mut worst = Denied::Command;
        for selector in &self.selectors {
            match selector.check(command, args) {
                Ok(()) => return Ok(()),
                Err(denied) => worst = nearer(worst, denied),
            }
        }
        Err(worst)
    }

    /// Whether it may listen to a channel, or to this very pattern.
    pub fn may_listen(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.everything
            || self.selectors.iter().any(|selector| selector.allows_channel(channel, is_pattern))
    }

    /// With which commands it may read every key.
    pub fn any_key(&self) -> AnyKey {
        let reads = |name: &str| {
            let fits = |selector: &Selector| {
                let command = table().find(name.as_bytes());
                selector.reads_all_keys()
                    && command.is_some_and(|command| selector.commands.allows(command, None))
            };
            self.everything || self.selectors.iter().any(fits)
        };
        AnyKey { sort: reads("sort"), sort_ro: reads("sort_ro") }
    }

    /// Its password hashes.
    pub fn passwords(&self) -> &[String] {
        &self.passwords
    }

    /// Its selectors, its own first.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// `on`, `nopass`, ... as ACL GETUSER shows them.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            flags.push("nopass");
        }
        flags.push(match self.skip_sanitize {
            true => "skip-sanitize-payload",
            false => "sanitize-payload",
        });
        flags
    }

    /// Its rules: applied to a new user they make it again.
    pub fn rules(&self) -> Vec<Vec<u8>> {
        let mut rules: Vec<Vec<u8>> =
            self.flags().into_iter().map(|flag| flag.as_bytes().to_vec()).collect();
        rules.extend(self.passwords.iter().map(|hash| format!("#{hash}").into_bytes()));
        rules.push(self.selectors[0].text());
        for selector in &self.selectors[1..] {
            rules.push([b"(", &selector.text()[..], b")"].concat());
        }
        rules
    }

    /// Its line in ACL LIST, in ACL files and in configs.
    pub fn line(&self) -> Vec<u8> {
        [b"user ", &self.name[..], b" ", &self.rules().join(&b' ')].concat()
    }
}

/// A selector of the rules between parentheses.
fn selector(inside: &[u8], all_channels: bool) -> Result<Selector, RuleError> {
    let mut selector = Selector::new(all_channels);
    for rule in inside.split(|byte| *byte == b' ').filter(|rule| !rule.is_empty()) {
        selector.apply(rule)?;
    }
    Ok(selector)
}

/// The refusal that says more: a channel or key was looked at only where the command was allowed.
fn nearer(one: Denied, other: Denied) -> Denied {
    let rank = |denied: Denied| match denied {
        Denied::Command => (0, 0),
        Denied::Key(index) => (1, index),
        Denied::Channel(index) => (2, index),
    };
    if rank(other) > rank(one) { other } else { one }
}

/// SHA-256 as 64 lower-case hexadecimal digits.
fn hash(password: &[u8]) -> String {
    hex::lower(&Sha256::digest(password))
}

fn checked_hash(digits: &[u8]) -> Result<String, RuleError> {
    let fits = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if digits.len() != HASH_DIGITS || !digits.iter().all(fits) {
        return Err(RuleError::BadHash);
    }
    Ok(digits.iter().map(|byte| char::from(*byte)).collect())
}

/// Joins the words of a selector that was given in several arguments: `(+get`, `~a)`.
///
/// # Errors
/// A parenthesis that is not closed.
pub fn joined(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, CommandError> {
    let mut rules: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        open = match open {
            None if word.starts_with(b"(") && !word.ends_with(b")") => Some((word, word.to_vec())),
            None => {
                rules.push(word.to_vec());
                None
            }
            Some((first, mut text)) => {
                text.push(b' ');
                text.extend_from_slice(word);
                if word.ends_with(b")") {
                    rules.push(text);
                    None
                } else {
                    Some((first, text))
                }
            }
        };
    }
    match open {
        None => Ok(rules),
        Some((first, _)) => {
            let before = "ERR Unmatched parenthesis in acl selector starting at '";
            Err(CommandError::quoting(before, first, "'."))
        }
    }
}

/// Digits of a SHA-256.
const HASH_DIGITS: usize = 64;
