//! From a command to the shard that runs it: placement, hops, leases, transactions.
