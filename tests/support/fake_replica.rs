//! A replica on a raw socket: it asks for a synchronization and records the stream byte for byte.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::client::{Client, encode};
use super::value::Value;
use super::wait::{DEADLINE, wait_until};

/// A link to a master.
pub struct FakeReplica {
    client: Client,
    /// The replication id the master told.
    pub id: String,
    /// The offset at which the recorded stream begins.
    pub start: u64,
    /// The stream's bytes since `start`.
    pub stream: Vec<u8>,
    acknowledged: Instant,
}

impl FakeReplica {
    /// Connects without a word.
    pub fn connect(port: u16) -> FakeReplica {
        let client = Client::connect(port).expect("the master listens");
        FakeReplica::over(client)
    }

    /// Connects with the smallest receive buffer the kernel gives, for a replica that soon blocks
    /// its master.
    pub fn connect_narrow(port: u16) -> FakeReplica {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a socket option");
        let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
        socket.connect(&address.into()).expect("the master listens");
        let client = Client::over(TcpStream::from(socket)).expect("socket options");
        FakeReplica::over(client)
    }

    fn over(client: Client) -> FakeReplica {
        let (id, stream) = (String::new(), Vec::new());
        FakeReplica { client, id, start: 0, stream, acknowledged: Instant::now() }
    }

    /// PING and REPLCONF as a replica sends them, each with its expected answer.
    pub fn handshake(&mut self, capabilities: &[&str]) {
        assert_eq!(self.ask(&["PING"]), Value::Simple(b"PONG".to_vec()));
        assert!(self.ask(&["REPLCONF", "listening-port", "1"]).is_ok());
        let mut capa = vec!["REPLCONF"];
        for capability in capabilities {
            capa.extend(["capa", capability]);
        }
        if !capabilities.is_empty() {
            assert!(self.ask(&capa).is_ok());
        }
    }

    /// Sends a command and reads its reply, passing over newlines that keep a link alive.
    pub fn ask(&mut self, args: &[&str]) -> Value {
        self.client.send(&encode(args)).expect("the master is there");
        self.client.read_request().expect("the master answers")
    }

    /// Sends a command that has no reply of RESP's kind, or none at all.
    pub fn tell(&mut self, args: &[&str]) {
        self.client.send(&encode(args)).expect("the master is there");
    }

    /// Sends bytes as they are, right or wrong.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.client.send(bytes).expect("the master is there");
    }

    /// `PSYNC ? -1` and the RDB that follows; returns the RDB's bytes.
    pub fn full_resync(&mut self) -> Vec<u8> {
        self.tell(&["PSYNC", "?", "-1"]);
        self.greeted();
        self.read_rdb()
    }

    /// Reads the answer that announces an RDB.
    pub fn greeted(&mut self) {
        let line = self.client.read_request().expect("the master answers").text();
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("FULLRESYNC"), "{line}");
        self.id = words.next().expect("an id").to_owned();
        assert_eq!(self.id.len(), 40, "{line}");
        self.start = words.next().expect("an offset").parse().expect("an offset");
    }

    /// An RDB in either form: by length, or up to an end mark.
    pub fn read_rdb(&mut self) -> Vec<u8> {
        let mut line = b"\n".to_vec();
        while line == b"\n" {
            line = self.client.read_raw_line().expect("the master sends");
        }
        let header = line.strip_prefix(b"$").and_then(|rest| rest.strip_suffix(b"\r\n"));
        let header = header.unwrap_or_else(|| panic!("an RDB's header, got {line:?}"));
        let Some(mark) = header.strip_prefix(b"EOF:") else {
            let len = std::str::from_utf8(header).ok().and_then(|text| text.parse().ok());
            return self.client.read_raw(len.expect("a length")).expect("the master sends");
        };
        assert_eq!(mark.len(), 40, "an end mark of 40 characters");
        let mut rdb = Vec::new();
        while !rdb.ends_with(mark) {
            rdb.extend(self.client.read_raw(1).expect("the master sends"));
        }
        rdb.truncate(rdb.len() - mark.len());
        rdb
    }

    /// `PSYNC id offset` asking for what follows the recorded stream, as `offset` bytes since the
    /// history began; returns the first line of the answer.
    pub fn psync(&mut self, id: &str, offset: u64) -> String {
        let line = self.ask(&["PSYNC", id, &offset.to_string()]).text();
        self.start = offset - 1;
        line
    }

    /// Tells the master what has been applied.
    pub fn ack(&mut self, offset: u64) {
        self.tell(&["REPLCONF", "ACK", &offset.to_string()]);
    }

    /// The offset after all that was recorded.
    pub fn offset(&self) -> u64 {
        self.start + self.stream.len() as u64
    }

    /// Records until the stream reaches `offset`.
    pub fn read_to(&mut self, offset: u64) {
        wait_until(DEADLINE, &format!("the stream reaches {offset}"), || {
            self.record().expect("the link stays");
            self.offset() >= offset
        });
    }

    /// Records until `found` says so of all commands recorded.
    pub fn read_until(&mut self, what: &str, mut found: impl FnMut(&[Vec<String>]) -> bool) {
        wait_until(DEADLINE, what, || {
            self.record().expect("the link stays");
            found(&self.commands())
        });
    }

    /// Reads until the master closes the link; panics when it does not.
    pub fn wait_closed(&mut self) {
        self.client.read_to_close().expect("the master closes the link");
    }

    /// The commands in the recorded stream, as text. Asserts that it is RESP throughout; an
    /// incomplete last command is left out.
    pub fn commands(&self) -> Vec<Vec<String>> {
        let mut rest = self.stream.as_slice();
        let mut commands = Vec::new();
        while !rest.is_empty() {
            match Value::read(&mut rest) {
                Ok(value) => commands.push(value.items().iter().map(Value::text).collect()),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => panic!("the stream is no RESP: {error}"),
            }
        }
        commands
    }

    /// Reads what there is, and acknowledges now and then, as a replica must: a master that has
    /// sent its RDB diskless streams only after it.
    fn record(&mut self) -> io::Result<()> {
        const ACK_PERIOD: Duration = Duration::from_millis(100);
        if self.acknowledged.elapsed() >= ACK_PERIOD {
            self.ack(self.offset());
            self.acknowledged = Instant::now();
        }
        let bytes = self.client.read_some(Duration::from_millis(20))?;
        self.stream.extend(bytes);
        Ok(())
    }
}
