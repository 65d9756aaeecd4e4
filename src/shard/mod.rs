//! What one core owns: its keyspace, its open run and its inbox. Executes commands; knows nothing
//! of sockets, clients' sessions or who asked for what.

pub mod apply;
pub mod batch;
pub mod baton;
pub mod blocked;
pub mod cron;
pub mod deliveries;
pub mod evict;
pub mod execute;
pub mod inbox;
pub mod load;
pub mod message;
pub mod refuse;
pub mod shared;
pub mod slow;
pub mod state;
pub mod subscribers;
pub mod timing;
pub mod tracking;
