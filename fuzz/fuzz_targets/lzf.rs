//! Compressed strings.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tributary::base::lzf::fuzz_lzf;

fuzz_target!(|data: &[u8]| fuzz_lzf(data));
