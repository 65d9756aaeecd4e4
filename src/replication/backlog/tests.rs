//! The backlog against a model whose byte at each offset follows from the offset.

use super::*;
use crate::replication::retained::{SEGMENT_BYTES_MIN, SIZE_MIN};

/// The byte behind offset `offset`.
fn byte_at(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

fn pattern(from: u64, len: u64) -> Vec<u8> {
    (from..from + len).map(byte_at).collect()
}

fn open(size: u64, offset: u64) -> (Arc<Backlog>, BacklogWriter) {
    let (backlog, mut writer) = Backlog::new(size);
    writer.restart(ReplOffset(offset));
    (backlog, writer)
}

fn append(writer: &mut BacklogWriter, len: u64) {
    let end = writer.end().0;
    let bytes = pattern(end, len);
    if len.is_multiple_of(2) {
        writer.append_raw(&bytes);
    } else {
        writer.append_shared(Bytes::from(bytes));
    }
    assert_eq!(writer.end().0, end + len);
}

/// Takes and compares; returns how many bytes there were.
fn take(reader: &mut BacklogReader, max: usize, context: &str) -> usize {
    let from = reader.position().0;
    let taken = reader.take(max).expect("the history goes on");
    let bytes: Vec<u8> = taken.concat();
    assert!(bytes.len() <= max && taken.iter().all(|part| !part.is_empty()), "{context}");
    assert!(bytes == pattern(from, bytes.len() as u64), "{context}: wrong bytes behind {from}");
    assert_eq!(reader.position().0, from + bytes.len() as u64, "{context}");
    bytes.len()
}

#[test]
fn numbers_for_info_are_those_of_a_stock_server() {
    let (backlog, mut writer) = Backlog::new(1 << 20);
    let info = backlog.info();
    assert_eq!((info.active, info.first_byte_offset, info.histlen), (false, 0, 0));
    writer.restart(ReplOffset(0));
    let info = backlog.info();
    assert_eq!((info.active, info.first_byte_offset, info.histlen), (true, 1, 0));
    append(&mut writer, 50);
    let info = backlog.info();
    assert_eq!((info.first_byte_offset, info.histlen, info.size), (1, 50, 1 << 20));
    writer.close();
    assert_eq!((backlog.end(), backlog.range()), (ReplOffset(50), None));
}

/// Around every bound; the last one is kept as it is instead of being copied.
const LENGTHS: [u64; 10] = [1, 2, 7, 99, 100, 101, 4096, 16_384, 20_000, 262_145];

#[test]
fn readers_see_every_byte_under_trimming_and_resizing() {
    for seed in 0..30 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let context = format!("seed {seed}");
        let mut size = rng.u64(1..200_000);
        let (backlog, mut writer) = open(size, rng.u64(0..1000));
        let start = backlog.end().0;
        let mut readers: Vec<BacklogReader> = Vec::new();
        for _ in 0..300 {
            match rng.u8(0..10) {
                0..5 => append(&mut writer, LENGTHS[rng.usize(0..LENGTHS.len())]),
                5 if !readers.is_empty() => {
                    let copy = rng.choice(&readers).expect("there are readers").clone();
                    readers.push(copy);
                }
                6 => {
                    let range = backlog.range().expect("it is open");
                    let from = rng.u64(range.start.0.saturating_sub(9)..=range.end.0 + 9);
                    let kept = range.start.0 <= from && from <= range.end.0;
                    match backlog.reader_at(ReplOffset(from), Follows::Id) {
                        Ok(reader) => readers.push(reader),
                        Err(OutOfRange) => assert!(!kept, "{context}"),
                    }
                }
                7 if !readers.is_empty() => drop(readers.swap_remove(rng.usize(0..readers.len()))),
                8 => {
                    size = rng.u64(1..200_000);
                    backlog.resize(size);
                }
                _ => {
                    if let Some(reader) = rng.choice(&mut readers) {
                        let max = rng.usize(0..60_000);
                        let lag = reader.lag();
                        let taken = take(reader, max, &context);
                        assert_eq!(taken as u64, lag.min(max as u64), "{context}");
                    }
                }
            }
            let info = backlog.info();
            assert_eq!(info.size, size.max(SIZE_MIN));
            assert!(info.histlen <= info.size && info.histlen <= backlog.end().0 - start);
            assert_eq!(info.first_byte_offset + info.histlen, backlog.end().0 + 1);
            let slowest = readers.iter().map(|reader| reader.position().0).min();
            let range = backlog.range().expect("it is open");
            assert!(slowest.is_none_or(|slowest| range.start.0 <= slowest), "{context}");
            assert_eq!(backlog.connected_readers(), readers.len(), "{context}");
        }
        for mut reader in readers {
            while take(&mut reader, 50_000, &context) > 0 {}
            assert_eq!(reader.position(), backlog.end());
        }
        assert_eq!(backlog.connected_readers(), 0);
    }
}

