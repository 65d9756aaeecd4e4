//! From a run's effects to the backlog: building, publishing and merging, the shards taking turns
//! on one core. What several cores cost each other is not measured here.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tributary::base::ids::{DbIndex, ReplId, ShardId};
use tributary::replication::entry::EntryBuilder;
use tributary::replication::stream::Stream;

const ID: ReplId = ReplId([b'a'; 40]);
/// Bytes: the default of `repl-backlog-size`.
const BACKLOG_BYTES: u64 = 1 << 20;
const SHARDS: [u16; 3] = [1, 2, 4];
const EFFECTS: [usize; 2] = [1, 16];
const SET: [&[u8]; 3] = [b"SET", b"key:000000000001", &[b'v'; 64]];

fn started(shards: u16) -> Arc<Stream> {
    let stream = Stream::new(shards, BACKLOG_BYTES, ReplId::ZERO);
    stream.start(ID);
    stream
}

/// One run of a shard, up to its ticket.
fn run(stream: &Stream, shard: u16, builder: &mut EntryBuilder, effects: usize) {
    for _ in 0..effects {
        builder.effect(DbIndex(0), black_box(&SET));
    }
    stream.publish(ShardId(shard), builder);
}

/// Every run is merged at once: nobody else was busy.
fn merge_each_run(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge each run");
    for shards in SHARDS {
        for effects in EFFECTS {
            let stream = started(shards);
            let mut builders: Vec<_> = (0..shards).map(|_| EntryBuilder::new()).collect();
            group.throughput(Throughput::Elements(u64::from(shards) * effects as u64));
            group.bench_function(format!("{shards} shards, {effects} effects"), |b| {
                b.iter(|| {
                    for (shard, builder) in (0..).zip(&mut builders) {
                        run(&stream, shard, builder, effects);
                        black_box(stream.merge());
                    }
                });
            });
            assert_eq!(stream.merged_through(), stream.last_ticket());
        }
    }
    group.finish();
}

/// One core merges what sixteen rounds of all shards left.
fn merge_many_runs(c: &mut Criterion) {
    const ROUNDS: usize = 16;
    let mut group = c.benchmark_group("merge after 16 rounds");
    for shards in SHARDS {
        let stream = started(shards);
        let mut builders: Vec<_> = (0..shards).map(|_| EntryBuilder::new()).collect();
        group.throughput(Throughput::Elements(u64::from(shards) * ROUNDS as u64));
        group.bench_function(format!("{shards} shards, 1 effect"), |b| {
            b.iter(|| {
                for _ in 0..ROUNDS {
                    for (shard, builder) in (0..).zip(&mut builders) {
                        run(&stream, shard, builder, 1);
                    }
                }
                black_box(stream.merge())
            });
        });
        assert_eq!(stream.merged_through(), stream.last_ticket());
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = merge_each_run, merge_many_runs
}
criterion_main!(benches);
