//! Seeded bytes into everything that reads bytes: random ones, and valid inputs with something
//! broken in them. A panic fails; nothing is caught. `TRIBUTARY_SEED` repeats a run. The same
//! bodies run under a coverage-guided fuzzer from `fuzz/`.

mod bodies;
mod cases;
mod counting;
mod inputs;
mod memory;
#[path = "../support/seed.rs"]
mod seed;
mod values;
