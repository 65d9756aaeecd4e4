//! What a shard does by itself as time goes by: deleting keys whose time is over, evicting when it
//! was asked to, and on shard 0 measuring memory. Runs in the shard's turn, before the run is
//! sealed, so that what it deletes is streamed like any write. Works in slices of a millisecond at
//! most and costs a comparison when nothing is due.

use super::state::Shard;
use crate::base::ids::DbIndex;
use crate::command::context::delete_streamed;
use crate::command::effects::Effects;
use crate::command::gate::Role;
use crate::command::notify::{Class, News};
use crate::keyspace::key::Key;
use crate::metrics::memory;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// When what is due next.
pub struct Tending {
    next_expiry: Instant,
    next_memory: Instant,
    last_memory: Option<Instant>,
}

impl Tending {
    /// Everything is due now.
    pub fn new(now: Instant) -> Tending {
        Tending { next_expiry: now, next_memory: now, last_memory: None }
    }
}

impl Shard {
    /// Does what is due. Once a turn.
    pub fn tend(&mut self) {
        let now = self.tools.clock;
        if now >= self.tending.next_expiry {
            self.tending.next_expiry = now + self.expire_slice();
        }
        if self.is_asked_to_evict() {
            self.evict_as_asked();
        }
        if self.tools.id.0 == 0 && now >= self.tending.next_memory {
            self.tending.next_memory = now + self.measure_memory(now);
        }
    }

    /// When `tend` wants to be called again, at the latest.
    pub fn tend_at(&self) -> Instant {
        let next = match self.tools.id.0 {
            0 => self.tending.next_expiry.min(self.tending.next_memory),
            _ => self.tending.next_expiry,
        };
        if self.is_asked_to_evict() && self.home.is_some() { self.tools.clock } else { next }
    }

    fn is_asked_to_evict(&self) -> bool {
        let shard = usize::from(self.tools.id.0);
        self.tools.shared.evict_wanted[shard].load(Ordering::Relaxed)
    }

    /// Deletes keys whose time is over, for a slice of time; how long to wait for the next. While
    /// more is due, slices follow each other so that they take their share of the core, spread.
    fn expire_slice(&mut self) -> Duration {
        let server = &self.tools.settings.server;
        let period = Duration::from_millis(1000 / u64::from(server.hz.max(1)));
        let share = 25 + 2 * (server.active_expire_effort.clamp(1, 10) - 1);
        let status = &self.tools.shared.environment.status;
        let off = status.active_expire_off.load(Ordering::Relaxed);
        if !off {
            self.end_own_lives();
        }
        let Some(space) = &self.home else { return SLICE };
        if off || !space.gate.may_expire() || !space.keys.may_be_due(self.tools.now_ms) {
            return period;
        }
        let began = Instant::now();
        let is_done = self.expire_until(began + SLICE);
        let metrics = &self.tools.shared.environment.metrics[usize::from(self.tools.id.0)];
        metrics.expire_cycle_us.add(began.elapsed().as_micros() as u64);
        self.note_slow_cycle(began);
        if is_done {
            return period;
        }
        metrics.expired_time_cap_reached_count.bump();
        SLICE * (100 - share) / share
    }

    /// On a replica that takes writes: removes the keys that its own clients gave an end, unless
    /// the master gave them another since. Nobody else is told.
    fn end_own_lives(&mut self) {
        let Some(space) = self.home.as_deref_mut() else { return };
        if space.own_lives.is_empty() {
            return;
        }
        let metrics = &self.tools.shared.environment.metrics[usize::from(self.tools.id.0)];
        if space.gate.role == Role::Master {
            metrics.own_lives.set(0);
            return space.own_lives.clear();
        }
        for _ in 0..OWN_LIVES_A_SLICE {
            let Some((end_ms, db, key)) = space.own_lives.take_due(self.tools.now_ms) else {
                break;
            };
            let key = Key::new(&key);
            let end = space.keys.find(db, &key, 0).and_then(|entry| entry.expire());
            if end == Some(end_ms) && space.keys.remove(db, &key).is_some() {
                metrics.expired_keys.bump();
            }
        }
        metrics.own_lives.set(space.own_lives.len() as u64);
    }

