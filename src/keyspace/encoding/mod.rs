//! Flat encodings of small collections, as they also stand in RDB files. Pure, any core; they know
//! no types.

pub mod element;
pub mod error;
pub mod hyperloglog;
pub mod intset;
pub mod listpack;
