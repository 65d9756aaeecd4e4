//! A TCP proxy that breaks links: cuts now or after a number of bytes, stalls, throttles, refuses.
//! A thread accepts, two threads pump each connection; all end with the `Proxy`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long a thread blocks before it looks at the rules again.
const TICK: Duration = Duration::from_millis(10);

/// A proxy in front of a port.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: u16,
    rules: Mutex<Rules>,
    changed: Condvar,
}

#[derive(Default)]
struct Rules {
    ended: bool,
    /// Connections made in an older generation are cut.
    generation: u64,
    stalled: bool,
    refusing: bool,
    /// Bytes of the target's that still pass before everything is cut.
    cut_after: Option<u64>,
    /// The most bytes that pass in one [`TICK`], each way.
    bytes_per_tick: Option<usize>,
    connections: u64,
    forwarded: u64,
}

impl Proxy {
    /// A proxy in front of a port of the loopback address.
    pub fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        listener.set_nonblocking(true).expect("a socket option");
        let shared = Arc::new(Shared { target, rules: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Proxy { port, shared }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection there is.
    pub fn cut(&self) {
        self.change(|rules| rules.generation += 1);
    }

    /// Cuts every connection when `bytes` more have come from the target. Later ones pass.
    pub fn cut_after(&self, bytes: u64) {
        self.change(|rules| rules.cut_after = Some(bytes));
    }

    /// Whether the cut ordered by [`Proxy::cut_after`] is still to come.
    pub fn cut_pending(&self) -> bool {
        self.rules().cut_after.is_some()
    }

    /// Holds all bytes back, or lets them go on.
    pub fn stall(&self, stalled: bool) {
        self.change(|rules| rules.stalled = stalled);
    }

    /// Closes new connections at once, or accepts them again.
    pub fn refuse(&self, refusing: bool) {
        self.change(|rules| rules.refusing = refusing);
    }

    /// Lets that many bytes a second pass, each way; `None` for all.
    pub fn throttle(&self, bytes_per_second: Option<usize>) {
        self.change(|rules| {
            rules.bytes_per_tick = bytes_per_second.map(|bytes| (bytes / 100).max(1));
        });
    }

    /// How many connections have been made through it.
    pub fn connections(&self) -> u64 {
        self.rules().connections
    }

    /// Bytes that have passed from the target.
    pub fn forwarded(&self) -> u64 {
        self.rules().forwarded
    }

    fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.rules());
        self.shared.changed.notify_all();
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.shared.rules()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|rules| rules.ended = true);
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits for a change of the rules or a tick.
    fn tick(&self) {
        let rules = self.rules();
        drop(self.changed.wait_timeout(rules, TICK));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let (ended, refusing, generation) = {
            let rules = shared.rules();
            (rules.ended, rules.refusing, rules.generation)
        };
        if ended {
            return;
        }
        match listener.accept() {
            Ok((client, _)) if !refusing => {
                shared.rules().connections += 1;
                // A target that is not there looks like a connection closed at once.
                let _ = connect(client, shared, generation);
            }
            Ok(_) => {}
            Err(_) => shared.tick(),
        }
    }
}

fn connect(client: TcpStream, shared: &Arc<Shared>, generation: u64) -> io::Result<()> {
    let target = TcpStream::connect(("127.0.0.1", shared.target))?;
    client.set_nonblocking(false)?;
    for stream in [&client, &target] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
    }
    let (client_too, target_too) = (client.try_clone()?, target.try_clone()?);
    let (up, down) = (Arc::clone(shared), Arc::clone(shared));
    std::thread::spawn(move || pump(&client, &target, &up, generation, false));
    std::thread::spawn(move || pump(&target_too, &client_too, &down, generation, true));
    Ok(())
}

/// Carries bytes one way until either side ends or the rules cut it; then ends both sides.
fn pump(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared, generation: u64, down: bool) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let (limit, throttled) = {
            let rules = shared.rules();
            if rules.ended || rules.generation != generation {
                break;
            }
            let limit =
                if rules.stalled { 0 } else { rules.bytes_per_tick.unwrap_or(buffer.len()) };
            (limit.min(buffer.len()), rules.stalled || rules.bytes_per_tick.is_some())
        };
        if throttled {
            shared.tick();
        }
        if limit == 0 {
            continue;
        }
        let read = match from.read(&mut buffer[..limit]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => break,
        };
        let (passing, cut) = if down { pass(shared, read) } else { (read, false) };
        if to.write_all(&buffer[..passing]).is_err() || cut {
            break;
        }
    }
    // Either may be closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// How many of `read` bytes pass, and whether the cut is here.
fn pass(shared: &Shared, read: usize) -> (usize, bool) {
    let mut rules = shared.rules();
    let read = read as u64;
    let (passing, cut) = match rules.cut_after {
        Some(left) if left <= read => {
            rules.cut_after = None;
            rules.generation += 1;
            (left, true)
        }
        Some(left) => {
            rules.cut_after = Some(left - read);
            (read, false)
        }
        None => (read, false),
    };
    rules.forwarded += passing;
    (passing as usize, cut)
}
