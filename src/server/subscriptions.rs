//! Subscriptions of this shard's clients, and the messages that reach them: those published here
//! when the run is sealed, those from other shards behind the replies that came with them.

use super::core::{Core, Peer, Row};
use super::mail::Mail;
use crate::base::ids::ShardId;
use crate::client::connection::Connection;
use crate::client::subscriptions::{Order, Subscriptions, TOPICS};
use crate::command::error::CommandError;
use crate::command::publication::{Publication, Topic};
use crate::command::subscriptions::Directory;
use crate::net::event::SocketId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::apply::Seen;
use crate::shard::batch::Batch;
use crate::shard::deliveries::Delivery;
use crate::shard::subscribers::Subscribers;
use std::collections::VecDeque;
use std::sync::Arc;

/// One shard's subscribers, and what of the open run they have been told.
#[derive(Default)]
pub struct Audience {
    /// Deliveries taken from this shard's box and not told yet.
    deliveries: VecDeque<Delivery>,
    /// Who listens to what.
    pub subscribers: Subscribers,
    /// Commands about subscriptions that wait for messages published before them.
    postponed: Vec<(Order, SocketId, Box<Batch>)>,
    /// Connections that wait until other shards have delivered what was published.
    waiting: Vec<SocketId>,
}

/// A connection whose subscriptions change.
pub(super) struct Listener<'a> {
    pub directory: &'a Directory,
    pub shard: ShardId,
    pub subscribers: &'a mut Subscribers,
    pub connection: &'a mut Connection,
}

impl Listener<'_> {
    /// Does what a command orders, an answer a name.
    pub fn run(&mut self, order: Order, args: Args<'_>, reply: &mut Reply) {
        if order.begins {
            for name in args.iter().skip(1) {
                self.begin(order.topic, name);
                self.answer(order, Some(name), reply);
            }
            return;
        }
        for name in args.iter().skip(1) {
            self.end(order.topic, name);
            self.answer(order, Some(name), reply);
        }
        if args.len() > 1 {
            return;
        }
        let all = self.names(order.topic);
        for name in &all {
            self.end(order.topic, name);
            self.answer(order, Some(name), reply);
        }
        if all.is_empty() {
            self.answer(order, None, reply);
        }
    }

    /// Ends all subscriptions, without an answer.
    pub fn end_all(&mut self) {
        for topic in TOPICS {
            for name in self.names(topic) {
                self.end(topic, &name);
            }
        }
    }

    fn names(&self, topic: Topic) -> Vec<Arc<[u8]>> {
        let subscriptions = self.connection.session.subscriptions.as_ref();
        subscriptions.map_or_else(Vec::new, |all| all.names(topic).iter().cloned().collect())
    }

    fn begin(&mut self, topic: Topic, name: &[u8]) {
        let name: Arc<[u8]> = Arc::from(name);
        let subscriptions = self.connection.session.subscriptions.get_or_insert_default();
        if subscriptions.add(topic, &name) {
            let stamp = self.directory.subscribe(topic, &name, self.shard);
            self.subscribers.add(topic, &name, self.connection.key, stamp);
        }
    }

    fn end(&mut self, topic: Topic, name: &[u8]) {
        let slot = &mut self.connection.session.subscriptions;
        let Some(subscriptions) = slot else { return };
        if subscriptions.remove(topic, name) {
            self.subscribers.remove(topic, name, self.connection.key);
            self.directory.unsubscribe(topic, name, self.shard);
        }
        if subscriptions.is_empty() {
            *slot = None;
        }
    }

    fn answer(&self, order: Order, name: Option<&[u8]>, reply: &mut Reply) {
        let subscriptions: Option<&Subscriptions> =
            self.connection.session.subscriptions.as_deref();
        let left = subscriptions.map_or(0, |all| all.told(order.topic));
        reply.push(3);
        reply.bulk(order.word.as_bytes());
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        }
        reply.integer(i64::try_from(left).unwrap_or(i64::MAX));
    }
}

/// Runs a command about subscriptions inside a transaction.
pub(super) fn in_transaction(
    listener: &mut Listener<'_>,
    order: Order,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    if order.begins && order.topic == Topic::ShardChannel {
        return Err(NOT_IN_TRANSACTION);
    }
    listener.run(order, args, reply);
    Ok(())
}

impl Core {
    /// Runs a command about subscriptions for a connection held until it is answered: once what was
    /// published before is delivered, since that is for those who listened then.
    pub(super) fn subscription_verb(&mut self, order: Order, socket: SocketId, batch: Box<Batch>) {
        if self.shard.tools.published.is_empty() && !self.has_deliveries() {
            self.run_subscription(order, socket, batch);
        } else {
            self.audience.postponed.push((order, socket, batch));
        }
    }

