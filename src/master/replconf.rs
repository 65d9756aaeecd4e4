//! REPLCONF: what a replica says of itself before it asks for the stream, and acknowledges after.
//! Pure; the texts are those a stock server answers.

use crate::base::number;
use crate::command::error::CommandError;
use crate::resp::request::Args;
use crate::snapshot::wanted::Parts;

/// What a client said of itself as a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The port it listens on; 0 before it said.
    pub listening_port: i64,
    /// Its address, if it is not the socket's.
    pub ip: Option<String>,
    /// It can read a snapshot of unknown length.
    pub eof: bool,
    /// It understands `+CONTINUE id`.
    pub psync2: bool,
    /// The version of its software.
    pub version: Option<[u32; 3]>,
    /// It wants the snapshot only, without the stream.
    pub rdb_only: bool,
    /// Which parts of the snapshot it wants; all if it did not say. Only `functions` is known.
    pub parts: Parts,
}

/// What a REPLCONF was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Options, which are noted; the reply is OK.
    Options,
    /// An acknowledgement; no reply. None where the number is none.
    Ack {
        /// The offset applied.
        offset: Option<i64>,
        /// The offset on disk.
        synced: Option<i64>,
    },
    /// A master asks its replica for an acknowledgement; no reply of ours.
    GetAck,
}

impl Announced {
    /// The newest RDB version it reads.
    pub fn rdb_version(&self) -> u16 {
        // Redis 7.2, and Valkey from its first release on, read version 11.
        if self.version.is_some_and(|version| version >= [7, 2, 0]) { 11 } else { 10 }
    }

    /// Takes in a REPLCONF. What stands before an error counts.
    ///
    /// # Errors
    /// The texts of a stock server.
    pub fn take(&mut self, args: Args<'_>) -> Result<Said, CommandError> {
        if args.len().is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        for index in (1..args.len()).step_by(2) {
            let (option, value) = (args.get(index), args.get(index + 1));
            if option.eq_ignore_ascii_case(b"ack") {
                let follows =
                    args.len() > index + 3 && args.get(index + 2).eq_ignore_ascii_case(b"fack");
                let synced = follows.then(|| number::parse_i64(args.get(index + 3))).flatten();
                return Ok(Said::Ack { offset: number::parse_i64(value), synced });
            }
            if option.eq_ignore_ascii_case(b"getack") {
                return Ok(Said::GetAck);
            }
            self.option(option, value)?;
        }
        Ok(Said::Options)
    }

    fn option(&mut self, option: &[u8], value: &[u8]) -> Result<(), CommandError> {
        match option.to_ascii_lowercase().as_slice() {
            b"listening-port" => {
                self.listening_port = number::parse_i64(value).ok_or(CommandError::NotInteger)?;
            }
            b"ip-address" => self.ip = Some(address(value)?),
            b"capa" => {
                self.eof |= value.eq_ignore_ascii_case(b"eof");
                self.psync2 |= value.eq_ignore_ascii_case(b"psync2");
            }
            b"version" => self.version = Some(version(value)?),
            b"rdb-only" => {
                self.rdb_only = match number::parse_i64(value).ok_or(CommandError::NotInteger)? {
                    0 => false,
                    1 => true,
                    _ => return Err(CommandError::text(NO_SWITCH)),
                };
            }
            b"rdb-filter-only" => self.parts = parts(value)?,
            _ => {
                let option = shown(option);
                let text = format!("ERR Unrecognized REPLCONF option: {option}");
                return Err(CommandError::owned(text));
            }
        }
        Ok(())
    }
}

fn address(value: &[u8]) -> Result<String, CommandError> {
    if value.len() >= ADDRESS_BYTES_MAX {
        let text = format!(
            "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
            value.len()
        );
        return Err(CommandError::owned(text));
    }
    // It stands in INFO and in the log, so it must not hold a line end.
    match std::str::from_utf8(value) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(CommandError::text("ERR REPLCONF ip-address is no address")),
    }
}

