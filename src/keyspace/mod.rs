//! One shard's data: databases, tables, values, expiry, eviction samples. No sockets, no stream.
