//! Bounds on what a client may pile up: requests that wait, replies it does not read, idle time.
//! On the loop of the client's shard.
//!
//! Two kinds of bounds. The directives close a client that goes beyond them. The constants here
//! only make it wait: a connection whose requests or replies pile up is not read for a while, so
//! that what it costs stays bounded while TCP holds back its sender.

use super::core::{Core, Row};
use crate::client::connection::State;
use crate::command::client_info::{ClientInfo, ClientKind};
use crate::config::settings::Settings;
use crate::config::settings_groups::OutputLimit;
use crate::metrics::counters::ShardMetrics;
use crate::net::event::SocketId;
use std::time::Duration;

/// Whether a connection must wait until its peer has read: its output is above the bound. A hard
/// limit of the operator takes the place of the bound, since at it the client is closed.
pub fn is_choked(row: &mut Row, settings: &Settings) -> bool {
    let in_flight = row.flow.in_flight;
    let Some(connection) = row.connection() else { return false };
    let waiting = in_flight + connection.output_len();
    if waiting <= UNAUTHENTICATED_OUTPUT_BYTES_MAX {
        return false;
    }
    if !connection.session.authenticated {
        return true;
    }
    waiting > OUTPUT_WAITING_BYTES_MAX && settings.clients.output_normal.hard_bytes == 0
}

/// Output bytes with the network as `CLIENT LIST` shows them: a small send counts as done, since
/// its completion is fetched with the next event.
pub fn shown(in_flight: usize) -> usize {
    if in_flight > OUTPUT_LOOKED_AT_BYTES { in_flight } else { 0 }
}

impl Core {
    /// The shard's counters.
    pub(super) fn metrics(&self) -> &ShardMetrics {
        &self.process.shared.environment.metrics[usize::from(self.id().0)]
    }

    /// A connection may not go on now: it is held back by a pause, or its input is not read until
    /// its peer has read its output.
    pub(super) fn make_wait(&mut self, socket: SocketId) {
        if self.all_paused() {
            self.hold_back(socket);
            self.bound_query(socket);
        } else if self.audience_is_behind() {
            self.wait_for_audience(socket);
            self.stop(socket);
        } else {
            self.stop(socket);
        }
    }

    /// Output was sent: a connection that waited for that goes on.
    pub(super) fn output_sent(&mut self, socket: SocketId) {
        let Some(row) = self.row(socket) else { return };
        row.flow.in_flight = 0;
        if row.flow.stopped {
            self.ready.push_back(socket);
        }
    }

    /// Receives a big argument into its own memory, unless it goes beyond what the client may pile
    /// up.
    pub(super) fn receive_bulk(&mut self, socket: SocketId, prefix: Vec<u8>, total: usize) {
        let limit = self.shard.tools.settings.clients.query_buffer_limit;
        let Some(row) = self.row(socket) else { return };
        let stopped = std::mem::take(&mut row.flow.stopped);
        let held = row.connection().map_or(0, |connection| connection.request_bytes());
        if (held + total) as u64 > limit {
            return self.close_for_query(socket);
        }
        if self.row(socket).is_some_and(|row| row.flow.ended) {
            // All it sent is here: the rest will never come.
            return self.close_after_output(socket);
        }
        if stopped {
            self.net.resume(socket);
        }
        self.net.receive_exact(socket, prefix, total);
    }

    /// Bounds the requests that a connection has piled up.
    pub(super) fn bound_query(&mut self, socket: SocketId) {
        let limit = self.shard.tools.settings.clients.query_buffer_limit;
        let all_paused = self.all_paused();
        let Some(row) = self.row(socket) else { return };
        let Some(connection) = row.connection() else { return };
        if connection.request_bytes() as u64 > limit {
            return self.close_for_query(socket);
        }
        // A request that is not complete must be read on; one that waits need not.
        let waits = connection.state != State::Ready || all_paused;
        if waits && connection.query_len() > QUERY_WAITING_BYTES_MAX {
            self.stop(socket);
        }
    }