    /// Runs the commands that waited for the messages before them.
    pub(super) fn run_postponed_subscriptions(&mut self) {
        for (order, socket, batch) in std::mem::take(&mut self.audience.postponed) {
            self.run_subscription(order, socket, batch);
        }
    }

    /// Whether commands wait for the next turn.
    pub(super) fn has_postponed_subscriptions(&self) -> bool {
        !self.audience.postponed.is_empty()
    }

    /// The answers are pushes: they come whatever `CLIENT REPLY` says.
    fn run_subscription(&mut self, order: Order, socket: SocketId, batch: Box<Batch>) {
        let (command, args, client) = (batch.command(0), batch.args(0), batch.view.id);
        self.with_listener(socket, |listener| {
            let mut reply = std::mem::take(&mut listener.connection.reply);
            listener.run(order, args, &mut reply);
            listener.connection.reply = reply;
        });
        self.shard.tools.count_call(command, args, client);
        self.answer(batch);
    }

    /// The connection ends, was reset or becomes something else: it listens to nothing any more.
    pub(super) fn stop_listening(&mut self, socket: SocketId) {
        self.with_listener(socket, |listener| listener.end_all());
    }

    fn with_listener(&mut self, socket: SocketId, act: impl FnOnce(&mut Listener<'_>)) {
        let row = self.rows.get_mut(socket.index()).and_then(Option::as_mut);
        let Some(row) = row.filter(|row| row.socket == socket) else { return };
        let Some(connection) = row.connection() else { return };
        act(&mut Listener {
            directory: &self.process.shared.environment.subscriptions,
            shard: self.shard.tools.id,
            subscribers: &mut self.audience.subscribers,
            connection,
        });
    }

    /// Takes what waits for this shard's clients: how much of it may be told once the messages are
    /// worked on that are there by now.
    pub(super) fn take_deliveries(&mut self) -> usize {
        let own = self.id();
        let (boxes, waiting) = (&self.process.shared.deliveries, &mut self.audience.deliveries);
        if boxes.take(own, waiting) {
            self.wake_publishers();
        }
        boxes.ready(&self.audience.deliveries)
    }

    /// Whether messages wait for this shard's clients.
    pub(super) fn has_deliveries(&self) -> bool {
        !self.audience.deliveries.is_empty() || self.process.shared.deliveries.has(self.id())
    }

    /// Delivers what the sealed run has published to all shards concerned.
    pub(super) fn spread_published(&mut self) {
        if self.shard.tools.published.is_empty() {
            return;
        }
        let mut published = std::mem::take(&mut self.shard.tools.published);
        let tells_here = !self.has_deliveries();
        if tells_here {
            let seen = self.shard.tools.seen_now();
            self.tell(&published, seen);
        }
        self.shard.send_published(&published, tells_here);
        published.clear();
        self.shard.tools.published = published;
    }

    /// Delivers what other shards have published: so many of the deliveries that wait.
    pub(super) fn tell_deliveries(&mut self, ready: usize) {
        for _ in 0..ready {
            let Some(Delivery { messages, seen, .. }) = self.audience.deliveries.pop_front() else {
                return;
            };
            self.tell(&messages, seen);
        }
    }

    fn tell(&mut self, messages: &[Arc<Publication>], seen: Seen) {
        let Core { rows, dirty, audience, .. } = self;
        for message in messages {
            audience.subscribers.each(message, |socket, part| {
                let row = rows.get_mut(socket.index()).and_then(Option::as_mut);
                let Some(row) = row.filter(|row| row.socket == socket) else { return };
                let Row { peer: Peer::Client(connection), dirty: is_dirty, .. } = row else {
                    return;
                };
                connection.session.seen = connection.session.seen.max(seen);
                part.write(connection.push_target());
                if !std::mem::replace(is_dirty, true) {
                    dirty.push(socket);
                }
            });
        }
        let own = self.id();
        for message in messages {
            for told in message.invalidations.iter().filter(|told| told.shard == own) {
                self.invalidate(told, seen);
            }
        }
    }

    /// Whether clients must not publish more just now.
    #[inline]
    pub(super) fn audience_is_behind(&self) -> bool {
        self.process.shared.deliveries.is_full()
    }

    /// Keeps a connection waiting until all that was published is delivered.
    pub(super) fn wait_for_audience(&mut self, socket: SocketId) {
        self.audience.waiting.push(socket);
    }

    /// Lets those go on who waited for deliveries.
    pub(super) fn end_waits_for_audience(&mut self) {
        if !self.audience.waiting.is_empty() && !self.audience_is_behind() {
            self.ready.extend(self.audience.waiting.drain(..));
        }
    }

    /// A full box was emptied: clients of all shards go on.
    pub(super) fn wake_publishers(&self) {
        for shard in 0..self.process.shared.placement.shards() {
            self.process.post(ShardId(shard), Mail::Heard);
        }
    }
}

const NOT_IN_TRANSACTION: CommandError =
    CommandError::text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
