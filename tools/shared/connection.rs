//! A blocking connection to a server: requests out, replies in, raw bytes where a replication link
//! needs them. One thread.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use tributary::resp::encode;
use tributary::resp::value::{Value, ValueError, ValueParser};

use super::address::Address;

/// Why a server could not be asked. Addresses are as they are printed, without credentials.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No connection.
    #[error("cannot connect to {address}: {source}")]
    Connect { address: String, source: io::Error },
    /// The connection broke.
    #[error("{address}: {source}")]
    Io { address: String, source: io::Error },
    /// The server closed the connection.
    #[error("{0} closed the connection")]
    Closed(String),
    /// The server answered with bytes that are no reply.
    #[error("{address} does not speak RESP: {source}")]
    Protocol { address: String, source: ValueError },
    /// An error reply to something that must not fail.
    #[error("{address} answered '{reply}' to {request}")]
    Refused { address: String, request: String, reply: String },
}

/// A connection and what has arrived on it.
#[derive(Debug)]
pub struct Connection {
    address: Address,
    stream: TcpStream,
    parser: ValueParser,
    buf: Vec<u8>,
    taken: usize,
}

impl Connection {
    /// Connects and authenticates. No read may last longer than `timeout`.
    ///
    /// # Errors
    /// No connection, or credentials that are refused.
    pub fn open(address: &Address, timeout: Duration) -> Result<Connection, ConnectionError> {
        let stream = connect(address, timeout)
            .map_err(|source| ConnectionError::Connect { address: address.to_string(), source })?;
        let mut connection = Connection {
            address: address.clone(),
            stream,
            parser: ValueParser::new(BULK_MAX),
            buf: Vec::new(),
            taken: 0,
        };
        connection.set_timeout(timeout)?;
        if let Some(password) = &address.password {
            let mut args = vec!["AUTH"];
            args.extend(address.user.as_deref());
            args.push(password);
            connection.must(&args, "AUTH")?;
        }
        Ok(connection)
    }

    /// Whom it is to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Changes how long a read may last; at least a millisecond.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn set_timeout(&self, timeout: Duration) -> Result<(), ConnectionError> {
        let timeout = timeout.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(timeout)).map_err(|source| self.broken(source))
    }

    /// Sends one command and reads its reply, an error reply as a value.
    ///
    /// # Errors
    /// The connection broke.
    pub fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value, ConnectionError> {
        self.send(args)?;
        self.read_reply()
    }

    /// As [`Connection::ask`] where an error reply ends everything; `shown` names the request.
    ///
    /// # Errors
    /// The connection broke, or the reply is an error.
    pub fn must<A: AsRef<[u8]>>(
        &mut self,
        args: &[A],
        shown: &str,
    ) -> Result<Value, ConnectionError> {
        let reply = self.ask(args)?;
        match reply.error() {
            None => Ok(reply),
            Some(text) => Err(ConnectionError::Refused {
                address: self.address.to_string(),
                request: shown.to_owned(),
                reply: String::from_utf8_lossy(text).into_owned(),
            }),
        }
    }

    /// Sends all commands at once and reads their replies. Their number should be bounded by the
    /// caller: nothing is read while writing.
    ///
    /// # Errors
    /// The connection broke.
    pub fn ask_all(&mut self, commands: &[Vec<&[u8]>]) -> Result<Vec<Value>, ConnectionError> {
        let mut bytes = Vec::new();
        for command in commands {
            encode::command(&mut bytes, command);
        }
        self.send_bytes(&bytes)?;
        commands.iter().map(|_| self.read_reply()).collect()
    }

    /// Sends one command.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<(), ConnectionError> {
        let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
        let mut bytes = Vec::new();
        encode::command(&mut bytes, &args);
        self.send_bytes(&bytes)
    }

    /// Reads one reply.
    ///
    /// # Errors
    /// The connection broke, or the time is over.
    pub fn read_reply(&mut self) -> Result<Value, ConnectionError> {
        loop {
            let step = self.parser.step(&self.buf[self.taken..]).map_err(|source| {
                ConnectionError::Protocol { address: self.address.to_string(), source }
            })?;
            if let Some((value, consumed)) = step {
                self.take(consumed);
                return Ok(value);
            }
            self.receive()?;
        }
    }

    /// What has arrived and is not taken yet.
    pub fn pending(&self) -> &[u8] {
        &self.buf[self.taken..]
    }

    /// Takes bytes off the front of [`Connection::pending`].
    pub fn take(&mut self, count: usize) {
        self.taken += count;
        debug_assert!(self.taken <= self.buf.len());
        if self.taken == self.buf.len() {
            self.buf.clear();
            self.taken = 0;
        }
    }

    /// Waits for more bytes.
    ///
    /// # Errors
    /// The connection broke, or the time is over: see [`ConnectionError::is_timeout`].
    pub fn receive(&mut self) -> Result<(), ConnectionError> {
        if self.taken > 0 {
            self.buf.drain(..self.taken);
            self.taken = 0;
        }
        let filled = self.buf.len();
        self.buf.resize(filled + READ_BYTES, 0);
        let read = self.stream.read(&mut self.buf[filled..]);
        self.buf.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(ConnectionError::Closed(self.address.to_string())),
            Ok(_) => Ok(()),
            Err(source) => Err(self.broken(source)),
        }
    }

    fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.stream.write_all(bytes).map_err(|source| self.broken(source))
    }

    fn broken(&self, source: io::Error) -> ConnectionError {
        ConnectionError::Io { address: self.address.to_string(), source }
    }
}

impl ConnectionError {
    /// Whether nothing is broken and only nothing came in time.
    pub fn is_timeout(&self) -> bool {
        match self {
            ConnectionError::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
            ),
            _ => false,
        }
    }

    /// Whether asking again cannot help: what was said was understood and refused.
    pub fn is_refusal(&self) -> bool {
        matches!(self, ConnectionError::Refused { .. } | ConnectionError::Protocol { .. })
    }
}

fn connect(address: &Address, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for place in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&place, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The largest value a server can be told to take.
const BULK_MAX: u64 = 4 << 30;

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 * 1024;
