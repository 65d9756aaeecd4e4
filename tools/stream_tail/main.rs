//! `stream-tail`: prints the live replication stream of any server, attached as its replica.
//!
//! One thread. Commands go to standard output, everything else to standard error.

mod link;
mod options;
#[path = "../shared/mod.rs"]
mod shared;
mod stream;
mod transfer;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use link::{Attached, Link, LinkError};
use options::{Options, Position};
use stream::{Broken, Command, Stream};

/// Why it ends before its time.
#[derive(Debug, thiserror::Error)]
enum TailError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the server no longer has offset {} of history {}", .0.next, .0.id)]
    FullRefused(Position),
    #[error("cannot print: {0}")]
    Output(#[from] io::Error),
}

/// What outlives a connection.
struct Tail<'a> {
    options: &'a Options,
    stop: &'a AtomicBool,
    /// The history and the state of reading it, once it is known.
    history: Option<(String, Stream)>,
    /// Whether the server has let us in once, so that it is worth trying again.
    accepted: bool,
    printed: u64,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    options.server = options.server.or_password_of_environment();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&stop)) {
            eprintln!("stream-tail: no handler for signal {signal}: {error}");
        }
    }
    let mut tail =
        Tail { options: &options, stop: &stop, history: None, accepted: false, printed: 0 };
    let ended = tail.run();
    if let Some((id, stream)) = &tail.history {
        note(&format!("to go on: --from {id}:{}", stream.next));
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(TailError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(TailError::Link(LinkError::Interrupted)) => ExitCode::from(130),
        Err(error) => {
            note(&error.to_string());
            let refused = matches!(error, TailError::FullRefused(_));
            ExitCode::from(if refused { 3 } else { 1 })
        }
    }
}

impl Tail<'_> {
    /// Attaches, and again when the connection breaks, until all that was wanted is printed.
    fn run(&mut self) -> Result<(), TailError> {
        loop {
            match self.attach_and_print() {
                Err(TailError::Link(error)) if self.accepted && error.may_pass() => {
                    note(&format!("{error}; attaching again"));
                    std::thread::sleep(RETRY_PERIOD);
                    if self.stop.load(Ordering::Relaxed) {
                        return Err(LinkError::Interrupted.into());
                    }
                }
                ended => return ended,
            }
        }
    }

    fn attach_and_print(&mut self) -> Result<(), TailError> {
        let timeout = Duration::from_secs(self.options.timeout);
        let mut link = Link::open(&self.options.server, timeout, self.stop)?;
        let from = match &self.history {
            Some((id, stream)) => Some(Position { id: id.clone(), next: stream.next }),
            None => self.options.from.clone(),
        };
        let attached = link.attach(from.as_ref())?;
        self.accepted = true;
        match attached {
            Attached::Partial { id: new } => self.go_on(from, new),
            Attached::Full { id, offset } => {
                if let Some(from) = from {
                    if self.options.no_full {
                        return Err(TailError::FullRefused(from));
                    }
                    note(&format!("offset {} is gone; commands may be missing", from.next));
                }
                note(&format!("full resynchronization, history {id}, offset {offset}"));
                let db = link.receive_rdb(self.options.rdb.as_deref())?;
                self.history = Some((id, Stream::new(offset + 1, db)));
            }
        }
        self.print(&mut link)
    }

    /// A partial resynchronization from `from`, under the id `new` if there is one.
    fn go_on(&mut self, from: Option<Position>, new: Option<String>) {
        let from = from.unwrap_or(Position { id: String::new(), next: 1 });
        let id = new.unwrap_or(from.id);
        note(&format!("partial resynchronization, history {id}, offset {}", from.next));
        match &mut self.history {
            Some((known, stream)) => {
                *known = id;
                stream.resume();
            }
            None => self.history = Some((id, Stream::new(from.next, None))),
        }
    }

    /// Prints what comes until the connection breaks or enough is printed.
    fn print(&mut self, link: &mut Link<'_>) -> Result<(), TailError> {
        let Some((_, stream)) = &mut self.history else { return Ok(()) };
        let mut out = io::BufWriter::new(io::stdout().lock());
        // A server that sends without a disk waits for this before the stream begins.
        link.acknowledge(stream.next - 1, true)?;
        loop {
            let enough = |printed: u64, next: u64| {
                self.options.count.is_some_and(|count| printed >= count)
                    || self.options.until_offset.is_some_and(|offset| next > offset)
            };
            let mut wanted = false;
            while !enough(self.printed, stream.next) {
                let Some((command, taken)) = stream.step(link.pending())? else { break };
                link.take(taken);
                writeln!(out, "{}", line(&command, self.options.json))?;
                self.printed += 1;
                wanted |= command.wants_ack();
            }
            out.flush()?;
            let done = enough(self.printed, stream.next);
            link.acknowledge(stream.next - 1, wanted || done)?;
            if done {
                return Ok(());
            }
            link.wait()?;
        }
    }
}

fn line(command: &Command, json: bool) -> String {
    if json { command.json() } else { command.text() }
}

fn note(text: &str) {
    eprintln!("stream-tail: {text}");
}

/// Between two attempts to attach.
const RETRY_PERIOD: Duration = Duration::from_secs(1);