    /// Whether nothing was left when the time was up.
    fn expire_until(&mut self, deadline: Instant) -> bool {
        loop {
            let Some(space) = self.home.as_deref_mut() else { return true };
            let due = space.keys.due(self.tools.now_ms, KEYS_A_STEP);
            for (db, key) in &due {
                self.delete_due(*db, key);
            }
            let Some(space) = &self.home else { return true };
            if !space.keys.may_be_due(self.tools.now_ms) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
        }
    }

    /// Each deletion is a unit of its own in the stream.
    fn delete_due(&mut self, db: DbIndex, key: &[u8]) {
        let Some(space) = self.home.as_deref_mut() else { return };
        let tools = &mut self.tools;
        let mut effects = Effects::new(&mut tools.entry, space.gate.streaming);
        let lazily = tools.settings.memory.lazyfree_lazy_expire;
        if delete_streamed(&mut space.keys, db, &Key::new(key), lazily, &mut effects) {
            let metrics = &tools.shared.environment.metrics[usize::from(tools.id.0)];
            metrics.expired_keys.bump();
            metrics.changes.add(effects.finish());
            let directory = &tools.shared.environment.subscriptions;
            let mut news = News::new(&tools.settings, directory, &mut tools.published);
            news.notify(Class::Expired, b"expired", db, key);
            tools.wrote = true;
        }
    }

    fn note_slow_cycle(&self, began: Instant) {
        let threshold = self.tools.settings.observe.latency_monitor_threshold;
        let spent_ms = began.elapsed().as_millis() as u64;
        if threshold > 0 && spent_ms >= threshold.unsigned_abs() {
            let latency = &self.tools.shared.environment.latency;
            latency.record("expire-cycle", self.tools.now_ms / 1000, spent_ms);
        }
    }

    /// Measures what the process uses beside the keyspaces, and sees to it that an excess ends even
    /// if no client sends anything. What slow replicas keep of the backlog does not count, or they
    /// would evict keys. How long to wait for the next.
    fn measure_memory(&mut self, now: Instant) -> Duration {
        let shared = &self.tools.shared;
        let keys: u64 = shared.environment.gauges.iter().map(|gauges| gauges.bytes()).sum();
        let limited = self.tools.settings.memory.maxmemory > 0;
        let period = if limited { MEMORY_PERIOD } else { MEMORY_PERIOD_WITHOUT_LIMIT };
        // An allocator that does not tell leaves the last measure in force.
        let Ok(allocated) = memory::allocated() else { return period };
        let uncounted = shared.stream.backlog_info().beyond_size;
        let beside = allocated.saturating_sub(uncounted).cast_signed() - keys.cast_signed();
        shared.environment.status.memory_beside_keys.store(beside, Ordering::Relaxed);
        let since = self.tending.last_memory.replace(now);
        self.tools.evictor.begin_run();
        if limited && self.tools.excess() > 0 {
            if let Some(since) = since {
                let metrics = &self.tools.shared.environment.metrics[0];
                let exceeded = now.duration_since(since).as_micros() as u64;
                metrics.total_eviction_exceeded_us.add(exceeded);
            }
            if let Some(shard) = self.tools.shard_to_ask() {
                self.tools.ask_to_evict(shard);
            }
        }
        period
    }
}

/// The longest a shard works on its own account before it looks at its clients again.
const SLICE: Duration = Duration::from_millis(1);
/// Keys deleted between two looks at the clock.
const KEYS_A_STEP: usize = 32;
/// Keys of its own that a replica removes in a slice: a few hundred microseconds.
const OWN_LIVES_A_SLICE: usize = 1024;
/// How often memory is measured: what clients' buffers grow by meanwhile is seen late.
const MEMORY_PERIOD: Duration = Duration::from_millis(100);
/// Without a limit the measure is only what a limit set later begins with.
const MEMORY_PERIOD_WITHOUT_LIMIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
