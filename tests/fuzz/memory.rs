//! What bytes can make the server allocate: in proportion to how many there are, whatever lengths
//! they declare.

use std::hint::black_box;

use fastrand::Rng;
use tributary::rdb::decode::{DecodeOptions, Decoder, Step};
use tributary::rdb::dump;
use tributary::resp::parser::{self, Limits, RequestParser};
use tributary::resp::value::ValueParser;

use crate::counting::peak_bytes;
use crate::inputs;
use crate::seed::Seed;

/// What is allocated beside what the input pays for: 16 KiB, for tables and reservations.
const CONSTANT_BYTES: usize = 16 * 1024;

/// Runs `read` on broken inputs; it may hold `factor` times the input and the constant.
fn check(cases: usize, factor: usize, valid: fn(&mut Rng) -> Vec<u8>, read: fn(&[u8])) {
    let mut seed = Seed::new();
    for case in 0..cases {
        let rng = seed.rng();
        let valid = valid(rng);
        let input = inputs::mutate(rng, valid);
        let ((), peak) = peak_bytes(|| read(&input));
        let bound = factor * input.len() + CONSTANT_BYTES;
        assert!(
            peak <= bound,
            "{peak} bytes for {} of input, more than {bound}, in case {case} of seed {}: b\"{}\"",
            input.len(),
            seed.value(),
            input.escape_ascii()
        );
    }
}

/// Reads a file in parts, up to its end or to what is wrong with it.
fn read_file(input: &[u8]) {
    let options = DecodeOptions { checksum: false, ..DecodeOptions::default() };
    let mut decoder = Decoder::new(options);
    for mut part in input.chunks(100) {
        loop {
            match decoder.next(&mut part) {
                Ok(Step::Record(record)) => drop(black_box(record)),
                Ok(Step::Incomplete) => break,
                Ok(Step::End) | Err(_) => return,
            }
        }
    }
}

/// Three bytes of a compressed string may stand for 264, and the compressed form is held as well.
#[test]
fn rdb_files_take_memory_by_their_size() {
    check(10_000, 100, inputs::rdb_file, read_file);
}

#[test]
fn dump_payloads_take_memory_by_their_size() {
    check(10_000, 100, inputs::payload, |input| {
        drop(black_box(dump::decode(input, &DecodeOptions::default())));
    });
}

/// The same behind right footers: the values themselves.
#[test]
fn values_of_all_types_take_memory_by_their_size() {
    check(40_000, 100, inputs::sealed, |input| {
        drop(black_box(dump::decode(input, &DecodeOptions::default())));
    });
}

#[test]
fn rdb_files_of_all_types_take_memory_by_their_size() {
    check(10_000, 100, inputs::rdb_file_of_all_types, read_file);
}

/// A span of eight bytes for an argument of at least four, in a vector that doubles.
#[test]
fn requests_take_memory_by_their_size() {
    check(10_000, 6, inputs::pipeline, |input| {
        let (mut parser, mut at) = (RequestParser::new(), 0);
        while let Ok(parser::Step::Command { consumed }) =
            parser.step(&input[at..], &Limits::default())
        {
            at += consumed;
        }
    });
}

/// A value of some forty bytes for three (`_\r\n`), in vectors that double. What headers reserve on
/// their word alone, 1 KiB each, the constant pays: few are broken in one input.
#[test]
fn replies_take_memory_by_their_size() {
    check(10_000, 40, inputs::replies, |input| {
        let (mut parser, mut at) = (ValueParser::new(1 << 20), 0);
        while let Ok(Some((value, consumed))) = parser.step(&input[at..]) {
            drop(black_box(value));
            at += consumed;
        }
    });
}

/// The counting itself: what was held, not what went through.
#[test]
fn peaks_are_counted() {
    let ((), peak) = peak_bytes(|| {
        for _ in 0..3 {
            drop(black_box(vec![0_u8; 1000]));
        }
    });
    assert_eq!(peak, 1000);
}
