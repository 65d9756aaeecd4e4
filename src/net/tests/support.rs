//! What the tests share: a shard in a thread, an echoing loop, streams of checkable bytes.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use glommio::LocalExecutorBuilder;

use crate::net::event::{CloseReason, Event, SendBuffer, SocketId};
use crate::net::listener::{ListenAddress, Listener};
use crate::net::options::NetOptions;
use crate::net::sockets::Net;

/// A seed, printed by whoever fails with it.
pub fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    seed
}

/// Runs a test's body in an executor thread of its own.
pub fn in_executor<T: Send + 'static>(body: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    spawn_executor(body).join().unwrap().unwrap()
}

/// As `in_executor`, without waiting.
pub fn spawn_executor<T: Send + 'static>(
    body: impl AsyncFnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<Result<T, String>> {
    std::thread::spawn(move || {
        let executor = LocalExecutorBuilder::default().io_memory(64 << 10).make();
        let executor = executor.map_err(|error| error.to_string())?;
        Ok(executor.run(body()))
    })
}

/// A `Net` with a loop around it.
pub struct Shard {
    pub net: Net,
    pub ring_park: bool,
    events: Vec<Event>,
    deadline: Instant,
}

impl Shard {
    pub fn new(options: NetOptions, ring_park: bool) -> Shard {
        let net = Net::new(options).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        Shard { net, ring_park, events: Vec::new(), deadline }
    }

    /// The next turn's events; parks until there are some.
    pub async fn next(&mut self) -> Vec<Event> {
        self.next_unless(&|| false).await
    }

    /// As `next`, but gives up waiting when `stop` says so.
    pub async fn next_unless(&mut self, stop: &dyn Fn() -> bool) -> Vec<Event> {
        loop {
            self.net.turn(&mut self.events).unwrap();
            if !self.events.is_empty() || stop() {
                return std::mem::take(&mut self.events);
            }
            assert!(Instant::now() < self.deadline, "nothing happens any more");
            self.net.park(Duration::from_secs(5), self.ring_park, stop).await.unwrap();
        }
    }

    pub fn listen(&mut self) -> SocketAddr {
        let any = ListenAddress::Tcp("127.0.0.1:0".parse().unwrap());
        let listener = Listener::open(&any, 511).unwrap();
        let address = listener.local_address().unwrap();
        self.net.listen(listener);
        address
    }

    /// Turns until every closed socket has left the table, and checks that all buffers are back.
    pub async fn drained(&mut self) {
        while self.net.socket_count() > 0 {
            self.net.turn(&mut self.events).unwrap();
            for event in std::mem::take(&mut self.events) {
                if let Event::Received { buffer, .. } = event {
                    self.net.release(buffer);
                }
            }
            if self.net.socket_count() > 0 {
                assert!(Instant::now() < self.deadline, "a closed socket stays");
                self.net.park(Duration::from_millis(50), self.ring_park, &|| false).await.unwrap();
            }
        }
    }

    /// Echoes everything until `connections` have come and gone.
    pub async fn echo(&mut self, connections: usize) {
        let mut rows: HashMap<SocketId, Echo> = HashMap::new();
        let mut gone = 0;
        while gone < connections {
            for event in self.next().await {
                gone += usize::from(self.echo_event(event, &mut rows));
            }
        }
    }

    fn echo_event(&mut self, event: Event, rows: &mut HashMap<SocketId, Echo>) -> bool {
        let socket = match event {
            Event::Accepted { fd, .. } => {
                let socket = self.net.adopt(fd);
                rows.insert(socket, Echo::default());
                return false;
            }
            Event::Received { socket, buffer } => {
                if let Some(row) = rows.get_mut(&socket) {
                    row.out.extend_from_slice(self.net.bytes(&buffer));
                }
                self.net.release(buffer);
                socket
            }
            Event::Sent { socket, .. } => socket,
            Event::Closed { socket, reason } => {
                if let Some(row) = rows.get_mut(&socket) {
                    row.over = true;
                    row.failed |= matches!(reason, CloseReason::Error(_));
                }
                socket
            }
            Event::Woken => return false,
            other => panic!("unexpected {other:?}"),
        };
        let Some(row) = rows.get_mut(&socket) else { return false };
        if !self.net.is_sending(socket) && !row.out.is_empty() && !row.failed {
            self.net.send(socket, SendBuffer::Flat(std::mem::take(&mut row.out)));
        }
        let done = row.failed || (row.over && !self.net.is_sending(socket));
        if done {
            rows.remove(&socket);
            self.net.close(socket);
        }
        done
    }
}

#[derive(Default)]
struct Echo {
    out: Vec<u8>,
    over: bool,
    failed: bool,
}

/// The byte at a place of the stream all tests send.
pub fn byte_at(place: usize) -> u8 {
    (place.wrapping_mul(0x9E37_79B1) >> 13) as u8
}

pub fn bytes_at(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(byte_at).collect()
}

pub fn check_bytes(from: usize, bytes: &[u8]) {
    let wrong = bytes.iter().enumerate().find(|(index, byte)| **byte != byte_at(from + index));
    if let Some((index, _)) = wrong {
        panic!("byte {} of the stream is wrong", from + index);
    }
}

/// Sends the stream's first `total` bytes in random pieces.
pub fn write_stream(to: &mut impl Write, total: usize, piece_max: usize, rng: &mut fastrand::Rng) {
    let mut sent = 0;
    while sent < total {
        let piece = rng.usize(1..=piece_max).min(total - sent);
        to.write_all(&bytes_at(sent, piece)).unwrap();
        sent += piece;
    }
}

/// Talks to an echo server in random pieces and checks what comes back.
pub fn talk(mut stream: TcpStream, rounds: usize, rng: &mut fastrand::Rng) {
    let mut place = 0;
    for _ in 0..rounds {
        let piece = rng.usize(1..3000);
        stream.write_all(&bytes_at(place, piece)).unwrap();
        let mut back = vec![0; piece];
        stream.read_exact(&mut back).unwrap();
        check_bytes(place, &back);
        place += piece;
    }
}

/// A socket adopted by the shard, and the peer's end.
pub fn pair(shard: &mut Shard) -> (SocketId, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (shard.net.adopt(OwnedFd::from(ours)), theirs)
}

/// A TCP connection, both ends.
pub fn tcp_pair() -> (OwnedFd, TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (OwnedFd::from(listener.accept().unwrap().0), client)
}

/// Closes with a reset instead of an orderly end.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Runs one ignored test of this binary in a process of its own, for what is process-wide.
pub fn in_process(test: &str) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let status = command.args(["--ignored", "--exact", test, "--nocapture"]).status();
    assert!(status.unwrap().success(), "{test} failed");
}
