//! Who subscribes to what, as far as publishers must know: for each name the shards that have
//! receivers and how many. Any core asks; the shard of a connection notes its subscriptions, and
//! keeps the connections themselves in a table of its own.
//!
//! Always holds: a name is here exactly while somebody subscribes to it. With no subscription at
//! all a publisher reads two counters and is done.

use super::publication::{Part, Publication, Stamp, Topic};
use crate::base::glob::{self, Case};
use crate::base::ids::ShardId;
use ahash::RandomState;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// All subscriptions of the process.
pub struct Directory {
    shards: u16,
    channels: Names,
    shard_channels: Names,
    /// Read by every publisher, replaced when a pattern comes or goes.
    patterns: ArcSwap<Vec<Arc<Pattern>>>,
    patterns_len: AtomicUsize,
    changing_patterns: Mutex<()>,
    clock: AtomicU64,
}

/// Names with their receivers, in stripes, so that publishers on different cores seldom meet.
struct Names {
    stripes: Vec<RwLock<Stripe>>,
    hasher: RandomState,
    len: AtomicUsize,
}

type Stripe = HashMap<Arc<[u8]>, Receivers, RandomState>;

/// Receivers by shard.
#[derive(Default)]
struct Receivers(Vec<(ShardId, u32)>);

struct Pattern {
    text: Arc<[u8]>,
    /// Receivers by shard.
    receivers: Vec<AtomicU32>,
}

/// What a publication has found so far.
#[derive(Default)]
struct Found {
    parts: Vec<Part>,
    shards: Vec<ShardId>,
    receivers: u64,
}

impl Directory {
    /// No subscriptions, on so many shards.
    pub fn new(shards: u16) -> Directory {
        Directory {
            shards,
            channels: Names::new(),
            shard_channels: Names::new(),
            patterns: ArcSwap::default(),
            patterns_len: AtomicUsize::new(0),
            changing_patterns: Mutex::new(()),
            clock: AtomicU64::new(0),
        }
    }

    /// Notes one more subscription of a connection on `shard`; its moment.
    pub fn subscribe(&self, topic: Topic, name: &Arc<[u8]>, shard: ShardId) -> Stamp {
        // Before the name is to be found: who finds it has a later stamp.
        let stamp = Stamp(self.clock.fetch_add(1, Ordering::AcqRel) + 1);
        match topic {
            Topic::Channel => self.channels.add(name, shard),
            Topic::ShardChannel => self.shard_channels.add(name, shard),
            Topic::Pattern => self.add_pattern(name, shard),
        }
        stamp
    }

    /// Forgets one subscription of a connection on `shard`.
    pub fn unsubscribe(&self, topic: Topic, name: &[u8], shard: ShardId) {
        match topic {
            Topic::Channel => self.channels.remove(name, shard),
            Topic::ShardChannel => self.shard_channels.remove(name, shard),
            Topic::Pattern => self.remove_pattern(name, shard),
        }
    }

    /// How many names of a topic have receivers.
    pub fn len(&self, topic: Topic) -> usize {
        let len = match topic {
            Topic::Channel => &self.channels.len,
            Topic::ShardChannel => &self.shard_channels.len,
            Topic::Pattern => &self.patterns_len,
        };
        len.load(Ordering::Acquire)
    }

    /// Whether no channel has receivers, by name or by pattern.
    pub fn is_empty(&self) -> bool {
        self.len(Topic::Channel) == 0 && self.len(Topic::Pattern) == 0
    }

    /// The names of a topic, channels or shard channels, that match a pattern.
    pub fn names(&self, topic: Topic, pattern: Option<&[u8]>) -> Vec<Arc<[u8]>> {
        let fits = |name: &&Arc<[u8]>| {
            pattern.is_none_or(|pattern| glob::matches(pattern, name, Case::Sensitive))
        };
        let mut found = Vec::new();
        for stripe in &self.names_of(topic).stripes {
            let names = stripe.read().unwrap_or_else(PoisonError::into_inner);
            found.extend(names.keys().filter(fits).cloned());
        }
        found
    }

