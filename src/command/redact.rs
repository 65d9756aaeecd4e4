//! Which arguments of a command are secrets, so that MONITOR and SLOWLOG show `(redacted)` in
//! their place. Pure, any core.

use super::table::Command;
use crate::resp::request::Args;

/// What stands where a secret stood.
pub const REDACTED: &[u8] = b"(redacted)";

/// The arguments of a command with its secrets replaced.
pub fn redacted<'a>(
    command: &Command,
    args: Args<'a>,
) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
    let secret = secrets(command, args);
    (0..args.len()).map(
        move |index| {
            if secret.hides(args, index) { REDACTED } else { args.get(index) }
        },
    )
}

/// Which arguments of a command are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secrets {
    None,
    /// All from this one on.
    From(usize),
    /// Those in this range.
    Range(usize, usize),
    /// Values of sensitive directives.
    Directives,
}

impl Secrets {
    fn hides(self, args: Args<'_>, index: usize) -> bool {
        match self {
            Secrets::None => false,
            Secrets::From(first) => index >= first,
            Secrets::Range(first, end) => (first..end).contains(&index),
            Secrets::Directives => {
                index >= 3
                    && index % 2 == 1
                    && crate::config::live::is_sensitive(args.get(index - 1))
            }
        }
    }
}

fn secrets(command: &Command, args: Args<'_>) -> Secrets {
    match command.full_name.as_str() {
        "auth" => Secrets::From(1),
        "acl|setuser" | "acl|deluser" | "acl|getuser" => Secrets::From(2),
        "config|set" => Secrets::Directives,
        "hello" => behind_word(args, b"AUTH", 2),
        "migrate" => match behind_word(args, b"AUTH2", 2) {
            Secrets::None => behind_word(args, b"AUTH", 1),
            found => found,
        },
        _ => Secrets::None,
    }
}

/// The `count` arguments behind an option.
fn behind_word(args: Args<'_>, word: &[u8], count: usize) -> Secrets {
    match args.iter().skip(2).position(|arg| arg.eq_ignore_ascii_case(word)) {
        Some(at) => Secrets::Range(at + 3, at + 3 + count),
        None => Secrets::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::table;
    use crate::resp::parser::{Limits, RequestParser};

    fn check(request: &str, expected: &str) {
        let line = format!("{request}\n");
        let mut parser = RequestParser::new();
        parser.step(line.as_bytes(), &Limits::default()).expect("a typed line");
        let args = parser.args(line.as_bytes());
        let command = table().resolve(args).expect("a command");
        let shown: Vec<&[u8]> = redacted(command, args).collect();
        assert_eq!(shown.join(&b' '), expected.as_bytes());
    }

    #[test]
    fn secrets_are_not_shown() {
        check("AUTH a b", "AUTH (redacted) (redacted)");
        check("HELLO 3 auth u p SETNAME z", "HELLO 3 auth (redacted) (redacted) SETNAME z");
        check("HELLO 3", "HELLO 3");
        check("GET auth", "GET auth");
        check("CLIENT SETNAME auth", "CLIENT SETNAME auth");
    }
}
