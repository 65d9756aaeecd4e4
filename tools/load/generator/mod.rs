//! The load generator itself, without a command line, so that `compare-speed` drives it too.
//! One thread, blocking in its own epoll; shares nothing with the server's code.

pub mod engine;
pub mod error;
pub mod keys;
pub mod plan;
pub mod replies;
pub mod requests;
