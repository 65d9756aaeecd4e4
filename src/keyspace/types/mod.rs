//! The collection types: each knows its encodings and when it changes them. A type knows no keys,
//! no commands and no files; encodings that several types share are in `encoding`.

pub mod hash;
pub mod list;
pub mod members;
pub mod set;
pub mod sorted_set;
pub mod stream;
