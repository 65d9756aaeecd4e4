//! Access data and what it says about an entry's worth: the LRU clock and the LFU counter. Pure.
//!
//! An entry keeps 24 bits, by the policy in force: seconds of the wall clock (LRU), or minutes in
//! the upper 16 bits and a logarithmic counter in the lower 8 (LFU), as Redis's documentation of
//! `maxmemory-policy` describes them.

use fastrand::Rng;

use crate::base::ids::DbIndex;
use crate::keyspace::entry::Entry;
use crate::keyspace::keyspace::Keyspace;

/// The time as access data counts it, with the settings of the counting. Made once a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessClock {
    /// Entries remember when they were last used.
    Lru {
        /// Unix seconds, the low 24 bits.
        seconds: u32,
    },
    /// Entries count how often they are used.
    Lfu {
        /// Unix minutes, the low 16 bits.
        minutes: u16,
        /// `lfu-log-factor`.
        log_factor: u32,
        /// `lfu-decay-time` in minutes; 0 = never.
        decay_minutes: u32,
    },
}

/// `maxmemory-policy`, but for `noeviction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// `allkeys-lru`
    AllKeysLru,
    /// `volatile-lru`
    VolatileLru,
    /// `allkeys-lfu`
    AllKeysLfu,
    /// `volatile-lfu`
    VolatileLfu,
    /// `allkeys-random`
    AllKeysRandom,
    /// `volatile-random`
    VolatileRandom,
    /// `volatile-ttl`
    VolatileTtl,
}

/// A key that may be evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its database.
    pub db: DbIndex,
    /// The key.
    pub key: Box<[u8]>,
    /// The higher, the sooner it should go. Comparable only under one policy.
    pub score: u64,
}

/// The counter of a new entry: not yet used, but not to be evicted at once either.
pub const LFU_INITIAL: u8 = 5;

impl AccessClock {
    /// The LRU clock at a Unix time.
    pub fn lru(now_ms: u64) -> AccessClock {
        AccessClock::Lru { seconds: (now_ms / 1000) as u32 & ACCESS_MASK }
    }

    /// The LFU clock at a Unix time.
    pub fn lfu(now_ms: u64, log_factor: u32, decay_minutes: u32) -> AccessClock {
        AccessClock::Lfu { minutes: (now_ms / 60_000) as u16, log_factor, decay_minutes }
    }

    /// The access data of a new entry.
    pub fn initial(&self) -> u32 {
        match *self {
            AccessClock::Lru { seconds } => seconds,
            AccessClock::Lfu { minutes, .. } => lfu_access(minutes, LFU_INITIAL),
        }
    }

    /// The access data after one more use.
    pub fn touched(&self, access: u32, rng: &mut Rng) -> u32 {
        match *self {
            AccessClock::Lru { seconds } => seconds,
            AccessClock::Lfu { minutes, log_factor, .. } => {
                lfu_access(minutes, increment(self.frequency(access), log_factor, rng))
            }
        }
    }

    /// Milliseconds since the last use, in steps of a second. Means nothing under LFU.
    pub fn idle_ms(&self, access: u32) -> u64 {
        match *self {
            AccessClock::Lru { seconds } => {
                u64::from(seconds.wrapping_sub(access) & ACCESS_MASK) * 1000
            }
            AccessClock::Lfu { .. } => 0,
        }
    }

    /// The LFU counter, decayed to the present. Means nothing under LRU.
    pub fn frequency(&self, access: u32) -> u8 {
        let counter = access as u8;
        match *self {
            AccessClock::Lru { .. } | AccessClock::Lfu { decay_minutes: 0, .. } => counter,
            AccessClock::Lfu { minutes, decay_minutes, .. } => {
                let elapsed = u32::from(minutes.wrapping_sub((access >> 8) as u16));
                let periods = elapsed / decay_minutes;
                u8::try_from(u32::from(counter).saturating_sub(periods)).unwrap_or(counter)
            }
        }
    }

    /// Access data that reads as idle for so long (RESTORE's IDLETIME, an RDB's idle field).
    pub fn access_of_idle(&self, idle_ms: u64) -> u32 {
        match *self {
            AccessClock::Lru { seconds } => {
                seconds.wrapping_sub((idle_ms / 1000) as u32) & ACCESS_MASK
            }
            AccessClock::Lfu { .. } => self.initial(),
        }
    }

