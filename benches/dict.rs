//! The keyspace of one shard with all slots: 16-byte keys, 64-byte values, with the allocator of
//! the server. Keys are met in a random order, so that the larger size measures the memory behind
//! the caches.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use tributary::base::ids::{DbIndex, ShardId};
use tributary::keyspace::gauges::Gauges;
use tributary::keyspace::handle::EntryRef;
use tributary::keyspace::key::Key;
use tributary::keyspace::keyspace::Keyspace;
use tributary::keyspace::scan::Cursor;
use tributary::keyspace::value::Value;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const DB: DbIndex = DbIndex(0);
const SIZES: [(&str, usize); 2] = [("100k", 100_000), ("1M", 1_000_000)];
/// Keys of one iteration: as many as `warm` looks at, and a usual pipeline.
const BATCH: usize = 16;
/// Keys added by one iteration of `insert`, which makes its keyspace anew.
const INSERTED: usize = 20_000;

fn name(index: usize) -> [u8; 16] {
    let mut name = *b"key:000000000000";
    let mut rest = index;
    for digit in name[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

fn empty() -> Keyspace {
    Keyspace::new(ShardId(0), 0..=16383, Arc::new(Gauges::new(16)), 1)
}

fn fill(keyspace: &mut Keyspace, keys: std::ops::Range<usize>) {
    for index in keys {
        keyspace.insert(DB, &Key::new(&name(index)), Value::text(&[b'v'; 64]), None);
    }
}

/// Names of keys that are there, in a random order, the same in every run.
struct Names {
    names: Vec<[u8; 16]>,
    at: usize,
}

impl Names {
    fn new(size: usize) -> Names {
        let mut names: Vec<[u8; 16]> = (0..size).map(name).collect();
        fastrand::Rng::with_seed(1).shuffle(&mut names);
        names.truncate(size - size % BATCH);
        Names { names, at: 0 }
    }

    fn next(&mut self) -> &[[u8; 16]] {
        let at = self.at;
        self.at = (at + BATCH) % self.names.len();
        &self.names[at..at + BATCH]
    }

    /// The same, hashed.
    fn next_keys(&mut self) -> [Key<'_>; BATCH] {
        let names = self.next();
        std::array::from_fn(|index| Key::new(&names[index]))
    }
}

fn find_all(keyspace: &Keyspace, keys: &[Key<'_>]) {
    for key in keys {
        assert!(keyspace.find(DB, black_box(key), 1).is_some(), "every key is there");
    }
}

fn standing(c: &mut Criterion) {
    for (label, size) in SIZES {
        let mut keyspace = empty();
        fill(&mut keyspace, 0..size);
        let mut names = Names::new(size);
        let mut group = c.benchmark_group(format!("dict {label}"));
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function("find", |b| {
            b.iter(|| find_all(&keyspace, &names.next_keys()));
        });
        group.bench_function("warm and find", |b| {
            b.iter(|| {
                let keys = names.next_keys();
                keyspace.warm(DB, keys.iter().map(|key| (key.slot, key.hash)));
                find_all(&keyspace, &keys);
            });
        });
        group.bench_function("find none", |b| {
            b.iter(|| {
                for present in names.next() {
                    let mut absent = *present;
                    absent[0] = b'n';
                    assert!(keyspace.find(DB, &Key::new(black_box(&absent)), 1).is_none());
                }
            });
        });
        group.bench_function("overwrite", |b| {
            b.iter(|| {
                for key in names.next_keys() {
                    keyspace.insert(DB, &key, Value::text(black_box(&[b'w'; 64])), None);
                }
            });
        });
        scans(&mut group, &keyspace);
        // Last, since it moves entries about in memory.
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function("remove and insert", |b| {
            b.iter(|| {
                for key in names.next_keys() {
                    assert!(keyspace.remove(DB, &key).is_some(), "every key is there");
                    keyspace.insert(DB, &key, Value::text(black_box(&[b'x'; 64])), None);
                }
            });
        });
        group.finish();
    }
}

fn scans(group: &mut BenchmarkGroup<'_, WallTime>, keyspace: &Keyspace) {
    for count in [10, 1000] {
        let mut cursor = Cursor(0);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("scan {count}"), |b| {
            b.iter(|| {
                let mut bytes = 0;
                let visit = &mut |entry: EntryRef<'_>| {
                    bytes += entry.key().len();
                };
                cursor = keyspace.scan(DB, cursor, count, visit);
                bytes
            });
        });
    }
}

fn growing(c: &mut Criterion) {
    let mut group = c.benchmark_group("dict");
    group.throughput(Throughput::Elements(INSERTED as u64));
    for (label, size) in [("insert into empty", 0), ("insert into 100k", 100_000)] {
        let made = || {
            let mut keyspace = empty();
            fill(&mut keyspace, 0..size);
            keyspace
        };
        group.bench_function(label, |b| {
            b.iter_batched(
                made,
                |mut keyspace| {
                    fill(&mut keyspace, size..size + INSERTED);
                    keyspace
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = standing, growing
}
criterion_main!(benches);
