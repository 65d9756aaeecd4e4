//! Drives the connections of one plan: one thread, one epoll, closed loops.
//!
//! Always holds: a connection has either nothing in flight and rests, or a batch of which
//! `awaited` replies are missing. The measured part begins and ends between two turns, and the
//! observer is called at exactly these instants, so that counts and the server's CPU time cover
//! the same span.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::error::LoadError;
use super::keys::KeyPicker;
use super::plan::{Limit, Plan};
use super::replies::ReplyCounter;
use super::requests::Composer;

/// The instants at which the observer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The measured part begins.
    Begin,
    /// The measured part is over; replies in flight are still awaited after it.
    End,
}

/// What a run measured.
#[derive(Debug)]
pub struct Outcome {
    /// Replies received in the measured part.
    pub operations: u64,
    /// Length of the measured part.
    pub elapsed: Duration,
    /// Nanoseconds from writing a batch to receiving each of its replies.
    pub latency: Histogram<u64>,
    /// Error replies of the whole run.
    pub errors: u64,
    /// Null replies of the whole run (a GET of a missing key).
    pub nulls: u64,
    /// The first error reply.
    pub first_error: Option<String>,
}

impl Outcome {
    /// Replies a second.
    pub fn per_second(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// An empty latency histogram: nanoseconds up to a minute, three digits.
pub fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are constants in range")
}

/// Runs `plan` to its end on the calling thread.
///
/// # Errors
/// When a connection cannot be made or breaks, or the server sends what is not RESP. Error
/// replies are counted in the outcome instead.
pub fn run(plan: &Plan, observe: &mut dyn FnMut(Mark)) -> Result<Outcome, LoadError> {
    let mut engine = Engine::connect(plan)?;
    if plan.warm_up.is_zero() || matches!(plan.limit, Limit::Operations(_)) {
        engine.begin(observe);
    }
    for index in 0..engine.links.len() {
        engine.batch_ended(index)?;
    }
    let mut events = vec![EpollEvent::empty(); plan.connections.clamp(1, EVENTS_MAX)];
    let mut buffer = vec![0; READ_BYTES];
    while engine.phase != Phase::Over {
        let timeout_ms = if engine.resting.is_empty() { 50u8 } else { 1u8 };
        let ready = match engine.epoll.wait(&mut events, timeout_ms) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..ready] {
            engine.on_event(event.data() as usize, event.events(), &mut buffer)?;
        }
        engine.end_turn(observe)?;
    }
    Ok(engine.into_outcome())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measuring,
    Draining,
    Over,
}

struct Link {
    stream: TcpStream,
    /// Bytes of the batch under way; `written` of them are gone.
    batch: Vec<u8>,
    written: usize,
    awaited: usize,
    sent_at: Instant,
    replies: ReplyCounter,
    /// Whether epoll was asked to report room for writing.
    wants_room: bool,
}

struct Engine<'a> {
    plan: &'a Plan,
    epoll: Epoll,
    links: Vec<Link>,
    composer: Composer,
    picker: KeyPicker,
    phase: Phase,
    began: Instant,
    elapsed: Duration,
    drain_until: Instant,
    issued: u64,
    in_flight: u64,
    operations: u64,
    latency: Histogram<u64>,
    /// Connections without a batch: held back by the rate, or by the end of the run.
    resting: VecDeque<usize>,
    next_due: Instant,
}

impl<'a> Engine<'a> {
    fn connect(plan: &'a Plan) -> Result<Self, LoadError> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut picker = KeyPicker::new(plan.distribution, plan.keys, plan.seed);
        picker.start_at(plan.first_key);
        let now = Instant::now();
        let mut links = Vec::with_capacity(plan.connections);
        for index in 0..plan.connections {
            let address = plan.address;
            let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
                .map_err(|source| LoadError::Connect { address, source })?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            links.push(Link {
                stream,
                batch: Vec::new(),
                written: 0,
                awaited: 0,
                sent_at: now,
                replies: ReplyCounter::default(),
                wants_room: false,
            });
        }
        Ok(Self {
            plan,
            epoll,
            links,
            composer: Composer::new(&plan.mix, plan.value_bytes),
            picker,
            phase: Phase::WarmUp,
            began: now,
            elapsed: Duration::ZERO,
            drain_until: now,
            issued: 0,
            in_flight: 0,
            operations: 0,
            latency: latency_histogram(),
            resting: VecDeque::new(),
            next_due: now,
        })
    }

    fn begin(&mut self, observe: &mut dyn FnMut(Mark)) {
        observe(Mark::Begin);
        self.phase = Phase::Measuring;
        self.began = Instant::now();
    }

    fn end(&mut self, observe: &mut dyn FnMut(Mark)) {
        let now = Instant::now();
        self.elapsed = now - self.began;
        observe(Mark::End);
        self.phase = Phase::Draining;
        self.drain_until = now + DRAIN_TIMEOUT;
    }

    /// Moves the phases on and gives resting connections their turn.
    fn end_turn(&mut self, observe: &mut dyn FnMut(Mark)) -> Result<(), LoadError> {
        let now = Instant::now();
        let stopped = self.plan.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        match self.phase {
            Phase::WarmUp if stopped || now - self.began >= self.plan.warm_up => {
                self.begin(observe);
            }
            Phase::Measuring => {
                let over = match self.plan.limit {
                    Limit::Time(time) => now - self.began >= time,
                    Limit::Operations(count) => self.issued >= count && self.in_flight == 0,
                };
                if stopped || over {
                    self.end(observe);
                }
            }
            _ => {}
        }
        if self.phase == Phase::Draining && (self.in_flight == 0 || now >= self.drain_until) {
            self.phase = Phase::Over;
        }
        while matches!(self.phase, Phase::WarmUp | Phase::Measuring)
            && self.may_start(now)
            && let Some(index) = self.resting.pop_front()
        {
            self.start_batch(index)?;
        }
        Ok(())
    }

