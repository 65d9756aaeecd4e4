//! The RESP wire format: requests, replies, and nothing about sockets or commands.
//!
//! Requests: `parser` finds the arguments in the received bytes (`inline` for typed lines),
//! `request` is how they are read. Replies: `reply` writes them, `encode` writes requests of our
//! own, `value` reads replies as a client, `error` says what a peer did wrong.

pub mod encode;
pub mod error;
pub mod inline;
pub mod parser;
pub mod reply;
pub mod request;
pub mod value;
