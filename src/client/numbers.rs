//! The numbers a connection shows of itself: CLIENT LIST and INFO read them from any core.

use super::connection::Connection;
use crate::command::client_info::ClientFlags;
use crate::command::publication::Topic;
use crate::resp::reply::RespVersion;

impl Connection {
    /// Shows the connection's numbers to others. `in_flight`: output bytes with the network.
    pub fn publish(&self, in_flight: usize) {
        let numbers = &self.info.numbers;
        let transaction = self.session.transaction.as_ref();
        let view = &self.session.view;
        let flags = ClientFlags::MULTI
            .when(transaction.is_some())
            .with(ClientFlags::MONITOR.when(self.session.monitoring))
            .with(ClientFlags::PUBSUB.when(self.session.subscriptions.is_some()))
            .with(ClientFlags::CLOSING.when(self.session.closing))
            .with(ClientFlags::NO_TOUCH.when(view.no_touch));
        numbers.flags.set(u64::from(flags.0));
        numbers.db.set(u64::from(view.db.0));
        let subscribed = |topic: Topic| {
            self.session.subscriptions.as_ref().map_or(0, |all| all.names(topic).len() as u64)
        };
        numbers.sub.set(subscribed(Topic::Channel));
        numbers.psub.set(subscribed(Topic::Pattern));
        numbers.ssub.set(subscribed(Topic::ShardChannel));
        numbers.multi.set(transaction.map_or(0, |open| open.batch.len() as u64 + 1));
        numbers.multi_mem.set(transaction.map_or(0, |open| open.batch.bytes() as u64));
        numbers.watch.set(self.session.watched.len() as u64);
        numbers.qbuf.set(self.query_len() as u64);
        numbers.qbuf_free.set((self.query.capacity() - self.query_len()) as u64);
        numbers.argv_mem.set((self.argument_bytes + self.parser.held_bytes()) as u64);
        numbers.rbs.set(self.reply.buf.capacity() as u64);
        numbers.obl.set(self.reply.buf.len() as u64);
        numbers.oll.set(u64::from(in_flight > 0));
        numbers.omem.set((in_flight + self.reply.len() - self.reply.buf.len()) as u64);
        numbers.command.set(u64::from(self.commands > 0) * (u64::from(self.last_command) + 1));
        numbers.resp.set(if view.version == RespVersion::V3 { 3 } else { 2 });
        numbers.commands.set(self.commands);
    }
}
