//! What one core owns: its keyspace, its open run, its inbox.
