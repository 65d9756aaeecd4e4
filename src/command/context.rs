//! Everything a handler sees: keyspaces, reply, effects, the client's settings, the time.
//! It runs on whichever core holds the keyspaces. Expiry is decided here, once for all commands:
//! a key whose time is over does not exist, and on a master meeting it deletes it and streams DEL.

use super::blocked::{Block, Blocking};
use super::effects::Effects;
use super::environment::Environment;
use super::gate::Role;
use super::notify::{Class, News};
use super::spaces::{Space, Spaces};
use crate::base::ids::{ClientId, DbIndex};
use crate::base::lazy_free;
use crate::config::settings::Settings;
use crate::keyspace::handle::{EntryMut, EntryRef, Removed};
use crate::keyspace::key::{Key, slot_of};
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::value::Value;
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
    /// `CLIENT TRACKING`: the keys of its next reads are registered.
    pub tracks: bool,
    /// What of its user SORT must know.
    pub any_key: AnyKey,
}

/// Whether a user may read every key with these commands: their options BY and GET name keys that
/// nobody can check before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyKey {
    /// With SORT.
    pub sort: bool,
    /// With SORT_RO.
    pub sort_ro: bool,
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
    /// Where messages and events for subscribers go.
    pub news: News<'a>,
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
    /// Whether the command may wait, and whether it asked to.
    pub blocking: Blocking,
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
            tracks: false,
            any_key: AnyKey { sort: true, sort_ro: true },
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
        self.find_as(key, !self.client.no_touch, true)
    }

    /// As `find_with_reply`, without marking the entry as used.
    pub fn find_untouched(&mut self, key: &[u8]) -> (Option<EntryRef<'_>>, &mut Reply) {
        self.find_as(key, false, true)
    }

    /// As `find_untouched`, for commands that look at how a value is kept: no event tells that the
    /// key is missing.
    pub fn find_quietly(&mut self, key: &[u8]) -> (Option<EntryRef<'_>>, &mut Reply) {
        self.find_as(key, false, false)
    }

    /// As `find`, and marks the entry as used whatever the client chose; whether it exists.
    pub fn touch(&mut self, key: &[u8]) -> bool {
        self.find_as(key, true, true).0.is_some()
    }

    fn find_as(
        &mut self,
        key: &[u8],
        touch: bool,
        tells: bool,
    ) -> (Option<EntryRef<'_>>, &mut Reply) {
        let key = self.hashed(key);
        self.expire_if_due(&key);
        let lookup_ms = self.lookup_ms();
        let keys = &mut self.spaces.of(key.slot).keys;
        let found = if touch {
            keys.find_touched(self.db, &key, lookup_ms)
        } else {
            keys.find(self.db, &key, lookup_ms)
        };
        match &found {
            Some(_) => self.metrics.keyspace_hits.bump(),
            None => {
                self.metrics.keyspace_misses.bump();
                if tells {
                    self.news.notify(Class::KeyMiss, b"keymiss", self.db, key.bytes);
                }
            }
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
        let lookup_ms = self.lookup_ms();
        self.spaces.of(key.slot).keys.find(db, &key, lookup_ms)
    }

    /// Opens an entry for change and marks it as used. The caller streams what it did.
    pub fn find_mut(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        self.find_mut_with_reply(key).0
    }

    /// As `find_mut`, with the reply beside it, to be written from the entry.
    pub fn find_mut_with_reply(&mut self, key: &[u8]) -> (Option<EntryMut<'_>>, &mut Reply) {
        let key = self.hashed(key);
        self.expire_if_due(&key);
        let (lookup_ms, db) = (self.lookup_ms(), self.db);
        let keys = &mut self.spaces.of(key.slot).keys;
        if keys.is_expired(db, &key, lookup_ms) {
            // Only on a replica that takes writes: its own write begins anew, and streams nothing.
            keys.remove(db, &key);
            return (None, self.reply);
        }
        let clock = *keys.clock();
        let entry = keys.entry_mut(db, &key);
        if let Some(entry) = &entry
            && !self.client.no_touch
        {
            entry.read().touch(&clock, self.random);
        }
        (entry, self.reply)
    }

    /// Stores a value under a key, whatever it held. `expire` in Unix milliseconds.
    pub fn insert(&mut self, key: &[u8], value: Value<'_>, expire: Option<u64>) {
        let db = self.db;
        self.insert_in(db, key, value, expire);
    }

    /// As `insert`, in another database.
    pub fn insert_in(&mut self, db: DbIndex, key: &[u8], value: Value<'_>, expire: Option<u64>) {
        let key = self.hashed(key);
        if self.news.wants_any() {
            // What is expired ends with an event before something else takes its place.
            self.expire_in(db, &key);
        }
        if !self.spaces.of(key.slot).keys.insert(db, &key, value, expire) {
            self.news.notify(Class::New, b"new", db, key.bytes);
        }
        self.note_life(db, &key, expire);
    }

    /// Remembers an end that no master knows of: on a replica that takes writes.
    #[inline]
    pub fn note_life(&mut self, db: DbIndex, key: &Key<'_>, expire: Option<u64>) {
        if let Some(end_ms) = expire
            && !self.client.is_master_link
        {
            let space = self.spaces.of(key.slot);
            if space.gate.role == Role::Replica {
                space.own_lives.note(db, key.bytes, end_ms);
            }
        }
    }

    /// Removes a key; whether it existed.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let db = self.db;
        self.remove_in(db, key)
    }

    /// As `remove`, in another database.
    pub fn remove_in(&mut self, db: DbIndex, key: &[u8]) -> bool {
        self.take_in(db, key).is_some()
    }

    /// As `remove_in`, handing over what was removed. A replica that takes writes, and the link of
    /// its master, remove what stands, expired or not.
    pub fn take_in(&mut self, db: DbIndex, key: &[u8]) -> Option<Removed> {
        let key = self.hashed(key);
        self.expire_in(db, &key);
        self.spaces.of(key.slot).keys.remove(db, &key)
    }

    /// Sets or clears the time at which a key ends; `false` if there is no such key.
    pub fn set_expire(&mut self, key: &[u8], expire: Option<u64>) -> bool {
        let db = self.db;
        let (space, key) = self.space_of(key);
        let is_there = space.keys.set_expire(db, &key, expire);
        self.note_life(db, &key, expire.filter(|_| is_there));
        is_there
    }

    /// Asks to be executed again when a key changed, see [`super::blocked`]; `false` if nothing
    /// waits here, and then the command replies what it replies without success.
    pub fn wait_for(&mut self, block: Block) -> bool {
        if matches!(self.blocking, Blocking::Denied) {
            return false;
        }
        self.blocking = Blocking::Asked(block);
        true
    }

    /// Whether the keyspace of `key` is in hand. Only a command that waited may find one that is
    /// not.
    pub fn in_hand(&self, key: &[u8]) -> bool {
        self.spaces.holds(slot_of(key))
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

    /// Tells subscribers of an event of `key`, if `notify-keyspace-events` asks for its class. Call
    /// it when the change is made, in the order in which clients are to hear of changes.
    #[inline]
    pub fn notify(&mut self, class: Class, event: &[u8], key: &[u8]) {
        self.news.notify(class, event, self.db, key);
    }

    /// As `notify`, of a key in another database.
    #[inline]
    pub fn notify_in(&mut self, db: DbIndex, class: Class, event: &[u8], key: &[u8]) {
        self.news.notify(class, event, db, key);
    }

    /// Whether this execution applies the master's stream.
    pub fn is_master_link(&self) -> bool {
        self.client.is_master_link
    }

    /// The time that expiries are compared with. What the master did, it did while the key was
    /// there: for its link a key exists until the stream deletes it.
    pub fn lookup_ms(&self) -> u64 {
        if self.client.is_master_link { 0 } else { self.now_ms }
    }

    /// Deletes `key` if its time is over and this server may decide that.
    fn expire_if_due(&mut self, key: &Key<'_>) {
        let db = self.db;
        self.expire_in(db, key);
    }

    /// As `expire_if_due`, in another database.
    pub fn expire_in(&mut self, db: DbIndex, key: &Key<'_>) {
        let lookup_ms = self.lookup_ms();
        let space = self.spaces.of(key.slot);
        if !space.keys.is_expired(db, key, lookup_ms) || !space.gate.may_expire() {
            return;
        }
        let lazily = self.settings.memory.lazyfree_lazy_expire;
        let writer = space.keys.tracked().set_writer(ClientId(0));
        let deleted = delete_streamed(&mut space.keys, db, key, lazily, &mut self.effects);
        space.keys.tracked().set_writer(writer);
        if deleted {
            self.metrics.expired_keys.bump();
            self.news.notify(Class::Expired, b"expired", db, key.bytes);
        }
    }
}

/// Removes an entry that the server, and no client, wants gone, and streams its deletion: as
/// UNLINK if values are to be freed `lazily`, so that replicas do alike. Whether it was there.
pub fn delete_streamed(
    keys: &mut Keyspace,
    db: DbIndex,
    key: &Key<'_>,
    lazily: bool,
    effects: &mut Effects<'_>,
) -> bool {
    let Some(removed) = keys.remove(db, key) else { return false };
    free(removed, lazily);
    effects.push(db, &[deletion_word(lazily), key.bytes]);
    effects.changed(1);
    true
}

/// The command that stands in the stream for a deletion.
pub fn deletion_word(lazily: bool) -> &'static [u8] {
    if lazily { b"UNLINK" } else { b"DEL" }
}

/// Frees a removed value: here, or on the thread for it if that is wanted and worth the way.
pub fn free(removed: Removed, lazily: bool) {
    if lazily && removed.read().memory() >= LAZY_BYTES_MIN {
        lazy_free::free(removed, 1);
    }
}

/// From this size on a value is worth another thread's time: freeing less takes no longer than
/// handing it over.
const LAZY_BYTES_MIN: usize = 16 * 1024;
