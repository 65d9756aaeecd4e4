//! One attachment to a server as its replica: handshake, RDB, live stream, acknowledgements.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tributary::rdb::decode::{DecodeOptions, Decoder, Step};
use tributary::rdb::record::Record;

use super::options::Position;
use super::shared::address::Address;
use super::shared::connection::{Connection, ConnectionError};
use super::shared::progress::{self, Progress};
use super::transfer::{NoTransfer, Transfer};

/// Why an attachment ended.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The connection could not be made, broke, or was refused.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// No byte for the time allowed.
    #[error("{address} was silent for {seconds} s")]
    Silent { address: String, seconds: u64 },
    /// The server cannot serve replicas at present.
    #[error("{address} answered '{reply}' to PSYNC")]
    NotNow { address: String, reply: String },
    /// The server does not serve replicas this way at all.
    #[error("{address} answered '{reply}' to PSYNC")]
    NoPsync { address: String, reply: String },
    /// A full resynchronization without an RDB.
    #[error(transparent)]
    NoTransfer(#[from] NoTransfer),
    /// The RDB could not be saved.
    #[error("cannot write {path}: {source}")]
    Save { path: PathBuf, source: io::Error },
    /// A signal asked to end.
    #[error("interrupted")]
    Interrupted,
}

/// How the server let us in.
#[derive(Debug, PartialEq, Eq)]
pub enum Attached {
    /// The stream goes on where it was asked for; under a new id if there is one.
    Partial { id: Option<String> },
    /// An RDB comes first, and the stream begins behind `offset`.
    Full { id: String, offset: u64 },
}

/// A connection that is a replica's.
#[derive(Debug)]
pub struct Link<'a> {
    connection: Connection,
    stop: &'a AtomicBool,
    timeout: Duration,
    heard: Instant,
    acknowledge_at: Instant,
}

impl<'a> Link<'a> {
    /// Connects and introduces itself.
    ///
    /// # Errors
    /// As [`LinkError`] says.
    pub fn open(
        address: &Address,
        timeout: Duration,
        stop: &'a AtomicBool,
    ) -> Result<Link<'a>, LinkError> {
        let mut connection = Connection::open(address, timeout.min(CONNECT_TIMEOUT))?;
        connection.must(&["PING"], "PING")?;
        // A server that does not know these is served, and serves, as well as it can.
        connection.ask(&["REPLCONF", "capa", "eof", "capa", "psync2"])?;
        let now = Instant::now();
        Ok(Link { connection, stop, timeout, heard: now, acknowledge_at: now })
    }

    /// PSYNC.
    ///
    /// # Errors
    /// As [`LinkError`] says.
    pub fn attach(&mut self, from: Option<&Position>) -> Result<Attached, LinkError> {
        match from {
            Some(Position { id, next }) => {
                self.connection.send(&["PSYNC", id, &next.to_string()])?;
            }
            None => self.connection.send(&["PSYNC", "?", "-1"])?,
        }
        let line = loop {
            let pending = self.connection.pending();
            let newlines = pending.iter().take_while(|byte| **byte == b'\n').count();
            if let Some(end) = memchr::memchr(b'\n', &pending[newlines..]) {
                let line = pending[newlines..newlines + end].to_vec();
                self.connection.take(newlines + end + 1);
                break String::from_utf8_lossy(&line).trim_end().to_owned();
            }
            self.connection.take(newlines);
            self.wait()?;
        };
        let address = || self.connection.address().to_string();
        match attached(&line) {
            Some(attached) => Ok(attached),
            None if TRANSIENT.iter().any(|prefix| line.starts_with(prefix)) => {
                Err(LinkError::NotNow { address: address(), reply: line })
            }
            None => Err(LinkError::NoPsync { address: address(), reply: line }),
        }
    }

    /// Receives the RDB, into a file if one is given. Answers the database that the stream starts
    /// in, if the RDB says so.
    ///
    /// # Errors
    /// As [`LinkError`] says.
    pub fn receive_rdb(&mut self, path: Option<&Path>) -> Result<Option<u16>, LinkError> {
        let mut transfer = Transfer::Header;
        let mut file = path.map(Save::create).transpose()?;
        let (mut head, mut received) = (Vec::new(), 0);
        let mut progress = Progress::new();
        while transfer != Transfer::Done {
            let pending = self.connection.pending();
            let piece = transfer.step(pending)?;
            let rdb = &pending[..piece.rdb];
            head.extend_from_slice(&rdb[..rdb.len().min(HEAD_BYTES - head.len())]);
            if let Some(file) = &mut file {
                file.write(rdb)?;
            }
            received += piece.rdb as u64;
            progress.show(|| match transfer {
                Transfer::Length(left) => {
                    let (all, bar) = (received + left, progress::bar(received, received + left));
                    format!("RDB {bar} of {}", progress::size(all))
                }
                Transfer::Header => "waiting for the RDB".to_owned(),
                _ => format!("RDB {}", progress::size(received)),
            });
            self.connection.take(piece.taken);
            if piece.taken == 0 {
                self.wait()?;
            }
        }
        progress.clear();
        if let Some(file) = file {
            file.finish()?;
        }
        Ok(stream_db(&head))
    }

    /// What has arrived and is not taken yet.
    pub fn pending(&self) -> &[u8] {
        self.connection.pending()
    }

    /// Takes bytes off the front of [`Link::pending`].
    pub fn take(&mut self, count: usize) {
        self.connection.take(count);
    }

    /// Waits until something has arrived or a tick has passed.
    ///
    /// # Errors
    /// A broken connection, silence for too long, a signal.
    pub fn wait(&mut self) -> Result<(), LinkError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LinkError::Interrupted);
        }
        let left = self.acknowledge_at.saturating_duration_since(Instant::now());
        let tick = if left.is_zero() { ACKNOWLEDGE_PERIOD } else { left };
        self.connection.set_timeout(tick)?;
        match self.connection.receive() {
            Ok(()) => self.heard = Instant::now(),
            Err(error) if error.is_timeout() => {
                if self.heard.elapsed() > self.timeout {
                    let address = self.connection.address().to_string();
                    return Err(LinkError::Silent { address, seconds: self.timeout.as_secs() });
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Tells the master what was received, once a second, or at once if `now`.
    ///
    /// # Errors
    /// A broken connection.
    pub fn acknowledge(&mut self, offset: u64, now: bool) -> Result<(), LinkError> {
        if now || Instant::now() >= self.acknowledge_at {
            self.connection.send(&["REPLCONF", "ACK", &offset.to_string()])?;
            self.acknowledge_at = Instant::now() + ACKNOWLEDGE_PERIOD;
        }
        Ok(())
    }
}

impl LinkError {
    /// Whether another attempt may do better.
    pub fn may_pass(&self) -> bool {
        match self {
            LinkError::Connection(error) => !error.is_refusal(),
            LinkError::Silent { .. } | LinkError::NotNow { .. } | LinkError::NoTransfer(_) => true,
            LinkError::NoPsync { .. } | LinkError::Save { .. } | LinkError::Interrupted => false,
        }
    }
}

/// A file that has its name only when it is whole.
struct Save {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl Save {
    fn create(path: &Path) -> Result<Save, LinkError> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        match File::create(&part) {
            Ok(file) => Ok(Save {
                path: path.to_owned(),
                part,
                file: BufWriter::with_capacity(1 << 20, file),
            }),
            Err(source) => Err(LinkError::Save { path: part, source }),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.file
            .write_all(bytes)
            .map_err(|source| LinkError::Save { path: self.part.clone(), source })
    }

    fn finish(mut self) -> Result<(), LinkError> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.part, &self.path))
            .map_err(|source| LinkError::Save { path: self.path, source })
    }
}

