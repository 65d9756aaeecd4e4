//! One connected client: its session, its queries, its replies. Meets the server only through
//! outcomes it returns.

pub mod ahead;
pub mod commands;
pub mod connection;
pub mod filter;
pub mod monitor;
pub mod multi;
pub mod numbers;
pub mod pipeline;
pub mod session;
pub mod subscriptions;
pub mod tracking;
