//! A blocking client. Commands, pipelines and raw bytes go out; values come back.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::value::Value;

/// How long a reply may take. Longer than anything a test does on purpose.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// One connection.
pub struct Client {
    input: BufReader<TcpStream>,
    pushes: VecDeque<Value>,
}

impl Client {
    /// Connects to a port of the loopback address.
    pub fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        Client::over(stream)
    }

    /// Speaks over a connection made elsewhere.
    pub fn over(stream: TcpStream) -> io::Result<Client> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        let input = BufReader::with_capacity(64 * 1024, stream);
        Ok(Client { input, pushes: VecDeque::new() })
    }

    /// Sends a command and reads its reply; panics when the connection fails.
    pub fn cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.try_cmd(args).unwrap_or_else(|error| panic!("{}: {error}", shown(args)))
    }

    /// Sends a command and reads its reply.
    pub fn try_cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Value> {
        self.send(&encode(args))?;
        self.read_reply()
    }

    /// Sends all commands in one write, then reads all replies.
    pub fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
        let mut writer = self.stream().try_clone().expect("a socket can be cloned");
        std::thread::scope(|scope| {
            // Written beside reading: neither side's buffers hold a long pipeline.
            let sent = scope.spawn(move || writer.write_all(&bytes));
            let replies = commands
                .iter()
                .map(|command| self.read_reply().unwrap_or_else(|e| panic!("{command:?}: {e}")))
                .collect();
            sent.join().expect("the writer does not panic").expect("the pipeline is sent");
            replies
        })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.get_mut().write_all(bytes)
    }

    /// The next value; pushes are set aside for [`Client::pushes`].
    pub fn read_reply(&mut self) -> io::Result<Value> {
        loop {
            match Value::read(&mut self.input)? {
                push @ Value::Push(_) => self.pushes.push_back(push),
                value => return Ok(value),
            }
        }
    }

    /// The next value, a push too.
    pub fn read_any(&mut self) -> io::Result<Value> {
        match self.pushes.pop_front() {
            Some(push) => Ok(push),
            None => Value::read(&mut self.input),
        }
    }

    /// The next value, newlines before it passed over: on a replication link they say no more than
    /// that the other side is alive.
    pub fn read_request(&mut self) -> io::Result<Value> {
        self.peek_request()?;
        Value::read(&mut self.input)
    }

    /// The first byte of what comes next, newlines passed over. It stays to be read.
    pub fn peek_request(&mut self) -> io::Result<u8> {
        loop {
            match self.input.fill_buf()?.first() {
                Some(b'\n') => self.input.consume(1),
                Some(byte) => return Ok(*byte),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Exactly `len` raw bytes.
    pub fn read_raw(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Raw bytes up to and with the next line feed.
    pub fn read_raw_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.input.read_until(b'\n', &mut line)?;
        Ok(line)
    }

    /// Everything until the other side closes. A reset counts as closing.
    pub fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.input.read_to_end(&mut bytes) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(bytes),
        }
    }

    /// What has arrived within `time`, at least one byte, empty if none.
    pub fn read_some(&mut self, time: Duration) -> io::Result<Vec<u8>> {
        self.stream().set_read_timeout(Some(time))?;
        let bytes = match self.input.fill_buf() {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(Vec::new())
            }
            Err(e) => Err(e),
        };
        self.stream().set_read_timeout(Some(REPLY_TIMEOUT))?;
        let bytes = bytes?;
        self.input.consume(bytes.len());
        Ok(bytes)
    }

    /// Tells the server that nothing more will be sent.
    pub fn finish_sending(&self) {
        // The server may have closed already, which is as good.
        let _ = self.stream().shutdown(Shutdown::Write);
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        self.input.get_ref()
    }
}

/// A command's bytes on the wire.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A command for a message.
pub fn shown<A: AsRef<[u8]>>(args: &[A]) -> String {
    let args = args.iter().map(|arg| match arg.as_ref() {
        long if long.len() > 100 => {
            format!("\"{}…\"({} bytes)", long[..100].escape_ascii(), long.len())
        }
        arg => format!("\"{}\"", arg.escape_ascii()),
    });
    args.collect::<Vec<_>>().join(" ")
}