    /// Bounds the output that a client has not read.
    pub(super) fn bound_output(&mut self, socket: SocketId) {
        let now = self.shard.tools.clock;
        let limits = self.shard.tools.settings.clients.clone();
        let Some(row) = self.row(socket) else { return };
        let in_flight = row.flow.in_flight;
        let Some(connection) = row.connection() else { return };
        let waiting = (in_flight + connection.output_len()) as u64;
        let OutputLimit { hard_bytes, soft_bytes, soft_seconds } = match connection.info.kind() {
            ClientKind::Normal => limits.output_normal,
            ClientKind::Pubsub => limits.output_pubsub,
            ClientKind::Replica => limits.output_replica,
            ClientKind::Master => return,
        };
        let above = |limit: u64| limit > 0 && waiting > limit;
        let since = if above(soft_bytes) {
            *row.flow.over_soft_since.get_or_insert(now)
        } else {
            row.flow.over_soft_since = None;
            now
        };
        let patience = Duration::from_secs(u64::from(soft_seconds));
        if above(hard_bytes) || (above(soft_bytes) && now.duration_since(since) > patience) {
            let line = row.client.clone().map(|info| self.described(&info));
            crate::warning!(
                "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
                line.unwrap_or_default()
            );
            self.metrics().client_output_buffer_limit_disconnections.bump();
            self.close(socket);
        }
    }

    /// Looks at a part of the clients, so that each is looked at once a second: idle ones, those
    /// above a limit.
    pub(super) fn clients_cron(&mut self) {
        let rows = self.rows.len();
        for _ in 0..rows.min(rows / SCANS_PER_SECOND + SCANNED_MIN) {
            self.clients.scanned = (self.clients.scanned + 1) % rows;
            if let Some(row) = &self.rows[self.clients.scanned] {
                let socket = row.socket;
                self.look_after(socket);
            }
        }
    }

    fn look_after(&mut self, socket: SocketId) {
        let timeout_s = self.shard.tools.settings.network.timeout;
        let now_ms = self.shard.tools.now_ms;
        let Some(row) = self.row(socket) else { return };
        let Some(connection) = row.connection() else { return };
        let numbers = &connection.info.numbers;
        let idle_ms = now_ms.saturating_sub(numbers.last_ms.read());
        let may_idle = connection.session.monitoring
            || !matches!(connection.state, State::Ready | State::Receiving)
            || connection.info.kind() != ClientKind::Normal;
        let allowed_ms = u64::try_from(timeout_s).unwrap_or(0) * 1000;
        if allowed_ms > 0 && idle_ms > allowed_ms && !may_idle {
            crate::verbose!("Closing idle client");
            return self.close(socket);
        }
        self.bound_query(socket);
        self.bound_output(socket);
    }

    fn stop(&mut self, socket: SocketId) {
        if let Some(row) = self.row(socket)
            && !row.flow.stopped
        {
            row.flow.stopped = true;
            self.net.pause(socket);
        }
    }

    fn close_for_query(&mut self, socket: SocketId) {
        let Some(row) = self.row(socket) else { return };
        let line = row.client.clone().map(|info| self.described(&info)).unwrap_or_default();
        crate::warning!("Closing client that reached max query buffer length: {line}");
        self.metrics().client_query_buffer_limit_disconnections.bump();
        self.close(socket);
    }

    fn described(&self, info: &ClientInfo) -> String {
        String::from_utf8_lossy(&info.line(self.shard.tools.now_ms)).into_owned()
    }
}

/// Bytes of requests that wait behind a command under way before the connection is not read:
/// enough for a pipeline of ten thousand small commands.
pub const QUERY_WAITING_BYTES_MAX: usize = 1 << 20;
/// Reply bytes at which a connection's further commands wait until the peer has read. High, since
/// many libraries write a whole pipeline before they read: one whose replies are above this and
/// whose requests fit no socket buffer waits for ever, as it does where memory ends.
const OUTPUT_WAITING_BYTES_MAX: usize = 64 << 20;
/// The same for a client that has not authenticated, who gets only errors.
const UNAUTHENTICATED_OUTPUT_BYTES_MAX: usize = 16 * 1024;
/// Output above this is compared with the limits as soon as it is handed to the network; what is
/// smaller goes out at once or is met again.
pub const OUTPUT_LOOKED_AT_BYTES: usize = 64 * 1024;
/// Rounds of the cron in which every client is looked at.
const SCANS_PER_SECOND: usize = 10;
/// Clients looked at a round at least.
const SCANNED_MIN: usize = 5;
