//! What is wrong with the bytes of a flat encoding. Plain data, any core.

use thiserror::Error;

/// Foreign bytes that are not the encoding they are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);
