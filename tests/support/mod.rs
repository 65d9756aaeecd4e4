//! What the end-to-end tests share: servers as child processes, a client that speaks RESP, a proxy
//! that breaks links, fake peers on raw sockets, and waiting on conditions. Knows nothing of the
//! crate's insides: everything here goes through sockets, signals and files.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod client;
pub mod fake_master;
pub mod fake_replica;
pub mod info;
pub mod proxy;
pub mod seed;
pub mod server;
pub mod stock;
pub mod value;
pub mod wait;
