//! What a command did, as commands for the replication stream: the half of a handler's result
//! that replicas see. Gathers into the run's open entry; knows nothing of tickets or offsets.

use crate::base::ids::DbIndex;
use crate::replication::entry::EntryBuilder;
use crate::resp::request::Args;

/// Where a command's effects go. One unit of the stream is open from the first effect of a command
/// (or transaction) to `finish`.
pub struct Effects<'a> {
    entry: &'a mut EntryBuilder,
    wanted: bool,
    open: bool,
    changes: u64,
}

impl<'a> Effects<'a> {
    /// Effects of one unit, gathered in `entry` if they are `wanted` (someone reads the stream).
    pub fn new(entry: &'a mut EntryBuilder, wanted: bool) -> Effects<'a> {
        Effects { entry, wanted, open: false, changes: 0 }
    }

    /// Puts one command on the stream.
    pub fn push(&mut self, db: DbIndex, words: &[&[u8]]) {
        if self.wanted {
            self.open_unit();
            self.entry.effect(db, words);
        }
    }

    /// Puts a command on the stream as it was received.
    pub fn push_args(&mut self, db: DbIndex, args: Args<'_>) {
        if self.wanted {
            self.open_unit();
            self.entry.effect_from(db, args.len(), args.iter());
        }
    }

    /// Counts `count` changes to the data set, for `save` points and INFO.
    pub fn changed(&mut self, count: u64) {
        self.changes += count;
    }

    /// Changes counted since the unit began.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Ends the unit; the changes counted in it.
    pub fn finish(mut self) -> u64 {
        if self.open {
            self.open = false;
            self.entry.end_unit();
        }
        self.changes
    }

    fn open_unit(&mut self) {
        // Inside a transaction the transaction's unit is open already.
        if !self.open && !self.entry.in_unit() {
            self.open = true;
            self.entry.begin_unit();
        }
    }
}
