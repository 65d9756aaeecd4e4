//! Seeded randomness: a run can be repeated by `TRIBUTARY_SEED`, which every failure names.

use std::thread;

/// A random generator that prints its seed when the test it belongs to fails.
pub struct Seed {
    value: u64,
    rng: fastrand::Rng,
}

impl Seed {
    /// From `TRIBUTARY_SEED` when set, else a new one.
    pub fn new() -> Seed {
        let value = match std::env::var("TRIBUTARY_SEED") {
            Ok(text) => text.parse().expect("TRIBUTARY_SEED is a number"),
            Err(_) => fastrand::u64(..1 << 32),
        };
        Seed { value, rng: fastrand::Rng::with_seed(value) }
    }

    /// The seed, to be told in a message.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// The generator.
    pub fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("repeat with TRIBUTARY_SEED={}", self.value);
        }
    }
}
