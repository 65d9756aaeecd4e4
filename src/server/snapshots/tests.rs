//! M5 end to end: while clients write without pause, links ask for snapshots; each RDB together
//! with the stream behind its label must be exactly the state the server ends in.

use super::*;
use crate::base::ids::{ReplId, ShardId};
use crate::config::settings::Settings;
use crate::rdb::decode::{DecodeOptions, Decoder, Step};
use crate::rdb::record::Record;
use crate::resp::encode;
use crate::server::run;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

type Data = HashMap<Vec<u8>, Vec<u8>>;

fn serve(shards: u16, dir: &std::path::Path) -> (run::Started, u16) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut settings = Settings::default();
    settings.network.port = port;
    settings.server.shards = shards;
    settings.server.dir = dir.to_owned();
    settings.rdb.save.clear();
    settings.replication.repl_diskless_sync_delay = 0;
    settings.replication.repl_backlog_size = 64 << 20;
    (run::start(settings).unwrap(), port)
}

fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::command(&mut bytes, words);
    bytes
}

/// Writes pairs of keys in transactions and single keys, until told to stop.
fn hammer(port: u16, seed: u64, stop: &AtomicBool) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut input = BufReader::new(stream.try_clone().unwrap());
    let mut random = fastrand::Rng::with_seed(seed);
    while !stop.load(Relaxed) {
        let mut bytes = Vec::new();
        let mut lines = 0;
        for _ in 0..20 {
            let number = random.u32(..50).to_string();
            let value = random.u64(..).to_string();
            if random.bool() {
                bytes.extend(command(&[b"MULTI"]));
                for side in ["left", "right"] {
                    let key = format!("{side}:{number}");
                    bytes.extend(command(&[b"SET", key.as_bytes(), value.as_bytes()]));
                }
                bytes.extend(command(&[b"EXEC"]));
                lines += 6;
            } else {
                let key = format!("{seed}:{number}");
                bytes.extend(command(&[b"SET", key.as_bytes(), value.as_bytes()]));
                lines += 1;
            }
        }
        stream.write_all(&bytes).unwrap();
        let mut line = String::new();
        for _ in 0..lines {
            line.clear();
            input.read_line(&mut line).unwrap();
            assert!(!line.starts_with('-'), "{line}");
        }
    }
}

/// The data of an RDB and what follows it.
fn decode(bytes: &[u8]) -> (Data, &[u8]) {
    let mut decoder = Decoder::new(DecodeOptions::default());
    let (mut input, mut data) = (bytes, Data::new());
    loop {
        match decoder.next(&mut input).unwrap() {
            Step::Record(Record::Key(record)) => {
                let crate::rdb::record::Value::String(text) = record.value else {
                    panic!("a string")
                };
                data.insert(record.key.to_vec(), text.into_bytes().to_vec());
            }
            Step::Record(_) => {}
            Step::End => return (data, input),
            Step::Incomplete => panic!("the RDB is cut off"),
        }
    }
}

/// Applies the SETs of a stream.
fn apply(data: &mut Data, mut bytes: &[u8]) {
    let mut next = || {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let line = bytes[..end - 1].to_vec();
        bytes = &bytes[end + 1..];
        Some(line)
    };
    while let Some(head) = next() {
        let count: usize = std::str::from_utf8(&head[1..]).unwrap().parse().unwrap();
        let words: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                next().unwrap();
                next().unwrap()
            })
            .collect();
        if words[0] == b"SET" {
            data.insert(words[1].clone(), words[2].clone());
        }
    }
}

/// What a link receives, up to the end of the connection's part of the snapshot.
struct Received {
    id: ReplId,
    offset: ReplOffset,
    data: Data,
    reader: BacklogReader,
}

/// The next line that is no keep-alive.
fn read_head(input: &mut impl BufRead) -> String {
    let mut line = String::from("\n");
    while line == "\n" {
        line.clear();
        input.read_line(&mut line).unwrap();
    }
    line
}

