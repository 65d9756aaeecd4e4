//! Applying the master's stream on the keyspaces in hand, and what connections have seen of it.
//! Each shard applies its own batches at their place in the one order; batches over several shards
//! are applied by the link's core with the keyspaces in hand.

use super::batch::Batch;
use super::execute::{Call, select};
use super::slow;
use super::state::{Shard, Tools};
use crate::base::ids::{ReplOffset, ShardId, Slot};
use crate::command::context::ClientView;
use crate::command::spaces::Spaces;
use crate::command::spec::{ClientVerb, Scope};
use crate::config::choices::PropagationError;
use crate::keyspace::db::WARM_MAX;
use crate::keyspace::key::{Key, hash_of};
use crate::keyspace::placement::Placement;
use crate::replication::ack::ApplyMarks;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How far the shards have applied the master's stream.
#[derive(Debug)]
pub struct Progress {
    /// The marks of each shard.
    pub marks: ApplyMarks,
    /// Rises when offsets begin to mean another history.
    history: AtomicU64,
    /// The link waits for the mark to rise.
    awaited: AtomicBool,
    /// Emptied batches on their way back to the link.
    spare: Mutex<Spare>,
}

/// Emptied batches.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "batches travel as boxes")]
struct Spare(Vec<Box<Batch>>);

impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spare").field(&self.0.len()).finish()
    }
}

/// What a connection has seen of the stream: its next read must not show less (M4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seen {
    history: u64,
    offset: ReplOffset,
}

impl Progress {
    /// Nothing applied yet.
    pub fn new(placement: Placement) -> Progress {
        Progress {
            marks: ApplyMarks::new(usize::from(placement.shards()), ReplOffset(0)),
            history: AtomicU64::new(1),
            awaited: AtomicBool::new(false),
            spare: Mutex::default(),
        }
    }

    /// From here on everything through `offset` of another history is applied on every shard.
    /// Under a lease of all shards.
    pub fn begin(&self, offset: ReplOffset) {
        self.history.fetch_add(1, Ordering::SeqCst);
        self.marks.reset(offset);
    }

    /// Whether `shard` may serve a connection that has seen `seen`.
    pub fn may_read(&self, shard: ShardId, seen: Seen) -> bool {
        seen.history != self.history.load(Ordering::Acquire)
            || self.marks.may_read(shard, seen.offset)
    }

    /// Whether `seen` is beyond the mark of what was handed out.
    fn is_ahead(&self, seen: Seen) -> bool {
        seen.history == self.history.load(Ordering::Acquire)
            && seen.offset > self.marks.dispatched()
    }

    /// A connection was served on `shard`.
    pub fn saw(&self, shard: ShardId, seen: &mut Seen) {
        let history = self.history.load(Ordering::Acquire);
        let offset = self.marks.applied_on(shard);
        if seen.history != history {
            *seen = Seen { history, offset };
        } else {
            seen.offset = seen.offset.max(offset);
        }
    }

    /// The link wants to be woken when the mark may have risen, or no longer.
    pub fn set_awaited(&self, awaited: bool) {
        self.awaited.store(awaited, Ordering::SeqCst);
    }

    /// A batch was applied: the link may use it again.
    pub fn give_back(&self, mut batch: Box<Batch>) {
        batch.clear();
        let mut spare = self.spare();
        if spare.0.len() < SPARE_MAX {
            spare.0.push(batch);
        }
    }

    /// Takes the emptied batches.
    pub fn take_spare(&self, into: &mut Vec<Box<Batch>>) {
        into.append(&mut self.spare().0);
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the link wants to be woken.
    pub fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::SeqCst)
    }
}

impl Shard {
    /// Whether a batch waits for a mark that the link is about to publish: the one thing of the
    /// master's stream that wakes nobody. Everything else comes with a message.
    pub fn waits_for_an_instant(&self) -> bool {
        if !self.tools.orders_reads() || self.home.is_none() {
            return false;
        }
        let progress = &self.tools.shared.progress;
        let part = |batch: &Batch| batch.baton.as_ref().map_or(batch.seen, |baton| baton.seen());
        self.deferred.front().is_some_and(|batch| progress.is_ahead(batch.seen))
            || self.waiting.iter().any(|batch| batch.may_run() && progress.is_ahead(part(batch)))
    }

    /// Applies a batch of the master's stream to the keyspace at home.
    pub fn apply_here(&mut self, batch: &mut Batch, through: ReplOffset) {
        let space = self.home.as_deref_mut().expect("applied while the keyspace is at home");
        let mut spaces = Spaces::one(space, self.tools.shared.placement);
        self.tools.apply(&mut spaces, batch);
        self.tools.shared.progress.marks.applied(self.tools.id, through);
    }
}

