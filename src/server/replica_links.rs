//! Links to replicas on one shard's loop: bytes in and out, what the snapshot desk tells, what time
//! brings. What a link means is in `master/replica_link`.
//!
//! A link sends straight from the backlog: at the end of each turn every link whose last send is
//! through takes the next stretch.

use super::core::{Core, Peer};
use super::mail::Mail;
use crate::base::ids::{ReplOffset, ShardId};
use crate::client::connection::Surroundings;
use crate::command::client_info::ClientFlags;
use crate::config::settings::Settings;
use crate::config::settings_groups::OutputLimit;
use crate::master::allowance;
use crate::master::cron::{self, Overdue, OverdueText};
use crate::master::replconf::Announced;
use crate::master::replica_link::{After, Fault, Heard, Phase, ReplicaLink};
use crate::net::event::{SendBuffer, SocketId};
use crate::replication::backlog::BacklogReader;
use crate::resp::reply::Output;
use crate::snapshot::wanted::{Form, LinkAddress, News, Wanted};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The links of one shard.
#[derive(Default)]
pub struct Links {
    /// What clients said of themselves that are no replicas yet.
    pub(super) announced: HashMap<SocketId, Announced>,
    /// The sockets that are links.
    pub(super) sockets: Vec<SocketId>,
    /// When the links are looked at next.
    next_cron: Option<Instant>,
}

impl Core {
    /// Makes a link of the client at `socket`, which is held for its PSYNC. What it was answered
    /// goes out first; what it sent behind the PSYNC is the link's.
    pub(super) fn become_link(&mut self, socket: SocketId, mut link: Box<ReplicaLink>) {
        let settings = &self.shard.tools.settings;
        if settings.replication.repl_disable_tcp_nodelay
            && let Some(fd) = self.net.fd(socket)
        {
            // A unix socket knows no such option.
            let _ = crate::net::socket_options::set_nodelay(&fd, false);
        }
        self.stop_listening(socket);
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        let Peer::Client(connection) = &mut row.peer else { return };
        let mut out = match connection.reply.take(Vec::new()) {
            Output::Flat(bytes) => bytes,
            Output::Chunks(chunks) => chunks.concat(),
        };
        out.append(&mut link.out);
        link.out = out;
        let rest = connection.take_query();
        let mut around = Surroundings { shard: &mut self.shard, pool: &mut self.pool };
        let watched = connection.abandon(&mut around);
        let online = link.phase() == Phase::Online;
        self.process.replicas.add(Arc::clone(&link.info));
        if let Some(client) = &row.client {
            client.set_flag(ClientFlags::REPLICA, true);
        }
        row.peer = Peer::ReplicaLink(link);
        // As stock counts: a replica is no client.
        self.process.clients.fetch_sub(1, Ordering::Relaxed);
        self.links.sockets.push(socket);
        if online {
            self.link_online(socket);
        }
        if let Some((batch, set)) = watched {
            self.submit(batch, set);
        }
        self.mark_dirty(socket);
        if !rest.is_empty() {
            self.link_received(socket, &rest);
        }
    }

    /// A link follows the stream from now on.
    fn link_online(&mut self, socket: SocketId) {
        let Some(link) = self.link(socket) else { return };
        if !std::mem::replace(&mut link.woken, true) {
            self.shard.tools.shared.stream.link_added(self.id());
        }
        self.count_good_replicas();
    }

    fn link(&mut self, socket: SocketId) -> Option<&mut ReplicaLink> {
        match &mut self.row(socket)?.peer {
            Peer::ReplicaLink(link) => Some(link),
            _ => None,
        }
    }

    /// Bytes from a replica.
    pub(super) fn link_received(&mut self, socket: SocketId, data: &[u8]) {
        let now_ms = self.shard.tools.now_ms;
        let Some(link) = self.link(socket) else { return };
        match link.receive(data, now_ms) {
            Ok(Heard { news, begins }) => {
                if begins {
                    self.link_online(socket);
                    self.mark_dirty(socket);
                }
                if news || begins {
                    self.acknowledged();
                }
            }
            Err(fault) => {
                crate::warning!("{fault}: {}", link.info);
                if let Fault::Reply { command, error: Some(error) } = &fault {
                    crate::warning!(
                        "== CRITICAL == This master is sending an error to its replica: \
                         '{error}' after processing the command '{command}'"
                    );
                    let shard = usize::from(self.id().0);
                    let metrics = &self.shard.tools.shared.environment.metrics;
                    metrics[shard].unexpected_error_replies.bump();
                }
                self.close(socket);
            }
        }
    }

    /// The snapshot desk tells a link of this shard what became of its snapshot.
    pub(super) fn snapshot_news(&mut self, socket: SocketId, news: News) {
        // A link that is gone has told the desk; a reader in the news is dropped here.
        let Some(link) = self.link(socket).filter(|link| link.wants_snapshot()) else { return };
        match news {
            News::Started { offset, .. } => link.started(offset),
            News::Sent { offset, reader } => self.snapshot_sent(socket, offset, reader),
            News::Failed => self.close(socket),
        }
    }