fn attached(line: &str) -> Option<Attached> {
    let mut words = line.split_ascii_whitespace();
    match words.next()? {
        "+CONTINUE" => Some(Attached::Partial { id: words.next().map(str::to_owned) }),
        "+FULLRESYNC" => {
            let id = words.next()?.to_owned();
            Some(Attached::Full { id, offset: words.next()?.parse().ok()? })
        }
        _ => None,
    }
}

/// The `repl-stream-db` of an RDB, from its first bytes.
fn stream_db(head: &[u8]) -> Option<u16> {
    let mut decoder = Decoder::new(DecodeOptions { checksum: false, ..DecodeOptions::default() });
    let mut input = head;
    // Whatever is wrong with the RDB is not for us to find.
    while let Ok(Step::Record(Record::Aux { key, value })) = decoder.next(&mut input) {
        if key == b"repl-stream-db".as_slice() {
            return std::str::from_utf8(&value).ok()?.parse().ok();
        }
    }
    None
}

/// How servers begin the reply to PSYNC when another moment may be better.
const TRANSIENT: [&str; 3] = ["-LOADING", "-NOMASTERLINK", "-MASTERDOWN"];

/// A replica acknowledges each second; masters drop those that do not after `repl-timeout`.
const ACKNOWLEDGE_PERIOD: Duration = Duration::from_secs(1);

/// For connecting and for each reply of the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of the RDB in which all fields about it are found.
const HEAD_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_psync_are_read() {
        let full = Attached::Full { id: "abc".to_owned(), offset: 17 };
        assert_eq!(attached("+FULLRESYNC abc 17"), Some(full));
        assert_eq!(attached("+CONTINUE"), Some(Attached::Partial { id: None }));
        let partial = Attached::Partial { id: Some("abc".to_owned()) };
        assert_eq!(attached("+CONTINUE abc"), Some(partial));
        for wrong in ["", "+FULLRESYNC", "+FULLRESYNC abc x", "-ERR unknown command"] {
            assert_eq!(attached(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_database_of_the_stream_is_found() {
        let mut rdb = b"REDIS0010\xfa\x09redis-ver\x057.0.0\xfa\x0erepl-stream-db\xc0\x05".to_vec();
        assert_eq!(stream_db(&rdb), Some(5));
        rdb.truncate(20);
        assert_eq!(stream_db(&rdb), None);
        assert_eq!(stream_db(b"nothing"), None);
    }
}
