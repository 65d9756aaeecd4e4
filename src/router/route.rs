//! Where a command runs: decided from its row and its arguments alone. Pure, any core.

use crate::base::ids::{ShardId, Slot};
use crate::command::spec::Scope;
use crate::command::table::Command;
use crate::keyspace::key::slot_of;
use crate::keyspace::placement::Placement;
use crate::keyspace::scan::Cursor;
use crate::resp::request::Args;

/// A set of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ShardSet {
    words: [u64; 4],
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// On any shard: it has no keys.
    Anywhere,
    /// On one shard.
    One(ShardId),
    /// With the keyspaces of several shards in hand.
    Several(ShardSet),
}

impl Route {
    /// The shards concerned; none for what runs anywhere.
    pub fn set(self) -> ShardSet {
        let mut set = ShardSet::default();
        match self {
            Route::Anywhere => {}
            Route::One(shard) => set.insert(shard),
            Route::Several(several) => set = several,
        }
        set
    }
}

impl ShardSet {
    /// All shards of a placement.
    pub fn all(placement: Placement) -> ShardSet {
        let mut set = ShardSet::default();
        (0..placement.shards()).for_each(|shard| set.insert(ShardId(shard)));
        set
    }

    /// Adds a shard.
    pub fn insert(&mut self, shard: ShardId) {
        self.words[usize::from(shard.0 / 64)] |= 1 << (shard.0 % 64);
    }

    /// Adds all of another set.
    pub fn add(&mut self, other: ShardSet) {
        for (word, more) in self.words.iter_mut().zip(other.words) {
            *word |= more;
        }
    }

    /// Whether a shard is in it.
    pub fn contains(&self, shard: ShardId) -> bool {
        self.words[usize::from(shard.0 / 64)] & (1 << (shard.0 % 64)) != 0
    }

    /// The number of shards in it.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.words == [0; 4]
    }

    /// Its shards, ascending.
    pub fn iter(self) -> impl Iterator<Item = ShardId> {
        (0..256).map(ShardId).filter(move |shard| self.contains(*shard))
    }

    /// The route that this set of shards makes.
    pub fn route(self) -> Route {
        match self.len() {
            0 => Route::Anywhere,
            1 => Route::One(self.iter().next().expect("the set has one shard")),
            _ => Route::Several(self),
        }
    }
}

/// Where `command` runs with these arguments.
pub fn route(command: &Command, args: Args<'_>, placement: Placement) -> Route {
    if placement.shards() == 1 {
        return match command.spec.scope {
            Scope::Shard(_) | Scope::Cursor(_) | Scope::AllShards(_) => Route::One(ShardId(0)),
            _ => Route::Anywhere,
        };
    }
    match command.spec.scope {
        Scope::Shard(_) => route_of_keys(command, args, placement),
        Scope::Cursor(_) => Route::One(placement.shard_of(cursor_slot(args))),
        Scope::AllShards(_) => Route::Several(ShardSet::all(placement)),
        Scope::Anywhere(_) | Scope::Client(_) | Scope::Server(_) | Scope::Container => {
            Route::Anywhere
        }
    }
}

/// The shards of a transaction's commands, all of them if a command's keys cannot be known.
pub fn add_to_set(command: &Command, args: Args<'_>, placement: Placement, set: &mut ShardSet) {
    match route(command, args, placement) {
        Route::Anywhere => {
            if matches!(command.spec.scope, Scope::Server(_)) {
                set.add(ShardSet::all(placement));
            }
        }
        Route::One(shard) => set.insert(shard),
        Route::Several(several) => set.add(several),
    }
}

fn route_of_keys(command: &Command, args: Args<'_>, placement: Placement) -> Route {
    if let Some(index) = command.spec.routed_by {
        let name = args.at(usize::from(index)).unwrap_or_default();
        return Route::One(placement.shard_of(slot_of(name)));
    }
    // Nearly every command names one key, or keys of one shard.
    let mut first: Option<ShardId> = None;
    let mut set = ShardSet::default();
    let mut several = false;
    for spec in command.spec.keys {
        if spec.is_open(args) {
            return Route::Several(ShardSet::all(placement));
        }
        // Arguments that do not fit the description are for the handler to refuse, anywhere.
        spec.for_each(args, |index, _| {
            let shard = placement.shard_of(slot_of(args.get(index)));
            match first {
                None => first = Some(shard),
                Some(known) if known == shard => return,
                Some(_) => several = true,
            }
            set.insert(shard);
        });
    }
    match first {
        _ if several => Route::Several(set),
        Some(shard) => Route::One(shard),
        // No key where one is needed: the handler, run on any shard, says what is wrong.
        None => Route::One(ShardId(0)),
    }
}

/// The slot that a SCAN cursor stands in; slot 0 for what is no cursor, where the handler refuses
/// it.
fn cursor_slot(args: Args<'_>) -> Slot {
    if args.len() < 2 {
        return Slot(0);
    }
    Cursor::parse(args.get(1)).and_then(Cursor::slot).unwrap_or(Slot(0))
}
