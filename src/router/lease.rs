//! Leases: the keyspaces of several shards in one hand. A coordinator asks all shards concerned at
//! one place of the order they agree on, so two leases never wait for each other; each shard lends
//! at a run boundary by moving its keyspace; the coordinator runs what waits for it, and the boxes
//! go home when the run is sealed. One desk a shard, driven by its loop.

use super::route::ShardSet;
use crate::base::ids::{DbIndex, ReplOffset, ShardId};
use crate::command::spaces::{Space, Spaces};
use crate::net::waker::Waker;
use crate::replication::backlog::BacklogReader;
use crate::replication::stream::{Mode, Stream};
use crate::shard::batch::Batch;
use crate::shard::execute::{Beside, Ran};
use crate::shard::message::{LeaseId, Message, Sequenced};
use crate::shard::shared::Sequencer;
use crate::shard::state::Shard;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a lease is for.
pub enum Work {
    /// Commands of a connection.
    Batch(Box<Batch>),
    /// The server's own: a cut, a change of role. It is told when the keyspaces are in hand.
    Server(u64),
    /// Units of the master's stream over several shards, applied through this offset.
    Apply(Box<Batch>, ReplOffset),
}

/// Where the stream stood when a lease of the server was sequenced on a replica: what was
/// dispatched before is in the keyspaces in hand, and nothing that came later is.
pub struct Place {
    /// The stream's end.
    pub offset: ReplOffset,
    /// Keeps what follows.
    pub reader: BacklogReader,
    /// The database selected there.
    pub selected: Option<DbIndex>,
}

/// The keyspaces of some shards, in hand. Whatever becomes of the holder, they go home.
pub struct Hand {
    spaces: Vec<Option<Box<Space>>>,
    homes: Vec<Arc<crate::shard::inbox::Inbox>>,
    place: Option<Place>,
}

/// Leases of one coordinator.
#[derive(Default)]
pub struct Desk {
    waiting: VecDeque<(ShardSet, Work)>,
    /// Leases under way: at most one that was waited for, and those of the master's stream.
    active: Vec<Active>,
    last: u64,
}

struct Active {
    id: LeaseId,
    /// It was asked for at its place in the master's stream.
    is_sequenced: bool,
    missing: usize,
    hand: Hand,
    works: Vec<Work>,
}

/// What a granted lease hands to the loop.
pub enum Ready {
    /// The batch was executed.
    Done(Box<Batch>),
    /// A pause holds the batch back; ask again when it ends.
    Postponed(Box<Batch>),
    /// The server's keyspaces are in hand; to be given back by `give_back`.
    Server(u64, Hand),
    /// Units of the master's stream were applied.
    Applied,
}

impl Desk {
    /// Asks for the keyspaces of `set` on behalf of `work`. Asked for in order.
    pub fn ask(&mut self, set: ShardSet, work: Work) {
        self.waiting.push_back((set, work));
    }

