//! Requests.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tributary::resp::parser::fuzz_parser;

fuzz_target!(|data: &[u8]| fuzz_parser(data));
