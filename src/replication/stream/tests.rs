//! The whole stream: many threads against the promises M1 to M3, and every change of role.

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::replication::backlog::HistoryEnded;

const A: ReplId = ReplId([b'a'; 40]);
const B: ReplId = ReplId([b'b'; 40]);
const C: ReplId = ReplId([b'c'; 40]);
const SHARD: ShardId = ShardId(0);
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

fn started(shards: u16) -> Arc<Stream> {
    let stream = Stream::new(shards, 1 << 20, ReplId::ZERO);
    stream.start(A);
    stream
}

fn write(stream: &Stream, db: u16, word: &str) -> Ticket {
    let mut builder = EntryBuilder::new();
    builder.effect(DbIndex(db), &[word.as_bytes()]);
    let ticket = stream.publish(SHARD, &mut builder);
    stream.merge();
    ticket
}

fn ask(stream: &Stream, id: ReplId, next_byte: u64) -> Resync {
    stream.resync(Request { id: &id.0, next_byte: next_byte as i64 })
}

/// The commands behind an offset, as text.
fn text(stream: &Stream, from: ReplOffset) -> String {
    let mut reader = stream.reader_at(from).expect("the bytes are kept");
    let bytes = reader.take(usize::MAX).expect("the history goes on").concat();
    let lines: Vec<String> = commands(&bytes).iter().map(|words| words.join(" ")).collect();
    lines.join(", ")
}

/// Reads whole RESP arrays of bulks.
fn commands(bytes: &[u8]) -> Vec<Vec<&str>> {
    first_commands(bytes, usize::MAX)
}

fn first_commands(bytes: &[u8], max: usize) -> Vec<Vec<&str>> {
    fn header<'a>(rest: &mut &'a [u8], prefix: u8) -> usize {
        let end = rest.iter().position(|byte| *byte == b'\r').expect("a whole line");
        let (line, behind): (&'a [u8], _) = rest.split_at(end);
        assert_eq!((line[0], &behind[..2]), (prefix, &b"\r\n"[..]), "a header");
        *rest = &behind[2..];
        std::str::from_utf8(&line[1..]).expect("text").parse().expect("a number")
    }
    let mut rest = bytes;
    let mut commands = Vec::new();
    while !rest.is_empty() && commands.len() < max {
        let mut words = Vec::new();
        for _ in 0..header(&mut rest, b'*') {
            let len = header(&mut rest, b'$');
            words.push(std::str::from_utf8(&rest[..len]).expect("text"));
            assert_eq!(&rest[len..len + 2], b"\r\n", "a bulk's end");
            rest = &rest[len + 2..];
        }
        commands.push(words);
    }
    commands
}

#[test]
fn nothing_is_made_while_off() {
    let stream = Stream::new(2, 1 << 20, A);
    assert!(!stream.active());
    assert_eq!(write(&stream, 0, "X"), Ticket(0));
    assert_eq!((stream.end(), stream.append_control(PING)), (ReplOffset(0), None));
    assert!(stream.pin_at_end().is_none());
    let Resync::Full(reason) = ask(&stream, A, 1) else { panic!("there is nothing to go on with") };
    assert_eq!(reason, Reason::NoBacklog { asked: 1 });
}

#[test]
fn the_first_bytes_are_a_select_and_so_is_what_follows_a_cut() {
    let stream = started(2);
    write(&stream, 0, "X");
    write(&stream, 0, "Y");
    stream.append_control(PING);
    write(&stream, 3, "Z");
    assert_eq!(stream.selected_db(), Some(DbIndex(3)));
    let (cut, mut reader) = stream.pin_at_end().expect("it is open");
    assert_eq!((cut, stream.selected_db()), (stream.end(), None));
    write(&stream, 3, "V");
    assert_eq!(text(&stream, ReplOffset(0)), "SELECT 0, X, Y, PING, SELECT 3, Z, SELECT 3, V");
    assert_eq!(commands(&reader.take(999).expect("it goes on").concat()).len(), 2);
    stream.select_reset();
    let end = stream.end();
    write(&stream, 3, "W");
    assert_eq!(text(&stream, end), "SELECT 3, W");
}

// As a stock server streams it: MULTI, then the SELECT.
#[test]
fn a_units_select_stands_behind_its_multi() {
    let stream = started(1);
    let mut builder = EntryBuilder::new();
    for _ in 0..2 {
        builder.begin_unit();
        builder.effect(DbIndex(2), &[b"X"]);
        builder.effect(DbIndex(2), &[b"Y"]);
        builder.end_unit();
        stream.publish(SHARD, &mut builder);
    }
    stream.merge();
    let expected = "MULTI, SELECT 2, X, Y, EXEC, MULTI, X, Y, EXEC";
    assert_eq!(text(&stream, ReplOffset(0)), expected);
}