    fn may_start(&self, now: Instant) -> bool {
        let held = self.plan.rate.is_some() && now < self.next_due;
        !held && !matches!(self.plan.limit, Limit::Operations(count) if self.issued >= count)
    }

    /// The connection is free: its next batch goes out, or it rests.
    fn batch_ended(&mut self, index: usize) -> Result<(), LoadError> {
        if matches!(self.phase, Phase::WarmUp | Phase::Measuring)
            && self.resting.is_empty()
            && self.may_start(Instant::now())
        {
            return self.start_batch(index);
        }
        self.resting.push_back(index);
        Ok(())
    }

    fn start_batch(&mut self, index: usize) -> Result<(), LoadError> {
        let mut count = self.plan.pipeline as u64;
        if let Limit::Operations(limit) = self.plan.limit {
            count = count.min(limit - self.issued);
        }
        let link = &mut self.links[index];
        link.batch.clear();
        link.written = 0;
        for _ in 0..count {
            let connection = self.plan.first_connection + index;
            self.composer.compose(connection, &mut self.picker, &mut link.batch);
        }
        link.awaited = count as usize;
        link.sent_at = Instant::now();
        self.issued += count;
        self.in_flight += count;
        if let Some(rate) = self.plan.rate {
            let pause = Duration::from_secs_f64(count as f64 / rate.max(1e-3));
            // What was missed for longer than this is not made up for in one burst.
            let earliest = link.sent_at.checked_sub(CATCH_UP).unwrap_or(link.sent_at);
            self.next_due = (self.next_due + pause).max(earliest);
        }
        self.write(index)
    }

    fn write(&mut self, index: usize) -> Result<(), LoadError> {
        let link = &mut self.links[index];
        while link.written < link.batch.len() {
            match link.stream.write(&link.batch[link.written..]) {
                Ok(count) => link.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let wants_room = link.written < link.batch.len();
        if wants_room != link.wants_room {
            link.wants_room = wants_room;
            let mut flags = EpollFlags::EPOLLIN;
            flags.set(EpollFlags::EPOLLOUT, wants_room);
            self.epoll.modify(&link.stream, &mut EpollEvent::new(flags, index as u64))?;
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        index: usize,
        flags: EpollFlags,
        buffer: &mut [u8],
    ) -> Result<(), LoadError> {
        if flags.contains(EpollFlags::EPOLLOUT) {
            self.write(index)?;
        }
        if !flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            return Ok(());
        }
        let link = &mut self.links[index];
        let count = match link.stream.read(buffer) {
            Ok(0) => return Err(LoadError::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let replies = link.replies.feed(&buffer[..count])?;
        if replies > link.awaited {
            return Err(LoadError::Reply("more replies than requests".to_owned()));
        }
        link.awaited -= replies;
        self.in_flight -= replies as u64;
        if self.phase == Phase::Measuring {
            let latency = link.sent_at.elapsed().as_nanos() as u64;
            self.latency.saturating_record_n(latency.max(1), replies as u64);
            self.operations += replies as u64;
        }
        if self.links[index].awaited == 0 && replies > 0 {
            self.batch_ended(index)?;
        }
        Ok(())
    }

    fn into_outcome(self) -> Outcome {
        let counters = || self.links.iter().map(|link| &link.replies);
        Outcome {
            operations: self.operations,
            elapsed: self.elapsed,
            errors: counters().map(|counter| counter.errors).sum(),
            nulls: counters().map(|counter| counter.nulls).sum(),
            first_error: counters().find_map(|counter| counter.first_error.clone()),
            latency: self.latency,
        }
    }
}

/// One read takes at most this many bytes: 100 pipelined replies of 64-byte values fit eight times.
const READ_BYTES: usize = 64 * 1024;
/// Connections served in one turn.
const EVENTS_MAX: usize = 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long replies are awaited after the end; a server that hangs longer is left.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How far a rate-limited run may fall behind and still catch up.
const CATCH_UP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::super::plan::{Mix, Operation};
    use super::*;

    /// Answers `+OK` to each request of SETs (3 bulks: 7 lines each) until the client leaves.
    fn answer_sets(listener: TcpListener, connections: usize) -> Vec<thread::JoinHandle<u64>> {
        (0..connections)
            .map(|_| {
                let (mut stream, _) = listener.accept().unwrap();
                thread::spawn(move || {
                    let (mut lines, mut answered, mut buffer) = (0u64, 0u64, [0; 4096]);
                    loop {
                        let count = stream.read(&mut buffer).unwrap_or(0);
                        if count == 0 {
                            return answered;
                        }
                        lines += memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64;
                        while answered < lines / 7 {
                            stream.write_all(b"+OK\r\n").unwrap();
                            answered += 1;
                        }
                    }
                })
            })
            .collect()
    }

    #[test]
    fn a_counted_run_sends_exactly_so_many_requests() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || answer_sets(listener, 3));
        let mut plan = Plan::new(address, Mix::only(Operation::Set), Limit::Operations(1001));
        plan.connections = 3;
        plan.pipeline = 10;
        let mut marks = Vec::new();
        let outcome = run(&plan, &mut |mark| marks.push(mark)).unwrap();
        assert_eq!((outcome.operations, outcome.errors), (1001, 0));
        assert_eq!(outcome.latency.len(), 1001);
        assert_eq!(marks, [Mark::Begin, Mark::End]);
        let answered: u64 =
            server.join().unwrap().into_iter().map(|link| link.join().unwrap()).sum();
        assert_eq!(answered, 1001);
    }
}
