//! Everything a handler sees: keyspaces, reply, effects, the client's settings, the time.
//! It runs on whichever core holds the keyspaces. Expiry is decided here, once for all commands:
//! a key whose time is over does not exist, and on a master meeting it deletes it and streams DEL.

use super::effects::Effects;
use super::environment::Environment;
use super::error::CommandError;
use super::spaces::{Space, Spaces};
use crate::base::ids::{ClientId, DbIndex};
use crate::config::settings::Settings;
use crate::keyspace::handle::{EntryMut, EntryRef};
use crate::keyspace::key::Key;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::value::{Kind, Value};
use crate::metrics::counters::ShardMetrics;
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;

/// What a command must know of the client that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientView {
    /// The client's id; 0 for the link from the master and for internal work.
    pub id: ClientId,
    /// The selected database.
    pub db: DbIndex,
    /// The protocol of its replies.
    pub version: RespVersion,
    /// The link from the master: writes are applied, expiry is the master's business.
    pub is_master_link: bool,
    /// `CLIENT NO-TOUCH`: reads do not count as use.
    pub no_touch: bool,
}

/// A handler's view of the world.
pub struct Context<'a> {
    /// The keyspaces in hand.
    pub spaces: Spaces<'a>,
    /// The command's only key, where routing has hashed it already.
    pub key: Option<Key<'a>>,
    /// Where the reply goes.
    pub reply: &'a mut Reply,
    /// Where effects go.
    pub effects: Effects<'a>,
    /// Who asked.
    pub client: ClientView,
    /// The selected database.
    pub db: DbIndex,
    /// Wall-clock milliseconds, the same for the whole run.
    pub now_ms: u64,
    /// The directives in force.
    pub settings: &'a Settings,
    /// Counters and states of the process.
    pub environment: &'a Environment,
    /// Counters of the shard that executes.
    pub metrics: &'a ShardMetrics,
    /// Random numbers of the shard that executes.
    pub random: &'a mut fastrand::Rng,
}

impl ClientView {
    /// Internal work, and the view a client begins with.
    pub fn internal() -> ClientView {
        ClientView {
            id: ClientId(0),
            db: DbIndex(0),
            version: RespVersion::V2,
            is_master_link: false,
            no_touch: false,
        }
    }
}

