//! One published message: its bytes, made once and shared by all receivers on all cores. Made where
//! PUBLISH or an event executes; knows no connection.

use super::tracking::Invalidation;
use crate::base::ids::ShardId;
use crate::resp::encode;
use crate::resp::reply::{Reply, RespVersion};
use bytes::Bytes;
use std::sync::Arc;

/// What a client subscribes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A channel.
    Channel,
    /// All channels whose names match a pattern.
    Pattern,
    /// A shard channel: a name space of its own, without patterns.
    ShardChannel,
}

/// The moment of a subscription or of a publication: a message is for those who subscribed at or
/// before its stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stamp(pub u64);

/// A message as those receive it who subscribed to one name.
#[derive(Debug)]
pub struct Part {
    /// What they subscribed to.
    pub topic: Topic,
    /// Its name.
    pub name: Arc<[u8]>,
    /// The message without its first byte, which is the protocol's mark of an array or a push.
    body: Bytes,
}

/// A message on its way to its receivers.
#[derive(Debug)]
pub struct Publication {
    /// For each name with receivers, in the order in which one client gets them.
    pub parts: Vec<Part>,
    /// The shards that have receivers.
    pub shards: Vec<ShardId>,
    /// When it was published.
    pub stamp: Stamp,
    /// What clients with caches are told, if it is of changes and no message.
    pub invalidations: Vec<Invalidation>,
}

impl Topic {
    /// The word in front of a message of this topic.
    pub fn word(self) -> &'static [u8] {
        match self {
            Topic::Channel => b"message",
            Topic::Pattern => b"pmessage",
            Topic::ShardChannel => b"smessage",
        }
    }
}

impl Part {
    /// The message `payload` on `channel`, for those who subscribed to `name`.
    pub fn new(topic: Topic, name: &Arc<[u8]>, channel: &[u8], payload: &[u8]) -> Part {
        let mut body = Vec::with_capacity(name.len() + channel.len() + payload.len() + FRAME_BYTES);
        let elements = if topic == Topic::Pattern { 4 } else { 3 };
        encode::header(&mut body, b'*', elements);
        encode::bulk(&mut body, topic.word());
        if topic == Topic::Pattern {
            encode::bulk(&mut body, name);
        }
        encode::bulk(&mut body, channel);
        encode::bulk(&mut body, payload);
        Part { topic, name: Arc::clone(name), body: Bytes::from(body).slice(1..) }
    }

    /// Writes the message for one receiver.
    pub fn write(&self, reply: &mut Reply) {
        reply.raw(match reply.version {
            RespVersion::V2 => b"*",
            RespVersion::V3 => b">",
        });
        reply.raw_shared(&self.body);
    }
}

impl Publication {
    /// Bytes held for it.
    pub fn bytes(&self) -> usize {
        let parts = self.parts.iter().map(|part| part.body.len() + PART_BYTES);
        parts.sum::<usize>() + self.invalidations.iter().map(Invalidation::bytes).sum::<usize>()
    }
}

/// What the frame around name, channel and payload takes at most.
const FRAME_BYTES: usize = 96;
/// What a part takes beside its bytes.
const PART_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_differs_between_protocols_by_its_mark() {
        let name: Arc<[u8]> = Arc::from(&b"n?ws"[..]);
        let check = |topic, version, expected: &str| {
            let mut reply = Reply::new(version);
            Part::new(topic, &name, b"news", b"hi").write(&mut reply);
            assert_eq!(reply.to_vec().escape_ascii().to_string(), expected);
        };
        check(
            Topic::Channel,
            RespVersion::V2,
            r"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
        );
        check(
            Topic::Pattern,
            RespVersion::V3,
            r">4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
        );
        check(
            Topic::ShardChannel,
            RespVersion::V3,
            r">3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
        );
    }
}
