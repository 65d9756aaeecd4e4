//! Writing and reading RDB files of strings in memory.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tributary::base::ids::DbIndex;
use tributary::rdb::decode::{DecodeOptions, Decoder, Step};
use tributary::rdb::encode::{EncodeOptions, Encoder};
use tributary::rdb::record::{KeyMeta, StringRef, ValueRef};

/// Keys of a file.
const KEYS: usize = 5000;
/// Bytes handed to the decoder at once, as a file or a link is read.
const PART_BYTES: usize = 64 * 1024;

/// Keys with their values.
type Data = Vec<(String, Vec<u8>)>;

/// Keys whose values are made by `value` from the key's number.
fn data(value: impl Fn(usize, &mut fastrand::Rng) -> Vec<u8>) -> Data {
    let mut rng = fastrand::Rng::with_seed(1);
    (0..KEYS).map(|index| (format!("key:{index:012}"), value(index, &mut rng))).collect()
}

fn encode(data: &Data, options: EncodeOptions, file: &mut Vec<u8>) {
    let mut encoder = Encoder::new(options);
    let mut part = Vec::new();
    file.clear();
    encoder.header();
    encoder.select_db(DbIndex(0));
    for (key, value) in data {
        let value = ValueRef::String(StringRef::Bytes(value));
        encoder.key(key.as_bytes(), &KeyMeta::default(), value);
        if encoder.pending() >= PART_BYTES {
            encoder.take_into(&mut part);
            file.extend_from_slice(&part);
        }
    }
    encoder.end();
    encoder.take_into(&mut part);
    file.extend_from_slice(&part);
}

fn decode(file: &[u8]) -> usize {
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut records = 0;
    for mut input in file.chunks(PART_BYTES) {
        loop {
            match decoder.next(&mut input).expect("a valid file") {
                Step::Record(record) => {
                    black_box(record);
                    records += 1;
                }
                Step::Incomplete => break,
                Step::End => return records,
            }
        }
    }
    panic!("the file has an end")
}

fn strings(c: &mut Criterion) {
    let noise = |_, rng: &mut fastrand::Rng| (0..64).map(|_| rng.u8(128..)).collect();
    let words =
        |index, _: &mut fastrand::Rng| format!("user {index} likes tea. ").repeat(40).into();
    let numbers = |index: usize, _: &mut fastrand::Rng| (index * 7919).to_string().into_bytes();
    let (plain, packed) =
        (EncodeOptions { compress: false, ..EncodeOptions::default() }, EncodeOptions::default());
    let inputs = [
        ("64 B", data(noise), plain),
        ("64 B, compression tried", data(noise), packed),
        ("1 KiB text", data(words), plain),
        ("1 KiB text, compressed", data(words), packed),
        ("numbers", data(numbers), packed),
    ];
    for (name, data, options) in inputs {
        let mut file = Vec::new();
        encode(&data, options, &mut file);
        assert_eq!(decode(&file), KEYS + 1, "the keys and their database");
        let mut group = c.benchmark_group(format!("rdb {name}"));
        group.throughput(Throughput::Elements(KEYS as u64));
        group.bench_function("decode", |b| b.iter(|| decode(black_box(&file))));
        group.bench_function("encode", |b| {
            b.iter(|| encode(black_box(&data), options, &mut file));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = strings
}
criterion_main!(benches);
