//! What time brings to the replication stream as a whole. On shard 0: PINGs for the replicas, the
//! count of good ones, the end of a backlog that nobody uses.

use super::controller::Leased;
use super::core::Core;
use crate::base::ids::ReplId;
use crate::master::cron;
use crate::replication::stream::Mode;
use crate::router::lease::Hand;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What shard 0 remembers of it.
#[derive(Default)]
pub struct BacklogCron {
    next: Option<Instant>,
    next_ping: Option<Instant>,
    size: u64,
    ending: bool,
}

impl Core {
    /// Looks after the stream, each second. On shard 0.
    pub(super) fn backlog_cron(&mut self) {
        let now = self.shard.tools.clock;
        if self.backlog_cron.next.is_some_and(|next| now < next) {
            return;
        }
        self.backlog_cron.next = Some(now + Duration::from_secs(1));
        let settings = Arc::clone(&self.shard.tools.settings);
        let stream = Arc::clone(&self.shard.tools.shared.stream);
        let size = settings.replication.repl_backlog_size;
        if std::mem::replace(&mut self.backlog_cron.size, size) != size {
            stream.resize_backlog(size);
        }
        self.count_good_replicas();
        self.keep_waiting_links();
        self.ping(now, settings.replication.repl_ping_replica_period);
        let alone = self.process.replicas.alone_ms(self.shard.tools.now_ms);
        if stream.mode() == Mode::Master
            && stream.connected_readers() == 0
            && !self.backlog_cron.ending
            && cron::backlog_is_over(alone, &settings.replication)
        {
            self.backlog_cron.ending = true;
            self.lease_all(Leased::EndBacklog);
        }
    }

    fn ping(&mut self, now: Instant, period_s: u32) {
        let replicas = &self.process.replicas;
        let period = Duration::from_secs(u64::from(period_s.max(1)));
        let due = *self.backlog_cron.next_ping.get_or_insert(now + period) <= now;
        if !due || replicas.is_empty() || replicas.pings_held.load(Ordering::Relaxed) {
            return;
        }
        self.backlog_cron.next_ping = Some(now + period);
        // On a replica its master's PINGs are passed on instead.
        let _ = self.shard.tools.shared.stream.append_control(PING);
    }

    /// Every keyspace is in hand, so no write is under way: the stream ends, unless a replica or
    /// another reader has come meanwhile.
    pub(super) fn end_backlog(&mut self, hand: &mut Hand) {
        self.backlog_cron.ending = false;
        let settings = Arc::clone(&self.shard.tools.settings);
        let stream = Arc::clone(&self.shard.tools.shared.stream);
        let alone = self.process.replicas.alone_ms(self.shard.tools.now_ms);
        if stream.mode() != Mode::Master
            || stream.connected_readers() > 0
            || !cron::backlog_is_over(alone, &settings.replication)
        {
            return;
        }
        self.shard.seal_run();
        for space in hand.spaces().iter_mut().flatten() {
            space.gate.streaming = false;
        }
        let mut random = [0; 20];
        fastrand::fill(&mut random);
        stream.stop(ReplId::from_random(random));
        crate::notice!(
            "Replication backlog freed after {} seconds without connected replicas.",
            settings.replication.repl_backlog_ttl
        );
    }
}

/// Tells replicas that their master is there.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
