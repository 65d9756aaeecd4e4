//! Making room: what is in use against `maxmemory`, and the eviction of keys. Runs on the core that
//! executes, on the keyspaces in hand, before a command or when another shard asked.
//!
//! In use is what the process has allocated: the keyspaces' own byte counts, always current, and
//! the rest, measured by shard 0's cron. Who evicts: the shard of a command whose keyspace holds
//! its fair share or more; else the largest one is asked to, and the command passes. So a command
//! is refused only when no shard has a key that the policy may evict.

use super::state::{Shard, Tools};
use crate::base::ids::{DbIndex, ShardId};
use crate::command::context::{ClientView, delete_streamed};
use crate::command::effects::Effects;
use crate::command::error::CommandError;
use crate::command::gate::{Gate, Pause, Role};
use crate::command::notify::{Class, News};
use crate::command::spaces::{Space, Spaces};
use crate::config::choices::MaxmemoryPolicy;
use crate::keyspace::evict::{AccessClock, Candidate, EvictionPolicy};
use crate::keyspace::gauges::Gauges;
use crate::keyspace::key::Key;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What one shard remembers of evicting.
#[derive(Default)]
pub struct Evictor {
    /// Bytes of the other shards' keyspaces, as they were when the run first asked.
    others_bytes: Option<u64>,
    /// The best candidates seen, the one to go first at the end. Their scores are of when they were
    /// seen; they may be gone.
    pool: Vec<Candidate>,
    /// Whose keys and by which policy they were chosen.
    pool_of: Option<(ShardId, EvictionPolicy)>,
    /// Where a policy without scores takes its next key.
    next_db: u16,
}

/// How far an eviction came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Memory is below the limit.
    Enough,
    /// The time was up; it goes on in the next turn.
    Running,
    /// No key in hand may be evicted.
    NoKeys,
}

impl Evictor {
    /// A run begins: what other shards hold is asked anew.
    pub fn begin_run(&mut self) {
        self.others_bytes = None;
    }
}

impl Tools {
    /// What uses of entries are measured by in this run.
    pub fn access_clock(&self) -> AccessClock {
        let memory = &self.settings.memory;
        if memory.policy.is_lfu() {
            AccessClock::lfu(self.now_ms, memory.lfu_log_factor, memory.lfu_decay_time)
        } else {
            AccessClock::lru(self.now_ms)
        }
    }

    /// Evicts while memory is over `maxmemory`; the error if that does not suffice for a command
    /// that needs memory (`denied`).
    pub(super) fn make_room(
        &mut self,
        spaces: &mut Spaces<'_>,
        denied: bool,
        view: &ClientView,
    ) -> Option<CommandError> {
        if self.settings.memory.maxmemory == 0 || view.is_master_link {
            return None;
        }
        let gate = spaces.gate()?;
        if !self.may_evict(gate) || self.excess() == 0 {
            return None;
        }
        self.timing_ends();
        let refused = self.evict_or_ask(spaces, denied);
        // What eviction took is no part of the command's time.
        self.clock = Instant::now();
        refused
    }

    /// Bytes in use beyond the limit, 0 without a limit.
    pub(super) fn excess(&mut self) -> u64 {
        let environment = &self.shared.environment;
        let own = usize::from(self.id.0);
        let others = *self.evictor.others_bytes.get_or_insert_with(|| {
            let others = environment.gauges.iter().enumerate().filter(|(shard, _)| *shard != own);
            others.map(|(_, gauges)| gauges.bytes()).sum()
        });
        let beside = environment.status.memory_beside_keys.load(Ordering::Relaxed);
        let used = (others + environment.gauges[own].bytes()).saturating_add_signed(beside);
        match self.settings.memory.maxmemory {
            0 => 0,
            maxmemory => used.saturating_sub(maxmemory),
        }
    }

    /// Asks a shard to evict in its next turn.
    pub(super) fn ask_to_evict(&self, shard: ShardId) {
        let wanted = &self.shared.evict_wanted[usize::from(shard.0)];
        if wanted.swap(true, Ordering::AcqRel) || shard == self.id {
            return;
        }
        self.shared.inbox(shard).rouse(|waker| waker.wake_thread());
    }

    /// The largest shard that has keys which the policy may evict.
    pub(super) fn shard_to_ask(&self) -> Option<ShardId> {
        let policy = policy(self.settings.memory.policy)?;
        let gauges = self.shared.environment.gauges.iter().enumerate();
        let evictable = gauges.filter(|(_, gauges)| has_evictable(gauges, policy));
        let largest = evictable.max_by_key(|(_, gauges)| gauges.bytes());
        largest.map(|(shard, _)| ShardId(shard as u16))
    }

