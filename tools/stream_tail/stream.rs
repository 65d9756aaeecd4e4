//! The stream's bytes as commands, each with its offset, database and place in a transaction.
//! Pure. Always holds: `next` is the offset of the first byte that was not taken yet.

use tributary::resp::value::{Value, ValueParser};

use super::shared::escape;

/// What is known of the stream at the place it was read to.
#[derive(Debug)]
pub struct Stream {
    parser: ValueParser,
    /// The offset of the next byte.
    pub next: u64,
    /// The selected database, if that is known yet.
    pub db: Option<u16>,
    in_transaction: bool,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The offset of its first byte.
    pub offset: u64,
    /// How many bytes of the stream it is.
    pub bytes: u64,
    /// The database it is for; what SELECT selects, in the case of SELECT.
    pub db: Option<u16>,
    /// Between MULTI and EXEC, these excluded.
    pub in_transaction: bool,
    /// The name and the arguments.
    pub args: Vec<Vec<u8>>,
}

/// Bytes that are no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream is broken at offset {offset}: {what}")]
pub struct Broken {
    /// Where.
    pub offset: u64,
    /// What there is.
    pub what: String,
}

impl Stream {
    /// The stream from an offset on.
    pub fn new(next: u64, db: Option<u16>) -> Stream {
        Stream { parser: ValueParser::new(BULK_MAX), next, db, in_transaction: false }
    }

    /// Goes on where a connection broke: half a command is forgotten, it will come again.
    pub fn resume(&mut self) {
        self.parser.reset();
    }

    /// The command at the front of the input and the bytes it takes, or `None` when more are
    /// needed. As with every resumable parser the same bytes must come again, with more.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn step(&mut self, input: &[u8]) -> Result<Option<(Command, usize)>, Broken> {
        let broken = |what: String| Broken { offset: self.next, what };
        let Some((value, taken)) =
            self.parser.step(input).map_err(|error| broken(error.to_string()))?
        else {
            return Ok(None);
        };
        let args = arguments(value).ok_or_else(|| broken("no command".to_owned()))?;
        let name = args[0].to_ascii_lowercase();
        match name.as_slice() {
            b"select" => self.db = args.get(1).and_then(|number| parse(number)),
            b"exec" | b"discard" => self.in_transaction = false,
            _ => {}
        }
        let command = Command {
            offset: self.next,
            bytes: taken as u64,
            db: self.db,
            in_transaction: self.in_transaction,
            args,
        };
        self.in_transaction |= name == b"multi";
        self.next += taken as u64;
        Ok(Some((command, taken)))
    }
}

impl Command {
    /// Whether the master asks for an acknowledgement at once.
    pub fn wants_ack(&self) -> bool {
        let is = |index: usize, word: &str| {
            self.args.get(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
        };
        is(0, "replconf") && is(1, "getack")
    }

    /// One line for people: offset, database, arguments; indented inside a transaction.
    pub fn text(&self) -> String {
        let db = self.db.map_or("?".to_owned(), |db| db.to_string());
        let indent = if self.in_transaction { "  " } else { "" };
        let args: Vec<String> = self.args.iter().map(|arg| escape::quoted(arg)).collect();
        format!("{:>12} [{db}] {indent}{}", self.offset, args.join(" "))
    }

    /// One line for programs.
    pub fn json(&self) -> String {
        let db = self.db.map_or("null".to_owned(), |db| db.to_string());
        let args: Vec<String> = self.args.iter().map(|arg| escape::json(arg)).collect();
        format!(
            "{{\"offset\":{},\"bytes\":{},\"db\":{db},\"in_transaction\":{},\"command\":[{}]}}",
            self.offset,
            self.bytes,
            self.in_transaction,
            args.join(",")
        )
    }
}

fn arguments(value: Value) -> Option<Vec<Vec<u8>>> {
    let Value::Array(values) = value else { return None };
    let args: Option<Vec<Vec<u8>>> = values
        .into_iter()
        .map(|value| match value {
            Value::Bulk(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    args.filter(|args| !args.is_empty())
}

fn parse(text: &[u8]) -> Option<u16> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The largest argument a server can be told to take.
const BULK_MAX: u64 = 4 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use tributary::resp::encode;

    fn bytes(commands: &[&[&str]]) -> Vec<u8> {
        let mut out = Vec::new();
        for command in commands {
            let args: Vec<&[u8]> = command.iter().map(|arg| arg.as_bytes()).collect();
            encode::command(&mut out, &args);
        }
        out
    }

    fn lines(mut input: &[u8], line: fn(&Command) -> String) -> Vec<String> {
        let mut stream = Stream::new(101, None);
        let mut found = Vec::new();
        while let Some((command, taken)) = stream.step(input).expect("commands") {
            input = &input[taken..];
            found.push(line(&command));
        }
        found
    }

    #[test]
    fn commands_have_offset_database_and_transaction() {
        let input = bytes(&[
            &["PING"],
            &["SELECT", "3"],
            &["MULTI"],
            &["SET", "k", "a b"],
            &["EXEC"],
            &["REPLCONF", "GETACK", "*"],
        ]);
        let expected = [
            r#"         101 [?] "PING""#,
            r#"         115 [3] "SELECT" "3""#,
            r#"         138 [3] "MULTI""#,
            r#"         153 [3]   "SET" "k" "a b""#,
            r#"         182 [3] "EXEC""#,
            r#"         196 [3] "REPLCONF" "GETACK" "*""#,
        ];
        assert_eq!(lines(&input, Command::text), expected);
        let json = lines(&bytes(&[&["SET", "k", "1"]]), Command::json);
        let expected = r#"{"offset":101,"bytes":27,"db":null,"in_transaction":false,"#;
        assert_eq!(json, [format!("{expected}\"command\":[\"SET\",\"k\",\"1\"]}}")]);
        assert_eq!(lines(&input, |c| c.wants_ack().to_string())[5], "true");
    }

    #[test]
    fn half_a_command_waits_and_is_forgotten_at_a_break() {
        let input = bytes(&[&["SET", "k", "1"]]);
        let mut stream = Stream::new(5, Some(0));
        assert_eq!(stream.step(&input[..20]), Ok(None));
        stream.resume();
        let (command, taken) = stream.step(&input).expect("a command").expect("all of it");
        assert_eq!((command.offset, taken, stream.next), (5, 27, 32));
    }

    #[test]
    fn other_bytes_are_refused() {
        for wrong in [&b"+OK\r\n"[..], b"*0\r\n", b"*1\r\n:1\r\n", b"*1\r\n$-1\r\n", b"?\r\n"] {
            let error = Stream::new(7, None).step(wrong).expect_err("no command");
            assert_eq!(error.offset, 7);
        }
    }
}
