//! Serving clients that wait for keys: at the end of the command or transaction that changed a key,
//! with the keyspaces in hand, on whichever core holds them. Whoever waited is executed again, in
//! the order of the keys' changes and first come first served at each key; pop and push are in one
//! run, so nobody sees the element in between.
//!
//! One that needs a keyspace which is not in hand keeps its place: its shard is asked to take a
//! lease, and those behind it at the key wait until that is in hand. Meanwhile the element is like
//! any other.

use super::apply::Seen;
use super::batch::Batch;
use super::execute::{Call, Ran};
use super::state::Tools;
use crate::base::ids::{DbIndex, ShardId};
use crate::command::blocked::{Block, Blocking, Waiter};
use crate::command::gate::Pause;
use crate::command::spaces::{Space, Spaces};
use crate::keyspace::key::{Key, slot_of};
use crate::keyspace::value::Kind;
use crate::resp::reply::Reply;
use std::sync::Arc;

/// What a client that waited is answered.
pub struct Served {
    /// Who waited.
    pub waiter: Arc<Waiter>,
    /// The answer.
    pub reply: Reply,
    /// What the client has seen of the master's stream.
    pub seen: Seen,
    /// It is still registered at keys that were not in hand.
    pub is_left: bool,
    /// The connection ends with this.
    pub closes: bool,
}

/// How serving one client ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It waits no more.
    Gone,
    /// It waits on: there was nothing for it.
    Waits,
    /// It waits for keyspaces, and those behind it for it.
    Attempted,
}

impl Tools {
    /// Registers the command that ran last in `batch`, which asked to wait.
    pub(super) fn register(&mut self, spaces: &mut Spaces<'_>, batch: &mut Batch, block: Block) {
        let call = (batch.command(batch.done), batch.args(batch.done));
        let waiter = Waiter::new((batch.origin, batch.connection), batch.view, call, block);
        let waiter = Arc::new(waiter);
        let db = batch.view.db;
        let mut known: Vec<&[u8]> = Vec::new();
        for key in waiter.keys() {
            // Twice the same key is one place.
            if !known.contains(&key) {
                let space = spaces.of(slot_of(key));
                space.keys.await_key(db, key);
                space.blocked.add(db, key, Arc::clone(&waiter));
                known.push(key);
            }
        }
        self.count_blocked(spaces);
        batch.waiter = Some(Arc::clone(&waiter));
    }

    /// Serves those who wait for keys that changed. After a command or transaction.
    #[inline]
    pub fn serve_ready(&mut self, spaces: &mut Spaces<'_>) {
        if spaces.each().any(|space| space.keys.has_ready()) {
            self.serve_changed(spaces);
        }
    }

    fn serve_changed(&mut self, spaces: &mut Spaces<'_>) {
        // A pause holds this back, too; the keys stay noted.
        while spaces.gate().is_some_and(|gate| gate.pause == Pause::Off) {
            let changed = spaces.each().filter(|space| space.keys.has_ready());
            let first = changed.min_by_key(|space| space.keys.first_ready());
            let Some((db, key)) = first.and_then(|space| space.keys.take_ready()) else { return };
            self.serve_key(spaces, db, &key);
        }
    }

    fn serve_key(&mut self, spaces: &mut Spaces<'_>, db: DbIndex, key: &[u8]) {
        let hashed = Key::new(key);
        let mut left = spaces.of(hashed.slot).blocked.queue_len(db, key);
        let mut place = 0;
        // Those who come while this goes on, and those who wait on, are not looked at again.
        while left > 0 {
            left -= 1;
            let space = spaces.of(hashed.slot);
            let kind = kind_of(space, db, &hashed, self.now_ms);
            let Some(waiter) = space.blocked.waiter(db, key, place, kind) else { return };
            let outcome = match waiter.is_woken_by(kind) {
                true => self.serve(spaces, &waiter),
                false if waiter.is_over() => {
                    self.remove_in_hand(spaces, &waiter);
                    Outcome::Gone
                }
                false => Outcome::Waits,
            };
            match outcome {
                Outcome::Gone => {}
                Outcome::Waits => place += 1,
                Outcome::Attempted => return,
            }
        }
    }

