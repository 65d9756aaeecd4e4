//! no_hang
