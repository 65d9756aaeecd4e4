//! A link from its begin to its end, and what becomes of bytes that no replica should send.

use super::*;
use crate::base::ids::{ClientId, DbIndex, ReplId, ShardId};
use crate::net::event::SocketId;
use crate::replication::entry::EntryBuilder;
use crate::replication::stream::Stream;

const ID: ReplId = ReplId([b'a'; 40]);

fn stream() -> Arc<Stream> {
    let stream = Stream::new(1, 1 << 20, ID);
    stream.start(ID);
    stream
}

fn write(stream: &Stream, value: &[u8]) {
    let mut builder = EntryBuilder::new();
    builder.effect(DbIndex(0), &[b"SET", b"k", value]);
    stream.publish(ShardId(0), &mut builder);
    stream.merge();
}

fn link(reader: Option<BacklogReader>, form: Form) -> ReplicaLink {
    let info = Arc::new(ReplicaInfo::new(ClientId(1), ShardId(0), SocketId::NONE));
    let announced = Announced::default();
    let greeting = Greeting::FullResync;
    let beginning = Beginning { out: Vec::new(), announced, reader, greeting, form };
    ReplicaLink::new(info, beginning, 1000)
}

fn online(stream: &Stream) -> ReplicaLink {
    link(Some(stream.reader_at(stream.end()).expect("the end is kept")), Form::Length)
}

#[test]
fn a_partial_resynchronization_is_online_at_once() {
    let stream = stream();
    let mut link = online(&stream);
    assert_eq!((link.phase(), link.info.stage()), (Phase::Online, Stage::Online));
    assert_eq!(link.info.confirmed(), None);
    write(&stream, b"v");
    assert!(link.is_ready());
    let sent: usize = link.take(1 << 20).expect("the history goes on").iter().map(Bytes::len).sum();
    assert_eq!(sent as u64, stream.end().0);
    let ack = format!("REPLCONF ACK {}\r\n", stream.end());
    let heard = link.receive(ack.as_bytes(), 2000).expect("it is right");
    assert_eq!(heard, Heard { news: true, begins: false });
    assert_eq!((link.info.acked(), link.info.silent_ms(2500)), (stream.end(), 500));
}

#[test]
fn a_stream_behind_a_mark_waits_for_an_acknowledgement() {
    let stream = stream();
    for (form, phase) in [(Form::EofMark, Phase::AwaitingAck), (Form::Length, Phase::Online)] {
        let mut link = link(None, form);
        assert_eq!(link.phase(), Phase::Flushing);
        link.asked();
        let (offset, reader) = stream.pin_at_end().expect("it is active");
        link.started(offset);
        write(&stream, b"v");
        assert_eq!(link.lag(stream.end()), stream.end().0 - offset.0);
        assert_eq!(link.receive(b"REPLCONF ACK 999999\r\n", 1), Ok(Heard::default()));
        assert_eq!(link.sent(offset, reader, 5), After::Follows);
        assert_eq!((link.phase(), link.info.stage()), (phase, Stage::Online));
        let heard = link.receive(b"REPLCONF ACK 0\r\n", 6).expect("it is harmless");
        assert_eq!(heard.begins, phase == Phase::AwaitingAck);
        assert_eq!((link.phase(), link.info.confirmed()), (Phase::Online, Some(ReplOffset(0))));
    }
}

#[test]
fn who_wants_the_snapshot_only_is_done_with_it() {
    let stream = stream();
    let mut link = link(None, Form::EofMark);
    link.announced.rdb_only = true;
    link.asked();
    let (offset, reader) = stream.pin_at_end().expect("it is active");
    link.started(offset);
    assert_eq!(link.sent(offset, reader, 5), After::Ends);
    assert_eq!(stream.connected_readers(), 0);
}

#[test]
fn a_request_may_come_in_pieces() {
    let stream = stream();
    let mut link = online(&stream);
    write(&stream, b"v");
    link.take(1 << 20).expect("the history goes on");
    let mut news = 0;
    for byte in b"\r\n*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n3\r\n".repeat(2) {
        news += u32::from(link.receive(&[byte], 1).expect("it is right").news);
    }
    assert_eq!((news, link.info.acked()), (1, ReplOffset(3)));
}

#[test]
fn harmless_requests_are_passed_over() {
    let stream = stream();
    let mut link = online(&stream);
    for request in ["SYNC", "PSYNC ? -1", "REPLCONF GETACK *", "REPLCONF ACK x", "REPLCONF ACK -5"]
    {
        let heard = link.receive(format!("{request}\r\n").as_bytes(), 1);
        assert_eq!(heard, Ok(Heard::default()), "{request}");
    }
}

#[test]
fn what_would_be_answered_ends_the_link() {
    let stream = stream();
    let error = |text: &str| Some(text.to_owned());
    for (request, command, answer) in [
        ("PING", "ping", None),
        ("REPLCONF listening-port 1", "replconf", None),
        ("REPLCONF foo 1", "replconf", error("Unrecognized REPLCONF option: foo")),
        ("GET a", "get", error("Replica can't interact with the keyspace")),
        ("FOO", "<unknown>", error("unknown command 'FOO', with args beginning with: ")),
    ] {
        let fault = online(&stream).receive(format!("{request}\r\n").as_bytes(), 1);
        let expected = Fault::Reply { command: command.to_owned(), error: answer };
        assert_eq!(fault, Err(expected), "{request}");
    }
}

#[test]
fn nonsense_ends_the_link() {
    let stream = stream();
    let ack = online(&stream).receive(b"REPLCONF ACK 999999\r\n", 1);
    assert!(matches!(ack, Err(Fault::Ack(_))), "{ack:?}");
    let ack = online(&stream).receive(b"REPLCONF ACK 0 FACK 999999\r\n", 1);
    assert!(matches!(ack, Err(Fault::Ack(_))), "{ack:?}");
    let protocol = online(&stream).receive(b"*1\r\n$x\r\n", 1);
    assert!(matches!(protocol, Err(Fault::Protocol(_))), "{protocol:?}");
    let long = online(&stream).receive(&vec![b'x'; 20_000], 1);
    assert_eq!(long, Err(Fault::TooLong));
    let bulk = online(&stream).receive(b"*2\r\n$8\r\nREPLCONF\r\n$999999\r\n", 1);
    assert_eq!(bulk, Err(Fault::TooLong));
}

#[test]
fn random_bytes_never_do_more_than_end_the_link() {
    let stream = stream();
    for seed in 0..2000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut link = online(&stream);
        for _ in 0..20 {
            let mut bytes = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n".to_vec();
            for _ in 0..random.usize(0..3) {
                let at = random.usize(0..bytes.len());
                bytes[at] = random.u8(..);
            }
            if link.receive(&bytes[..random.usize(0..=bytes.len())], 1).is_err() {
                break;
            }
        }
        assert!(link.info.acked() <= stream.end(), "seed {seed}");
    }
}

#[test]
fn another_history_ends_the_link() {
    let stream = stream();
    let mut link = online(&stream);
    stream.stop(ReplId([b'b'; 40]));
    assert!(link.is_ready());
    assert!(link.take(1 << 20).is_err());
}
