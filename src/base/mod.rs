//! Words everything else is written in: ids, limits, clock, numbers, checksums, globs.
//! Imports nothing of ours.

pub mod clock;
pub mod crc16;
pub mod ids;
