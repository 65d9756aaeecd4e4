//! A consumer group: how far it has read, and which entries were delivered and not acknowledged
//! yet. Plain data, any core. A group knows ids and no entries.
//!
//! What always holds: each pending id is in the group's list once and in the list of exactly the
//! consumer that its record names; `memory` in [`Groups`] is the sum over the groups.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use crate::keyspace::types::stream::id::StreamId;

/// The groups of a stream, by name.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    by_name: BTreeMap<Box<[u8]>, Group>,
    memory: usize,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The greatest id delivered.
    pub last_id: StreamId,
    /// How many entries of the stream's history are delivered; `None` if that is not known.
    pub entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    consumers: Vec<Option<Consumer>>,
    free: Vec<ConsumerId>,
    name_bytes: usize,
}

/// A consumer's number within its group, given again when the consumer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(u32);

/// What is known of an entry that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// To whom.
    pub consumer: ConsumerId,
    /// When last, in Unix milliseconds.
    pub delivered_ms: u64,
    /// How often.
    pub deliveries: u64,
}

/// One who reads as a member of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The consumer's name.
    pub name: Box<[u8]>,
    /// When it last asked, in Unix milliseconds.
    pub seen_ms: u64,
    /// When it last got something; `None` if never.
    pub active_ms: Option<u64>,
    pending: BTreeSet<StreamId>,
}

/// A group to be changed. Dropping it settles the memory of the groups.
pub struct GroupMut<'a> {
    group: &'a mut Group,
    total: &'a mut usize,
    before: usize,
}

impl Groups {
    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The groups with their names, in the order of those.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.by_name.iter().map(|(name, group)| (&name[..], group))
    }

    /// A group.
    pub fn find(&self, name: &[u8]) -> Option<&Group> {
        self.by_name.get(name)
    }

    /// A group to be changed.
    pub fn find_mut(&mut self, name: &[u8]) -> Option<GroupMut<'_>> {
        let group = self.by_name.get_mut(name)?;
        let before = group.memory();
        Some(GroupMut { group, total: &mut self.memory, before })
    }

    /// Adds a group; `false` if there is one of that name.
    pub fn insert(&mut self, name: &[u8], group: Group) -> bool {
        let btree_map::Entry::Vacant(place) = self.by_name.entry(name.into()) else {
            return false;
        };
        self.memory += GROUP_OVERHEAD + name.len() + group.memory();
        place.insert(group);
        true
    }

    /// Removes a group; whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.by_name.remove(name) else { return false };
        self.memory -= GROUP_OVERHEAD + name.len() + group.memory();
        true
    }
}

impl Group {
    /// A group without consumers.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group {
            last_id,
            entries_read,
            pending: BTreeMap::new(),
            names: BTreeMap::new(),
            consumers: Vec::new(),
            free: Vec::new(),
            name_bytes: 0,
        }
    }

    /// What was delivered and not acknowledged, in the order of ids.
    pub fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    /// The consumers, in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|id| self.consumer(*id))
    }

    /// The number of the consumer of this name.
    pub fn consumer_id(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// The consumer of this number, which must be one that the group gave out and still has.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        let place = self.consumers.get(id.0 as usize).and_then(Option::as_ref);
        place.expect("numbers of consumers are given back only with all that names them")
    }

    /// The same to be changed.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        let place = self.consumers.get_mut(id.0 as usize).and_then(Option::as_mut);
        place.expect("numbers of consumers are given back only with all that names them")
    }

    /// The consumer of this name, who asks now, made if it is not there; whether it was made.
    pub fn meet(&mut self, name: &[u8], now_ms: u64) -> (ConsumerId, bool) {
        match self.consumer_id(name) {
            Some(id) => {
                self.consumer_mut(id).seen_ms = now_ms;
                (id, false)
            }
            None => (self.add_consumer(name, now_ms, None), true),
        }
    }

    /// Adds a consumer of a name that no other has.
    pub fn add_consumer(
        &mut self,
        name: &[u8],
        seen_ms: u64,
        active_ms: Option<u64>,
    ) -> ConsumerId {
        let consumer = Consumer { name: name.into(), seen_ms, active_ms, pending: BTreeSet::new() };
        let id = self.free.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            ConsumerId(u32::try_from(self.consumers.len() - 1).expect("far fewer consumers"))
        });
        self.consumers[id.0 as usize] = Some(consumer);
        self.names.insert(name.into(), id);
        self.name_bytes += 2 * name.len();
        id
    }

    /// Removes a consumer with all that is pending for it; how many that were.
    pub fn remove_consumer(&mut self, id: ConsumerId) -> usize {
        let Some(consumer) = self.consumers.get_mut(id.0 as usize).and_then(Option::take) else {
            return 0;
        };
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        self.names.remove(&consumer.name);
        self.name_bytes -= 2 * consumer.name.len();
        self.free.push(id);
        consumer.pending.len()
    }

    /// Notes that an entry was delivered, whoever had it before.
    pub fn deliver(&mut self, id: StreamId, pending: Pending) {
        if let Some(old) = self.pending.insert(id, pending) {
            if old.consumer == pending.consumer {
                return;
            }
            self.consumer_mut(old.consumer).pending.remove(&id);
        }
        self.consumer_mut(pending.consumer).pending.insert(id);
    }

    /// Notes another delivery to the same consumer.
    pub fn deliver_again(&mut self, id: StreamId, now_ms: u64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_ms = now_ms;
            pending.deliveries = pending.deliveries.saturating_add(1);
        }
    }

    /// Takes an entry from the pending ones; whether it was one.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.consumer_mut(pending.consumer).pending.remove(&id);
        true
    }

    fn memory(&self) -> usize {
        self.name_bytes
            + self.names.len() * CONSUMER_OVERHEAD
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.pending.len() * PENDING_OVERHEAD
    }
}

