//! Composition: what starts, which role when, and what INFO says.
