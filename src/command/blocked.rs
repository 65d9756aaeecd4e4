//! Clients that wait for a key: what a command asks for when it has nothing to give, who waits, and
//! for which keys. The registrations are part of what a shard lends, so whoever holds its keyspace
//! serves them; knows nothing of connections but their names.
//!
//! How a type plugs in: the handler of a command that may block reads its whole grammar, tries, and
//! where there is nothing calls [`wait_for`](super::context::Context::wait_for). If that says no (a
//! transaction, the master's stream) it replies what the command replies there. If yes it returns
//! without a reply: the client is registered at the keys named and its command executed again, by
//! whoever changes one of them, once the key holds the kind of value named. Nothing else is to be
//! done: every change of a key that somebody waits for is seen by the keyspace itself,
//! whichever command makes it. The handler must
//! - pass over keys that are not in hand ([`Context::in_hand`](super::context::Context::in_hand)):
//!   a change on one shard executes the command with that shard's keyspace alone, unless it `needs`
//!   others, for which a lease is asked then;
//! - stream what it did as the command that does not block (LPOP for BLPOP);
//! - change nothing when it asks to wait.
//!
//! What always holds: of all that may end a wait (a change, the timeout, `CLIENT UNBLOCK`, the end
//! of the connection, a change of role) exactly one succeeds in [`Waiter::claim`].

use super::context::ClientView;
use super::table::Command;
use crate::base::ids::{DbIndex, ShardId};
use crate::keyspace::value::Kind;
use crate::net::event::SocketId;
use crate::resp::request::{Args, Span};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a command waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The arguments that are keys it waits for.
    pub keys: Vec<usize>,
    /// Arguments that are keys which must be in hand as well before it can be served.
    pub needs: Vec<usize>,
    /// The kind of value that serves it.
    pub kind: Kind,
    /// It is also served when a key is gone or holds another kind of value: with an error.
    pub wakes_on_removal: bool,
    /// Until when, Unix milliseconds.
    pub deadline_ms: Option<u64>,
    /// Arguments that mean what is there now (`$`), and what to execute again in their place.
    pub settled: Vec<(usize, Vec<u8>)>,
}

/// Whether an execution may ask to wait, and whether it did.
#[derive(Debug, Default)]
pub enum Blocking {
    /// It may not: it is part of a transaction or of the master's stream.
    #[default]
    Denied,
    /// It may.
    Allowed,
    /// It did.
    Asked(Block),
}

/// A command that waits.
pub struct Waiter {
    /// The shard of its connection.
    pub origin: ShardId,
    /// Its connection.
    pub connection: SocketId,
    /// What it must know of its client.
    pub view: ClientView,
    /// Its row.
    pub command: &'static Command,
    /// What it waits for.
    pub block: Block,
    data: Vec<u8>,
    spans: Vec<Span>,
    big: Vec<Bytes>,
    is_over: AtomicBool,
    /// A lease was asked for on its behalf.
    is_attempted: AtomicBool,
}

impl Waiter {
    /// A command that begins to wait.
    pub fn new(
        (origin, connection): (ShardId, SocketId),
        view: ClientView,
        (command, args): (&'static Command, Args<'_>),
        block: Block,
    ) -> Waiter {
        let (mut data, mut spans, mut big) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..args.len() {
            let settled = block.settled.iter().find(|(at, _)| *at == index);
            let span = match args.shared(index) {
                Some(shared) if settled.is_none() => {
                    big.push(shared.clone());
                    Span::out_of_line(big.len() - 1)
                }
                _ => {
                    let start = data.len();
                    let text = settled.map_or(args.get(index), |(_, text)| &text[..]);
                    data.extend_from_slice(text);
                    Span::in_line(start, data.len())
                }
            };
            spans.push(span.expect("a request that spans addressed once"));
        }
        Waiter {
            origin,
            connection,
            view,
            command,
            block,
            data,
            spans,
            big,
            is_over: AtomicBool::new(false),
            is_attempted: AtomicBool::new(false),
        }
    }

