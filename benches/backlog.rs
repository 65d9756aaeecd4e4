//! The backlog: appending as the link from a master does, and what readers cost.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tributary::base::ids::{ReplId, ReplOffset};
use tributary::replication::backlog::{BacklogReader, BacklogWriter};
use tributary::replication::stream::Stream;

const ID: ReplId = ReplId([b'a'; 40]);
/// Bytes: the default of `repl-backlog-size`.
const BACKLOG_BYTES: u64 = 1 << 20;
/// Enough to be kept as it is instead of being copied.
const SHARED_BYTES: usize = 1 << 20;
/// What a link takes at once.
const TAKEN_MAX: usize = 256 * 1024;

/// An open, empty backlog at offset 0.
fn opened() -> (Arc<Stream>, BacklogWriter) {
    let stream = Stream::new(1, BACKLOG_BYTES, ReplId::ZERO);
    let mut writer = stream.take_writer().expect("nobody else has it");
    stream.adopt(&mut writer, ID, ReplOffset(0));
    (stream, writer)
}

fn take_all(reader: &mut BacklogReader) -> usize {
    let mut bytes = 0;
    while reader.is_ready() {
        let taken = reader.take(TAKEN_MAX).expect("the history goes on");
        bytes += taken.iter().map(Bytes::len).sum::<usize>();
    }
    bytes
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("backlog append");
    for len in [100, 4096, 65_536] {
        let data = vec![b'x'; len];
        group.throughput(Throughput::Bytes(len as u64));
        let (_stream, mut writer) = opened();
        group.bench_function(format!("copy {len} B"), |b| {
            b.iter(|| writer.append_raw(black_box(&data)));
        });
    }
    // Smaller ones are copied by either call.
    let shared = Bytes::from(vec![b'x'; SHARED_BYTES]);
    let (_stream, mut writer) = opened();
    group.throughput(Throughput::Elements(1));
    group.bench_function("share 1 MiB", |b| {
        b.iter(|| writer.append_shared(black_box(shared.clone())));
    });
    group.finish();
}

/// 16 KiB in effects of 128 bytes, then every reader takes it.
fn append_and_take(c: &mut Criterion) {
    const EFFECT_BYTES: usize = 128;
    const EFFECTS: usize = 128;
    let mut group = c.benchmark_group("backlog append 16 KiB and take");
    group.throughput(Throughput::Bytes((EFFECT_BYTES * EFFECTS) as u64));
    for readers in [0, 1, 4, 16] {
        let (stream, mut writer) = opened();
        let at_end = |_| stream.reader_at(stream.end()).expect("the end is kept");
        let mut readers: Vec<BacklogReader> = (0..readers).map(at_end).collect();
        group.bench_function(format!("{} readers", readers.len()), |b| {
            b.iter(|| {
                for _ in 0..EFFECTS {
                    writer.append_raw(black_box(&[b'x'; EFFECT_BYTES]));
                }
                readers.iter_mut().map(take_all).sum::<usize>()
            });
        });
    }
    group.finish();
}

/// A replica that comes back takes all that is kept: references, no byte is copied.
fn take_everything(c: &mut Criterion) {
    let (stream, mut writer) = opened();
    for _ in 0..BACKLOG_BYTES / 100 {
        writer.append_raw(&[b'x'; 100]);
    }
    let from = ReplOffset(stream.backlog_info().first_byte_offset - 1);
    c.bench_function("backlog take 1 MiB from the start", |b| {
        b.iter(|| take_all(&mut stream.reader_at(from).expect("it is kept")));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = append, append_and_take, take_everything
}
criterion_main!(benches);
