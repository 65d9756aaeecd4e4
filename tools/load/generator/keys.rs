//! Which key a request names. Pure but for its seeded random numbers.
//!
//! Every key is 16 bytes: `key:` and 12 digits, or with a hash tag `{` 4 hex digits `}` and 10
//! digits. All keys of one tag are in one slot.

use std::io::Write;

/// Bytes of every key.
pub const KEY_BYTES: usize = 16;

/// How keys are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Distribution {
    /// Every key equally often.
    Uniform,
    /// A few keys often, most seldom (exponent 0.99).
    Zipf,
    /// One after the other, from the first, over all connections: fills a data set.
    Sequential,
    /// Each connection has one hash tag of its own; within it uniformly.
    TagPerConnection,
    /// All keys of one command share a hash tag drawn anew for each command.
    TagPerCommand,
}

/// Draws keys.
#[derive(Debug)]
pub struct KeyPicker {
    distribution: Distribution,
    keys: u64,
    random: fastrand::Rng,
    next: u64,
    zipf: Option<Zipf>,
    tag: u16,
}

impl KeyPicker {
    /// Draws among `keys` keys (at least 1).
    pub fn new(distribution: Distribution, keys: u64, seed: u64) -> Self {
        let keys = keys.max(1);
        let zipf = (distribution == Distribution::Zipf).then(|| Zipf::new(keys));
        Self { distribution, keys, random: fastrand::Rng::with_seed(seed), next: 0, zipf, tag: 0 }
    }

    /// The next sequential key is this one.
    pub fn start_at(&mut self, key: u64) {
        self.next = key % self.keys;
    }

    /// A number below `bound`, for choices other than keys.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.random.u32(..bound)
    }

    /// To be called before the keys of each command, with the connection's number.
    pub fn begin_command(&mut self, connection: usize) {
        match self.distribution {
            // Odd multiplier: neighbouring connections get tags far apart, none twice.
            Distribution::TagPerConnection => {
                self.tag = (connection as u16).wrapping_mul(40_503);
            }
            Distribution::TagPerCommand => self.tag = self.random.u16(..),
            _ => {}
        }
    }

    /// Appends the next key to `out`: exactly `KEY_BYTES` bytes.
    pub fn write_key(&mut self, out: &mut Vec<u8>) {
        match self.distribution {
            Distribution::Uniform => {
                let index = self.random.u64(..self.keys);
                plain(out, index);
            }
            Distribution::Zipf => {
                let unit = self.random.f64();
                let rank = self.zipf.as_ref().map_or(0, |zipf| zipf.rank(unit));
                plain(out, rank);
            }
            Distribution::Sequential => {
                plain(out, self.next);
                self.next = (self.next + 1) % self.keys;
            }
            Distribution::TagPerConnection | Distribution::TagPerCommand => {
                let index = self.random.u64(..self.keys);
                write!(out, "{{{:04x}}}", self.tag).expect("a Vec takes every write");
                digits::<10>(out, index);
            }
        }
    }
}

fn plain(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(b"key:");
    digits::<12>(out, index);
}

/// Appends the last `N` decimal digits of `number`, zeros in front.
fn digits<const N: usize>(out: &mut Vec<u8>, mut number: u64) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&text);
}

/// Zipf's law by the closed approximation of Gray and others (SIGMOD 1994): the sum over all keys
/// is taken once, each draw costs one power.
#[derive(Debug)]
struct Zipf {
    keys: f64,
    alpha: f64,
    zeta: f64,
    eta: f64,
}

impl Zipf {
    fn new(keys: u64) -> Self {
        let zeta: f64 = (1..=keys).map(|rank| (rank as f64).powf(-EXPONENT)).sum();
        let zeta2 = 1.0 + 0.5f64.powf(EXPONENT);
        let eta = (1.0 - (2.0 / keys as f64).powf(1.0 - EXPONENT)) / (1.0 - zeta2 / zeta);
        Self { keys: keys as f64, alpha: 1.0 / (1.0 - EXPONENT), zeta, eta }
    }

    /// The rank, from 0 = most frequent, for a number drawn from 0..1.
    fn rank(&self, unit: f64) -> u64 {
        let scaled = unit * self.zeta;
        if scaled < 1.0 || self.keys < 2.0 {
            return 0;
        }
        if scaled < 1.0 + 0.5f64.powf(EXPONENT) {
            return 1;
        }
        let rank = self.keys * (self.eta * unit - self.eta + 1.0).powf(self.alpha);
        (rank as u64).min(self.keys as u64 - 1)
    }
}

/// Exponent of the Zipf distribution, as in the YCSB benchmark.
const EXPONENT: f64 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(distribution: Distribution, connection: usize, count: usize) -> Vec<String> {
        let mut picker = KeyPicker::new(distribution, 1000, 7);
        (0..count)
            .map(|_| {
                let mut key = Vec::new();
                picker.begin_command(connection);
                picker.write_key(&mut key);
                assert_eq!(key.len(), KEY_BYTES);
                String::from_utf8(key).unwrap()
            })
            .collect()
    }

    #[test]
    fn sequential_keys_start_at_zero_and_wrap() {
        let keys = draw(Distribution::Sequential, 0, 1001);
        assert_eq!(keys[0], "key:000000000000");
        assert_eq!(keys[999], "key:000000000999");
        assert_eq!(keys[1000], keys[0]);
    }

    #[test]
    fn a_connection_keeps_its_tag() {
        let one = draw(Distribution::TagPerConnection, 1, 20);
        let two = draw(Distribution::TagPerConnection, 2, 20);
        assert!(one.iter().all(|key| key[..6] == one[0][..6]));
        assert_ne!(one[0][..6], two[0][..6]);
        assert_eq!((&one[0][..1], &one[0][5..6]), ("{", "}"));
    }

    #[test]
    fn zipf_prefers_low_ranks_and_stays_in_range() {
        let keys = draw(Distribution::Zipf, 0, 10_000);
        let first = keys.iter().filter(|key| *key == "key:000000000000").count();
        assert!((900..2200).contains(&first), "rank 0 drawn {first} times of 10000, seed 7");
        assert!(keys.iter().all(|key| key[4..].parse::<u64>().unwrap() < 1000));
    }
}
