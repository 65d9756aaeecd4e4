//! From a command to the shards that run it: where its keys live, and leases when they live on
//! several. Knows nothing of clients beyond the batch that carries their commands.

pub mod lease;
pub mod route;