    /// Access data with this counter (RESTORE's FREQ, an RDB's frequency field).
    pub fn access_of_frequency(&self, frequency: u8) -> u32 {
        match *self {
            AccessClock::Lru { .. } => self.initial(),
            AccessClock::Lfu { minutes, .. } => lfu_access(minutes, frequency),
        }
    }
}

impl EvictionPolicy {
    /// Whether only keys with an expiry may be evicted.
    pub fn volatile_only(self) -> bool {
        use EvictionPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
        matches!(self, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl)
    }

    pub(in crate::keyspace) fn score(self, entry: &Entry, clock: &AccessClock) -> u64 {
        let access = entry.meta().access;
        match self {
            EvictionPolicy::AllKeysLru | EvictionPolicy::VolatileLru => clock.idle_ms(access),
            EvictionPolicy::AllKeysLfu | EvictionPolicy::VolatileLfu => {
                u64::from(u8::MAX - clock.frequency(access))
            }
            EvictionPolicy::VolatileTtl => u64::MAX - entry.expire().unwrap_or(u64::MAX),
            EvictionPolicy::AllKeysRandom | EvictionPolicy::VolatileRandom => 0,
        }
    }
}

impl Keyspace {
    /// Adds `count` randomly chosen keys of a database that a policy may evict to `candidates`,
    /// fewer if there are none. A key may be chosen twice.
    pub fn sample(
        &self,
        db: DbIndex,
        policy: EvictionPolicy,
        count: usize,
        rng: &mut Rng,
        candidates: &mut Vec<Candidate>,
    ) {
        let Some(base) = self.db(db) else { return };
        for _ in 0..count {
            let chosen =
                if policy.volatile_only() { base.random_volatile(rng) } else { base.random(rng) };
            let Some(entry) = chosen else { return };
            let score = policy.score(entry, &self.clock);
            candidates.push(Candidate { db, key: entry.key().into(), score });
        }
    }
}

/// Counts one use with probability 1 / (uses above the initial value × factor + 1).
fn increment(counter: u8, log_factor: u32, rng: &mut Rng) -> u8 {
    let above = f64::from(counter.saturating_sub(LFU_INITIAL));
    let counts = rng.f64() * (above * f64::from(log_factor) + 1.0) < 1.0;
    if counts { counter.saturating_add(1) } else { counter }
}

fn lfu_access(minutes: u16, counter: u8) -> u32 {
    u32::from(minutes) << 8 | u32::from(counter)
}

const ACCESS_MASK: u32 = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_counts_across_the_clock_s_wrap() {
        let wrap_ms = (1 << 24) * 1000;
        let access = AccessClock::lru(wrap_ms - 5_000).initial();
        assert_eq!(AccessClock::lru(wrap_ms + 7_000).idle_ms(access), 12_000);
        let clock = AccessClock::lru(3_000);
        assert_eq!(clock.idle_ms(clock.access_of_idle(60_000)), 60_000);
    }

    #[test]
    fn the_counter_grows_logarithmically_and_decays_by_the_minute() {
        let mut rng = Rng::with_seed(7);
        let clock = AccessClock::lfu(0, 10, 1);
        let mut access = clock.initial();
        assert_eq!(clock.frequency(access), LFU_INITIAL);
        let mut after = Vec::new();
        for uses in 1..=100_000 {
            access = clock.touched(access, &mut rng);
            if [100, 1_000, 100_000].contains(&uses) {
                after.push(clock.frequency(access));
            }
        }
        // The documentation's table for factor 10: 10, 18, 142.
        assert!((8..=14).contains(&after[0]), "{after:?}");
        assert!((15..=25).contains(&after[1]), "{after:?}");
        assert!((130..=155).contains(&after[2]), "{after:?}");
        let later = AccessClock::lfu(3 * 60_000, 10, 1);
        assert_eq!(later.frequency(access), after[2] - 3);
        assert_eq!(AccessClock::lfu(9 * 60_000, 10, 0).frequency(access), after[2]);
        assert_eq!(AccessClock::lfu(400 * 60_000, 10, 1).frequency(access), 0);
    }

    #[test]
    fn factor_zero_counts_every_use() {
        let mut rng = Rng::with_seed(7);
        let clock = AccessClock::lfu(0, 0, 1);
        let mut access = clock.initial();
        for _ in 0..300 {
            access = clock.touched(access, &mut rng);
        }
        assert_eq!(clock.frequency(access), u8::MAX);
    }
}