    fn snapshot_sent(&mut self, socket: SocketId, offset: ReplOffset, reader: BacklogReader) {
        let now_ms = self.shard.tools.now_ms;
        let Some(link) = self.link(socket) else { return };
        let info = Arc::clone(&link.info);
        if link.form == Form::EofMark {
            crate::notice!(
                "Streamed RDB transfer with replica {info} succeeded (socket). Waiting for \
                 REPLCONF ACK from replica to enable streaming"
            );
        }
        match link.sent(offset, reader, now_ms) {
            After::Ends => {
                crate::notice!(
                    "RDB transfer completed, rdb only replica ({info}) should be disconnected asap"
                );
                self.close(socket);
            }
            After::Follows => {
                crate::notice!("Synchronization with replica {info} succeeded");
                if link.phase() == Phase::Online {
                    self.link_online(socket);
                    self.acknowledged();
                }
                self.mark_dirty(socket);
            }
        }
    }

    /// Sends what links may send, and asks the desk for those that may be asked for.
    pub(super) fn flush_links(&mut self) {
        for index in 0..self.links.sockets.len() {
            let socket = self.links.sockets[index];
            if self.link(socket).is_some_and(|link| link.is_ready()) {
                self.mark_dirty(socket);
            }
        }
    }

    /// Sends a link's next bytes if the last ones are through.
    pub(super) fn flush_link(&mut self, socket: SocketId) {
        let sending = self.net.is_sending(socket);
        let Some(Some(row)) = self.rows.get_mut(socket.index()) else { return };
        let closing = row.closing;
        let Peer::ReplicaLink(link) = &mut row.peer else { return };
        if sending {
            if closing || !link.out.is_empty() || link.phase() != Phase::Online {
                self.net.expect_sent(socket);
            }
            return;
        }
        if !link.out.is_empty() {
            let out = std::mem::take(&mut link.out);
            return self.net.send(socket, SendBuffer::Flat(out));
        }
        if closing {
            return self.close(socket);
        }
        match link.phase() {
            Phase::Flushing => self.ask_for_snapshot(socket),
            Phase::Online => match link.take(STRETCH_BYTES_MAX) {
                Ok(chunks) if chunks.is_empty() => {}
                Ok(chunks) => {
                    let spare = std::mem::take(&mut row.spare);
                    self.send_stretch(socket, chunks, spare);
                }
                // Another id or another data set: the replica asks again and learns of it.
                Err(_) => self.close(socket),
            },
            Phase::Waiting | Phase::Sending | Phase::AwaitingAck => {}
        }
    }

    fn send_stretch(&mut self, socket: SocketId, chunks: Vec<Bytes>, mut spare: Vec<u8>) {
        let bytes: usize = chunks.iter().map(Bytes::len).sum();
        let shard = usize::from(self.id().0);
        let metrics = &self.shard.tools.shared.environment.metrics[shard];
        metrics.total_net_repl_output_bytes.add(bytes as u64);
        if bytes > COPIED_BYTES_MAX {
            return self.net.send(socket, SendBuffer::Chunks(chunks));
        }
        spare.clear();
        for chunk in &chunks {
            spare.extend_from_slice(chunk);
        }
        self.net.send_unhurried(socket, SendBuffer::Flat(spare));
    }

    /// Asks the desk on shard 0 for a snapshot: nothing of ours is in flight any more.
    fn ask_for_snapshot(&mut self, socket: SocketId) {
        let address = LinkAddress { shard: self.id(), socket };
        let fd = self.net.fd(socket).map(|fd| fd.try_clone_to_owned());
        let Some(link) = self.link(socket) else { return };
        let fd = match fd {
            Some(Ok(fd)) => fd,
            Some(Err(error)) => {
                crate::warning!("Can't serve replica {}: {error}", link.info);
                return self.close(socket);
            }
            None => return,
        };
        link.asked();
        let wanted = Wanted {
            link: address,
            fd,
            form: link.form,
            greeting: link.greeting,
            version: link.announced.rdb_version(),
            parts: link.announced.parts,
            rdb_only: link.announced.rdb_only,
        };
        self.process.post(ShardId(0), Mail::SnapshotWanted(Box::new(wanted)));
    }

    /// A link is gone: nobody counts on it any more.
    pub(super) fn link_closed(&mut self, socket: SocketId, link: &ReplicaLink) {
        crate::notice!("Connection with replica {} lost.", link.info);
        self.links.sockets.retain(|known| *known != socket);
        self.process.replicas.remove(&link.info, self.shard.tools.now_ms);
        if link.wants_snapshot() {
            let address = LinkAddress { shard: self.id(), socket };
            self.process.post(ShardId(0), Mail::SnapshotUnwanted(address));
        }
        // One whose bytes began the stream and were wrong behind that was never told of it.
        if link.woken {
            self.shard.tools.shared.stream.link_removed(self.id());
        }
        self.count_good_replicas();
    }

