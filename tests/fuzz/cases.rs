//! Each body with its inputs: a third random bytes, the rest valid inputs broken by `mutate`.

use std::thread;

use fastrand::Rng;
use tributary::base::lzf::fuzz_lzf;
use tributary::rdb::decode::{DecodeOptions, fuzz_decode};
use tributary::rdb::dump::{self, fuzz_dump};
use tributary::resp::parser::fuzz_parser;
use tributary::resp::value::fuzz_value;

use crate::bodies;
use crate::inputs;
use crate::seed::Seed;
use crate::values;

/// Shows the input that a body failed on.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed on b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn run(cases: usize, valid: fn(&mut Rng) -> Vec<u8>, body: fn(&[u8])) {
    let mut seed = Seed::new();
    for case in 0..cases {
        let rng = seed.rng();
        let input = match case % 3 {
            0 => inputs::random(rng, 200),
            _ => {
                let valid = valid(rng);
                inputs::mutate(rng, valid)
            }
        };
        let shown = Shown(&input);
        body(&input);
        drop(shown);
    }
}

#[test]
fn requests() {
    run(6000, inputs::pipeline, fuzz_parser);
}

#[test]
fn values_of_replies() {
    run(100_000, inputs::replies, fuzz_value);
}

#[test]
fn rdb_files() {
    run(40_000, inputs::rdb_file, fuzz_decode);
}

#[test]
fn rdb_files_of_all_types() {
    run(40_000, inputs::rdb_file_of_all_types, fuzz_decode);
}

/// The forms that the inputs are broken copies of are read themselves.
#[test]
fn every_form_is_read_whole_and_refused_when_cut() {
    let (mut seed, options) = (Seed::new(), DecodeOptions::default());
    for _ in 0..200 {
        for value in values::each_form(seed.rng()) {
            let shown = Shown(&value);
            let version = if value[0] == 22 { 80 } else { 11 };
            let outcome = dump::decode(&inputs::seal(value.clone(), version), &options);
            let expiring = matches!(value[0], 22 | 24);
            assert!(expiring || outcome.is_ok(), "{outcome:?}");
            for end in 0..value.len() {
                let cut = inputs::seal(value[..end].to_vec(), version);
                assert!(dump::decode(&cut, &options).is_err(), "after {end} bytes");
            }
            drop(shown);
        }
    }
}

/// Not left to chance: every byte of a value of each form, with every one of its bits turned.
#[test]
fn every_bit_of_every_form() {
    let mut seed = Seed::new();
    for mut value in values::each_form(seed.rng()) {
        for at in 0..value.len() {
            for bit in 0..8 {
                value[at] ^= 1 << bit;
                let shown = Shown(&value);
                fuzz_dump(&value);
                drop(shown);
                value[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn dump_payloads() {
    run(40_000, inputs::payload, fuzz_dump);
}

#[test]
fn compressed_strings() {
    run(40_000, inputs::packed, fuzz_lzf);
}

#[test]
fn configurations() {
    run(20_000, inputs::config, bodies::fuzz_config);
}

#[test]
fn changes_of_the_configuration() {
    run(10_000, inputs::config, bodies::fuzz_config_set);
}

#[test]
fn patterns() {
    run(200_000, inputs::pattern, bodies::fuzz_glob);
}

#[test]
fn a_masters_stream() {
    run(12_000, inputs::stream, bodies::fuzz_units);
}

#[test]
fn full_resynchronizations() {
    run(100_000, inputs::transfer, bodies::fuzz_transfer);
}

#[test]
fn a_masters_answers() {
    run(100_000, inputs::answers, bodies::fuzz_handshake);
}

#[test]
fn partial_resynchronizations() {
    run(200_000, inputs::psync, bodies::fuzz_psync);
}
