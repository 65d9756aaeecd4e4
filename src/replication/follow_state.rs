//! How following a master goes, as INFO, ROLE and the serving of replicas see it. Written by the
//! link from the master on shard 0 and by changes of role; read from any core, so each value is as
//! it was a moment ago. Times are wall-clock milliseconds; 0 means never.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::ids::ReplOffset;

/// What the link from the master is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum LinkState {
    /// This server follows nobody.
    #[default]
    None = 0,
    /// About to connect.
    Connect = 1,
    /// A connection is being made.
    Connecting = 2,
    /// Greetings and questions before the stream.
    Handshake = 3,
    /// A full resynchronization: receiving or loading the snapshot.
    Transfer = 4,
    /// The stream flows.
    Connected = 5,
}

/// How far a coordinated failover (`FAILOVER`) is, on the master that gives its role away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Failover {
    /// There is none.
    #[default]
    None = 0,
    /// Writes are paused until the target has everything.
    WaitForReplica = 1,
    /// The target is being told.
    InProgress = 2,
}

impl Failover {
    /// The words in INFO.
    pub fn word(self) -> &'static str {
        match self {
            Failover::None => "no-failover",
            Failover::WaitForReplica => "waiting-for-sync",
            Failover::InProgress => "failover-in-progress",
        }
    }
}

/// The state of following a master.
#[derive(Debug, Default)]
pub struct FollowState {
    /// Host and port of the master as they were given; none on a master.
    master: Mutex<Option<(String, u16)>>,
    state: AtomicU8,
    failover: AtomicU8,
    /// When the link last brought anything, ms; 0 before.
    pub last_io_ms: AtomicU64,
    /// When the link went down, ms; 0 if it was never up since the server follows this master.
    pub down_since_ms: AtomicU64,
    /// Bytes of the stream read from the master: `slave_read_repl_offset`.
    pub read_offset: AtomicU64,
    /// The offset through which everything is applied: `slave_repl_offset`.
    pub applied_offset: AtomicU64,
    /// Bytes of the snapshot being transferred; -1 if its form does not say.
    pub transfer_total_bytes: AtomicI64,
    /// Bytes of it received.
    pub transfer_read_bytes: AtomicU64,
    /// When bytes of it last came, ms; 0 before.
    pub transfer_last_io_ms: AtomicU64,
}

impl LinkState {
    /// The word that ROLE answers.
    pub fn word(self) -> &'static str {
        match self {
            LinkState::None => "none",
            LinkState::Connect => "connect",
            LinkState::Connecting => "connecting",
            LinkState::Handshake => "handshake",
            LinkState::Transfer => "sync",
            LinkState::Connected => "connected",
        }
    }

    fn of(number: u8) -> LinkState {
        const ALL: [LinkState; 6] = [
            LinkState::None,
            LinkState::Connect,
            LinkState::Connecting,
            LinkState::Handshake,
            LinkState::Transfer,
            LinkState::Connected,
        ];
        ALL.get(usize::from(number)).copied().unwrap_or_default()
    }
}

impl FollowState {
    /// The master's host and port; none on a master.
    pub fn master(&self) -> Option<(String, u16)> {
        self.master.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows another master from now on, or none: nothing is known of the link yet.
    pub fn set_master(&self, master: Option<(String, u16)>) {
        let state = if master.is_some() { LinkState::Connect } else { LinkState::None };
        *self.master.lock().unwrap_or_else(PoisonError::into_inner) = master;
        self.last_io_ms.store(0, Ordering::Relaxed);
        self.down_since_ms.store(0, Ordering::Relaxed);
        self.set_state(state);
    }

    /// What the link is doing.
    pub fn state(&self) -> LinkState {
        LinkState::of(self.state.load(Ordering::Acquire))
    }

    /// The link does something else from now on.
    pub fn set_state(&self, state: LinkState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// How far a failover is.
    pub fn failover(&self) -> Failover {
        match self.failover.load(Ordering::Acquire) {
            1 => Failover::WaitForReplica,
            2 => Failover::InProgress,
            _ => Failover::None,
        }
    }

    /// A failover got on, or ended.
    pub fn set_failover(&self, failover: Failover) {
        self.failover.store(failover as u8, Ordering::Release);
    }

    /// Whether the stream flows.
    pub fn is_up(&self) -> bool {
        self.state() == LinkState::Connected
    }

    /// `slave_read_repl_offset`.
    pub fn read(&self) -> ReplOffset {
        ReplOffset(self.read_offset.load(Ordering::Relaxed))
    }

    /// `slave_repl_offset`.
    pub fn applied(&self) -> ReplOffset {
        ReplOffset(self.applied_offset.load(Ordering::Relaxed))
    }

    /// Whole seconds since a moment that is kept here; -1 for never.
    pub fn seconds_since(then_ms: &AtomicU64, now_ms: u64) -> i64 {
        match then_ms.load(Ordering::Relaxed) {
            0 => -1,
            then => i64::try_from(now_ms.saturating_sub(then) / 1000).unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_survive_the_way_through_a_number() {
        let follow = FollowState::default();
        assert_eq!(follow.state(), LinkState::None);
        for state in [LinkState::Connecting, LinkState::Transfer, LinkState::Connected] {
            follow.set_state(state);
            assert_eq!(follow.state(), state);
        }
    }

    #[test]
    fn another_master_forgets_the_old_link() {
        let follow = FollowState::default();
        follow.set_master(Some(("a".to_owned(), 1)));
        follow.last_io_ms.store(5000, Ordering::Relaxed);
        assert_eq!(FollowState::seconds_since(&follow.last_io_ms, 7999), 2);
        follow.set_master(Some(("b".to_owned(), 2)));
        assert_eq!(FollowState::seconds_since(&follow.last_io_ms, 7999), -1);
        assert_eq!((follow.state(), follow.is_up()), (LinkState::Connect, false));
    }
}
