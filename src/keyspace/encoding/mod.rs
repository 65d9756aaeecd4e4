//! Flat encodings of small collections, as they also stand in RDB files. Pure, any core; they know
//! no types.
