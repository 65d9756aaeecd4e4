//! Seeded randomness. Each test has a seed of its own that stays the same from run to run, so that
//! a change is judged by the same commands as the last one; `TRIBUTARY_SEED=random` explores, and
//! `TRIBUTARY_SEED=<number>`, which every failure names, repeats what was found.

use std::thread;

/// A random generator that prints its seed when the test it belongs to fails.
pub struct Seed {
    value: u64,
    rng: fastrand::Rng,
}

impl Seed {
    /// From `TRIBUTARY_SEED` when set, else that of the running test.
    pub fn new() -> Seed {
        let value = match std::env::var("TRIBUTARY_SEED").as_deref() {
            Ok("random") => fastrand::u64(..1 << 32),
            Ok(text) => text.parse().expect("TRIBUTARY_SEED is a number or `random`"),
            Err(_) => of_test(thread::current().name().unwrap_or_default()),
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

/// A number that belongs to a test's name: FNV-1a, 32 bits.
fn of_test(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u64::from(hash)
}

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("repeat with TRIBUTARY_SEED={}", self.value);
        }
    }
}