impl Tools {
    /// Whether reads here are bound to what connections have seen elsewhere.
    pub fn orders_reads(&self) -> bool {
        self.shared.placement.shards() > 1
            && self.shared.environment.status.is_replica.load(Ordering::Relaxed)
    }

    /// Whether this shard may serve a connection that has seen `seen`.
    pub fn may_serve(&self, seen: Seen) -> bool {
        !self.orders_reads() || self.shared.progress.may_read(self.id, seen)
    }

    /// Whether a part of a pipeline whose stretch has come may run: not before this shard shows
    /// what the stretches before it have seen on others.
    pub fn may_go_on(&self, batch: &Batch) -> bool {
        !self.orders_reads()
            || batch.baton.as_ref().is_none_or(|baton| self.may_serve(baton.seen()))
    }

    /// A connection was served with the keyspace of `shard`.
    pub fn served(&self, shard: ShardId, seen: &mut Seen) {
        if self.orders_reads() {
            self.shared.progress.saw(shard, seen);
        }
    }

    /// What is known, of the master's stream, to who hears of anything that this shard executed.
    pub fn seen_now(&self) -> Seen {
        let mut seen = Seen::default();
        self.served(self.id, &mut seen);
        seen
    }

    /// Applies a batch of the master's stream. Nobody is answered; errors are logged.
    pub fn apply(&mut self, spaces: &mut Spaces<'_>, batch: &mut Batch) {
        let began = Instant::now();
        let mut view = batch.view;
        let mut places = [None; WARM_MAX];
        for index in 0..batch.len() {
            if index % WARM_MAX == 0 {
                warm(spaces, batch, index, &view, &mut places);
            }
            let command = batch.command(index);
            let key_at = command.spec.single_key().unwrap_or_default();
            let (args, reply) = batch.args_and_reply(index);
            match command.spec.scope {
                Scope::Client(ClientVerb::Select) => {
                    select(args, &mut view, self.settings.server.databases, reply);
                }
                Scope::Shard(handler)
                | Scope::Cursor(handler)
                | Scope::AllShards(handler)
                | Scope::Anywhere(handler) => {
                    let key = places[index % WARM_MAX].map(|(slot, hash)| Key {
                        bytes: args.get(key_at),
                        slot,
                        hash,
                    });
                    let call = Call { command, args, key };
                    self.call(spaces, handler, &call, &view, reply);
                }
                Scope::Client(_) | Scope::Server(_) | Scope::Container => {}
            }
            if reply.buf.first() == Some(&b'-') {
                let error = String::from_utf8_lossy(&reply.buf);
                let error = error.trim_start_matches('-').trim_end().to_owned();
                self.apply_failed(&error, &command.full_name);
            }
            reply.clear();
        }
        self.serve_ready(spaces);
        self.timing_ends();
        let environment = &self.shared.environment;
        slow::record_event(environment, &self.settings, "apply", began.elapsed());
    }

    /// The master carried out what this replica cannot: their data may differ from now on.
    pub fn apply_failed(&self, error: &str, name: &str) {
        crate::warning!(
            "== CRITICAL == This replica is sending an error to its master: '{error}' after \
             processing the command '{name}'"
        );
        self.shared.environment.metrics[usize::from(self.id.0)].unexpected_error_replies.bump();
        if self.settings.replication.propagation_error_behavior != PropagationError::Ignore {
            crate::warning!(
                "This replica panicked sending an error to its master after processing the \
                 command '{name}'"
            );
            std::process::abort();
        }
    }
}

/// Hashes the keys of the commands from `index` on, as many as `places` holds, and fetches what
/// finding them will read.
fn warm(
    spaces: &mut Spaces<'_>,
    batch: &Batch,
    index: usize,
    view: &ClientView,
    places: &mut [Option<(Slot, u64)>; WARM_MAX],
) {
    let end = batch.len().min(index + WARM_MAX);
    for (place, index) in places.iter_mut().zip(index..end) {
        *place = batch.placed_key(index).map(|(slot, key)| (slot, hash_of(key)));
    }
    let placement = spaces.placement();
    for space in spaces.each() {
        let shard = space.keys.shard();
        let here = places[..end - index].iter().flatten().copied();
        space.keys.warm(view.db, here.filter(|(slot, _)| placement.shard_of(*slot) == shard));
    }
}

/// Emptied batches kept for the link: more than are on their way at a time.
const SPARE_MAX: usize = 64;
