//! News of changed keys on this shard's loop: into the output of the clients that are told.

use super::core::{Core, Row};
use super::mail::Mail;
use crate::command::tracking::Invalidation;
use crate::net::event::SocketId;
use crate::shard::apply::Seen;

impl Core {
    /// Tells a client of this shard what changed.
    pub(super) fn invalidate(&mut self, told: &Invalidation, seen: Seen) {
        let (shard, socket) = told.to.place();
        if shard != self.id() || socket == SocketId::NONE {
            // It moved when others began to have it told in their place; from now on it stays.
            return self.process.post(shard, Mail::Invalidate(Box::new((told.clone(), seen))));
        }
        let Some(connection) = self.row(socket).and_then(Row::connection) else { return };
        connection.session.seen = connection.session.seen.max(seen);
        let listens = connection.session.subscriptions.is_some();
        told.write(connection.invalidation_target(), listens);
        self.mark_dirty(socket);
    }
}
