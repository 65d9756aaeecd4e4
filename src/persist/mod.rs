//! Files: what is saved and what is loaded.
//!
//! `load` turns an RDB's bytes into batches for the shards, from wherever the bytes come; `save`
//! writes the data set on the spot.

pub mod load;
pub mod save;
