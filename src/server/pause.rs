//! Pauses: `CLIENT PAUSE`, and those of a failover or shutdown. Decided on shard 0; they take
//! effect under a lease of all shards, where the gate of every keyspace changes at one instant, so
//! that after the answer no shard runs what is held back.

use super::controller::Leased;
use super::core::{Core, Row};
use super::mail::Mail;
use crate::base::ids::ShardId;
use crate::command::client_info::ClientFlags;
use crate::command::gate::Pause;
use crate::keyspace::key::slot_of;
use crate::net::event::SocketId;
use crate::router::lease::Hand;
use crate::router::route::{self, Route, ShardSet};
use crate::shard::batch::Batch;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Why clients are paused. One pause a reason; the strictest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `CLIENT PAUSE`.
    Client = 0,
    /// A failover waits for its replica.
    Failover = 1,
    /// A shutdown waits for the replicas.
    Shutdown = 2,
}

/// An order to pause or to go on.
pub struct Change {
    /// For which reason.
    pub purpose: Purpose,
    /// What is held back and until when, Unix milliseconds; `None` ends this reason's pause.
    pub pause: Option<(Pause, u64)>,
    /// Who is answered when it is in effect.
    pub asker: Option<Box<Batch>>,
}

/// The pauses in effect. On shard 0.
#[derive(Debug, Default)]
pub struct Pauses {
    by_purpose: [Option<(Pause, u64)>; 3],
}

impl Pauses {
    /// Begins, extends or ends a pause. One that is on never gets shorter or less strict, except
    /// by ending.
    fn change(&mut self, purpose: Purpose, pause: Option<(Pause, u64)>, now_ms: u64) {
        self.forget_ended(now_ms);
        let slot = &mut self.by_purpose[purpose as usize];
        *slot = match (pause, *slot) {
            (Some((mode, until)), Some((old_mode, old_until))) => {
                let mode = if old_mode == Pause::All { Pause::All } else { mode };
                Some((mode, until.max(old_until)))
            }
            (pause, _) => pause,
        };
    }

    /// What is held back now, and until when something changes; 0 if nothing is.
    fn effective(&mut self, now_ms: u64) -> (Pause, u64) {
        self.forget_ended(now_ms);
        let mut effective = (Pause::Off, 0);
        for (mode, until) in self.by_purpose.iter().flatten() {
            if *mode == Pause::All || effective.0 == Pause::Off {
                effective.0 = *mode;
            }
            effective.1 = effective.1.max(*until);
        }
        effective
    }

    /// When the first of them ends, Unix milliseconds; `None` if there are none.
    fn next_end(&self) -> Option<u64> {
        self.by_purpose.iter().flatten().map(|(_, until)| *until).min()
    }

    fn forget_ended(&mut self, now_ms: u64) {
        for slot in &mut self.by_purpose {
            slot.take_if(|(_, until)| *until <= now_ms);
        }
    }
}

impl Core {
    /// Carries out an order to pause or to go on. On shard 0.
    pub(super) fn change_pause(&mut self, change: Change) {
        let now_ms = self.shard.tools.now_ms;
        self.controller.pauses.change(change.purpose, change.pause, now_ms);
        self.lease_all(Leased::Pause(change.asker));
    }

    /// Ends pauses whose time is over. On shard 0, each turn.
    pub(super) fn end_pauses(&mut self) {
        let now_ms = self.shard.tools.now_ms;
        let pauses = &mut self.controller.pauses;
        if pauses.next_end().is_some_and(|end| end <= now_ms) {
            pauses.forget_ended(now_ms);
            self.lease_all(Leased::Pause(None));
        }
    }

    /// How long the loop may sleep for the sake of the pauses.
    pub(super) fn pause_left(&self) -> Duration {
        let end = self.controller.pauses.next_end();
        end.map_or(Duration::MAX, |end| {
            Duration::from_millis(end.saturating_sub(crate::base::clock::wall_ms()))
        })
    }

