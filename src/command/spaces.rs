//! The keyspaces a command has in hand: its own shard's, or several lent ones. To a handler both
//! look alike, so no command has distributed code of its own.

use super::blocked::BlockedTable;
use super::gate::Gate;
use super::own_lives::OwnLives;
use crate::base::ids::Slot;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::placement::Placement;

/// What one shard lends as a whole: its keys, and the gate that says what may be done with them.
pub struct Space {
    /// The shard's part of the data set.
    pub keys: Keyspace,
    /// What may run now.
    pub gate: Gate,
    /// Data that is being loaded beside `keys`, until it takes their place.
    pub staging: Option<Staging>,
    /// Who waits for its keys.
    pub blocked: BlockedTable,
    /// On a replica: the keys that end by its own clients' word.
    pub own_lives: OwnLives,
}

/// Data on its way in.
pub struct Staging {
    /// Which load; a later one replaces an earlier one's data.
    pub load: u64,
    /// The data so far. It has gauges of its own.
    pub keys: Box<Keyspace>,
}

impl Space {
    /// A master's keyspace with every command allowed.
    pub fn new(keys: Keyspace) -> Space {
        Space {
            keys,
            gate: Gate::default(),
            staging: None,
            blocked: BlockedTable::default(),
            own_lives: OwnLives::default(),
        }
    }
}

/// The keyspaces in hand.
pub struct Spaces<'a> {
    held: Held<'a>,
    placement: Placement,
}

enum Held<'a> {
    None,
    One(&'a mut Space),
    /// By shard; `None` where a shard's keyspace is not in hand.
    Many(&'a mut [Option<Box<Space>>]),
}

impl<'a> Spaces<'a> {
    /// No keyspace, for commands that need none.
    pub fn none(placement: Placement) -> Spaces<'a> {
        Spaces { held: Held::None, placement }
    }

    /// One shard's keyspace.
    pub fn one(space: &'a mut Space, placement: Placement) -> Spaces<'a> {
        Spaces { held: Held::One(space), placement }
    }

    /// Several shards' keyspaces, indexed by shard.
    pub fn many(spaces: &'a mut [Option<Box<Space>>], placement: Placement) -> Spaces<'a> {
        Spaces { held: Held::Many(spaces), placement }
    }

    /// The same keyspaces, lent on for a while.
    pub fn reborrow(&mut self) -> Spaces<'_> {
        let held = match &mut self.held {
            Held::None => Held::None,
            Held::One(space) => Held::One(space),
            Held::Many(spaces) => Held::Many(spaces),
        };
        Spaces { held, placement: self.placement }
    }

    /// How slots are divided over shards.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// The keyspace that owns `slot`. Routing promises that it is in hand.
    pub fn of(&mut self, slot: Slot) -> &mut Space {
        match &mut self.held {
            Held::One(space) => {
                debug_assert_eq!(self.placement.shard_of(slot), space.keys.shard());
                space
            }
            Held::Many(spaces) => spaces[usize::from(self.placement.shard_of(slot).0)]
                .as_deref_mut()
                .expect("a command is routed with the keyspaces of all its keys in hand"),
            Held::None => unreachable!("a command without keys asked for a keyspace"),
        }
    }

    /// As `of`, for looking at several keyspaces at once.
    pub fn keys_of(&self, slot: Slot) -> &Keyspace {
        let space = match &self.held {
            Held::One(space) => Some(&**space),
            Held::Many(spaces) => spaces[usize::from(self.placement.shard_of(slot).0)].as_deref(),
            Held::None => None,
        };
        &space.expect("a command is routed with the keyspaces of all its keys in hand").keys
    }

    /// Whether the keyspace that owns `slot` is in hand.
    pub fn holds(&self, slot: Slot) -> bool {
        let shard = self.placement.shard_of(slot);
        match &self.held {
            Held::None => false,
            Held::One(space) => space.keys.shard() == shard,
            Held::Many(spaces) => spaces[usize::from(shard.0)].is_some(),
        }
    }

    /// Every keyspace in hand, in the order of shards.
    pub fn each(&mut self) -> impl Iterator<Item = &mut Space> {
        let (one, many): (Option<&mut Space>, &mut [Option<Box<Space>>]) = match &mut self.held {
            Held::None => (None, &mut []),
            Held::One(space) => (Some(space), &mut []),
            Held::Many(spaces) => (None, spaces),
        };
        one.into_iter().chain(many.iter_mut().filter_map(|space| space.as_deref_mut()))
    }

    /// The gate, equal in every keyspace in hand; `None` without a keyspace.
    pub fn gate(&mut self) -> Option<Gate> {
        self.each().next().map(|space| space.gate)
    }
}
