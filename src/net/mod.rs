//! Sockets on our own io_uring. Knows nothing of RESP, clients or replication.
