//! A master that is none: it answers a replica's handshake with an empty data set and sends a
//! prepared stream, so that every replica gets the same bytes, as fast as it takes them, and no
//! master's own speed is measured. Blocking; runs on the load's core.
//!
//! Always holds: `sent` is the replication offset behind the last byte sent, over all links.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::error::Error;

/// The stand-in for a master, and its link to one replica.
#[derive(Debug)]
pub struct Replay {
    listener: TcpListener,
    link: Option<BufReader<TcpStream>>,
    sent: u64,
}

impl Replay {
    /// Listens for a replica on a free port.
    pub fn listen() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, link: None, sent: 0 })
    }

    /// The port to follow.
    pub fn port(&self) -> Result<u16, Error> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Waits for the replica and answers until its stream may begin. Whether it goes on where it
    /// was; else it begins with an empty data set.
    pub fn accept(&mut self) -> Result<bool, Error> {
        let deadline = Instant::now() + TIMEOUT;
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() > deadline {
                        let what = "a replica connects".to_owned();
                        return Err(Error::Timeout { what, seconds: TIMEOUT.as_secs() });
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error.into()),
            }
        };
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut link = BufReader::new(stream);
        let partial = shake_hands(&mut link, self.sent)?;
        if !partial {
            self.sent = 0;
        }
        self.link = Some(link);
        Ok(partial)
    }

    /// Sends a part of the stream.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream()?.write_all(bytes)?;
        self.sent += bytes.len() as u64;
        Ok(())
    }

    /// Waits until the replica says that it has applied everything sent.
    pub fn wait_applied(&mut self) -> Result<(), Error> {
        let end = self.sent;
        self.send(b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n")?;
        let link = self.link.as_mut().ok_or_else(not_linked)?;
        loop {
            let request = read_request(link)?;
            let acknowledged = match &request[..] {
                [name, ack, offset, ..] if is(name, "REPLCONF") && is(ack, "ACK") => offset.parse(),
                _ => Ok(0),
            };
            if acknowledged.unwrap_or(0) >= end {
                return Ok(());
            }
        }
    }

    /// Ends the link; the replica will come again.
    pub fn cut(&mut self) {
        self.link = None;
    }

    fn stream(&mut self) -> Result<&mut TcpStream, Error> {
        Ok(self.link.as_mut().ok_or_else(not_linked)?.get_mut())
    }
}

/// Answers a replica's questions up to PSYNC; whether it may continue behind `sent` bytes.
fn shake_hands(link: &mut BufReader<TcpStream>, sent: u64) -> Result<bool, Error> {
    loop {
        let request = read_request(link)?;
        let answer: &[u8] = match request[0].to_ascii_uppercase().as_str() {
            "PING" => b"+PONG\r\n",
            "PSYNC" => {
                let next = (sent + 1).to_string();
                let partial = request.get(1).is_some_and(|id| id == ID)
                    && request.get(2).is_some_and(|offset| *offset == next);
                let answer = if partial {
                    format!("+CONTINUE {ID}\r\n").into_bytes()
                } else {
                    let mut answer = format!("+FULLRESYNC {ID} 0\r\n").into_bytes();
                    answer.extend_from_slice(format!("${}\r\n", EMPTY_RDB.len()).as_bytes());
                    answer.extend_from_slice(EMPTY_RDB);
                    answer
                };
                link.get_mut().write_all(&answer)?;
                return Ok(partial);
            }
            _ => b"+OK\r\n",
        };
        link.get_mut().write_all(answer)?;
    }
}

/// One request: an array of bulks.
fn read_request(stream: &mut impl BufRead) -> io::Result<Vec<String>> {
    let count = read_number(stream, '*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let len = read_number(stream, '$')?;
        let mut word = Vec::new();
        stream.by_ref().take(len + 2).read_to_end(&mut word)?;
        word.truncate(len as usize);
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    if words.is_empty() { Err(io::ErrorKind::InvalidData.into()) } else { Ok(words) }
}

fn read_number(stream: &mut impl BufRead, marker: char) -> io::Result<u64> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("no request: {line:?}"));
    line.trim_end().strip_prefix(marker).and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

fn not_linked() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

fn is(word: &str, name: &str) -> bool {
    word.eq_ignore_ascii_case(name)
}

const ID: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";
/// Version 9, the end, and a checksum of zero, which is not checked.
const EMPTY_RDB: &[u8] = b"REDIS0009\xff\0\0\0\0\0\0\0\0";
const TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_by_one() {
        let mut bytes = &b"*1\r\n$4\r\nPING\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n*x\r\n"[..];
        assert_eq!(read_request(&mut bytes).unwrap(), ["PING"]);
        assert_eq!(read_request(&mut bytes).unwrap(), ["a", ""]);
        assert!(read_request(&mut bytes).is_err());
        assert!(read_request(&mut &b""[..]).is_err());
    }
}
