//! Words everything else is written in: ids, limits, clock, log, numbers, checksums, globs,
//! compression.
//! Imports nothing of ours.

pub mod clock;
pub mod crc16;
pub mod crc64;
pub mod glob;
pub mod grisu;
pub mod hex;
pub mod ids;
pub mod lazy_free;
pub mod log;
pub mod long_double;
pub mod lzf;
pub mod number;

#[cfg(test)]
pub mod stock;
pub mod syslog;
