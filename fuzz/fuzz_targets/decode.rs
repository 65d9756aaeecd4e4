//! RDB files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tributary::rdb::decode::fuzz_decode;

fuzz_target!(|data: &[u8]| fuzz_decode(data));
