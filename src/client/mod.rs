//! One connected client: its session, its queries, its replies. Meets the server only through
//! outcomes it returns.

pub mod connection;
pub mod pipeline;
pub mod session;
