//! The RESP wire format: requests, replies, and nothing about sockets or commands.