impl Consumer {
    /// The ids of the entries that it got and did not acknowledge.
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

impl std::ops::Deref for GroupMut<'_> {
    type Target = Group;

    fn deref(&self) -> &Group {
        self.group
    }
}

impl std::ops::DerefMut for GroupMut<'_> {
    fn deref_mut(&mut self) -> &mut Group {
        self.group
    }
}

impl Drop for GroupMut<'_> {
    fn drop(&mut self) {
        *self.total = *self.total - self.before + self.group.memory();
    }
}

/// What the map takes for a group beside its name, in leaves about two thirds full.
const GROUP_OVERHEAD: usize = (size_of::<Box<[u8]>>() + size_of::<Group>()) * 3 / 2;
/// What the map of names takes for a consumer.
const CONSUMER_OVERHEAD: usize = (size_of::<Box<[u8]>>() + size_of::<ConsumerId>()) * 3 / 2;
/// What the group's map and the consumer's set take for a pending entry.
const PENDING_OVERHEAD: usize =
    (size_of::<StreamId>() + size_of::<Pending>() + size_of::<StreamId>()) * 3 / 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn invariants(groups: &Groups) {
        let mut memory = 0;
        for (name, group) in groups.iter() {
            memory += GROUP_OVERHEAD + name.len() + group.memory();
            let of_consumers: usize = group.consumers().map(|c| c.pending.len()).sum();
            assert_eq!(of_consumers, group.pending.len());
            for (id, pending) in &group.pending {
                assert!(group.consumer(pending.consumer).pending.contains(id));
            }
        }
        assert_eq!(groups.memory(), memory);
    }

    #[test]
    fn pending_entries_belong_to_one_consumer() {
        let mut groups = Groups::default();
        assert!(groups.insert(b"g", Group::new(StreamId::MIN, None)));
        assert!(!groups.insert(b"g", Group::new(StreamId::MIN, None)));
        let mut random = fastrand::Rng::with_seed(3);
        for step in 0..3000 {
            let mut group = groups.find_mut(b"g").expect("it was made");
            let (consumer, _) = group.meet(&[b'a' + random.u8(..4)], step);
            let id = StreamId::new(random.u64(1..30), 0);
            match random.u8(..12) {
                0 => drop(group.remove_consumer(consumer)),
                1..4 => drop(group.acknowledge(id)),
                4 => group.deliver_again(id, step),
                _ => group.deliver(id, Pending { consumer, delivered_ms: step, deliveries: 1 }),
            }
            drop(group);
            invariants(&groups);
        }
        assert!(groups.remove(b"g") && !groups.remove(b"g"));
        assert_eq!(groups.memory(), 0);
    }
}
