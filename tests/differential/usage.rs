//! Usages: parsed from a line of the table once, then turned into commands as often as wanted.

use crate::arguments::Argument;

/// A command as it is sent.
pub type Command = Vec<Vec<u8>>;

/// A parsed usage.
pub struct Usage(Vec<Node>);

enum Node {
    Literal(&'static str),
    Argument(Argument),
    Optional(Vec<Vec<Node>>),
    Choice(Vec<Vec<Node>>),
    Repeated(Box<Node>),
}

impl Usage {
    /// Parses a usage; panics when a bracket or a generator's name is wrong.
    pub fn parse(text: &'static str) -> Usage {
        let tokens = tokens(text);
        let mut rest = tokens.as_slice();
        let mut alternatives = parse_alternatives(&mut rest, None);
        assert!(rest.is_empty() && alternatives.len() == 1, "brackets in {text:?}");
        Usage(alternatives.remove(0))
    }

    /// A command of this usage; now and then one that is damaged.
    pub fn generate(&self, rng: &mut fastrand::Rng) -> Command {
        let mut command = Vec::new();
        append(&self.0, rng, &mut command);
        // A damaged composite would no longer be what the comparison takes it for.
        if !command[0].starts_with(b"@") {
            damage(&mut command, rng);
        }
        command
    }
}

fn append(nodes: &[Node], rng: &mut fastrand::Rng, command: &mut Command) {
    for node in nodes {
        append_one(node, rng, command);
    }
}

fn append_one(node: &Node, rng: &mut fastrand::Rng, command: &mut Command) {
    match node {
        Node::Literal(text) => command.push(text.as_bytes().to_vec()),
        Node::Argument(argument) => command.push(argument.generate(rng)),
        Node::Optional(alternatives) => {
            if rng.bool() {
                append(&alternatives[rng.usize(..alternatives.len())], rng, command);
            }
        }
        Node::Choice(alternatives) => {
            append(&alternatives[rng.usize(..alternatives.len())], rng, command);
        }
        Node::Repeated(node) => {
            for _ in 0..rng.usize(1..=4) {
                append_one(node, rng, command);
            }
        }
    }
}

/// One in twenty loses an argument, gains one, or has one replaced by what it is not. None of the
/// replacements is a small positive number, which might be a time that is over between two
/// replies.
fn damage(command: &mut Command, rng: &mut fastrand::Rng) {
    // Scores of these stay equal: what order of texts means among others is nobody's promise.
    if command[0] == b"ZADD" && command.get(1).is_some_and(|key| key.ends_with(b"even")) {
        return;
    }
    const WRONG: [&str; 8] =
        ["", "-1", "junk", "1.5", "9223372036854775807", "99999999999999999999", " 7", "\r\n"];
    let wrong = WRONG[rng.usize(..WRONG.len())].as_bytes().to_vec();
    let at = rng.usize(..command.len()).max(1).min(command.len() - 1);
    match rng.u8(..60) {
        0 => drop(command.remove(at)),
        1 => command.push(wrong),
        2 if at > 0 => command[at] = wrong,
        3 => command[0].make_ascii_lowercase(),
        _ => {}
    }
    if command.is_empty() {
        command.push(b"PING".to_vec());
    }
}

fn tokens(text: &'static str) -> Vec<&'static str> {
    let mut tokens = Vec::new();
    for word in text.split_ascii_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let len = if rest.starts_with("...") {
                3
            } else if rest.starts_with(['[', ']', '(', ')', '|']) {
                1
            } else {
                let bracket = rest.find(['[', ']', '(', ')', '|']).unwrap_or(rest.len());
                rest.find("...").unwrap_or(rest.len()).min(bracket)
            };
            tokens.push(&rest[..len]);
            rest = &rest[len..];
        }
    }
    tokens
}

/// Reads up to `close`, or to the end where that is `None`.
fn parse_alternatives(rest: &mut &[&'static str], close: Option<&str>) -> Vec<Vec<Node>> {
    let mut alternatives = vec![Vec::new()];
    while let Some((token, after)) = rest.split_first() {
        *rest = after;
        let nodes = alternatives.last_mut().expect("it starts with one");
        match *token {
            token if Some(token) == close => return alternatives,
            "|" => alternatives.push(Vec::new()),
            "[" => nodes.push(Node::Optional(parse_alternatives(rest, Some("]")))),
            "(" => nodes.push(Node::Choice(parse_alternatives(rest, Some(")")))),
            "..." => {
                let repeated = nodes.pop().expect("something to repeat");
                nodes.push(Node::Repeated(Box::new(repeated)));
            }
            token => nodes.push(match Argument::named(token) {
                Some(argument) => Node::Argument(argument),
                None => Node::Literal(token),
            }),
        }
    }
    assert!(close.is_none(), "a bracket is not closed");
    alternatives
}
