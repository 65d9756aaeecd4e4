//! Connected clients as others see them and as they end, on live sockets.

#[path = "../support/mod.rs"]
mod support;

mod ends;
mod pauses;
mod sessions;
mod waits;