    /// Leases asked for and not granted yet.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.active.iter().map(|active| active.works.len()).sum::<usize>()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.active.is_empty()
    }

    /// Asks the shards for the next lease, if none is under way: for all that waits, up to a bound,
    /// since one lease serves many. The server's own work has a lease of its own.
    pub fn start_next(&mut self, shard: &mut Shard, mut wake: impl FnMut(&Arc<Waker>)) {
        if self.waiting.is_empty() || self.active.iter().any(|active| !active.is_sequenced) {
            return;
        }
        let mut set = ShardSet::default();
        let (mut works, mut place) = (Vec::new(), None);
        while works.len() < WORKS_MAX {
            let Some((wanted, work)) = self.waiting.pop_front() else { break };
            let alone = matches!(work, Work::Server(_));
            if alone && !works.is_empty() {
                self.waiting.push_front((wanted, work));
                break;
            }
            set.add(wanted);
            works.push(work);
            if alone {
                break;
            }
        }
        let coordinator = shard.tools.id;
        let shared = Arc::clone(&shard.tools.shared);
        let sequencer = shared.sequencer();
        if matches!(works.first(), Some(Work::Server(_))) {
            place = Place::of_replica(&shared.stream);
        }
        let active = self.start(shard, &sequencer, set, works, false);
        active.hand.place = place;
        drop(sequencer);
        for lender in set.iter().filter(|lender| *lender != coordinator) {
            if let Some(waker) = shared.inbox(lender).waker() {
                wake(waker);
            }
        }
    }

    /// Asks for a lease of its own at once, at the place in the one order that `sequencer` stands
    /// at; several such may be under way. The caller wakes the shards of `set`.
    pub fn start_now(
        &mut self,
        shard: &Shard,
        sequencer: &Sequencer<'_>,
        set: ShardSet,
        work: Work,
    ) {
        self.start(shard, sequencer, set, vec![work], true);
    }

    fn start(
        &mut self,
        shard: &Shard,
        sequencer: &Sequencer<'_>,
        set: ShardSet,
        works: Vec<Work>,
        is_sequenced: bool,
    ) -> &mut Active {
        self.last += 1;
        let id = LeaseId(self.last);
        let coordinator = shard.tools.id;
        for lender in set.iter() {
            sequencer.push(lender, Sequenced::Lease { coordinator, lease: id });
        }
        let hand = Hand::empty(&shard.tools.shared.inboxes);
        self.active.push(Active { id, is_sequenced, missing: set.len(), hand, works });
        self.active.last_mut().expect("just pushed")
    }

    /// Takes a granted keyspace; `true` when the lease is complete.
    pub fn granted(&mut self, lease: LeaseId, from: ShardId, space: Box<Space>) -> bool {
        let active = self.active.iter_mut().find(|active| active.id == lease);
        let active = active.expect("a grant answers a lease under way");
        active.hand.put(from, space);
        active.missing -= 1;
        active.missing == 0
    }

    /// Runs what the complete lease is for, each work its own unit, and sends the keyspaces home,
    /// unless the server keeps them in hand.
    pub fn run_complete(
        &mut self,
        lease: LeaseId,
        shard: &mut Shard,
        beside: &mut dyn Beside,
        ready: &mut Vec<Ready>,
    ) {
        let index = self.active.iter().position(|active| active.id == lease);
        let mut active = self.active.remove(index.expect("a complete lease is under way"));
        let clock = shard.tools.access_clock();
        active.hand.spaces.iter_mut().flatten().for_each(|space| space.keys.set_clock(clock));
        for work in active.works {
            match work {
                Work::Server(key) => {
                    ready.push(Ready::Server(key, active.hand));
                    return;
                }
                Work::Apply(mut batch, through) => {
                    let placement = shard.tools.shared.placement;
                    let mut spaces = Spaces::many(&mut active.hand.spaces, placement);
                    shard.tools.apply(&mut spaces, &mut batch);
                    let progress = &shard.tools.shared.progress;
                    for lent in active.hand.held() {
                        progress.marks.applied(lent, through);
                    }
                    progress.give_back(batch);
                    ready.push(Ready::Applied);
                }
                Work::Batch(mut batch) => {
                    let placement = shard.tools.shared.placement;
                    let mut spaces = Spaces::many(&mut active.hand.spaces, placement);
                    match shard.tools.run_batch(&mut spaces, &mut batch, beside) {
                        Ran::Done => {
                            for lent in active.hand.held() {
                                shard.tools.served(lent, &mut batch.seen);
                            }
                            ready.push(Ready::Done(batch));
                        }
                        Ran::Postponed => ready.push(Ready::Postponed(batch)),
                        Ran::Waiting => unreachable!("pipelines take no leases"),
                    }
                }
            }
        }
        give_back(active.hand, shard);
    }
}

/// Sends the keyspaces of a lease home; they leave when the run is sealed.
pub fn give_back(mut hand: Hand, shard: &mut Shard) {
    for index in 0..hand.spaces.len() {
        let Some(space) = hand.spaces[index].take() else { continue };
        let home = ShardId(index as u16);
        if home == shard.tools.id {
            shard.home = Some(space);
        } else {
            shard.send(home, Message::Returned(space));
        }
    }
}

impl Hand {
    fn empty(homes: &[Arc<crate::shard::inbox::Inbox>]) -> Hand {
        Hand { spaces: homes.iter().map(|_| None).collect(), homes: homes.to_vec(), place: None }
    }

    fn put(&mut self, from: ShardId, space: Box<Space>) {
        let old = self.spaces[usize::from(from.0)].replace(space);
        assert!(old.is_none(), "a shard has one keyspace");
    }

    /// The shards whose keyspaces are in hand.
    fn held(&self) -> impl Iterator<Item = ShardId> + '_ {
        let held = self.spaces.iter().enumerate().filter(|(_, space)| space.is_some());
        held.map(|(index, _)| ShardId(index as u16))
    }

    /// Where the stream stood, if this is a lease of the server on a replica with a history.
    pub fn take_place(&mut self) -> Option<Place> {
        self.place.take()
    }

    /// The keyspaces, for commands and for the server's own work.
    pub fn spaces(&mut self) -> &mut [Option<Box<Space>>] {
        &mut self.spaces
    }
}

impl Place {
    fn of_replica(stream: &Stream) -> Option<Place> {
        if stream.mode() != Mode::Replica {
            return None;
        }
        let (offset, reader) = stream.pin_at_end()?;
        Some(Place { offset, reader, selected: stream.selected_db() })
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        for (space, home) in self.spaces.iter_mut().zip(&self.homes) {
            if let Some(space) = space.take() {
                home.stray(space);
            }
        }
    }
}

/// Works that one lease serves at most: bounds how long the shards wait for their keyspaces.
const WORKS_MAX: usize = 64;
