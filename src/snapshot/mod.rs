//! The data set frozen at one instant, and the RDB stream written from it.