#[test]
fn small_appends_cost_little_memory() {
    for size in [1 << 20, 16 << 20] {
        let (backlog, mut writer) = open(size, 0);
        let mut reader = backlog.reader_at(ReplOffset(0), Follows::Id).expect("at the end");
        for _ in 0..3 * size / 100 {
            append(&mut writer, 100);
            // A reader that is always at the end does not cut the stream into tiny segments.
            assert_eq!(take(&mut reader, 1 << 20, "at the end"), 100);
        }
        let memory = backlog.info().memory;
        assert!(memory < size + size / 5, "{memory} bytes for a backlog of {size}");
    }
}

#[test]
fn what_a_slow_reader_holds_is_freed_when_it_goes() {
    let (backlog, mut writer) = open(16 * 1024, 0);
    let slow = backlog.reader_at(ReplOffset(0), Follows::Id).expect("at the end");
    let mut copy = slow.clone();
    for _ in 0..100 {
        append(&mut writer, 10_000);
    }
    let info = backlog.info();
    assert_eq!((info.histlen, info.beyond_size), (16 * 1024, 1_000_000 - 16 * 1024));
    drop(slow);
    assert_eq!(backlog.range().map(|range| range.start), Some(ReplOffset(0)));
    while take(&mut copy, 100_000, "copy") > 0 {}
    let beyond = backlog.info().beyond_size;
    assert!(beyond <= SEGMENT_BYTES_MIN as u64, "{beyond} bytes are kept for nobody");
}

#[test]
fn readers_of_an_ended_history_are_told_and_hold_nothing() {
    let (backlog, mut writer) = open(16 * 1024, 0);
    let mut link = backlog.reader_at(ReplOffset(0), Follows::Id).expect("at the end");
    let mut file = backlog.reader_at(ReplOffset(0), Follows::Bytes).expect("at the end");
    append(&mut writer, 10);
    writer.end_id();
    assert_eq!(link.take(100), Err(HistoryEnded));
    assert_eq!(take(&mut file, 100, "file"), 10);
    assert!(link.is_ready() && !file.is_ready());
    let mut copy = link.clone();
    assert_eq!(backlog.connected_readers(), 1);
    // The freed place is used again; the ended readers must not disturb who has it now.
    let mut next = backlog.reader_at(ReplOffset(10), Follows::Id).expect("at the end");
    assert_eq!(copy.take(100), Err(HistoryEnded));
    drop((link, copy));
    assert_eq!(backlog.connected_readers(), 2);

    // The same offset in another history, which the end alone would not tell apart.
    writer.restart(ReplOffset(10));
    assert_eq!(file.take(100), Err(HistoryEnded));
    assert_eq!(next.take(100), Err(HistoryEnded));
    assert_eq!(backlog.connected_readers(), 0);
}

#[test]
#[should_panic(expected = "closed backlog")]
fn nothing_is_appended_to_a_closed_backlog() {
    let (_, mut writer) = Backlog::new(1 << 20);
    writer.append_raw(b"lost");
}
