//! The connections of one shard that subscribe to something, by name. Owned by the shard's loop.
//! What publishers on other shards must know is in the directory of all subscriptions.

use crate::command::publication::{Publication, Stamp, Topic};
use crate::net::event::SocketId;
use ahash::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// A shard's subscribers.
#[derive(Debug, Default)]
pub struct Subscribers {
    channels: Table,
    patterns: Table,
    shard_channels: Table,
}

type Table = HashMap<Arc<[u8]>, HashMap<SocketId, Stamp, RandomState>, RandomState>;

impl Subscribers {
    /// Adds a connection that subscribed at `stamp`.
    pub fn add(&mut self, topic: Topic, name: &Arc<[u8]>, socket: SocketId, stamp: Stamp) {
        self.table(topic).entry(Arc::clone(name)).or_default().insert(socket, stamp);
    }

    /// Removes a connection.
    pub fn remove(&mut self, topic: Topic, name: &[u8], socket: SocketId) {
        let table = self.table(topic);
        let Some(sockets) = table.get_mut(name) else { return };
        sockets.remove(&socket);
        if sockets.is_empty() {
            table.remove(name);
        }
    }

    /// Calls `deliver` for each connection and each part of a message that is for it.
    pub fn each(
        &mut self,
        message: &Publication,
        mut deliver: impl FnMut(SocketId, &crate::command::publication::Part),
    ) {
        for part in &message.parts {
            let Some(sockets) = self.table(part.topic).get(&part.name) else { continue };
            for (socket, since) in sockets {
                if *since <= message.stamp {
                    deliver(*socket, part);
                }
            }
        }
    }

    fn table(&mut self, topic: Topic) -> &mut Table {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::ShardChannel => &mut self.shard_channels,
        }
    }
}
