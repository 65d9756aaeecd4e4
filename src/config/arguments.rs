//! The command line in Redis's syntax, which is not that of other programs: a configuration file,
//! then directives as `--name value value ...`. Pure; it runs once, on the main thread, before any
//! shard.

use std::ffi::OsString;

use crate::config::directives;
use crate::config::values;

/// A command line taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Arguments {
    /// The configuration file, as given.
    pub file: Option<OsString>,
    /// A lone `-` was given: more configuration comes from standard input, before `options`.
    pub stdin: bool,
    /// `--sentinel` was given.
    pub sentinel: bool,
    /// Directives in the order given: a name and its values. Words that follow no option stand with
    /// an empty name, for the loader to refuse.
    pub options: Vec<CommandLineOption>,
}

/// One directive of the command line.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CommandLineOption {
    /// The directive, without its dashes.
    pub name: String,
    /// The words after it, as the shell left them.
    pub values: Vec<String>,
}

impl CommandLineOption {
    /// As the line of a file that says the same.
    pub fn line(&self) -> String {
        let quoted = self.values.iter().map(|value| values::quote(value));
        let words: Vec<String> = std::iter::once(self.name.clone()).chain(quoted).collect();
        words.join(" ").trim_start().to_owned()
    }
}

impl Arguments {
    /// Takes the arguments after the program's name apart. What is not UTF-8 is read with
    /// replacement characters, except the file's name.
    pub fn from_args(args: impl Iterator<Item = OsString>) -> Arguments {
        let mut arguments = Arguments::default();
        let mut args = args.peekable();
        arguments.file = args.next_if(|first| !first.to_string_lossy().starts_with('-'));
        let mut at_start = arguments.file.is_none();
        while let Some(arg) = args.next() {
            let word = arg.to_string_lossy().into_owned();
            // A dash alone means standard input only where it cannot be a value: at either end.
            if word == "-" && (at_start || args.peek().is_none()) {
                arguments.stdin = true;
            } else if word == "--sentinel" {
                arguments.sentinel = true;
            } else {
                arguments.push_word(&word);
            }
            at_start = false;
        }
        arguments
    }

    fn push_word(&mut self, word: &str) {
        let name = word.strip_prefix("--").filter(|name| !name.is_empty());
        match (name, self.options.last_mut()) {
            // The first word after an option is its value even if it begins with dashes.
            (Some(_), Some(last)) if last.values.is_empty() && wants_value(&last.name) => {
                last.values.push(word.to_owned());
            }
            (Some(name), _) => self.options.push(option(name)),
            (None, Some(last)) => last.values.push(word.to_owned()),
            (None, None) => {
                let values = vec![word.to_owned()];
                self.options.push(CommandLineOption { name: String::new(), values });
            }
        }
    }
}

/// An option from its word; one that the shell handed over whole (`"--port 6380"`) is split.
fn option(word: &str) -> CommandLineOption {
    let mut words = values::split_line(word).unwrap_or_else(|_| vec![word.to_owned()]).into_iter();
    CommandLineOption { name: words.next().unwrap_or_default(), values: words.collect() }
}

/// `--save` may stand without a value; it then means never.
fn wants_value(name: &str) -> bool {
    directives::find(name).is_none_or(|row| row.name != "save")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str], file: Option<&str>, lines: &[&str]) {
        let arguments = Arguments::from_args(args.iter().map(OsString::from));
        assert_eq!(arguments.file, file.map(OsString::from));
        let found: Vec<String> = arguments.options.iter().map(CommandLineOption::line).collect();
        assert_eq!(found, lines);
    }

    #[test]
    fn file_comes_first_and_options_follow() {
        check(&[], None, &[]);
        check(&["a.conf"], Some("a.conf"), &[]);
        check(&["a.conf", "--port", "6380"], Some("a.conf"), &["port \"6380\""]);
        check(&["--port", "6380", "--hz", "5"], None, &["port \"6380\"", "hz \"5\""]);
        check(
            &["--replicaof", "127.0.0.1 6379", "--save", ""],
            None,
            &["replicaof \"127.0.0.1 6379\"", "save \"\""],
        );
        check(&["--bind", "127.0.0.1", "-::1"], None, &["bind \"127.0.0.1\" \"-::1\""]);
        check(&["a.conf", "b", "c"], Some("a.conf"), &["\"b\" \"c\""]);
        check(&["-x", "1"], None, &["\"-x\" \"1\""]);
    }

    #[test]
    fn first_word_after_an_option_is_its_value() {
        check(&["--masterauth", "--x", "--hz", "5"], None, &["masterauth \"--x\"", "hz \"5\""]);
        check(&["--save", "--hz", "5"], None, &["save", "hz \"5\""]);
        check(&["--port 6380", "--hz", "5"], None, &["port \"6380\"", "hz \"5\""]);
    }

    #[test]
    fn dash_and_sentinel_are_not_directives() {
        let parse = |args: &[&str]| Arguments::from_args(args.iter().map(OsString::from));
        assert!(parse(&["-"]).stdin);
        assert!(parse(&["-", "--hz", "5"]).stdin);
        assert!(parse(&["--hz", "5", "-"]).stdin);
        assert!(!parse(&["--save", "-", "--hz", "5"]).stdin);
        assert!(parse(&["s.conf", "--sentinel"]).sentinel);
    }
}