    /// With all keyspaces in hand: their gates follow the pauses.
    pub(super) fn pause_leased(&mut self, asker: Option<Box<Batch>>, hand: &mut Hand) {
        let (mode, until_ms) = self.controller.pauses.effective(self.shard.tools.now_ms);
        for space in hand.spaces().iter_mut().flatten() {
            space.gate.pause = mode;
        }
        let status = &self.process.shared.environment.status;
        status.pause_until_ms.store(until_ms, Ordering::Relaxed);
        status.pause_writes.store(mode != Pause::Off, Ordering::Relaxed);
        status.pause_all.store(mode == Pause::All, Ordering::Relaxed);
        if mode != Pause::All {
            for shard in 0..self.process.shared.placement.shards() {
                self.process.post(ShardId(shard), Mail::Resume);
            }
        }
        self.failover_paused();
        if let Some(mut batch) = asker {
            batch.args_and_reply(0).1.ok();
            self.answer(batch);
        }
    }

    /// A pause ended or got less strict: what was held back tries again, in order.
    pub(super) fn resume(&mut self) {
        for socket in std::mem::take(&mut self.clients.paused) {
            self.mark_paused(socket, false);
            self.ready.push_back(socket);
        }
        let placement = self.shard.tools.shared.placement;
        for batch in std::mem::take(&mut self.held) {
            self.show_held(&batch, false);
            let mut set = ShardSet::default();
            for index in 0..batch.len() {
                route::add_to_set(batch.command(index), batch.args(index), placement, &mut set);
            }
            for watched in &batch.watched {
                set.insert(placement.shard_of(slot_of(&watched.key)));
            }
            let at_home =
                batch.baton.is_some() || (!batch.stays && set.route() == Route::One(self.id()));
            if at_home {
                self.shard.deferred.push_back(batch);
            } else {
                self.submit(batch, set);
            }
        }
        self.run_deferred();
    }

    /// Whether a pause holds back every command of clients.
    pub(super) fn all_paused(&self) -> bool {
        self.process.shared.environment.status.pause_all.load(Ordering::Relaxed)
    }

    /// Holds a connection back until the pause ends.
    pub(super) fn hold_back(&mut self, socket: SocketId) {
        if self.mark_paused(socket, true) {
            self.clients.paused.push(socket);
        }
    }

    /// Holds commands back until the pause ends.
    pub(super) fn hold(&mut self, batch: Box<Batch>) {
        self.show_held(&batch, true);
        self.held.push(batch);
    }

    /// Shows in `CLIENT LIST` whether a connection is held back; whether that is news.
    fn mark_paused(&mut self, socket: SocketId, paused: bool) -> bool {
        let Some(connection) = self.row(socket).and_then(Row::connection) else { return false };
        let info = Arc::clone(&connection.info);
        let news = info.flags().any(ClientFlags::PAUSED) != paused;
        if news {
            info.set_flag(ClientFlags::PAUSED, paused);
        }
        news
    }

    /// The same for the client of a batch, whose connection may be another shard's.
    fn show_held(&self, batch: &Batch, held: bool) {
        let found = self.process.shared.environment.clients.find(batch.view.id);
        // One that is gone is held back for its effects only.
        if let Some(info) = found {
            info.set_flag(ClientFlags::PAUSED, held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_extended_but_never_weakened() {
        let mut pauses = Pauses::default();
        pauses.change(Purpose::Client, Some((Pause::All, 100)), 0);
        pauses.change(Purpose::Client, Some((Pause::Writes, 50)), 10);
        assert_eq!(pauses.effective(20), (Pause::All, 100));
        assert_eq!(pauses.next_end(), Some(100));
        assert_eq!(pauses.effective(100), (Pause::Off, 0));
        pauses.change(Purpose::Client, Some((Pause::Writes, 200)), 100);
        assert_eq!(pauses.effective(120), (Pause::Writes, 200));
        pauses.change(Purpose::Client, None, 130);
        assert_eq!(pauses.effective(130), (Pause::Off, 0));
    }

    #[test]
    fn the_strictest_of_several_counts() {
        let mut pauses = Pauses::default();
        pauses.change(Purpose::Failover, Some((Pause::Writes, 300)), 0);
        pauses.change(Purpose::Client, Some((Pause::All, 100)), 0);
        assert_eq!(pauses.effective(1), (Pause::All, 300));
        assert_eq!(pauses.effective(150), (Pause::Writes, 300));
    }
}