    /// How many receivers a channel has by its name.
    pub fn receivers(&self, topic: Topic, name: &[u8]) -> u64 {
        self.names_of(topic).with(name, |_, receivers| receivers.count()).unwrap_or(0)
    }

    /// A message for all who subscribe to `channel` now and how many those are; `None` for nobody.
    /// `topic`: a channel or a shard channel.
    pub fn publish(
        &self,
        topic: Topic,
        channel: &[u8],
        payload: &[u8],
    ) -> Option<(Publication, u64)> {
        let mut found = Found::default();
        if self.len(topic) > 0 {
            self.names_of(topic).with(channel, |name, receivers| {
                found.add(Part::new(topic, name, channel, payload), &receivers.0);
            });
        }
        if topic == Topic::Channel && self.len(Topic::Pattern) > 0 {
            for pattern in self.patterns.load().iter() {
                if glob::matches(&pattern.text, channel, Case::Sensitive) {
                    let part = Part::new(Topic::Pattern, &pattern.text, channel, payload);
                    found.add(part, &pattern.by_shard());
                }
            }
        }
        let Found { parts, shards, receivers } = found;
        if shards.is_empty() {
            return None;
        }
        let stamp = Stamp(self.clock.load(Ordering::Acquire));
        let invalidations = Vec::new();
        Some((Publication { parts, shards, stamp, invalidations }, receivers))
    }

    fn names_of(&self, topic: Topic) -> &Names {
        match topic {
            Topic::Channel => &self.channels,
            Topic::ShardChannel => &self.shard_channels,
            Topic::Pattern => unreachable!("patterns are no names of channels"),
        }
    }

    fn add_pattern(&self, text: &Arc<[u8]>, shard: ShardId) {
        let _changing = self.changing_patterns.lock().unwrap_or_else(PoisonError::into_inner);
        let patterns = self.patterns.load();
        if let Some(known) = patterns.iter().find(|known| known.text == *text) {
            known.receivers[usize::from(shard.0)].fetch_add(1, Ordering::AcqRel);
            return;
        }
        let receivers: Vec<_> = (0..self.shards).map(|_| AtomicU32::new(0)).collect();
        receivers[usize::from(shard.0)].store(1, Ordering::Release);
        let added = Arc::new(Pattern { text: Arc::clone(text), receivers });
        let all: Vec<_> = patterns.iter().cloned().chain([added]).collect();
        self.replace_patterns(all);
    }

    fn remove_pattern(&self, text: &[u8], shard: ShardId) {
        let _changing = self.changing_patterns.lock().unwrap_or_else(PoisonError::into_inner);
        let patterns = self.patterns.load();
        let Some(known) = patterns.iter().find(|known| *known.text == *text) else { return };
        known.receivers[usize::from(shard.0)].fetch_sub(1, Ordering::AcqRel);
        if known.by_shard().is_empty() {
            let rest = patterns.iter().filter(|other| !Arc::ptr_eq(other, known));
            self.replace_patterns(rest.cloned().collect());
        }
    }

    fn replace_patterns(&self, all: Vec<Arc<Pattern>>) {
        let len = all.len();
        self.patterns.store(Arc::new(all));
        self.patterns_len.store(len, Ordering::Release);
    }
}

impl Names {
    fn new() -> Names {
        Names {
            stripes: (0..STRIPES).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
        }
    }

    fn stripe(&self, name: &[u8]) -> &RwLock<Stripe> {
        &self.stripes[self.hasher.hash_one(name) as usize % STRIPES]
    }

    /// Calls `see` with a name that has receivers.
    fn with<R>(&self, name: &[u8], see: impl FnOnce(&Arc<[u8]>, &Receivers) -> R) -> Option<R> {
        let names = self.stripe(name).read().unwrap_or_else(PoisonError::into_inner);
        names.get_key_value(name).map(|(name, receivers)| see(name, receivers))
    }

