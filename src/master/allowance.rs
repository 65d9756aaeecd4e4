//! How much of the stream may wait for a replica that was sent everything and has yet to catch up.
//! One that was dropped at `client-output-buffer-limit replica` before it had caught up would be
//! dropped at the same point the next time, and for ever: so its limit doubles with each attempt,
//! up to a bound. All replicas of one snapshot wait for the same bytes, which are kept once, so the
//! bound holds for the memory of all of them together. Pure; owned by the registry.

use crate::config::settings_groups::OutputLimit;

/// The replicas that were dropped before they had caught up.
#[derive(Debug, Default)]
pub struct Allowances(Vec<Dropped>);

#[derive(Debug)]
struct Dropped {
    ip: String,
    port: i64,
    times: u32,
}

impl Allowances {
    /// How often the replica at this address was dropped since it last caught up.
    pub fn drops(&self, ip: &str, port: i64) -> u32 {
        self.find(ip, port).map_or(0, |place| self.0[place].times)
    }

    /// It was dropped once more.
    pub fn dropped(&mut self, ip: &str, port: i64) {
        if let Some(place) = self.find(ip, port) {
            self.0[place].times = self.0[place].times.saturating_add(1);
            return;
        }
        if self.0.len() == REPLICAS_MAX {
            self.0.remove(0);
        }
        self.0.push(Dropped { ip: ip.to_owned(), port, times: 1 });
    }

    /// It has caught up. Whether it was known here.
    pub fn forget(&mut self, ip: &str, port: i64) -> bool {
        let place = self.find(ip, port);
        place.map(|place| self.0.remove(place)).is_some()
    }

    fn find(&self, ip: &str, port: i64) -> Option<usize> {
        self.0.iter().position(|known| known.port == port && known.ip == ip)
    }
}

/// The limit for a replica that was dropped `drops` times: doubled each time, but not above
/// `bound` unless it is configured so.
pub fn grown(configured: OutputLimit, drops: u32, bound: u64) -> OutputLimit {
    let factor = 1_u64.checked_shl(drops).unwrap_or(u64::MAX);
    // 0 is no limit, and stays so.
    let grow = |bytes: u64| bytes.saturating_mul(factor).min(bound.max(bytes));
    OutputLimit {
        hard_bytes: grow(configured.hard_bytes),
        soft_bytes: grow(configured.soft_bytes),
        soft_seconds: configured.soft_seconds,
    }
}

/// What `repl-resync-buffer-limit` means: itself, or for 0 a quarter of the memory that may be
/// used, `maxmemory` or the machine's.
pub fn bound(directive: u64, maxmemory: u64, machine: u64) -> u64 {
    match (directive, maxmemory) {
        (0, 0) => machine / 4,
        (0, maxmemory) => maxmemory / 4,
        (bytes, _) => bytes,
    }
}

/// Whether so few bytes wait that the limits as configured would hold for good.
pub fn is_low(waiting: u64, configured: OutputLimit) -> bool {
    let below = |limit: u64| limit == 0 || waiting < limit;
    below(configured.hard_bytes) && below(configured.soft_bytes)
}

/// Addresses remembered: whoever sends nonsense from many must not fill the memory.
const REPLICAS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: OutputLimit = OutputLimit { hard_bytes: 100, soft_bytes: 40, soft_seconds: 60 };

    #[test]
    fn each_drop_doubles_up_to_the_bound() {
        assert_eq!(grown(LIMIT, 0, 1000), LIMIT);
        let third = OutputLimit { hard_bytes: 400, soft_bytes: 160, soft_seconds: 60 };
        assert_eq!(grown(LIMIT, 2, 1000), third);
        for drops in [5, 63, 64, u32::MAX] {
            let most = grown(LIMIT, drops, 1000);
            assert_eq!((most.hard_bytes, most.soft_bytes), (1000, 1000));
        }
        // A bound below what is configured takes nothing away, and no limit stays none.
        assert_eq!(grown(LIMIT, 9, 50), OutputLimit { soft_bytes: 50, ..LIMIT });
        let none = OutputLimit::default();
        assert_eq!(grown(none, 9, 1000), none);
    }

    #[test]
    fn the_bound_is_a_share_of_the_memory_unless_given() {
        assert_eq!(bound(7, 100, 1000), 7);
        assert_eq!(bound(0, 100, 1000), 25);
        assert_eq!(bound(0, 0, 1000), 250);
    }

    #[test]
    fn who_catches_up_begins_anew() {
        let mut allowances = Allowances::default();
        allowances.dropped("10.0.0.1", 6379);
        allowances.dropped("10.0.0.1", 6379);
        allowances.dropped("10.0.0.1", 6380);
        assert_eq!(allowances.drops("10.0.0.1", 6379), 2);
        assert!(allowances.forget("10.0.0.1", 6379) && !allowances.forget("10.0.0.1", 6379));
        assert_eq!(allowances.drops("10.0.0.1", 6379), 0);
        assert_eq!(allowances.drops("10.0.0.1", 6380), 1);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut allowances = Allowances::default();
        for port in 0..1000 {
            allowances.dropped("::1", port);
        }
        assert_eq!(allowances.0.len(), REPLICAS_MAX);
        assert_eq!((allowances.drops("::1", 0), allowances.drops("::1", 999)), (0, 1));
    }

    #[test]
    fn little_waits_once_both_limits_are_far() {
        assert!(is_low(39, LIMIT) && !is_low(40, LIMIT));
        assert!(is_low(u64::MAX, OutputLimit::default()));
    }
}