    /// Closes every link of this shard: the history they follow is no longer ours.
    pub(super) fn drop_links(&mut self) {
        for socket in self.links.sockets.clone() {
            self.close(socket);
        }
    }

    /// Counts the replicas that `min-replicas-to-write` counts.
    pub(super) fn count_good_replicas(&self) {
        let tools = &self.shard.tools;
        let good = self
            .process
            .replicas
            .good(tools.settings.replication.min_replicas_max_lag, tools.now_ms);
        tools.shared.environment.status.good_replicas.store(good as u64, Ordering::Relaxed);
    }

    /// Looks after time: each second after silence, and at each call after limits.
    pub(super) fn links_cron(&mut self) {
        if self.links.sockets.is_empty() {
            return;
        }
        let now = self.shard.tools.clock;
        let each_second = self.links.next_cron.is_none_or(|next| next <= now);
        if each_second {
            self.links.next_cron = Some(now + Duration::from_secs(1));
        }
        for socket in self.links.sockets.clone() {
            let Some(overdue) = self.overdue(socket, each_second) else { continue };
            if let Some(link) = self.link(socket) {
                let text = OverdueText { overdue, replica: &link.info };
                crate::warning!("{text}");
            }
            if let Overdue::OverLimit { .. } = overdue {
                let shard = usize::from(self.id().0);
                let metrics = &self.shard.tools.shared.environment.metrics;
                metrics[shard].client_output_buffer_limit_disconnections.bump();
                self.note_dropped(socket);
            }
            self.close(socket);
        }
    }

    fn overdue(&mut self, socket: SocketId, each_second: bool) -> Option<Overdue> {
        let unsent = self.net.unsent(socket) as u64;
        let end = self.shard.tools.shared.stream.end();
        let now_ms = self.shard.tools.now_ms;
        let settings = Arc::clone(&self.shard.tools.settings);
        let replicas = Arc::clone(&self.process);
        let link = self.link(socket)?;
        if each_second && cron::is_silent(link, &settings.replication, now_ms) {
            return Some(Overdue::Silent);
        }
        let waiting = link.lag(end) + unsent;
        let (mut limit, backlog) =
            (settings.clients.output_replica, settings.replication.repl_backlog_size);
        if let Some(drops) = link.catching_up {
            if link.info.confirmed().is_some() && allowance::is_low(waiting, limit) {
                link.catching_up = None;
                if replicas.replicas.caught_up(&link.info) {
                    crate::notice!(
                        "Replica {} has caught up: its limit is as configured",
                        link.info
                    );
                }
            } else {
                limit = grown_limit(&settings, drops);
            }
        }
        let over =
            cron::is_over_limit(waiting, limit, backlog, &mut link.over_soft_since_ms, now_ms);
        over.then_some(Overdue::OverLimit { waiting, limit })
    }

    /// A link is closed because more waits for it than may: one that has yet to catch up may let
    /// more wait the next time.
    fn note_dropped(&mut self, socket: SocketId) {
        let settings = Arc::clone(&self.shard.tools.settings);
        let Some(link) = self.link(socket) else { return };
        let (info, Some(drops)) = (Arc::clone(&link.info), link.catching_up) else { return };
        self.process.replicas.dropped(&info);
        let now = grown_limit(&settings, drops);
        let next = grown_limit(&settings, drops + 1);
        if now == next {
            crate::warning!(
                "Replica {info} had not caught up with its full resynchronization, and its limit \
                 is at the bound that repl-resync-buffer-limit sets: it will need a faster link, \
                 less writes or a larger bound"
            );
        } else {
            crate::notice!(
                "Replica {info} had not caught up with its full resynchronization: the next time \
                 up to {} bytes may wait for it",
                next.hard_bytes.max(next.soft_bytes)
            );
        }
    }
}

/// What may wait for a replica that has yet to catch up and was dropped `drops` times so far.
fn grown_limit(settings: &Settings, drops: u32) -> OutputLimit {
    let configured = settings.clients.output_replica;
    if drops == 0 {
        return configured;
    }
    let directive = settings.replication.repl_resync_buffer_limit;
    // A kernel that does not tell leaves the limit as it is.
    let machine = crate::metrics::memory::system_total().unwrap_or(0);
    let bound = allowance::bound(directive, settings.memory.maxmemory, machine);
    allowance::grown(configured, drops, bound)
}

/// What a link takes of the backlog at once. At 10 Gbit/s 256 KiB are 0.2 ms.
const STRETCH_BYTES_MAX: usize = 256 * 1024;

/// Up to this a stretch is copied into one buffer, which needs no completion of its own.
const COPIED_BYTES_MAX: usize = 16 * 1024;
