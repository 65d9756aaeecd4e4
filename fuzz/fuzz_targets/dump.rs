//! Payloads of DUMP.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tributary::rdb::dump::fuzz_dump;

fuzz_target!(|data: &[u8]| fuzz_dump(data));