#[test]
fn large_entries_are_whole_behind_a_select() {
    let stream = started(1);
    let (_, mut reader) = stream.pin_at_end().expect("it is open");
    let value = "v".repeat(3 << 20);
    let mut builder = EntryBuilder::new();
    builder.begin_unit();
    builder.effect(DbIndex(1), &[b"SET", b"k", value.as_bytes()]);
    builder.effect(DbIndex(1), &[b"DEL", b"k"]);
    builder.end_unit();
    stream.publish(SHARD, &mut builder);
    stream.merge();
    let bytes = reader.take(usize::MAX).expect("it goes on").concat();
    let commands = commands(&bytes);
    let words: Vec<&str> = commands.iter().map(|words| words[0]).collect();
    assert_eq!(words, ["MULTI", "SELECT", "SET", "DEL", "EXEC"]);
    assert!(commands[2][2] == value);
}

#[test]
fn tickets_remember_their_offsets() {
    let stream = started(1);
    assert_eq!(stream.offset_after(Ticket(1)), None);
    let first = write(&stream, 0, "X");
    assert_eq!(stream.offset_after(first), Some(stream.end()));
    let end = stream.end();
    // An entry without effects takes its place and no bytes.
    let empty = stream.publish(SHARD, &mut EntryBuilder::new());
    assert_eq!(stream.offset_after(empty), None);
    stream.append_control(PING);
    assert_eq!(stream.offset_after(empty), Some(end));
    for _ in 0..TICKETS_REMEMBERED {
        write(&stream, 0, "Y");
    }
    assert_eq!(stream.offset_after(first), None);
    assert_eq!(stream.offset_after(stream.last_ticket()), Some(stream.end()));
}

#[test]
fn a_stopped_stream_keeps_its_offset_and_begins_anew_under_another_id() {
    let stream = started(1);
    let ticket = write(&stream, 0, "X");
    let end = stream.end();
    let (_, mut reader) = stream.pin_at_end().expect("it is open");
    stream.stop(B);
    assert_eq!((stream.end(), stream.history()), (end, History::new(B)));
    assert_eq!(reader.take(1), Err(HistoryEnded));
    assert_eq!(write(&stream, 0, "uncounted"), ticket);
    assert!(matches!(ask(&stream, A, end.0 + 1), Resync::Full(Reason::IdMismatch { .. })));
    assert!(matches!(ask(&stream, B, end.0 + 1), Resync::Full(Reason::NoBacklog { .. })));
    stream.start(C);
    assert_eq!(stream.offset_after(ticket), None, "of another history");
    write(&stream, 0, "Y");
    assert_eq!(text(&stream, end), "SELECT 0, Y");
    assert_eq!(stream.backlog_info().first_byte_offset, end.0 + 1);
}

#[test]
fn a_run_that_was_open_when_the_stream_stopped_is_dropped() {
    let stream = started(1);
    let mut builder = EntryBuilder::new();
    builder.effect(DbIndex(0), &[b"X"]);
    stream.stop(B);
    stream.publish(SHARD, &mut builder);
    assert!(builder.is_empty());
    stream.start(C);
    write(&stream, 0, "Y");
    assert_eq!(text(&stream, ReplOffset(0)), "SELECT 0, Y");
}

#[test]
fn a_replica_passes_its_masters_bytes_on_and_takes_over() {
    let stream = started(1);
    write(&stream, 0, "own");
    let mut writer = stream.take_writer().expect("the shards had it");
    assert!(stream.take_writer().is_none(), "there is one writer");
    assert_eq!(stream.mode(), Mode::Replica);
    let (_, mut old) = stream.pin_at_end().expect("it is open");
    stream.adopt(&mut writer, B, ReplOffset(1000));
    assert_eq!(old.take(1), Err(HistoryEnded));
    assert_eq!((stream.end(), stream.history()), (ReplOffset(1000), History::new(B)));

    // A writable replica's own effects go nowhere.
    write(&stream, 0, "local");
    writer.append_raw(b"*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n*1\r\n$1\r\nX\r\n");
    stream.note_selected(&writer, DbIndex(5));
    assert_eq!(stream.selected_db(), Some(DbIndex(5)));
    assert_eq!(text(&stream, ReplOffset(1000)), "SELECT 5, X");
    let switch = stream.end();
    let mut file = stream.reader_at(switch).expect("at the end");
    let (_, mut link) = stream.pin_at_end().expect("it is open");
    assert_eq!(stream.selected_db(), Some(DbIndex(5)), "no byte may be inserted on a replica");

    stream.promote(writer, C);
    assert!(stream.active());
    assert_eq!(stream.history(), History::new(B).shift(C, switch));
    assert_eq!(stream.history().second_offset(), switch.0 as i64 + 1);
    assert_eq!(link.take(1), Err(HistoryEnded));
    write(&stream, 5, "Y");
    assert_eq!(text(&stream, switch), "SELECT 5, Y");
    assert_eq!(commands(&file.take(999).expect("it reads on").concat()).len(), 2);
    let Resync::Partial { reader, id, id_changed } = ask(&stream, B, switch.0 + 1) else {
        panic!("who was at the switch continues");
    };
    assert_eq!((reader.position(), id, id_changed), (switch, C, true));
    assert!(matches!(ask(&stream, B, switch.0 + 2), Resync::Full(Reason::BeyondSecondId { .. })));
    assert!(matches!(ask(&stream, C, switch.0 + 2), Resync::Partial { id_changed: false, .. }));
}

