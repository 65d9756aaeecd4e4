//! What becomes of a consumer group, as commands for the stream: gathered while the group is
//! borrowed, streamed afterwards. Runs on the core that holds the key. Deliveries leave as XCLAIM
//! with everything said that a replica cannot know, as stock servers stream them.

use super::context::Context;
use crate::keyspace::types::stream::group::{ConsumerId, Group, Pending};
use crate::keyspace::types::stream::id::StreamId;

/// The effects of one command on one group.
pub struct GroupEffects<'a> {
    key: &'a [u8],
    group: &'a [u8],
    effects: Vec<Effect>,
    /// The last consumer that an entry went to, and its name.
    consumer: Option<(ConsumerId, usize)>,
    names: Vec<Box<[u8]>>,
}

enum Effect {
    /// An entry is pending for the consumer of this name.
    Claimed { id: StreamId, last_id: StreamId, pending: Pending, name: usize },
    /// The group has read up to there, and so many entries in all.
    Read { last_id: StreamId, entries: i64 },
    /// A consumer of this name was made.
    Consumer { name: usize },
}

impl<'a> GroupEffects<'a> {
    /// No effects yet on the group of this name in the stream at `key`.
    pub fn new(key: &'a [u8], group: &'a [u8]) -> GroupEffects<'a> {
        let (effects, names) = (Vec::new(), Vec::new());
        GroupEffects { key, group, effects, consumer: None, names }
    }

    /// An entry is pending as the record says; one that is gone from the stream is pending no
    /// longer, which whoever applies this sees too.
    pub fn claimed(&mut self, group: &Group, id: StreamId, pending: Pending) {
        let name = match self.consumer {
            Some((consumer, name)) if consumer == pending.consumer => name,
            _ => self.name(&group.consumer(pending.consumer).name),
        };
        self.consumer = Some((pending.consumer, name));
        self.effects.push(Effect::Claimed { id, last_id: group.last_id, pending, name });
    }

    /// The group has read further.
    pub fn read(&mut self, group: &Group) {
        let entries = group.entries_read.map_or(-1, u64::cast_signed);
        self.effects.push(Effect::Read { last_id: group.last_id, entries });
    }

    /// The group has a further consumer.
    pub fn consumer_made(&mut self, consumer: &[u8]) {
        let name = self.name(consumer);
        self.effects.push(Effect::Consumer { name });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// Streams them in order.
    pub fn finish(self, ctx: &mut Context<'_>) {
        self.effects.iter().for_each(|effect| self.stream(ctx, effect));
    }

    fn name(&mut self, name: &[u8]) -> usize {
        self.names.push(name.into());
        self.names.len() - 1
    }

    fn stream(&self, ctx: &mut Context<'_>, effect: &Effect) {
        let (key, group) = (self.key, self.group);
        match effect {
            Effect::Claimed { id, last_id, pending, name } => {
                let (mut at, mut times) = (itoa::Buffer::new(), itoa::Buffer::new());
                ctx.propagate_as(&[
                    b"XCLAIM",
                    key,
                    group,
                    &self.names[*name],
                    b"0",
                    id.text().as_bytes(),
                    b"TIME",
                    at.format(pending.delivered_ms).as_bytes(),
                    b"RETRYCOUNT",
                    times.format(pending.deliveries).as_bytes(),
                    b"FORCE",
                    b"JUSTID",
                    b"LASTID",
                    last_id.text().as_bytes(),
                ]);
            }
            Effect::Read { last_id, entries } => {
                let mut digits = itoa::Buffer::new();
                let (last_id, entries) = (last_id.text(), digits.format(*entries).as_bytes());
                let last_id = last_id.as_bytes();
                ctx.propagate_as(&[
                    b"XGROUP",
                    b"SETID",
                    key,
                    group,
                    last_id,
                    b"ENTRIESREAD",
                    entries,
                ]);
            }
            Effect::Consumer { name } => {
                let consumer = &self.names[*name];
                ctx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
            }
        }
    }
}
