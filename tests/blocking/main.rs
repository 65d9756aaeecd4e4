//! Clients that wait for keys: who is served when, with what, and what ends a wait otherwise.

#[path = "../support/mod.rs"]
mod support;

mod common;
mod conservation;
mod ends;
mod order;
mod replicas;
