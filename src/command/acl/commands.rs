//! Which commands a selector allows: a bit a command of the table, first arguments, and the rules
//! that led there, as ACL LIST shows them. Plain data, any core.

use crate::command::catalog::list::{category, in_category};
use crate::command::table::{Command, table};

/// Allowed commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRules {
    /// By index in the table.
    allowed: Vec<bool>,
    /// Commands not allowed as such, but with one of these first arguments.
    first_args: Vec<(u16, Box<[u8]>)>,
    /// All commands, those of later versions too; else none, before the rules that follow.
    all: bool,
    /// The rules since, each with its sign, in order.
    rules: Vec<String>,
}

/// Why a command rule is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCommandRule {
    /// No such command or category.
    Unknown,
    /// A first argument behind a subcommand.
    FirstArgOfSubcommand,
}

impl CommandRules {
    /// Nothing is allowed.
    pub fn none() -> CommandRules {
        let allowed = vec![false; table().len()];
        CommandRules { allowed, first_args: Vec::new(), all: false, rules: Vec::new() }
    }

    /// Everything is allowed, or nothing, whatever was before.
    pub fn set_all(&mut self, all: bool) {
        self.allowed.fill(all);
        self.first_args.clear();
        self.all = all;
        self.rules.clear();
    }

    /// Applies `+word` or `-word`: a command, `command|subcommand`, `command|first-argument`,
    /// `@category`.
    ///
    /// # Errors
    /// What is wrong with the word; nothing has changed then.
    pub fn apply(&mut self, allow: bool, word: &[u8]) -> Result<(), BadCommandRule> {
        let lower = String::from_utf8_lossy(word).to_ascii_lowercase();
        if let Some(name) = lower.strip_prefix('@') {
            if name == "all" {
                self.set_all(allow);
                return Ok(());
            }
            let category = category(name.as_bytes()).ok_or(BadCommandRule::Unknown)?;
            in_category(category).for_each(|command| self.set(command, allow));
        } else if let Some(command) = table().find_full(word) {
            self.set(command, allow);
            for index in subcommands(command) {
                self.allowed[usize::from(index)] = allow;
            }
        } else {
            self.allow_first_arg(allow, word, &lower)?;
        }
        self.note(allow, lower);
        Ok(())
    }

    fn set(&mut self, command: &Command, allow: bool) {
        self.allowed[usize::from(command.index)] = allow;
        self.first_args.retain(|(index, _)| *index != command.index);
    }

    fn allow_first_arg(
        &mut self,
        allow: bool,
        word: &[u8],
        lower: &str,
    ) -> Result<(), BadCommandRule> {
        let mut parts = lower.split('|');
        let command = parts.next().and_then(|name| table().find(name.as_bytes()));
        let (Some(command), Some(second)) = (command, parts.next()) else {
            return Err(BadCommandRule::Unknown);
        };
        if parts.next().is_some() {
            let known = command.subcommand(second.as_bytes()).is_some();
            return Err(match known {
                true => BadCommandRule::FirstArgOfSubcommand,
                false => BadCommandRule::Unknown,
            });
        }
        if !allow || !command.subcommands.is_empty() || second.is_empty() {
            return Err(BadCommandRule::Unknown);
        }
        let argument: Box<[u8]> = word[word.len() - second.len()..].into();
        self.first_args.push((command.index, argument));
        Ok(())
    }

    /// Notes a rule. Earlier ones that it makes meaningless go.
    fn note(&mut self, allow: bool, word: String) {
        let covered = |rule: &String| {
            let old = &rule[1..];
            let narrower = |rest: &str| rest.starts_with('|') && !word.starts_with('@');
            old == word || old.strip_prefix(word.as_str()).is_some_and(narrower)
        };
        self.rules.retain(|rule| !covered(rule));
        self.rules.push(format!("{}{word}", if allow { '+' } else { '-' }));
    }

    /// Whether a command may run, given the words it came with.
    pub fn allows(&self, command: &Command, first_arg: Option<&[u8]>) -> bool {
        if self.allowed[usize::from(command.index)] {
            return true;
        }
        let Some(given) = first_arg else { return false };
        let fits = |(index, argument): &(u16, Box<[u8]>)| {
            *index == command.index && argument.eq_ignore_ascii_case(given)
        };
        self.first_args.iter().any(fits)
    }

    /// Whether every command may run.
    pub fn allows_all(&self) -> bool {
        self.allowed.iter().all(|allowed| *allowed)
    }

    /// The rules as ACL LIST shows them, from `+@all` or `-@all` on.
    pub fn text(&self) -> String {
        let mut text = if self.all { "+@all".to_owned() } else { "-@all".to_owned() };
        for rule in &self.rules {
            text.push(' ');
            text.push_str(rule);
        }
        text
    }
}

fn subcommands(command: &Command) -> impl Iterator<Item = u16> {
    command.subcommands.iter().map(|subcommand| subcommand.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules' text after applying signed words.
    fn after(words: &str) -> String {
        let mut rules = CommandRules::none();
        for word in words.split(' ') {
            let (sign, rest) = word.split_at(1);
            rules.apply(sign == "+", rest.as_bytes()).expect("a rule");
        }
        rules.text()
    }

    /// As valkey-server 8.0.1 lists them.
    #[test]
    fn rules_are_kept_short() {
        for (words, expected) in [
            ("+get", "-@all +get"),
            ("+get +@all -get +get", "+@all +get"),
            ("+@all -get +get -@read", "+@all +get -@read"),
            ("+config|get +config|set +config", "-@all +config"),
            ("+config -config|get +@read -@read", "-@all +config -config|get -@read"),
            ("+GET +Config|Get +get|foo", "-@all +get +config|get +get|foo"),
            ("+get|a +get|b +get", "-@all +get"),
            ("+get|a -get", "-@all -get"),
            ("+@all -config|get +config", "+@all +config"),
            ("-@all +@string -@string", "-@all -@string"),
            ("+@read -@all", "-@all"),
        ] {
            assert_eq!(after(words), expected, "{words}");
        }
    }

    #[test]
    fn wrong_words_are_refused() {
        let mut rules = CommandRules::none();
        for (allow, word, expected) in [
            (true, "nope", BadCommandRule::Unknown),
            (true, "@nope", BadCommandRule::Unknown),
            (true, "", BadCommandRule::Unknown),
            (true, "@", BadCommandRule::Unknown),
            (false, "get|foo", BadCommandRule::Unknown),
            (true, "config|nope", BadCommandRule::Unknown),
            (true, "get|foo|bar", BadCommandRule::Unknown),
            (true, "client|id|x", BadCommandRule::FirstArgOfSubcommand),
        ] {
            assert_eq!(rules.apply(allow, word.as_bytes()), Err(expected), "{word}");
        }
        assert_eq!(rules, CommandRules::none());
    }

    #[test]
    fn subcommands_and_first_arguments_are_told_apart() {
        let mut rules = CommandRules::none();
        let of = |name: &str| table().find_full(name.as_bytes()).expect("in the table");
        rules.apply(true, b"config|get").expect("a rule");
        assert!(rules.allows(of("config|get"), None));
        assert!(!rules.allows(of("config|set"), None));
        rules.apply(true, b"select|1").expect("a rule");
        assert!(rules.allows(of("select"), Some(b"1")));
        assert!(!rules.allows(of("select"), Some(b"2")));
        assert!(!rules.allows(of("select"), None));
        rules.apply(true, b"@all").expect("a rule");
        assert!(rules.allows_all());
        rules.apply(false, b"config|set").expect("a rule");
        assert!(!rules.allows_all() && !rules.allows(of("config|set"), None));
    }
}
