//! A key as commands meet it: its bytes, hash slot and hash, computed once a command. Any core.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use ahash::RandomState;

use crate::base::crc16::crc16;
use crate::base::ids::{SLOTS, Slot};

/// A key with everything that finding it needs.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key itself; any bytes, possibly none.
    pub bytes: &'a [u8],
    /// The hash slot, by the hash tag if there is one.
    pub slot: Slot,
    /// The hash of all bytes, under seeds that are the same for the whole life of the process.
    pub hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes `bytes`, both ways.
    pub fn new(bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, slot: slot_of(bytes), hash: hash_of(bytes) }
    }
}

/// The hash slot of a key: CRC16 of its hash tag, or of all of it, modulo 16384.
pub fn slot_of(key: &[u8]) -> Slot {
    Slot(crc16(hash_tag(key).unwrap_or(key)) % SLOTS)
}

/// What stands between the first `{` and the first `}` after it, unless that is nothing. By the
/// Redis Cluster specification.
pub fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let after_open = &key[memchr::memchr(b'{', key)? + 1..];
    match memchr::memchr(b'}', after_open)? {
        0 => None,
        close => Some(&after_open[..close]),
    }
}

/// The hash that places a key inside its slot. Seeded at random once a process, so that nobody can
/// prepare keys that collide.
pub fn hash_of(key: &[u8]) -> u64 {
    static SEEDS: OnceLock<RandomState> = OnceLock::new();
    let mut hasher = SEEDS.get_or_init(RandomState::new).build_hasher();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_tags_follow_the_cluster_specification() {
        let check = |key: &str, expected: Option<&str>| {
            assert_eq!(hash_tag(key.as_bytes()), expected.map(str::as_bytes), "{key}");
        };
        check("{user1000}.following", Some("user1000"));
        check("foo{}{bar}", None);
        check("foo{{bar}}zap", Some("{bar"));
        check("foo{bar}{zap}", Some("bar"));
        check("foo}bar{x", None);
        check("}{a}", Some("a"));
        check("{", None);
        check("", None);
    }

    #[test]
    fn slots_are_those_of_cluster_keyslot() {
        // CLUSTER KEYSLOT of a stock server.
        for (key, slot) in [
            ("", 0),
            ("foo", 12182),
            ("somekey", 11058),
            ("foo{hash_tag}", 2515),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("foo{bar}{zap}", 5061),
            ("foo}bar{x", 11158),
            ("}{a}", 15495),
            ("{", 4092),
        ] {
            assert_eq!(slot_of(key.as_bytes()), Slot(slot), "{key}");
        }
        assert_eq!(slot_of(b"{foo}1"), slot_of(b"foo"));
    }

    #[test]
    fn a_key_hashes_the_same_wherever_it_is_hashed() {
        let here = hash_of(b"some key");
        let there = std::thread::spawn(|| hash_of(b"some key")).join().expect("no panic");
        assert_eq!(here, there);
        assert_ne!(hash_of(b"{t}1"), hash_of(b"{t}2"));
    }
}
