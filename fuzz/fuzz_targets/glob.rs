//! Patterns.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target runs one body")]
#[path = "../../tests/fuzz/bodies.rs"]
mod bodies;

fuzz_target!(|data: &[u8]| bodies::fuzz_glob(data));