#[test]
fn a_master_that_continues_under_another_id_is_followed() {
    let stream = started(1);
    write(&stream, 0, "X");
    let mut writer = stream.take_writer().expect("the shards had it");
    let (end, mut link) = stream.pin_at_end().expect("it is open");
    stream.switch_id(&mut writer, A);
    assert_eq!(stream.history(), History::new(A));
    assert!(link.take(1).is_ok());
    stream.switch_id(&mut writer, B);
    assert_eq!(stream.history(), History::new(A).shift(B, end));
    assert_eq!(link.take(1), Err(HistoryEnded));
    assert!(matches!(ask(&stream, A, end.0 + 1), Resync::Partial { id_changed: true, .. }));
}

#[test]
fn a_replica_that_never_received_anything_is_off_again() {
    let stream = Stream::new(1, 1 << 20, A);
    let writer = stream.take_writer().expect("it rested");
    stream.promote(writer, B);
    assert_eq!((stream.mode(), stream.history()), (Mode::Off, History::new(B)));
    stream.start(C);
    write(&stream, 0, "X");
    assert_eq!(text(&stream, ReplOffset(0)), "SELECT 0, X");
}

#[test]
fn a_restarted_master_lets_its_replicas_continue() {
    let stream = Stream::new(1, 1 << 20, B);
    stream.restore(A, ReplOffset(500), C);
    assert!(matches!(ask(&stream, A, 501), Resync::Partial { id_changed: true, .. }));
    assert!(matches!(ask(&stream, A, 500), Resync::Full(Reason::NoBacklog { .. })));
    stream.change_id(B);
    assert!(matches!(ask(&stream, A, 501), Resync::Full(Reason::IdMismatch { .. })));
    assert!(matches!(ask(&stream, C, 501), Resync::Full(Reason::IdMismatch { .. })));
}

#[test]
fn shards_with_links_are_known() {
    let stream = started(3);
    for shard in [2, 0, 2] {
        stream.link_added(ShardId(shard));
    }
    stream.link_removed(ShardId(0));
    stream.link_removed(ShardId(2));
    assert_eq!(stream.shards_with_links().collect::<Vec<_>>(), [ShardId(2)]);
}

/// One shard of the threaded test: publishes runs of numbered effects, and hands its run's number
/// to another shard, whose next run must then stand behind it.
struct Publisher {
    shard: u16,
    rng: fastrand::Rng,
    inbox: Receiver<Run>,
    peers: Vec<Sender<Run>>,
    /// Pairs of runs of which the first was known of before the second began.
    known_before: Vec<(Run, Run)>,
}

/// A run by its shard and number.
type Run = (u16, u64);

impl Publisher {
    fn work(mut self, stream: &Stream, runs: u64) -> Vec<(Run, Run)> {
        let mut builder = EntryBuilder::new();
        let (mut effects, mut units) = (0, 0);
        for number in 0..runs {
            let run = (self.shard, number);
            self.known_before.extend(self.inbox.try_iter().map(|before| (before, run)));
            for _ in 0..self.rng.u32(1..4) {
                let size = self.rng.u32(1..4);
                builder.begin_unit();
                for _ in 0..size {
                    let db = self.rng.u16(0..3);
                    let words = [self.shard.into(), number, effects, units, size.into(), db.into()]
                        .map(|number: u64| number.to_string());
                    let args = words.each_ref().map(|word| word.as_bytes());
                    builder.effect(DbIndex(db), &args);
                    effects += 1;
                }
                builder.end_unit();
                units += 1;
            }
            stream.publish(ShardId(self.shard), &mut builder);
            let peer = self.rng.usize(0..self.peers.len());
            // A peer that has finished hears no more.
            let _ = self.peers[peer].send(run);
            stream.merge();
        }
        self.known_before
    }
}

