//! What clients are told unasked, over live sockets: messages and news of keys in their caches.
//! The words of the wire, orders, replicas, limits.

#[path = "../support/mod.rs"]
mod support;

mod caches;
mod ends;
mod order;
mod replicas;
mod tracking;
mod wire;
