//! Bytes that no well-behaved client sends, on live sockets. Where the stock Valkey has an answer
//! ours must be the same.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod malformed;
mod memory;
mod patterns;
mod pipelines;
mod usages;
mod values;
