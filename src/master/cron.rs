//! What time brings to links and to the backlog. Pure decisions; the loop of each shard asks for
//! its links, shard 0 for what concerns all.

use std::fmt;

use crate::config::settings_groups::OutputLimit;
use crate::config::settings_groups::Replication;
use crate::master::replica_link::{Phase, ReplicaLink};

/// Why a link is closed by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// No acknowledgement for `repl-timeout`.
    Silent,
    /// More waits for it than `client-output-buffer-limit replica` allows.
    OverLimit {
        /// Bytes that wait.
        waiting: u64,
        /// What may.
        limit: OutputLimit,
    },
}

/// The line for the log, with the replica's name.
pub struct OverdueText<'a> {
    /// Why.
    pub overdue: Overdue,
    /// Who.
    pub replica: &'a dyn fmt::Display,
}

impl fmt::Display for OverdueText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replica = self.replica;
        match self.overdue {
            Overdue::Silent => {
                write!(out, "Disconnecting timedout replica (streaming sync): {replica}")
            }
            Overdue::OverLimit { waiting, limit } => write!(
                out,
                "Client {replica} scheduled to be closed ASAP for overcoming of output buffer \
                 limits. ({waiting} bytes wait for it, hard limit {}, soft limit {} for {} s)",
                limit.hard_bytes, limit.soft_bytes, limit.soft_seconds
            ),
        }
    }
}

/// Whether a replica has been silent too long. Before it is online whoever sends its snapshot
/// watches over it; one that came by SYNC never acknowledges.
pub fn is_silent(link: &ReplicaLink, settings: &Replication, now_ms: u64) -> bool {
    matches!(link.phase(), Phase::Online | Phase::AwaitingAck)
        && link.info.acknowledges
        && link.info.silent_ms(now_ms) > u64::from(settings.repl_timeout) * 1000
}

/// Whether more waits for a replica than it may: at once above the hard limit, after a while above
/// the soft one, which `over_since_ms` remembers.
pub fn is_over_limit(
    waiting: u64,
    limit: OutputLimit,
    backlog_bytes: u64,
    over_since_ms: &mut Option<u64>,
    now_ms: u64,
) -> bool {
    // Less than the backlog makes no sense: a replica may ask for as much when it comes back.
    if limit.hard_bytes > 0 && waiting >= limit.hard_bytes.max(backlog_bytes) {
        return true;
    }
    if limit.soft_bytes == 0 || waiting < limit.soft_bytes {
        *over_since_ms = None;
        return false;
    }
    let since = *over_since_ms.get_or_insert(now_ms);
    now_ms.saturating_sub(since) > u64::from(limit.soft_seconds) * 1000
}

/// Whether the backlog has outlived its replicas by `repl-backlog-ttl`, 0 being never. `alone_ms`
/// is how long there has been none.
pub fn backlog_is_over(alone_ms: Option<u64>, settings: &Replication) -> bool {
    let Ok(ttl) = u64::try_from(settings.repl_backlog_ttl) else { return false };
    ttl > 0 && alone_ms.is_some_and(|alone| alone > ttl.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_at_least_the_backlog() {
        let limit = OutputLimit { hard_bytes: 1000, soft_bytes: 0, soft_seconds: 0 };
        let over = |waiting| is_over_limit(waiting, limit, 16384, &mut None, 0);
        assert!(!over(1000) && !over(16383) && over(16384));
        let none = OutputLimit::default();
        assert!(!is_over_limit(u64::MAX, none, 16384, &mut None, 0));
    }

    #[test]
    fn the_soft_limit_takes_its_time() {
        let limit = OutputLimit { hard_bytes: 0, soft_bytes: 100, soft_seconds: 2 };
        let mut since = None;
        let mut over = |waiting, now_ms| is_over_limit(waiting, limit, 0, &mut since, now_ms);
        assert!(!over(100, 1000) && !over(500, 3000) && over(100, 3001));
        assert!(!over(99, 3002) && !over(100, 3003) && !over(100, 5003) && over(100, 5004));
    }

    #[test]
    fn the_backlog_lives_on_unless_told_otherwise() {
        let ttl = |seconds| Replication { repl_backlog_ttl: seconds, ..Replication::default() };
        assert!(!backlog_is_over(Some(u64::MAX), &ttl(0)));
        assert!(!backlog_is_over(None, &ttl(1)));
        assert!(!backlog_is_over(Some(1000), &ttl(1)) && backlog_is_over(Some(1001), &ttl(1)));
    }
}