    fn may_evict(&self, gate: Gate) -> bool {
        let leaves_it_to_master =
            gate.role == Role::Replica && self.settings.replication.replica_ignore_maxmemory;
        let loading = self.shared.environment.status.loading.load(Ordering::Relaxed);
        !leaves_it_to_master && !loading && gate.pause == Pause::Off
    }

    fn evict_or_ask(&mut self, spaces: &mut Spaces<'_>, denied: bool) -> Option<CommandError> {
        self.evictor.begin_run();
        let excess = self.excess();
        if excess == 0 {
            return None;
        }
        let maxmemory = self.settings.memory.maxmemory;
        let mut room = Room::NoKeys;
        if self.holds_fair_share(spaces) || excess > maxmemory / OVERSHOOT_PART {
            room = self.evict(spaces, excess);
        }
        match room {
            Room::Enough => None,
            Room::Running => {
                self.ask_to_evict(self.id);
                None
            }
            Room::NoKeys => match self.shard_to_ask() {
                Some(shard) => {
                    self.ask_to_evict(shard);
                    None
                }
                None => denied.then_some(OUT_OF_MEMORY),
            },
        }
    }

    /// Whether the keyspaces in hand are as large as the mean, or larger.
    fn holds_fair_share(&self, spaces: &mut Spaces<'_>) -> bool {
        let all = &self.shared.environment.gauges;
        let total: u64 = all.iter().map(|gauges| gauges.bytes()).sum();
        let (mut in_hand, mut bytes) = (0, 0);
        for space in spaces.each() {
            in_hand += 1;
            bytes += space.keys.bytes() as u64;
        }
        u128::from(bytes) * all.len() as u128 >= u128::from(total) * in_hand
    }

    /// Evicts keys of the keyspaces in hand, from the largest first, until `excess` bytes are free
    /// or the time for it is up.
    fn evict(&mut self, spaces: &mut Spaces<'_>, excess: u64) -> Room {
        let Some(policy) = policy(self.settings.memory.policy) else { return Room::NoKeys };
        let began = Instant::now();
        let limit = time_limit(self.settings.memory.eviction_tenacity);
        let mut freed = 0;
        let mut evicted: u64 = 0;
        let room = loop {
            if freed >= excess {
                break Room::Enough;
            }
            let evictable = spaces.each().filter(|space| has_evictable_in(space, policy));
            let Some(space) = evictable.max_by_key(|space| space.keys.bytes()) else {
                break Room::NoKeys;
            };
            let before = space.keys.bytes();
            if self.evict_one(space, policy) {
                evicted += 1;
            }
            freed += before.saturating_sub(space.keys.bytes()) as u64;
            if limit.is_some_and(|limit| began.elapsed() >= limit) {
                break Room::Running;
            }
        };
        self.evictor.begin_run();
        self.count_evicted(evicted, began);
        room
    }

    /// Chooses a key and removes it. `false` if chance brought none.
    fn evict_one(&mut self, space: &mut Space, policy: EvictionPolicy) -> bool {
        let Some(chosen) = self.choose(space, policy) else { return false };
        let wanted = space.gate.streaming && space.gate.role == Role::Master;
        let mut effects = Effects::new(&mut self.entry, wanted);
        let lazily = self.settings.memory.lazyfree_lazy_eviction;
        let key = Key::new(&chosen.key);
        let removed = delete_streamed(&mut space.keys, chosen.db, &key, lazily, &mut effects);
        let changes = effects.finish();
        if removed {
            let directory = &self.shared.environment.subscriptions;
            let mut news = News::new(&self.settings, directory, &mut self.published);
            news.notify(Class::Evicted, b"evicted", chosen.db, &chosen.key);
        }
        self.wrote |= removed;
        self.shared.environment.metrics[usize::from(self.id.0)].changes.add(changes);
        removed
    }

