//! Stock Sentinels watch over our servers: they find them, see them fail, promote one and bring the
//! others behind it, while a client that asks Sentinel goes on.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod failover;
mod watch;
