//! Replies, as tools and links read them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tributary::resp::value::fuzz_value;

fuzz_target!(|data: &[u8]| fuzz_value(data));