/// Replays a stream written by publishers and checks M1, M3 and the selected database. Returns the
/// runs in their order.
fn replay(bytes: &[u8], shards: u16, context: &str) -> Vec<Run> {
    let mut selected = None;
    let mut next_effect = vec![0; usize::from(shards)];
    // The open unit: (shard, unit, effects seen, effects in all), and whether MULTI opened it.
    let mut unit: Option<(u64, u64, u64, u64)> = None;
    let mut in_multi = false;
    let mut runs: Vec<Run> = Vec::new();
    for words in commands(bytes) {
        match words[..] {
            ["PING"] => assert!(!in_multi, "{context}: a control inside a unit"),
            ["SELECT", db] => selected = Some(db.to_string()),
            ["MULTI"] => {
                assert!(!in_multi && unit.is_none(), "{context}");
                in_multi = true;
            }
            ["EXEC"] => {
                assert!(in_multi && unit.is_none(), "{context}: EXEC in a unit's middle");
                in_multi = false;
            }
            [_, _, _, _, _, db] => {
                assert_eq!(selected.as_deref(), Some(db), "{context}: the wrong database");
                let [shard, run, effect, number, size, _]: [u64; 6] =
                    std::array::from_fn(|at| words[at].parse().expect("a number"));
                assert_eq!(effect, next_effect[shard as usize], "{context}: M1 of shard {shard}");
                next_effect[shard as usize] += 1;
                assert_eq!(in_multi, size > 1, "{context}: MULTI around several effects only");
                let (of, open, seen, all) = unit.take().unwrap_or((shard, number, 0, size));
                assert_eq!((of, open), (shard, number), "{context}: M3");
                unit = (seen + 1 < all).then_some((of, open, seen + 1, all));
                if runs.last() != Some(&(shard as u16, run)) {
                    runs.push((shard as u16, run));
                }
            }
            _ => panic!("{context}: {words:?}"),
        }
    }
    assert!(!in_multi && unit.is_none(), "{context}: an open end");
    runs
}

fn check_threads(seed: u64, shards: u16, runs: u64) {
    let context = format!("seed {seed}, {shards} shards");
    let stream = Stream::new(shards, 64 * 1024, ReplId::ZERO);
    stream.start(A);
    let (_, mut reader) = stream.pin_at_end().expect("it is open");
    let (peers, inboxes): (Vec<_>, Vec<_>) = (0..shards).map(|_| channel()).unzip();
    let finished = AtomicUsize::new(0);
    let mut bytes = Vec::new();
    let mut cuts = Vec::new();
    let known_before: Vec<(Run, Run)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..shards)
            .zip(inboxes)
            .map(|(shard, inbox)| {
                let rng = fastrand::Rng::with_seed(seed * 1000 + u64::from(shard));
                let (peers, known_before) = (peers.clone(), Vec::new());
                let publisher = Publisher { shard, rng, inbox, peers, known_before };
                let (stream, finished) = (&stream, &finished);
                scope.spawn(move || {
                    let known_before = publisher.work(stream, runs);
                    finished.fetch_add(1, Ordering::SeqCst);
                    known_before
                })
            })
            .collect();
        let mut rng = fastrand::Rng::with_seed(seed);
        loop {
            let last = finished.load(Ordering::SeqCst) == usize::from(shards);
            for part in reader.take(rng.usize(1..100_000)).expect("the history goes on") {
                bytes.extend_from_slice(&part);
            }
            if stream.needs_merge() {
                stream.merge();
            } else if last && reader.lag() == 0 {
                break;
            }
            match rng.u8(0..40) {
                0 => drop(stream.append_control(PING)),
                1 => cuts.push(stream.pin_at_end().expect("it is open").0.0 as usize),
                _ => {}
            }
        }
        threads.into_iter().flat_map(|thread| thread.join().expect("no publisher fails")).collect()
    });
    assert_eq!(stream.merged_through(), stream.last_ticket(), "{context}: an entry was lost");
    assert_eq!(stream.last_ticket(), Ticket(u64::from(shards) * runs), "{context}");
    assert_eq!(bytes.len() as u64, stream.end().0, "{context}");

    let order = replay(&bytes, shards, &context);
    assert_eq!(order.len() as u64, u64::from(shards) * runs, "{context}: runs torn or missing");
    let place: std::collections::HashMap<Run, usize> = order.into_iter().zip(0..).collect();
    for (before, after) in &known_before {
        assert!(place[before] < place[after], "{context}: M2 of {before:?} and {after:?}");
    }
    assert!(shards == 1 || !known_before.is_empty(), "{context}: nothing was handed over");
    for cut in cuts {
        // What follows a cut can be understood without what stands before it.
        let behind = first_commands(&bytes[cut..], 20);
        let mut effects = behind.iter().filter(|words| words[0] != "PING" && words[0] != "MULTI");
        assert!(effects.next().is_none_or(|words| words[0] == "SELECT"), "{context}: cut {cut}");
    }
}

#[test]
fn threads_keep_order_atomicity_and_real_time() {
    for (seed, shards) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 8), (6, 2), (7, 4)] {
        check_threads(seed, shards, 2000);
    }
}
