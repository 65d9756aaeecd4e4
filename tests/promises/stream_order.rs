//! stream_order
