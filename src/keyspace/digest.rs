//! A checksum of whole data sets, the one DEBUG DIGEST of a stock server prints: equal for equal
//! data, however many shards hold it. Reads keyspaces, any core that holds them.
//!
//! Recorded from a stock server: `mix(d, x)` is d = SHA1(d ⊕ SHA1(x)), `xor(d, x)` is d = d ⊕
//! SHA1(x). The digest of a value mixes the type's number (big endian) and the value, and xors
//! `!!expire!!` if the key has an expiry (whichever). The digest of a key mixes the key first. That
//! of the data is, from zeros, for each database with keys in ascending order: mix its number, then
//! xor each key's digest.

use sha1::{Digest as _, Sha1};

use crate::base::hex;
use crate::base::ids::DbIndex;
use crate::keyspace::handle::EntryRef;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::value::{Kind, ValueRef};

/// A digest: 20 bytes, printed as 40 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub [u8; 20]);

impl Digest {
    /// The digest of a data set spread over several keyspaces with equal numbers of databases.
    pub fn of_data(keyspaces: &[&Keyspace]) -> Digest {
        let mut digest = Digest::default();
        let databases = keyspaces.iter().map(|keyspace| keyspace.databases()).max().unwrap_or(0);
        for db in (0..databases).map(DbIndex) {
            if keyspaces.iter().all(|keyspace| keyspace.db_len(db) == 0) {
                continue;
            }
            digest.mix(&u32::from(db.0).to_be_bytes());
            for keyspace in keyspaces {
                keyspace.for_each(db, &mut |entry| digest.xor(&Digest::of_entry(entry).0));
            }
        }
        digest
    }

    /// The digest of a value without its key, as DEBUG DIGEST-VALUE prints it.
    pub fn of_value(entry: EntryRef<'_>) -> Digest {
        let mut digest = Digest::default();
        digest.mix_value(entry);
        digest
    }

    fn of_entry(entry: EntryRef<'_>) -> Digest {
        let mut digest = Digest::default();
        digest.mix(entry.key());
        digest.mix_value(entry);
        digest
    }

    fn mix_value(&mut self, entry: EntryRef<'_>) {
        self.mix(&type_number(entry.kind()).to_be_bytes());
        match entry.value() {
            ValueRef::Int(number) => self.mix(itoa::Buffer::new().format(number).as_bytes()),
            ValueRef::Str(text) => self.mix(text),
            ValueRef::Shared(text) => self.mix(text),
            ValueRef::Object(object) => object.digest(self),
        }
        if entry.expire().is_some() {
            self.xor(b"!!expire!!");
        }
    }

    /// Takes in what has an order.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Takes in what has no order.
    pub fn xor(&mut self, bytes: &[u8]) {
        for (mine, theirs) in self.0.iter_mut().zip(Sha1::digest(bytes)) {
            *mine ^= theirs;
        }
    }

    /// 40 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex::lower(&self.0)
    }
}

/// The number a type has in RDB files and digests.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}
