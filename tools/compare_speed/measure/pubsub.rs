//! Deliveries of published messages per CPU second: one publisher, 100 subscribers of one channel.
//! Ours with one shard and with two, all on the same core.

use std::io::Read;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::connection::push_request;
use crate::error::Error;
use crate::lab::{Lab, Subject};
use crate::server::{Setup, pin};
use crate::statistics::{median, spread};
use crate::table::{Row, Table, Target};

/// Makes the measurement.
pub fn run(lab: &mut Lab) -> Result<Table, Error> {
    let (mut subjects, mut notes) = lab.one_of_each()?;
    let program = lab.programs[0].clone();
    let setup = Setup { shards: 2, ..Setup::on(lab.options.server_core) };
    subjects.push(lab.subject("own, 2 shards", &program, &setup)?);
    let rounds = lab.options.rounds();
    let mut values = vec![Vec::new(); subjects.len()];
    for round in 1..=rounds {
        for (subject, values) in subjects.iter().zip(&mut values) {
            lab.progress.step(&format!("{}, round {round}/{rounds}", subject.name));
            lab.go_on()?;
            let per_second = sample(lab, subject)?;
            values.push(per_second);
            lab.results.record(
                "sample",
                &[
                    ("measurement", "pubsub".into()),
                    ("subject", subject.name.clone().into()),
                    ("round", (round as f64).into()),
                    ("deliveries_per_cpu_second", per_second.into()),
                ],
            )?;
        }
    }
    let medians: Vec<_> = values.iter().map(|values| median(values)).collect();
    let (stock, two) = medians.split_at(medians.len() - 1);
    let worst = values.iter().map(|values| spread(values)).fold(0.0, f64::max);
    let row = |case: &str, own: Option<f64>| {
        let mut values = stock.to_vec();
        values[0] = own;
        Row {
            case: case.to_owned(),
            unit: "deliveries/CPU s",
            figure: own.zip(stock[1]).map(|(own, redis)| own / redis),
            values,
            target: Some(Target::AtLeast(1.0)),
            spread: worst,
        }
    };
    notes
        .push(format!("{SUBSCRIBERS} subscribers, messages of {MESSAGE_BYTES} bytes, pipeline 16"));
    Ok(Table {
        title: "Published messages delivered per CPU second".to_owned(),
        subjects: lab.names(),
        figure: "own/redis".to_owned(),
        rows: vec![row("one shard", stock[0]), row("two shards on one core", two[0])],
        notes,
    })
}

fn sample(lab: &Lab, subject: &Subject) -> Result<f64, Error> {
    let (received, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut streams = Vec::new();
    for _ in 0..SUBSCRIBERS {
        streams.push(subscriber(subject)?);
    }
    let reader = {
        let (received, stop, core) =
            (Arc::clone(&received), Arc::clone(&stop), lab.options.load_core);
        thread::spawn(move || {
            pin(&[core])?;
            read_all(&mut streams, &received, &stop)
        })
    };
    let mut publisher = subject.server.connect()?;
    let message = "m".repeat(MESSAGE_BYTES);
    let mut requests = Vec::new();
    for _ in 0..PIPELINE {
        push_request(&mut requests, &["PUBLISH", CHANNEL, &message]);
    }
    let before = subject.server.cpu_time()?;
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < lab.options.sample_time() {
        publisher.ask_all(&requests, PIPELINE)?;
        sent += PIPELINE as u64;
        // As fast as subscribers read: else a server drops them at its output limit.
        let wanted = (sent * SUBSCRIBERS as u64 - BEHIND_MAX) * framed_bytes();
        let patience = Instant::now() + Duration::from_secs(20);
        while received.load(Ordering::Relaxed)
            < wanted.min(sent * SUBSCRIBERS as u64 * framed_bytes())
        {
            if Instant::now() > patience || reader.is_finished() {
                return Err(Error::Timeout { what: "subscribers read".to_owned(), seconds: 20 });
            }
            thread::yield_now();
        }
    }
    let used = subject.server.cpu_time()?.since(&before);
    stop.store(true, Ordering::Relaxed);
    let deliveries = received.load(Ordering::Relaxed) / framed_bytes();
    reader.join().expect("the reader does not panic")?;
    Ok(deliveries as f64 / used.cpu.as_secs_f64().max(1e-9))
}

/// A connection that has subscribed.
fn subscriber(subject: &Subject) -> Result<TcpStream, Error> {
    let mut stream = TcpStream::connect(subject.server.address())?;
    let mut request = Vec::new();
    push_request(&mut request, &["SUBSCRIBE", CHANNEL]);
    std::io::Write::write_all(&mut stream, &request)?;
    let mut answer = vec![0; format!("*3\r\n$9\r\nsubscribe\r\n$7\r\n{CHANNEL}\r\n:1\r\n").len()];
    stream.read_exact(&mut answer)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Reads and counts bytes until it is told to stop.
fn read_all(
    streams: &mut [TcpStream],
    received: &AtomicU64,
    stop: &AtomicBool,
) -> Result<(), Error> {
    let mut buffer = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let mut fds: Vec<_> =
            streams.iter().map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut fds, PollTimeout::from(10_u8)).map_err(std::io::Error::from)?;
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        for (stream, _) in streams.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(Error::Io(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => {
                    received.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Bytes of one delivered message in RESP2.
fn framed_bytes() -> u64 {
    let head = format!("*3\r\n$7\r\nmessage\r\n$7\r\n{CHANNEL}\r\n${MESSAGE_BYTES}\r\n");
    (head.len() + MESSAGE_BYTES + 2) as u64
}

const CHANNEL: &str = "channel";
const SUBSCRIBERS: usize = 100;
const MESSAGE_BYTES: usize = 64;
const PIPELINE: usize = 16;
/// Messages that may be on their way to the subscribers.
const BEHIND_MAX: u64 = 1600;
