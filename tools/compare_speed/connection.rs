//! A blocking connection for the few questions a measurement asks. One request at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::error::Error;
use super::generator::replies::ReplyCounter;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A simple or bulk string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A null.
    Null,
    /// An error reply, without the `-`.
    Error(String),
}

/// A connection that asks and waits for the answer.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects; each answer may take at most `timeout`.
    pub fn open(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one command and reads its reply (arrays are not understood).
    pub fn ask(&mut self, arguments: &[&str]) -> io::Result<Reply> {
        let mut request = Vec::new();
        push_request(&mut request, arguments);
        self.stream.get_mut().write_all(&request)?;
        read_reply(&mut self.stream)
    }

    /// Sends many commands at once, as they stand in `requests`, and counts their replies; none may
    /// be an error.
    pub fn ask_all(&mut self, requests: &[u8], count: usize) -> Result<(), Error> {
        self.stream.get_mut().write_all(requests)?;
        let (mut counter, mut answered) = (ReplyCounter::default(), 0);
        while answered < count {
            let bytes = self.stream.fill_buf()?;
            if bytes.is_empty() {
                return Err(Error::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            answered += counter.feed(bytes)?;
            let read = bytes.len();
            self.stream.consume(read);
        }
        match counter.first_error {
            None => Ok(()),
            Some(error) => Err(Error::Io(io::Error::other(error))),
        }
    }

    /// One field of `INFO section`; none if it is not there.
    pub fn info(&mut self, section: &str, field: &str) -> io::Result<Option<String>> {
        match self.ask(&["INFO", section])? {
            Reply::Text(text) => Ok(info_field(&text, field).map(str::to_owned)),
            _ => Ok(None),
        }
    }
}

/// Appends one command to requests for [`Connection::ask_all`].
pub fn push_request(requests: &mut Vec<u8>, words: &[&str]) {
    requests.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        requests.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

fn info_field<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::trim_end))
}

fn read_reply(stream: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("no reply: {line:?}"));
    let (kind, rest) = line.split_at_checked(1).ok_or_else(wrong)?;
    match kind {
        "+" => Ok(Reply::Text(rest.to_owned())),
        "-" => Ok(Reply::Error(rest.to_owned())),
        ":" => rest.parse().map(Reply::Integer).map_err(|_| wrong()),
        "$" => {
            let Ok(length) = usize::try_from(rest.parse::<i64>().map_err(|_| wrong())?) else {
                return Ok(Reply::Null);
            };
            let mut bytes = Vec::new();
            stream.by_ref().take(length as u64 + 2).read_to_end(&mut bytes)?;
            bytes.truncate(length);
            Ok(Reply::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_one_by_one() {
        let mut bytes = &b"+PONG\r\n$5\r\na\r\nbc\r\n:-3\r\n$-1\r\n-ERR no\r\n"[..];
        let expected = [
            Reply::Text("PONG".into()),
            Reply::Text("a\r\nbc".into()),
            Reply::Integer(-3),
            Reply::Null,
            Reply::Error("ERR no".into()),
        ];
        for reply in expected {
            assert_eq!(read_reply(&mut bytes).unwrap(), reply);
        }
        assert!(read_reply(&mut bytes).is_err());
        assert!(read_reply(&mut &b"?\r\n"[..]).is_err());
    }

    #[test]
    fn info_fields_are_whole_names() {
        let text = "# Stats\r\nsync_full_x:7\r\nsync_full:1\r\n";
        assert_eq!(info_field(text, "sync_full"), Some("1"));
        assert_eq!(info_field(text, "sync"), None);
    }
}
