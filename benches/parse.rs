//! The request parser alone: single requests, pipelines, and requests that arrive torn.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tributary::resp::encode;
use tributary::resp::parser::{Limits, RequestParser, Step};

/// Requests of a pipeline, as many as stock benchmarks send at most by habit.
const PIPELINE: usize = 64;

fn set(index: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let key = format!("key:{index:012}");
    encode::command(&mut out, &[b"SET", key.as_bytes(), &[b'v'; 64]]);
    out
}

fn get(index: usize) -> Vec<u8> {
    let mut out = Vec::new();
    encode::command(&mut out, &[b"GET", format!("key:{index:012}").as_bytes()]);
    out
}

/// Parses all requests of `buf`, as a connection does: each from its first byte on. How many.
fn parse_all(parser: &mut RequestParser, buf: &[u8], limits: &Limits) -> usize {
    let (mut at, mut requests) = (0, 0);
    while at < buf.len() {
        match parser.step(black_box(&buf[at..]), limits) {
            Ok(Step::Command { consumed }) => {
                black_box(parser.args(&buf[at..]).get(0));
                at += consumed;
                requests += 1;
            }
            other => panic!("the requests are whole: {other:?}"),
        }
    }
    requests
}

/// The same request in pieces of `piece` bytes, each call with all bytes so far.
fn parse_torn(parser: &mut RequestParser, request: &[u8], piece: usize) {
    let limits = Limits::default();
    let mut end = piece;
    loop {
        let step = parser.step(black_box(&request[..end.min(request.len())]), &limits);
        match step.expect("a valid request") {
            Step::Command { .. } => return,
            Step::Incomplete | Step::NeedBulk { .. } => end += piece,
        }
    }
}

fn whole(c: &mut Criterion) {
    let limits = Limits::default();
    let inputs = [
        ("get", get(1)),
        ("set", set(1)),
        ("typed line", b"SET key:000000000001 value\r\n".to_vec()),
        ("get x64", (0..PIPELINE).flat_map(get).collect()),
        ("set x64", (0..PIPELINE).flat_map(set).collect()),
    ];
    let mut group = c.benchmark_group("parse");
    for (name, input) in inputs {
        let mut parser = RequestParser::new();
        let requests = parse_all(&mut parser, &input, &limits);
        group.throughput(Throughput::Elements(requests as u64));
        group.bench_function(name, |b| b.iter(|| parse_all(&mut parser, &input, &limits)));
    }
    group.finish();
}

fn torn(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse torn");
    let mut mset = Vec::new();
    let words: Vec<String> = (0..200).map(|index| format!("word:{index:08}")).collect();
    let mut args: Vec<&[u8]> = vec![b"MSET"];
    args.extend(words.iter().map(|word| word.as_bytes()));
    encode::command(&mut mset, &args);
    for (name, request, piece) in
        [("set in two", set(1), 60), ("set byte by byte", set(1), 1), ("mset by 100", mset, 100)]
    {
        let mut parser = RequestParser::new();
        group.throughput(Throughput::Bytes(request.len() as u64));
        group.bench_function(name, |b| b.iter(|| parse_torn(&mut parser, &request, piece)));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = whole, torn
}
criterion_main!(benches);
