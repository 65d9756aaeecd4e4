//! Words everything else is written in: ids, limits, clock, numbers, checksums, globs.
//! Imports nothing of ours.

pub mod clock;
pub mod crc64;
pub mod glob;
pub mod grisu;
pub mod ids;
pub mod long_double;
pub mod number;

#[cfg(test)]
pub mod stock;