    fn serve(&mut self, spaces: &mut Spaces<'_>, waiter: &Arc<Waiter>) -> Outcome {
        if !waiter.is_over() && !waiter.needs().all(|key| spaces.holds(slot_of(key))) {
            if waiter.begin_attempt() {
                self.attempts.push(Arc::clone(waiter));
            }
            return Outcome::Attempted;
        }
        if !waiter.claim() {
            self.remove_in_hand(spaces, waiter);
            return Outcome::Gone;
        }
        let mut reply = Reply::new(waiter.view.version);
        let call = Call { command: waiter.command, args: waiter.args(), key: None };
        self.blocking = Blocking::Allowed;
        let ran = self.run(spaces, &call, &waiter.view, &mut reply);
        let waits_on = matches!(std::mem::take(&mut self.blocking), Blocking::Asked(_));
        if waits_on || ran != Ran::Done {
            waiter.release();
            return Outcome::Waits;
        }
        let is_left = !self.remove_in_hand(spaces, waiter);
        let mut seen = Seen::default();
        for space in spaces.each() {
            self.served(space.keys.shard(), &mut seen);
        }
        let waiter = Arc::clone(waiter);
        self.served_waiters.push(Served { waiter, reply, seen, is_left, closes: false });
        Outcome::Gone
    }

    /// Ends every wait in hand with an error, and the connections with it: the role changes.
    pub fn end_waits(&mut self, spaces: &mut Spaces<'_>, text: &str) {
        let mut waiters = Vec::new();
        spaces.each().for_each(|space| waiters.extend(space.blocked.all()));
        for waiter in waiters {
            self.remove_in_hand(spaces, &waiter);
            if !waiter.claim() {
                continue;
            }
            let mut reply = Reply::new(waiter.view.version);
            reply.error(text);
            let seen = Seen::default();
            self.served_waiters.push(Served { waiter, reply, seen, is_left: false, closes: true });
        }
    }

    /// Removes one who waits no more, and serves who waited behind it.
    pub(super) fn forget_waiter(&mut self, spaces: &mut Spaces<'_>, batch: &mut Batch) {
        let Some(waiter) = batch.waiter.take() else { return };
        self.remove_in_hand(spaces, &waiter);
        self.look_again(spaces, &waiter);
    }

    /// Serves one whose keyspaces were asked for, at its place among those who wait.
    pub(super) fn serve_attempted(&mut self, spaces: &mut Spaces<'_>, batch: &mut Batch) {
        let Some(waiter) = batch.waiter.take() else { return };
        waiter.end_attempt();
        self.look_again(spaces, &waiter);
    }

    fn look_again(&mut self, spaces: &mut Spaces<'_>, waiter: &Waiter) {
        for key in waiter.keys() {
            let slot = slot_of(key);
            if spaces.holds(slot) {
                spaces.of(slot).keys.mark_ready(waiter.view.db, key);
            }
        }
        self.serve_ready(spaces);
    }

    /// Removes one from the queues in hand; whether it stands in no others.
    fn remove_in_hand(&mut self, spaces: &mut Spaces<'_>, waiter: &Arc<Waiter>) -> bool {
        let db = waiter.view.db;
        let mut all = true;
        for key in waiter.keys() {
            let slot = slot_of(key);
            if !spaces.holds(slot) {
                all = false;
                continue;
            }
            let space = spaces.of(slot);
            if space.blocked.remove(db, key, waiter) {
                space.keys.forget_awaited(db, key);
            }
        }
        self.count_blocked(spaces);
        all
    }

    fn count_blocked(&self, spaces: &mut Spaces<'_>) {
        for space in spaces.each() {
            let ShardId(shard) = space.keys.shard();
            let metrics = &self.shared.environment.metrics[usize::from(shard)];
            let (keys, on_removal) = space.blocked.counts();
            metrics.blocking_keys.set(keys);
            metrics.blocking_keys_on_removal.set(on_removal);
        }
    }
}

/// The kind of value at a key, if there is one.
fn kind_of(space: &Space, db: DbIndex, key: &Key<'_>, now_ms: u64) -> Option<Kind> {
    space.keys.find(db, key, now_ms).map(|entry| entry.kind())
}
