//! Hands on an entry: to read it, to change it, to keep what was removed. Borrow the keyspace, or
//! own what left it. What is changed through [`EntryMut`] is accounted for when the handle is
//! dropped.

use fastrand::Rng;

use crate::base::ids::DbIndex;
use crate::keyspace::entry::Entry;
use crate::keyspace::evict::AccessClock;
use crate::keyspace::gauges::Gauges;
use crate::keyspace::value::{Kind, Object, Value, ValueRef};
use crate::keyspace::watch::WatchTable;

/// A key and its value, for reading.
#[derive(Clone, Copy)]
pub struct EntryRef<'a>(pub(in crate::keyspace) &'a Entry);

/// A key and its value, for changing the value. Dropping it settles memory, WATCH and epoch, if
/// anything was changed. The expiry is changed by `Keyspace::set_expire`. It borrows the keyspace
/// until then.
pub struct EntryMut<'a> {
    pub(in crate::keyspace) entry: &'a mut Entry,
    pub(in crate::keyspace) account: Account<'a>,
    pub(in crate::keyspace) memory_before: usize,
    pub(in crate::keyspace) changed: bool,
    /// It is held in another way, with the same value.
    pub(in crate::keyspace) reshaped: bool,
}

/// What a change has to tell.
pub(in crate::keyspace) struct Account<'a> {
    pub db: DbIndex,
    pub db_memory: &'a mut usize,
    pub gauges: &'a Gauges,
    pub watch: &'a mut WatchTable,
    pub epoch: u8,
}

/// What left the keyspace, or is about to enter it under another key. `Send`: a thread that frees
/// lazily may drop it.
pub struct Removed(pub(in crate::keyspace) Entry);

impl<'a> EntryRef<'a> {
    /// The key.
    pub fn key(&self) -> &'a [u8] {
        self.0.key()
    }

    /// The value.
    pub fn value(&self) -> ValueRef<'a> {
        self.0.value()
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.0.value().kind()
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        self.0.encoding()
    }

    /// The instant after which the key is no more, in Unix milliseconds.
    pub fn expire(&self) -> Option<u64> {
        self.0.expire()
    }

    /// Whether that instant is over.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        is_over(self.0.expire(), now_ms)
    }

    /// The 24 bits of access data, for [`AccessClock`].
    pub fn access(&self) -> u32 {
        self.0.meta().access
    }

    /// The snapshot epoch the entry was last written in.
    pub fn epoch(&self) -> u8 {
        self.0.meta().epoch
    }

    /// Notes a use.
    pub fn touch(&self, clock: &AccessClock, rng: &mut Rng) {
        let before = self.access();
        let after = clock.touched(before, rng);
        if after != before {
            self.0.set_access(after);
        }
    }

    /// Replaces the access data (RESTORE's IDLETIME and FREQ, OBJECT FREQ's decay).
    pub fn set_access(&self, access: u32) {
        self.0.set_access(access);
    }

    /// Memory owned, in bytes, as MEMORY USAGE counts it.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// An equal entry to be inserted elsewhere (COPY). Strings that came as shared memory are
    /// shared on, others copied.
    pub fn duplicate(&self) -> Removed {
        Removed(self.0.duplicate())
    }
}

impl EntryMut<'_> {
    /// The entry, for reading.
    pub fn read(&self) -> EntryRef<'_> {
        EntryRef(self.entry)
    }

    /// The value.
    pub fn value(&self) -> ValueRef<'_> {
        self.entry.value()
    }

    /// The instant after which the key is no more, in Unix milliseconds.
    pub fn expire(&self) -> Option<u64> {
        self.entry.expire()
    }

    /// Replaces the value; expiry and access data stay.
    pub fn set_value(&mut self, value: Value<'_>) {
        self.changed = true;
        let (expire, meta) = (self.entry.expire(), self.entry.meta());
        self.entry.replace(value, expire, meta);
    }

    /// Replaces the value by an integer, in place (INCR).
    pub fn set_int(&mut self, number: i64) {
        self.changed = true;
        self.entry.set_int(number);
    }

    /// Appends to a string at amortized constant cost a byte, which makes it `raw`; its new length.
    /// `None`, and no change, for a collection.
    pub fn append(&mut self, tail: &[u8]) -> Option<usize> {
        let len = self.entry.append(tail);
        self.changed |= len.is_some();
        len
    }

    /// The string's bytes for changing in place (SETRANGE, SETBIT), which makes it `raw`; zeros are
    /// appended up to `len_min`. `None`, and no change, for a collection. Copies nothing, unless
    /// the string is shared with a reply still on its way.
    pub fn bytes_mut(&mut self, len_min: usize) -> Option<&mut [u8]> {
        let bytes = self.entry.bytes_mut(len_min);
        self.changed |= bytes.is_some();
        bytes
    }

    /// Makes a string's encoding `raw`, which is no change to those who watch the key.
    pub fn make_raw(&mut self) {
        self.reshaped |= self.entry.bytes_mut(0).is_some();
    }

    /// What was opened for change holds the same value still, if in another form.
    pub fn unchanged(&mut self) {
        self.reshaped |= std::mem::take(&mut self.changed);
    }

    /// The collection for changing; `None` for a string.
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        let object = self.entry.object_mut();
        self.changed |= object.is_some();
        object
    }

    /// As [`EntryMut::object_mut`], for what is no change to those who watch the key: what a stream
    /// knows of its readers.
    pub fn object_unwatched(&mut self) -> Option<&mut Object> {
        let object = self.entry.object_mut();
        self.reshaped |= object.is_some();
        object
    }
}

impl Drop for EntryMut<'_> {
    fn drop(&mut self) {
        if !self.changed && !self.reshaped {
            return;
        }
        let account = &mut self.account;
        let after = self.entry.memory();
        *account.db_memory = *account.db_memory - self.memory_before + after;
        account.gauges.add_bytes(self.memory_before, after);
        if !self.changed {
            return;
        }
        account.watch.changed(account.db, self.entry.key(), account.gauges);
        self.entry.set_epoch(account.epoch);
    }
}

impl Removed {
    /// The entry, for reading.
    pub fn read(&self) -> EntryRef<'_> {
        EntryRef(&self.0)
    }

    /// The value.
    pub fn value(&self) -> ValueRef<'_> {
        self.0.value()
    }

    /// Sets or removes the expiry it will be inserted with.
    pub fn set_expire(&mut self, expire: Option<u64>) {
        self.0.set_expire(expire);
    }
}

/// Whether an expiry is over: its own millisecond still belongs to the key, as in Redis.
pub(in crate::keyspace) fn is_over(expire: Option<u64>, now_ms: u64) -> bool {
    expire.is_some_and(|at| now_ms > at)
}
