//! What one connection subscribes to, and where pushes go while its replies are in the making.
//! Lives with its connection, on the connection's shard, which it does not leave meanwhile.
//!
//! Always holds: a session has this exactly while it subscribes to something.

use super::connection::Connection;
use crate::command::publication::Topic;
use crate::command::spec::ClientVerb;
use crate::resp::reply::Reply;
use ahash::RandomState;
use std::collections::HashSet;
use std::sync::Arc;

/// A connection's subscriptions.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: Names,
    patterns: Names,
    shard_channels: Names,
}

type Names = HashSet<Arc<[u8]>, RandomState>;

/// What a command about subscriptions does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// To what.
    pub topic: Topic,
    /// It begins, or ends.
    pub begins: bool,
    /// The first word of its answers.
    pub word: &'static str,
}

impl Order {
    /// What `verb` does, if it is about subscriptions.
    pub fn of(verb: ClientVerb) -> Option<Order> {
        let (topic, begins, word) = match verb {
            ClientVerb::Subscribe => (Topic::Channel, true, "subscribe"),
            ClientVerb::Unsubscribe => (Topic::Channel, false, "unsubscribe"),
            ClientVerb::Psubscribe => (Topic::Pattern, true, "psubscribe"),
            ClientVerb::Punsubscribe => (Topic::Pattern, false, "punsubscribe"),
            ClientVerb::Ssubscribe => (Topic::ShardChannel, true, "ssubscribe"),
            ClientVerb::Sunsubscribe => (Topic::ShardChannel, false, "sunsubscribe"),
            _ => return None,
        };
        Some(Order { topic, begins, word })
    }
}

impl Subscriptions {
    /// Adds a name; whether it is new.
    pub fn add(&mut self, topic: Topic, name: &Arc<[u8]>) -> bool {
        self.names_mut(topic).insert(Arc::clone(name))
    }

    /// Removes a name; whether it was there.
    pub fn remove(&mut self, topic: Topic, name: &[u8]) -> bool {
        self.names_mut(topic).remove(name)
    }

    /// The names of a topic.
    pub fn names(&self, topic: Topic) -> &Names {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::ShardChannel => &self.shard_channels,
        }
    }

    /// The number that answers about a topic tell: channels and patterns count together.
    pub fn told(&self, topic: Topic) -> usize {
        match topic {
            Topic::Channel | Topic::Pattern => self.channels.len() + self.patterns.len(),
            Topic::ShardChannel => self.shard_channels.len(),
        }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        TOPICS.iter().all(|topic| self.names(*topic).is_empty())
    }

    fn names_mut(&mut self, topic: Topic) -> &mut Names {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::ShardChannel => &mut self.shard_channels,
        }
    }
}

impl Connection {
    /// Where a push for the client goes now: behind the replies of all commands executed so far.
    /// Those of a pipeline over several shards are put together when all have come.
    pub fn push_target(&mut self) -> &mut Reply {
        if self.pipeline.is_none() {
            return &mut self.reply;
        }
        self.pushes.version = self.reply.version;
        &mut self.pushes
    }

    /// The pipeline is answered: the pushes that waited for it follow.
    pub(super) fn release_pushes(&mut self) {
        if !self.pushes.is_empty() {
            self.reply.append(&mut self.pushes);
        }
    }

    /// Bytes to be sent to the client that are not with the network yet.
    pub fn output_len(&self) -> usize {
        self.reply.len() + self.pushes.len()
    }
}

/// Everything that can be subscribed to.
pub const TOPICS: [Topic; 3] = [Topic::Channel, Topic::Pattern, Topic::ShardChannel];
