//! Clients that monitor: the lines of commands that ran on any shard reach them once a turn, in
//! the order in which each connection sent its commands.

use super::core::Core;
use super::mail::Mail;
use crate::base::ids::ShardId;
use crate::client::session::ReplyMode;
use crate::net::event::SocketId;
use bytes::Bytes;
use std::sync::atomic::Ordering;

impl Core {
    /// Sends every command to this connection from now on.
    pub(super) fn monitor(&mut self, socket: SocketId) {
        let Some(row) = self.row(socket) else { return };
        let Some(connection) = row.connection() else { return };
        if connection.session.monitoring {
            return;
        }
        connection.session.monitoring = true;
        self.clients.monitors.push(socket);
        let status = &self.process.shared.environment.status;
        status.monitors.fetch_add(1, Ordering::Relaxed);
    }

    /// The connection has ended or was reset.
    pub(super) fn stop_monitoring(&mut self, socket: SocketId) {
        self.clients.monitors.retain(|known| *known != socket);
        let status = &self.process.shared.environment.status;
        status.monitors.fetch_sub(1, Ordering::Relaxed);
    }

    /// Hands the lines of this turn to the monitors of all shards.
    pub(super) fn spread_feed(&mut self) {
        if self.shard.tools.feed.is_empty() {
            return;
        }
        let lines = Bytes::from(std::mem::take(&mut self.shard.tools.feed));
        for shard in 0..self.process.shared.placement.shards() {
            if ShardId(shard) != self.id() {
                self.process.post(ShardId(shard), Mail::Monitored(lines.clone()));
            }
        }
        self.show_monitors(&lines);
    }

    /// Shows lines to this shard's monitors.
    pub(super) fn show_monitors(&mut self, lines: &Bytes) {
        for socket in self.clients.monitors.clone() {
            let Some(row) = self.row(socket) else { continue };
            let Some(connection) = row.connection() else { continue };
            if connection.session.reply_mode != ReplyMode::Off {
                connection.reply.raw(lines);
                self.mark_dirty(socket);
            }
        }
    }
}
