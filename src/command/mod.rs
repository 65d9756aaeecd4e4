//! The command table and its handlers. A handler sees a context, never a socket or a shard.
