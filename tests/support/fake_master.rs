//! A master on a raw socket: it records what a replica sends, byte for byte, and answers what the
//! test tells it to, right or wrong.

use std::net::TcpListener;

use super::client::Client;
use super::value::Value;
use super::wait::{DEADLINE, holds_within};

/// The replication id it gives itself.
pub const ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// An RDB without keys, of version 10, its checksum left out (eight zeros).
pub const EMPTY_RDB: &[u8] = b"REDIS0010\xff\0\0\0\0\0\0\0\0";

/// The listening side.
pub struct FakeMaster {
    listener: TcpListener,
    port: u16,
}

/// One replica's connection.
pub struct FakeLink {
    client: Client,
}

/// A request as it came.
pub type Request = Vec<Vec<u8>>;

impl FakeMaster {
    /// Listens on a free port.
    pub fn new() -> FakeMaster {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("it is bound").port();
        FakeMaster { listener, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next connection.
    pub fn accept(&self) -> FakeLink {
        let mut accepted = None;
        holds_within(DEADLINE, || {
            accepted = self.listener.accept().ok();
            accepted.is_some()
        });
        let (stream, _) = accepted.expect("the replica connects");
        stream.set_nonblocking(false).expect("a socket option");
        FakeLink { client: Client::over(stream).expect("socket options") }
    }
}

impl FakeLink {
    /// The next request, `None` when the replica has closed. Newlines that keep a link alive are
    /// passed over; a line without RESP's frame is split at blanks, as replicas send `SYNC` so.
    pub fn request(&mut self) -> Option<Request> {
        if self.client.peek_request().ok()? != b'*' {
            let line = self.client.read_raw_line().ok()?;
            return Some(line.trim_ascii_end().split(|b| *b == b' ').map(<[u8]>::to_vec).collect());
        }
        match self.client.read_request() {
            Ok(Value::Array(items)) => Some(items.iter().map(bulk).collect()),
            Ok(other) => panic!("a request is an array of bulks, got {other:?}"),
            Err(_) => None,
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        // A replica may have gone away; the test finds out by what it reads next.
        let _ = self.client.send(bytes);
    }

    /// Answers a replica's handshake as a master does, up to its PSYNC, which is left unanswered.
    /// Returns all requests, PSYNC last. `None` when the replica went away before.
    pub fn handshake(&mut self) -> Option<Vec<Request>> {
        let mut requests = Vec::new();
        loop {
            let request = self.request()?;
            let name = request[0].to_ascii_uppercase();
            requests.push(request);
            match name.as_slice() {
                b"PSYNC" => return Some(requests),
                b"PING" => self.send(b"+PONG\r\n"),
                _ => self.send(b"+OK\r\n"),
            }
        }
    }

    /// Announces a full resynchronization at `offset` and sends `rdb` with its length.
    pub fn full_resync(&mut self, offset: u64, rdb: &[u8]) {
        self.send(format!("+FULLRESYNC {ID} {offset}\r\n${}\r\n", rdb.len()).as_bytes());
        self.send(rdb);
    }

    /// The next `REPLCONF ACK`'s offset, other requests passed over.
    pub fn ack(&mut self) -> Option<u64> {
        loop {
            let request = self.request()?;
            if let [name, option, offset, ..] = request.as_slice()
                && name.eq_ignore_ascii_case(b"REPLCONF")
                && option.eq_ignore_ascii_case(b"ACK")
            {
                return std::str::from_utf8(offset).ok()?.parse().ok();
            }
        }
    }
}

/// An RDB of version 10 that holds one string in database 0.
pub fn rdb_with(key: &str, value: &str) -> Vec<u8> {
    let mut rdb = b"REDIS0010\xfe\x00\x00".to_vec();
    for text in [key, value] {
        rdb.push(u8::try_from(text.len()).ok().filter(|len| *len < 64).expect("a short string"));
        rdb.extend_from_slice(text.as_bytes());
    }
    rdb.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    rdb
}

fn bulk(value: &Value) -> Vec<u8> {
    match value {
        Value::Bulk(bytes) => bytes.clone(),
        other => panic!("a request is an array of bulks, got {other:?} in it"),
    }
}
