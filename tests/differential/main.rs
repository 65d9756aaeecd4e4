//! The server under test beside the stock Valkey: the same seeded commands go to both, one at a
//! time, and every reply must be the same, as must be the data sets. `TRIBUTARY_COMMANDS` sets the
//! number of commands of a run, `TRIBUTARY_GROUPS` the groups they are from (`hash,set`),
//! `TRIBUTARY_COMPARED_EVERY` after how many the data sets are compared, `TRIBUTARY_SEED` repeats
//! one.

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod compare;
mod coverage;
mod events;
mod hashes_sets;
mod lists;
mod lockstep;
mod replicas;
mod runs;
mod sorted_sets;
mod streams;
mod table;
mod usage;