impl<'a> Context<'a> {
    /// A key, hashed now if that was not done before.
    #[inline]
    fn hashed<'k>(&self, key: &'k [u8]) -> Key<'k> {
        match self.key {
            Some(known) if std::ptr::eq(known.bytes, key) => Key { bytes: key, ..known },
            _ => Key::new(key),
        }
    }

    /// The keyspace that owns `key`, and the key hashed.
    pub fn space_of<'k>(&mut self, key: &'k [u8]) -> (&mut Space, Key<'k>) {
        let key = self.hashed(key);
        (self.spaces.of(key.slot), key)
    }

    /// Looks a key up for reading: counts a hit or a miss and marks the entry as used.
    pub fn find(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.find_with_reply(key).0
    }

    /// As `find`, with the reply beside it, to be written from the entry.
    pub fn find_with_reply(&mut self, key: &[u8]) -> (Option<EntryRef<'_>>, &mut Reply) {
        let key = self.hashed(key);
        self.expire_if_due(&key);
        let seen_ms = self.seen_ms();
        let keys = &mut self.spaces.of(key.slot).keys;
        let found = if self.client.no_touch {
            keys.find(self.db, &key, seen_ms)
        } else {
            keys.find_touched(self.db, &key, seen_ms)
        };
        match &found {
            Some(_) => self.metrics.keyspace_hits.bump(),
            None => self.metrics.keyspace_misses.bump(),
        }
        (found, self.reply)
    }

    /// Looks a key up without counting or marking it as used.
    pub fn look(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let db = self.db;
        self.look_in(db, key)
    }

    /// As `look`, in another database.
    pub fn look_in(&mut self, db: DbIndex, key: &[u8]) -> Option<EntryRef<'_>> {
        let key = self.hashed(key);
        self.expire_in(db, &key);
        let seen_ms = self.seen_ms();
        self.spaces.of(key.slot).keys.find(db, &key, seen_ms)
    }

    /// Looks a key of one type up for reading, as `find`.
    ///
    /// # Errors
    /// `WrongType` if the key holds another type.
    pub fn find_kind(
        &mut self,
        key: &[u8],
        kind: Kind,
    ) -> Result<Option<EntryRef<'_>>, CommandError> {
        match self.find(key) {
            Some(entry) if entry.kind() != kind => Err(CommandError::WrongType),
            found => Ok(found),
        }
    }

    /// Opens an entry for change. The caller streams what it did.
    pub fn find_mut(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        let key = self.hashed(key);
        self.expire_if_due(&key);
        let (seen_ms, db) = (self.seen_ms(), self.db);
        let keys = &mut self.spaces.of(key.slot).keys;
        if keys.is_expired(db, &key, seen_ms) {
            return None;
        }
        let clock = *keys.clock();
        let entry = keys.entry_mut(db, &key)?;
        if !self.client.no_touch {
            entry.read().touch(&clock, self.random);
        }
        Some(entry)
    }

    /// Stores a value under a key, whatever it held. `expire` in Unix milliseconds.
    pub fn insert(&mut self, key: &[u8], value: Value<'_>, expire: Option<u64>) {
        let db = self.db;
        self.insert_in(db, key, value, expire);
    }

    /// As `insert`, in another database.
    pub fn insert_in(&mut self, db: DbIndex, key: &[u8], value: Value<'_>, expire: Option<u64>) {
        let (space, key) = self.space_of(key);
        space.keys.insert(db, &key, value, expire);
    }

    /// Removes a key; whether it existed.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let db = self.db;
        self.remove_in(db, key)
    }

    /// As `remove`, in another database.
    pub fn remove_in(&mut self, db: DbIndex, key: &[u8]) -> bool {
        let key = self.hashed(key);
        self.expire_in(db, &key);
        let seen_ms = self.seen_ms();
        let keys = &mut self.spaces.of(key.slot).keys;
        !keys.is_expired(db, &key, seen_ms) && keys.remove(db, &key).is_some()
    }

    /// Sets or clears the time at which a key ends; `false` if there is no such key.
    pub fn set_expire(&mut self, key: &[u8], expire: Option<u64>) -> bool {
        let db = self.db;
        let (space, key) = self.space_of(key);
        space.keys.set_expire(db, &key, expire)
    }

    /// Streams the command as it came and counts one change.
    pub fn propagate(&mut self, args: Args<'_>) {
        self.effects.push_args(self.db, args);
        self.effects.changed(1);
    }

    /// Streams another command in the place of the one that came and counts one change.
    pub fn propagate_as(&mut self, words: &[&[u8]]) {
        self.effects.push(self.db, words);
        self.effects.changed(1);
    }

    /// Whether this execution applies the master's stream.
    pub fn is_master_link(&self) -> bool {
        self.client.is_master_link
    }

    /// The time by which keys are gone. To the link from the master none ever is before it says so:
    /// where our clock is ahead, its writes must meet the values they met there.
    fn seen_ms(&self) -> u64 {
        if self.is_master_link() { 0 } else { self.now_ms }
    }

    /// Deletes `key` if its time is over and this server may decide that.
    fn expire_if_due(&mut self, key: &Key<'_>) {
        let db = self.db;
        self.expire_in(db, key);
    }

    fn expire_in(&mut self, db: DbIndex, key: &Key<'_>) {
        let now_ms = self.now_ms;
        let space = self.spaces.of(key.slot);
        if !space.keys.is_expired(db, key, now_ms) || !space.gate.may_expire() {
            return;
        }
        delete_expired(&mut space.keys, db, key, &mut self.effects);
        self.metrics.expired_keys.bump();
    }
}

/// Removes an entry whose time is over and streams its deletion.
pub fn delete_expired(keys: &mut Keyspace, db: DbIndex, key: &Key<'_>, effects: &mut Effects<'_>) {
    if keys.remove(db, key).is_some() {
        effects.push(db, &[b"DEL", key.bytes]);
        effects.changed(1);
    }
}
