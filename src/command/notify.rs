//! What commands tell subscribers: messages, and events of keys as `notify-keyspace-events` asks
//! for them. Gathered in the order in which they happen, on whichever core executes; they leave
//! when the run is sealed. An event that nobody wants costs one test.

use super::publication::{Publication, Topic};
use super::subscriptions::Directory;
use crate::base::ids::DbIndex;
use crate::config::settings::Settings;
use crate::config::settings_groups::NotifyFlags;
use std::sync::Arc;

/// The class of an event: a letter of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `g`: commands on keys of any type.
    Generic,
    /// `$`: commands on strings.
    String,
    /// `l`: commands on lists.
    List,
    /// `s`: commands on sets.
    Set,
    /// `h`: commands on hashes.
    Hash,
    /// `z`: commands on sorted sets.
    SortedSet,
    /// `t`: commands on streams.
    Stream,
    /// `x`: a key's time was over.
    Expired,
    /// `e`: a key was evicted.
    Evicted,
    /// `m`: a key was looked for and not found.
    KeyMiss,
    /// `n`: a key came into being.
    New,
}

/// Where messages and events go.
pub struct News<'a> {
    /// The classes wanted; none if events go to no channel.
    wanted: NotifyFlags,
    directory: &'a Directory,
    out: &'a mut Vec<Arc<Publication>>,
}

impl Class {
    /// Its bit in the directive.
    pub const fn flag(self) -> NotifyFlags {
        match self {
            Class::Generic => NotifyFlags::GENERIC,
            Class::String => NotifyFlags::STRING,
            Class::List => NotifyFlags::LIST,
            Class::Set => NotifyFlags::SET,
            Class::Hash => NotifyFlags::HASH,
            Class::SortedSet => NotifyFlags::ZSET,
            Class::Stream => NotifyFlags::STREAM,
            Class::Expired => NotifyFlags::EXPIRED,
            Class::Evicted => NotifyFlags::EVICTED,
            Class::KeyMiss => NotifyFlags::KEY_MISS,
            Class::New => NotifyFlags::NEW,
        }
    }
}

impl<'a> News<'a> {
    /// Gathers in `out` what the directives and subscribers want.
    pub fn new(
        settings: &Settings,
        directory: &'a Directory,
        out: &'a mut Vec<Arc<Publication>>,
    ) -> News<'a> {
        let flags = settings.observe.notify_keyspace_events;
        let wanted = if flags.contains(CHANNELS) { flags } else { NotifyFlags(0) };
        News { wanted, directory, out }
    }

    /// Tells of an event of `key`.
    #[inline]
    pub fn notify(&mut self, class: Class, event: &[u8], db: DbIndex, key: &[u8]) {
        if self.wants(class) {
            self.tell(event, db, key);
        }
    }

    /// Whether events of a class are wanted.
    #[inline]
    pub fn wants(&self, class: Class) -> bool {
        self.wanted.contains(class.flag())
    }

    /// Whether any event is wanted.
    #[inline]
    pub fn wants_any(&self) -> bool {
        self.wanted.0 != 0
    }

    /// Publishes a message; how many clients of this server receive it.
    pub fn publish(&mut self, topic: Topic, channel: &[u8], payload: &[u8]) -> u64 {
        match self.directory.publish(topic, channel, payload) {
            Some((message, receivers)) => {
                self.out.push(Arc::new(message));
                receivers
            }
            None => 0,
        }
    }

    #[cold]
    fn tell(&mut self, event: &[u8], db: DbIndex, key: &[u8]) {
        if self.directory.is_empty() {
            return;
        }
        let mut digits = itoa::Buffer::new();
        let db = digits.format(db.0).as_bytes();
        if self.wanted.contains(NotifyFlags::KEYSPACE) {
            let channel = [b"__keyspace@", db, b"__:", key].concat();
            self.publish(Topic::Channel, &channel, event);
        }
        if self.wanted.contains(NotifyFlags::KEYEVENT) {
            let channel = [b"__keyevent@", db, b"__:", event].concat();
            self.publish(Topic::Channel, &channel, key);
        }
    }
}

/// The two kinds of channels that events go to.
const CHANNELS: NotifyFlags = NotifyFlags(NotifyFlags::KEYSPACE.0 | NotifyFlags::KEYEVENT.0);
