//! stream_model
