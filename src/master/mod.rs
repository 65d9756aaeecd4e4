//! Serving replicas: what each one is told and how far it is. State machines and decisions without
//! I/O; `server/replica_links` moves the bytes. `registry` is who is attached, `replica_link` one
//! connection, `replconf` what a replica says of itself, `full_resync` what it is sent, `allowance`
//! how much may wait for it meanwhile, `acks` the clients that wait for replicas, `cron` what time
//! brings.

pub mod acks;
pub mod allowance;
pub mod cron;
pub mod full_resync;
pub mod registry;
pub mod replconf;
pub mod replica_link;
