//! Each body with its inputs: a third random bytes, the rest valid inputs broken by `mutate`.

use std::thread;

use fastrand::Rng;
use tributary::base::lzf::fuzz_lzf;
use tributary::rdb::decode::fuzz_decode;
use tributary::rdb::dump::fuzz_dump;
use tributary::resp::parser::fuzz_parser;
use tributary::resp::value::fuzz_value;

use crate::bodies;
use crate::inputs;
use crate::seed::Seed;

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
