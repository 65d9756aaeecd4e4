//! The data set on disk: save and load.
