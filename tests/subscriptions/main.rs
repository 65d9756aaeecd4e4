//! Publish and subscribe over live sockets: the words of the wire, orders, replicas, limits.

#[path = "../support/mod.rs"]
mod support;

mod ends;
mod order;
mod replicas;
mod wire;