fn version(value: &[u8]) -> Result<[u32; 3], CommandError> {
    let parse = |text: &[u8]| {
        let mut parts = text.split(|byte| *byte == b'.').map(number::parse_u64);
        let mut part = || u32::try_from(parts.next()??).ok();
        let version = [part()?, part()?, part()?];
        parts.next().is_none().then_some(version)
    };
    parse(value).ok_or_else(|| {
        CommandError::owned(format!("ERR Unrecognized version format: {}", shown(value)))
    })
}

fn parts(value: &[u8]) -> Result<Parts, CommandError> {
    let mut parts = Parts::Nothing;
    for word in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        if !word.eq_ignore_ascii_case(b"functions") {
            let text = format!("ERR Unsupported rdb-filter-only option: {}", shown(word));
            return Err(CommandError::owned(text));
        }
        parts = Parts::Functions;
    }
    Ok(parts)
}

/// A peer's word for an error text.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES_MAX)]).into_owned()
}

const NO_SWITCH: &str = "ERR value is out of range, value must between 0 and 1";

/// As stock: the longest name of a host, with its end.
const ADDRESS_BYTES_MAX: usize = 256;

/// Of a wrong word an error shows at most this much.
const SHOWN_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::encode;
    use crate::resp::parser::{Limits, RequestParser};

    fn take(announced: &mut Announced, line: &str) -> Result<Said, String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut bytes = Vec::new();
        encode::command(&mut bytes, &words);
        let mut parser = RequestParser::new();
        parser.step(&bytes, &Limits::default()).expect("it is a request");
        announced.take(parser.args(&bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_replicas_greeting_is_noted() {
        let mut announced = Announced::default();
        for line in [
            "REPLCONF listening-port 6380",
            "REPLCONF ip-address 10.0.0.2",
            "replconf CAPA eof capa PSYNC2 capa other",
            "REPLCONF version 8.0.1",
            "REPLCONF rdb-only 1",
            "REPLCONF rdb-filter-only functions",
        ] {
            assert_eq!(take(&mut announced, line), Ok(Said::Options), "{line}");
        }
        assert_eq!((announced.listening_port, announced.ip.as_deref()), (6380, Some("10.0.0.2")));
        assert!(announced.eof && announced.psync2 && announced.rdb_only);
        assert_eq!((announced.rdb_version(), announced.parts), (11, Parts::Functions));
        assert_eq!(Announced::default().rdb_version(), 10);
    }

    // Recorded from Valkey 8.0.1.
    #[test]
    fn errors_are_the_stock_texts() {
        let mut announced = Announced::default();
        for (line, text) in [
            ("REPLCONF listening-port abc", "ERR value is not an integer or out of range"),
            ("REPLCONF listening-port", "ERR syntax error"),
            ("REPLCONF listening-port 1 capa", "ERR syntax error"),
            ("REPLCONF foo bar", "ERR Unrecognized REPLCONF option: foo"),
            ("REPLCONF version abc", "ERR Unrecognized version format: abc"),
            ("REPLCONF version 1.2", "ERR Unrecognized version format: 1.2"),
            ("REPLCONF rdb-only x", "ERR value is not an integer or out of range"),
            ("REPLCONF rdb-only 2", "ERR value is out of range, value must between 0 and 1"),
            ("REPLCONF rdb-filter-only x", "ERR Unsupported rdb-filter-only option: x"),
            ("REPLCONF ack 5 fack", "ERR syntax error"),
        ] {
            assert_eq!(take(&mut announced, line), Err(text.to_owned()), "{line}");
        }
    }

    #[test]
    fn acknowledgements_end_the_walk() {
        let mut announced = Announced::default();
        let ack = |offset, synced| Ok(Said::Ack { offset, synced });
        assert_eq!(take(&mut announced, "REPLCONF ACK 7"), ack(Some(7), None));
        assert_eq!(take(&mut announced, "REPLCONF ack 7 FACK 5"), ack(Some(7), Some(5)));
        assert_eq!(take(&mut announced, "REPLCONF ack x capa eof"), ack(None, None));
        assert_eq!(take(&mut announced, "REPLCONF GETACK *"), Ok(Said::GetAck));
        assert_eq!(announced, Announced::default());
    }
}
