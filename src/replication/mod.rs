//! The replication stream itself, blind to roles: entries, tickets, merger, backlog, history.