    fn choose(&mut self, space: &Space, policy: EvictionPolicy) -> Option<Candidate> {
        use EvictionPolicy::{AllKeysRandom, VolatileRandom};
        let keys = &space.keys;
        if matches!(policy, AllKeysRandom | VolatileRandom) {
            let mut chosen = Vec::with_capacity(1);
            for _ in 0..keys.databases() {
                self.evictor.next_db = (self.evictor.next_db + 1) % keys.databases();
                let db = DbIndex(self.evictor.next_db);
                keys.sample(db, policy, 1, &mut self.random, &mut chosen);
                if !chosen.is_empty() {
                    break;
                }
            }
            return chosen.pop();
        }
        let evictor = &mut self.evictor;
        if evictor.pool_of != Some((keys.shard(), policy)) {
            evictor.pool.clear();
            evictor.pool_of = Some((keys.shard(), policy));
        }
        let samples = self.settings.memory.samples as usize;
        for db in 0..keys.databases() {
            keys.sample(DbIndex(db), policy, samples, &mut self.random, &mut evictor.pool);
        }
        evictor.pool.sort_by(|one, other| {
            (one.score, one.db, &one.key).cmp(&(other.score, other.db, &other.key))
        });
        evictor.pool.dedup_by(|one, other| one.db == other.db && one.key == other.key);
        let surplus = evictor.pool.len().saturating_sub(POOL_MAX);
        evictor.pool.drain(..surplus);
        let stands = |candidate: &Candidate| {
            let entry = keys.peek(candidate.db, &Key::new(&candidate.key));
            entry.is_some_and(|entry| !policy.volatile_only() || entry.expire().is_some())
        };
        std::iter::from_fn(|| evictor.pool.pop()).find(stands)
    }

    fn count_evicted(&self, evicted: u64, began: Instant) {
        let environment = &self.shared.environment;
        environment.metrics[usize::from(self.id.0)].evicted_keys.add(evicted);
        let spent_ms = began.elapsed().as_millis() as u64;
        let threshold = self.settings.observe.latency_monitor_threshold;
        if threshold > 0 && spent_ms >= threshold.unsigned_abs() {
            environment.latency.record("eviction-cycle", self.now_ms / 1000, spent_ms);
        }
    }
}

impl Shard {
    /// Evicts because this or another shard asked for it, while the keyspace is at home.
    pub(super) fn evict_as_asked(&mut self) {
        let Some(space) = self.home.as_deref_mut() else { return };
        let tools = &mut self.tools;
        tools.shared.evict_wanted[usize::from(tools.id.0)].store(false, Ordering::Release);
        tools.evictor.begin_run();
        let excess = tools.excess();
        if excess == 0 || !tools.may_evict(space.gate) {
            return;
        }
        let mut spaces = Spaces::one(space, tools.shared.placement);
        if tools.evict(&mut spaces, excess) == Room::Running {
            tools.ask_to_evict(tools.id);
        }
    }
}

/// The policy that evicts; `None` for `noeviction`.
fn policy(choice: MaxmemoryPolicy) -> Option<EvictionPolicy> {
    Some(match choice {
        MaxmemoryPolicy::Noeviction => return None,
        MaxmemoryPolicy::AllkeysLru => EvictionPolicy::AllKeysLru,
        MaxmemoryPolicy::AllkeysLfu => EvictionPolicy::AllKeysLfu,
        MaxmemoryPolicy::AllkeysRandom => EvictionPolicy::AllKeysRandom,
        MaxmemoryPolicy::VolatileLru => EvictionPolicy::VolatileLru,
        MaxmemoryPolicy::VolatileLfu => EvictionPolicy::VolatileLfu,
        MaxmemoryPolicy::VolatileRandom => EvictionPolicy::VolatileRandom,
        MaxmemoryPolicy::VolatileTtl => EvictionPolicy::VolatileTtl,
    })
}

fn has_evictable(gauges: &Gauges, policy: EvictionPolicy) -> bool {
    (0..gauges.databases()).map(DbIndex).any(|db| match policy.volatile_only() {
        true => gauges.expires(db) > 0,
        false => gauges.keys(db) > 0,
    })
}

fn has_evictable_in(space: &Space, policy: EvictionPolicy) -> bool {
    (0..space.keys.databases()).map(DbIndex).any(|db| match policy.volatile_only() {
        true => space.keys.expires_len(db) > 0,
        false => space.keys.db_len(db) > 0,
    })
}

/// How long evicting may hold up a command, as `maxmemory-eviction-tenacity` is documented: 500 µs
/// at 10, in proportion below, 15 % more a step above, no limit at 100.
fn time_limit(tenacity: u32) -> Option<Duration> {
    match tenacity {
        0..=10 => Some(Duration::from_micros(50 * u64::from(tenacity))),
        11..=99 => {
            let steps = i32::try_from(tenacity - 10).unwrap_or(0);
            Some(Duration::from_micros((500.0 * 1.15_f64.powi(steps)) as u64))
        }
        _ => None,
    }
}

const OUT_OF_MEMORY: CommandError =
    CommandError::text("OOM command not allowed when used memory > 'maxmemory'.");

/// Candidates remembered: a few rounds of the default number of samples.
const POOL_MAX: usize = 16;
/// A shard below its fair share evicts too once this part of `maxmemory` is exceeded: the shards
/// asked do not keep up.
const OVERSHOOT_PART: u64 = 64;

#[cfg(test)]
pub mod tests;