    /// Its arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.data, &self.spans, &self.big)
    }

    /// The keys it waits for.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.block.keys.iter().map(|index| self.args().get(*index))
    }

    /// All keys that it needs in hand to be served at any of its keys.
    pub fn needs(&self) -> impl Iterator<Item = &[u8]> {
        self.block.needs.iter().map(|index| self.args().get(*index))
    }

    /// Ends the wait: whoever is told `true` answers the client.
    pub fn claim(&self) -> bool {
        !self.is_over.swap(true, Ordering::AcqRel)
    }

    /// The claim came to nothing: it waits on.
    pub fn release(&self) {
        self.is_over.store(false, Ordering::Release);
    }

    /// Whether somebody ended it.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Whether the keyspaces it needs are to be asked for now: not if they are already.
    pub fn begin_attempt(&self) -> bool {
        !self.is_attempted.swap(true, Ordering::AcqRel)
    }

    /// The keyspaces are in hand.
    pub fn end_attempt(&self) {
        self.is_attempted.store(false, Ordering::Release);
    }

    /// Whether a key that holds this kind of value, or nothing, serves it.
    pub fn is_woken_by(&self, kind: Option<Kind>) -> bool {
        kind == Some(self.block.kind) || self.block.wakes_on_removal
    }
}

/// Who waits at the keys of one shard, first come first served.
#[derive(Default)]
pub struct BlockedTable {
    dbs: HashMap<DbIndex, Queues>,
    keys: u64,
    keys_on_removal: u64,
}

type Queues = HashMap<Box<[u8]>, Queue, ahash::RandomState>;

/// Who waits at one key.
#[derive(Default)]
struct Queue {
    waiters: VecDeque<Arc<Waiter>>,
    /// Those of them that wake when the key is gone.
    on_removal: usize,
}

impl BlockedTable {
    /// Puts one more behind those who wait at `key`.
    pub fn add(&mut self, db: DbIndex, key: &[u8], waiter: Arc<Waiter>) {
        let queues = self.dbs.entry(db).or_default();
        let queue = match queues.get_mut(key) {
            Some(queue) => queue,
            None => {
                self.keys += 1;
                queues.entry(key.into()).or_default()
            }
        };
        if waiter.block.wakes_on_removal {
            queue.on_removal += 1;
            self.keys_on_removal += u64::from(queue.on_removal == 1);
        }
        queue.waiters.push_back(waiter);
    }

    /// Takes one away; whether nobody waits at the key any more.
    pub fn remove(&mut self, db: DbIndex, key: &[u8], waiter: &Arc<Waiter>) -> bool {
        let Some(queues) = self.dbs.get_mut(&db) else { return true };
        let Some(queue) = queues.get_mut(key) else { return true };
        let place = queue.waiters.iter().position(|other| Arc::ptr_eq(other, waiter));
        if place.and_then(|place| queue.waiters.remove(place)).is_some()
            && waiter.block.wakes_on_removal
        {
            queue.on_removal -= 1;
            self.keys_on_removal -= u64::from(queue.on_removal == 0);
        }
        if !queue.waiters.is_empty() {
            return false;
        }
        queues.remove(key);
        self.keys -= 1;
        if queues.is_empty() {
            self.dbs.remove(&db);
        }
        true
    }

    /// The one at this place of the queue at `key`, if a key that holds this kind of value, or
    /// nothing, may serve anybody there.
    pub fn waiter(
        &self,
        db: DbIndex,
        key: &[u8],
        place: usize,
        kind: Option<Kind>,
    ) -> Option<Arc<Waiter>> {
        let queue = self.dbs.get(&db)?.get(key)?;
        let any = kind.is_some() || queue.on_removal > 0;
        queue.waiters.get(place).filter(|_| any).cloned()
    }

    /// How many wait at `key`.
    pub fn queue_len(&self, db: DbIndex, key: &[u8]) -> usize {
        let queue = self.dbs.get(&db).and_then(|queues| queues.get(key));
        queue.map_or(0, |queue| queue.waiters.len())
    }

    /// Everybody who waits here; those at several keys once for each.
    pub fn all(&self) -> Vec<Arc<Waiter>> {
        let queues = self.dbs.values().flat_map(|queues| queues.values());
        queues.flat_map(|queue| queue.waiters.iter().cloned()).collect()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.dbs.is_empty()
    }

    /// Keys at which somebody waits, and those of them at which somebody wakes when they are gone.
    pub fn counts(&self) -> (u64, u64) {
        (self.keys, self.keys_on_removal)
    }
}