fn receive(input: UnixStream, form: Form, started: &run::Started) -> Received {
    input.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut input = BufReader::new(input);
    let line = read_head(&mut input);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"+FULLRESYNC"));
    let id = ReplId::parse(words[1].as_bytes()).unwrap();
    let offset = ReplOffset(words[2].parse().unwrap());
    let stream = &started.process.shared.stream;
    let reader = stream.reader_at(offset).expect("the child's greeting comes while it is pinned");
    let head = read_head(&mut input);
    let mut bytes = Vec::new();
    let data = match form {
        Form::EofMark => {
            let mark = head.trim_end().strip_prefix("$EOF:").unwrap().as_bytes().to_vec();
            while !bytes.ends_with(&mark) {
                let piece = match input.fill_buf() {
                    // A child that ends sends a signal.
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    piece => piece.unwrap(),
                };
                assert!(!piece.is_empty(), "the snapshot is cut off");
                let length = piece.len();
                bytes.extend_from_slice(piece);
                input.consume(length);
            }
            let (data, rest) = decode(&bytes);
            assert_eq!(rest, mark);
            data
        }
        Form::Length => {
            let length: usize = head.trim_end()[1..].parse().unwrap();
            bytes.resize(length, 0);
            input.read_exact(&mut bytes).unwrap();
            let (data, rest) = decode(&bytes);
            assert!(rest.is_empty());
            data
        }
    };
    Received { id, offset, data, reader }
}

fn check(shards: u16, seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let (started, port) = serve(shards, dir.path());
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|number| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || hammer(port, seed + number, &stop))
        })
        .collect();
    let mut received = Vec::new();
    for round in 0..4 {
        // Both alike, then one of each.
        let form = |number: u16| match (round, number) {
            (0, _) | (2, 0) | (3, 1) => Form::EofMark,
            _ => Form::Length,
        };
        let ends: Vec<_> = (0..2)
            .map(|number| {
                let (near, far) = UnixStream::pair().unwrap();
                let link = LinkAddress { shard: ShardId(number % shards), socket: SocketId::NONE };
                let wanted = Wanted {
                    link,
                    fd: near.into(),
                    form: form(number),
                    greeting: Greeting::FullResync,
                    version: 10,
                    parts: Default::default(),
                    rdb_only: false,
                };
                started.process.post(ShardId(0), Mail::SnapshotWanted(Box::new(wanted)));
                far
            })
            .collect();
        let ends = (0..).zip(ends);
        received.extend(ends.map(|(number, far)| receive(far, form(number), &started)));
    }
    stop.store(true, Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    let (end, _) = started.process.shared.stream.pin_at_end().expect("replicas have asked");
    let mut states = Vec::new();
    for mut one in received {
        assert_eq!(one.id, started.process.shared.stream.history().id, "seed {seed}");
        let mut bytes = Vec::new();
        while one.offset.0 + (bytes.len() as u64) < end.0 {
            for piece in one.reader.take(1 << 20).unwrap() {
                bytes.extend_from_slice(&piece);
            }
        }
        for number in 0..50 {
            let of = |side: &str| one.data.get(format!("{side}:{number}").as_bytes());
            assert_eq!(of("left"), of("right"), "a unit is whole in the snapshot, seed {seed}");
        }
        apply(&mut one.data, &bytes);
        states.push(one.data);
    }
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut input = BufReader::new(client.try_clone().unwrap());
    for state in &states {
        assert_eq!(state.len(), states[0].len(), "seed {seed}");
        for (key, value) in state {
            client.write_all(&command(&[b"GET", key])).unwrap();
            let mut reply = String::new();
            input.read_line(&mut reply).unwrap();
            reply.clear();
            input.read_line(&mut reply).unwrap();
            assert_eq!(reply.trim_end().as_bytes(), value, "seed {seed}");
        }
    }
    for shard in 0..shards {
        started.process.post(ShardId(shard), Mail::Stop);
    }
    started.wait();
}

#[test]
fn a_snapshot_and_the_stream_behind_it_are_the_state() {
    for shards in [1, 2, 3] {
        check(shards, fastrand::u64(..1 << 40));
    }
}