    fn add(&self, name: &Arc<[u8]>, shard: ShardId) {
        let mut names = self.stripe(name).write().unwrap_or_else(PoisonError::into_inner);
        let receivers = names.entry(Arc::clone(name)).or_insert_with(|| {
            self.len.fetch_add(1, Ordering::AcqRel);
            Receivers::default()
        });
        match receivers.0.iter_mut().find(|(known, _)| *known == shard) {
            Some((_, count)) => *count += 1,
            None => receivers.0.push((shard, 1)),
        }
    }

    fn remove(&self, name: &[u8], shard: ShardId) {
        let mut names = self.stripe(name).write().unwrap_or_else(PoisonError::into_inner);
        let Some(receivers) = names.get_mut(name) else { return };
        for (known, count) in &mut receivers.0 {
            *count -= u32::from(*known == shard);
        }
        receivers.0.retain(|(_, count)| *count > 0);
        if receivers.0.is_empty() {
            names.remove(name);
            self.len.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Receivers {
    fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }
}

impl Pattern {
    fn by_shard(&self) -> Vec<(ShardId, u32)> {
        let counts = self.receivers.iter().enumerate();
        let counts = counts.map(|(shard, count)| (shard as u16, count.load(Ordering::Acquire)));
        counts.filter(|(_, count)| *count > 0).map(|(id, count)| (ShardId(id), count)).collect()
    }
}

impl Found {
    fn add(&mut self, part: Part, receivers: &[(ShardId, u32)]) {
        for (shard, count) in receivers {
            self.receivers += u64::from(*count);
            if !self.shards.contains(shard) {
                self.shards.push(*shard);
            }
        }
        self.parts.push(part);
    }
}

/// Stripes of names: more than cores that publish at the same time.
const STRIPES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<[u8]> {
        Arc::from(text.as_bytes())
    }

    /// How many receive a message, on which shards, and under which names.
    fn told(directory: &Directory, topic: Topic, channel: &str) -> String {
        let Some((message, count)) = directory.publish(topic, channel.as_bytes(), b"") else {
            return "nobody".to_owned();
        };
        let names = message.parts.iter().map(|part| part.name.escape_ascii().to_string());
        let shards = message.shards.iter().map(|shard| shard.0.to_string());
        let (names, shards): (Vec<_>, Vec<_>) = (names.collect(), shards.collect());
        format!("{count} on {} by {}", shards.join(" "), names.join(" "))
    }

    #[test]
    fn a_message_goes_where_its_channel_or_a_pattern_has_receivers() {
        let directory = Directory::new(3);
        assert_eq!(told(&directory, Topic::Channel, "news"), "nobody");
        directory.subscribe(Topic::Channel, &name("news"), ShardId(2));
        directory.subscribe(Topic::Channel, &name("news"), ShardId(2));
        directory.subscribe(Topic::Pattern, &name("n*"), ShardId(0));
        directory.subscribe(Topic::ShardChannel, &name("news"), ShardId(1));
        assert_eq!(told(&directory, Topic::Channel, "news"), "3 on 2 0 by news n*");
        assert_eq!(told(&directory, Topic::Channel, "nobody"), "1 on 0 by n*");
        assert_eq!(told(&directory, Topic::ShardChannel, "news"), "1 on 1 by news");
        directory.unsubscribe(Topic::Channel, b"news", ShardId(2));
        assert_eq!(directory.receivers(Topic::Channel, b"news"), 1);
        directory.unsubscribe(Topic::Channel, b"news", ShardId(2));
        directory.unsubscribe(Topic::Pattern, b"n*", ShardId(0));
        assert_eq!(told(&directory, Topic::Channel, "news"), "nobody");
        assert!(directory.is_empty());
        assert_eq!(directory.len(Topic::ShardChannel), 1);
    }

    #[test]
    fn a_subscription_is_later_than_the_messages_before_it() {
        let directory = Directory::new(1);
        let first = directory.subscribe(Topic::Channel, &name("a"), ShardId(0));
        let (message, _) = directory.publish(Topic::Channel, b"a", b"").expect("it is heard");
        let second = directory.subscribe(Topic::Channel, &name("a"), ShardId(0));
        assert!(first <= message.stamp && message.stamp < second);
    }
}
