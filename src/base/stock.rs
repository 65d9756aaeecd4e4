//! For tests only: runs an installed stock server on a socket in a temporary folder and speaks
//! RESP2 to it, so that texts and formats are compared with the real thing. Where none is
//! installed, says so loudly and the test passes without it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The servers that are compared with, the one to follow first.
pub const SERVERS: [&str; 2] = ["valkey-server", "redis-server"];

/// A running server; stops when dropped.
pub struct Stock {
    process: Child,
    connection: BufReader<UnixStream>,
    folder: tempfile::TempDir,
}

/// A replica as a server sees one: receives what the server streams.
pub struct ReplicaLink(BufReader<UnixStream>);

/// A reply of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Simple strings and bulks.
    Text(Vec<u8>),
    /// An error's text, without `-`.
    Error(String),
    /// An integer.
    Integer(i64),
    /// Null.
    Nothing,
    /// An array.
    Array(Vec<Answer>),
}

impl Stock {
    /// Starts `program` with further options; `None`, and a line on stderr, if it is not there.
    pub fn start(program: &str, options: &[&str]) -> Option<Stock> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Stock::start_in(program, options, folder)
    }

    /// As [`Stock::start`] in a folder that may hold a `dump.rdb` to be loaded.
    pub fn start_in(program: &str, options: &[&str], folder: tempfile::TempDir) -> Option<Stock> {
        let socket = folder.path().join("socket");
        let arguments = ["--port", "0", "--save", "", "--daemonize", "no", "--unixsocket"];
        let spawned = Command::new(program)
            .args(arguments.map(OsStr::new))
            .arg(&socket)
            .arg("--dir")
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::from(
                std::fs::File::create(folder.path().join("log")).expect("the folder is writable"),
            ))
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut process) = spawned else {
            eprintln!("SKIPPED: {program} is not installed, nothing was compared with it");
            return None;
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        let stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(_) if process.try_wait().is_ok_and(|status| status.is_none()) => {
                    assert!(Instant::now() < deadline, "{program} does not listen");
                    std::thread::yield_now();
                }
                Err(error) => panic!("{program} stopped: {error}\n{}", log_of(folder.path())),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has timeouts");
        let mut stock = Stock { process, connection: BufReader::new(stream), folder };
        while matches!(stock.call(&["PING"]), Answer::Error(text) if text.starts_with("LOADING")) {
            assert!(Instant::now() < deadline, "{program} goes on loading");
        }
        Some(stock)
    }

    /// Attaches a replica, whose data set is passed over.
    pub fn replica_link(&mut self) -> ReplicaLink {
        let stream = UnixStream::connect(self.folder().join("socket")).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has timeouts");
        let mut link = BufReader::new(stream);
        link.get_mut().write_all(b"PSYNC ? -1\r\n").expect("the server reads");
        let mut line = String::new();
        while !line.starts_with('$') {
            // +FULLRESYNC, and empty lines while the data set is written.
            line.clear();
            link.read_line(&mut line).expect("the server replies in time");
        }
        let length = line[1..].trim_end().parse::<usize>().expect("a replica without EOF marks");
        link.read_exact(&mut vec![0; length]).expect("the whole data set comes");
        ReplicaLink(link)
    }

    /// Where the server keeps its files.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// Sends a command and awaits its reply.
    pub fn call<Argument: AsRef<[u8]>>(&mut self, arguments: &[Argument]) -> Answer {
        self.send(arguments);
        self.receive()
    }

    /// Sends a command without awaiting its reply.
    pub fn send<Argument: AsRef<[u8]>>(&mut self, arguments: &[Argument]) {
        let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            let argument = argument.as_ref();
            bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            bytes.extend_from_slice(argument);
            bytes.extend_from_slice(b"\r\n");
        }
        self.connection.get_mut().write_all(&bytes).expect("the server reads");
    }

    /// Sends a command and awaits its reply, as the bytes that came, of RESP2 or RESP3.
    pub fn call_bytes<Argument: AsRef<[u8]>>(&mut self, arguments: &[Argument]) -> Vec<u8> {
        self.send(arguments);
        let mut bytes = Vec::new();
        self.receive_bytes(&mut bytes);
        bytes
    }

    fn receive_bytes(&mut self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        self.connection.read_until(b'\n', bytes).expect("the server replies in time");
        let line = String::from_utf8_lossy(&bytes[start..]).into_owned();
        let (kind, text) = line.trim_end().split_at_checked(1).expect("a reply has a kind");
        // Null bulks and arrays have length -1, which is no usize: nothing follows.
        let count = text.parse::<usize>();
        match kind {
            "$" | "=" | "!" => {
                if let Ok(length) = count {
                    let start = bytes.len();
                    bytes.resize(start + length + 2, 0);
                    self.connection.read_exact(&mut bytes[start..]).expect("the whole bulk comes");
                }
            }
            "*" | "~" | ">" => (0..count.unwrap_or(0)).for_each(|_| self.receive_bytes(bytes)),
            "%" => (0..2 * count.unwrap_or(0)).for_each(|_| self.receive_bytes(bytes)),
            _ => {}
        }
    }

    /// Awaits the next reply.
    pub fn receive(&mut self) -> Answer {
        receive(&mut self.connection)
    }
}

impl ReplicaLink {
    /// The commands streamed up to `mark`, without it, each as its words.
    pub fn effects_until(&mut self, mark: &[&str]) -> Vec<Vec<Vec<u8>>> {
        let mut effects = Vec::new();
        loop {
            let Answer::Array(words) = receive(&mut self.0) else { panic!("a stream of commands") };
            let words: Vec<Vec<u8>> = words
                .into_iter()
                .map(|word| match word {
                    Answer::Text(text) => text,
                    word => panic!("{word:?} in a command"),
                })
                .collect();
            if words.iter().map(Vec::as_slice).eq(mark.iter().map(|word| word.as_bytes())) {
                return effects;
            }
            effects.push(words);
        }
    }
}

fn receive(connection: &mut BufReader<UnixStream>) -> Answer {
    let mut line = String::new();
    connection.read_line(&mut line).expect("the server replies in time");
    let (kind, text) = line.trim_end().split_at_checked(1).expect("a reply has a kind");
    match kind {
        "+" => Answer::Text(text.as_bytes().to_vec()),
        "-" => Answer::Error(text.to_owned()),
        ":" => Answer::Integer(text.parse().expect("an integer")),
        "$" => match text.parse::<usize>() {
            Err(_) => Answer::Nothing,
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                connection.read_exact(&mut bytes).expect("the whole bulk comes");
                bytes.truncate(length);
                Answer::Text(bytes)
            }
        },
        "*" => {
            let count = text.parse::<usize>().unwrap_or(0);
            Answer::Array((0..count).map(|_| receive(connection)).collect())
        }
        _ => panic!("a reply of kind {kind}"),
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
