//! The rules of the source tree, checked: which floor may import which, sizes, words, `unsafe`.
//! Exceptions are in `exceptions.rs`, each with its reason. Failures name file and line.

mod exceptions;
mod floors;
mod rules;
mod source;
