//! The RDB format: bytes to records and back. No files, no sockets.
