//! Units on their way to the shards: which shards a unit concerns, what may travel together, which
//! database its commands mean. Shard 0 runs it for the link; the server hands over what it gathered
//! under the sequencer's lock, together with the bytes' way into the backlog.
//!
//! Always: for each shard the units it is concerned by leave in the stream's order, each whole: in
//! the shard's own batch, or in the one batch that needs several keyspaces, which every shard of
//! its set meets after its own batch.

use super::units::Unit;
use crate::base::ids::{DbIndex, ReplOffset, ShardId, Slot};
use crate::command::connection::database_index;
use crate::command::context::ClientView;
use crate::command::error::CommandError;
use crate::command::spec::Scope;
use crate::command::table::{Command, Recent, table};
use crate::keyspace::key::slot_of;
use crate::keyspace::placement::Placement;
use crate::resp::request::{Args, Span};
use crate::router::route::{self, Route, ShardSet};
use crate::shard::apply::Progress;
use crate::shard::batch::{Batch, BatchKind};

/// Sorts units by the shards they concern.
pub struct Dispatcher {
    placement: Placement,
    databases: u16,
    recent: Recent,
    #[expect(clippy::vec_box, reason = "batches travel as boxes")]
    spare: Vec<Box<Batch>>,
    /// The database that the stream has selected.
    db: DbIndex,
    own: Vec<Option<Gathered>>,
    shared: Option<(ShardSet, Gathered)>,
}

/// Units that travel in one batch.
pub struct Gathered {
    /// Their commands.
    pub batch: Box<Batch>,
    /// Where the last of them ends in the stream.
    pub through: ReplOffset,
    /// The database that the batch has selected at its end.
    db: DbIndex,
}

/// What the link itself has to do about a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heed {
    /// Nothing.
    Nothing,
    /// The master selected a database.
    Selected(DbIndex),
    /// The master wants to know how far this replica is when it gets there.
    GetAck,
}

/// A command of the stream that cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The command's name as it came, cut.
    pub name: String,
    /// Why.
    pub error: CommandError,
}

impl Dispatcher {
    /// A dispatcher for a stream that has `db` selected.
    pub fn new(placement: Placement, databases: u16, db: DbIndex) -> Dispatcher {
        let own = (0..placement.shards()).map(|_| None).collect();
        let recent = Recent::default();
        Dispatcher { placement, databases, recent, spare: Vec::new(), db, own, shared: None }
    }

    /// The database that the stream has selected.
    pub fn db(&self) -> DbIndex {
        self.db
    }

    /// Takes in a unit that ends at `end`. Commands that cannot be applied are left out and named
    /// in `rejected`.
    pub fn add(&mut self, unit: &Unit<'_>, end: ReplOffset, rejected: &mut Vec<Rejected>) -> Heed {
        if !unit.is_transaction {
            return self.add_command(unit.single(), end, rejected);
        }
        let mut set = ShardSet::default();
        let mut commands = Vec::new();
        let before = self.db;
        for args in unit.commands() {
            if is(args, b"SELECT") {
                self.select(args, rejected);
                continue;
            }
            if let Some(command) = self.resolve(args, rejected) {
                let (route, slot) = self.place(command, args);
                set.add(route.set());
                commands.push((command, args, slot, self.db));
            }
        }
        if !commands.is_empty() {
            let target = self.target(set.route(), end);
            for (command, args, slot, db) in commands {
                target.push(command, args, slot, db);
            }
        }
        if self.db == before { Heed::Nothing } else { Heed::Selected(self.db) }
    }

    /// Takes back the batches that were applied.
    pub fn restock(&mut self, progress: &Progress) {
        progress.take_spare(&mut self.spare);
    }

    /// Takes out what was gathered for single shards, and then for several at once.
    pub fn take(
        &mut self,
    ) -> (impl Iterator<Item = (ShardId, Gathered)> + '_, Option<(ShardSet, Gathered)>) {
        let shared = self.shared.take();
        let own = self.own.iter_mut().enumerate();
        let own = own.filter_map(|(shard, own)| Some((ShardId(shard as u16), own.take()?)));
        (own, shared)
    }

    fn add_command(
        &mut self,
        args: Args<'_>,
        end: ReplOffset,
        rejected: &mut Vec<Rejected>,
    ) -> Heed {
        match args.at(0).unwrap_or_default().len() {
            0 => return Heed::Nothing,
            4 if is(args, b"PING") => return Heed::Nothing,
            6 if is(args, b"SELECT") => {
                self.select(args, rejected);
                return Heed::Selected(self.db);
            }
            8 if is(args, b"REPLCONF") => {
                let asks = args.len() == 3 && args.get(1).eq_ignore_ascii_case(b"GETACK");
                return if asks { Heed::GetAck } else { Heed::Nothing };
            }
            _ => {}
        }
        let Some(command) = self.resolve(args, rejected) else { return Heed::Nothing };
        let (route, slot) = self.place(command, args);
        let db = self.db;
        self.target(route, end).push(command, args, slot, db);
        Heed::Nothing
    }

    /// Where a command goes, and the slot of its key if it has just one.
    fn place(&self, command: &Command, args: Args<'_>) -> (Route, Option<Slot>) {
        match command.spec.single_key() {
            Some(index) if index < args.len() => {
                let slot = slot_of(args.get(index));
                (Route::One(self.placement.shard_of(slot)), Some(slot))
            }
            _ => (route::route(command, args, self.placement), None),
        }
    }

    fn resolve(
        &mut self,
        args: Args<'_>,
        rejected: &mut Vec<Rejected>,
    ) -> Option<&'static Command> {
        let refused = match self.recent.resolve(args) {
            Ok(command) => match command.spec.scope {
                Scope::Shard(_) | Scope::Cursor(_) | Scope::AllShards(_) | Scope::Anywhere(_) => {
                    return Some(command);
                }
                Scope::Client(_) | Scope::Server(_) | Scope::Container => NOT_APPLIED,
            },
            Err(error) => error,
        };
        rejected.push(Rejected { name: name_of(args), error: refused });
        None
    }

    /// Where a unit for these shards goes.
    fn target(&mut self, route: Route, end: ReplOffset) -> &mut Gathered {
        let one = match route {
            Route::Anywhere => Some(ShardId(0)),
            Route::One(shard) => Some(shard),
            Route::Several(_) => None,
        };
        let behind_shared = match (&self.shared, one) {
            (Some((taken, _)), Some(shard)) => taken.contains(shard),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        let spare = &mut self.spare;
        let mut made = || Gathered::new(spare.pop().unwrap_or_default());
        let gathered = if behind_shared {
            let (taken, gathered) =
                self.shared.get_or_insert_with(|| (ShardSet::default(), made()));
            taken.add(route.set());
            gathered
        } else {
            let shard = one.expect("several shards go behind what is shared");
            self.own[usize::from(shard.0)].get_or_insert_with(&mut made)
        };
        gathered.through = end;
        gathered
    }

    fn select(&mut self, args: Args<'_>, rejected: &mut Vec<Rejected>) {
        let index = args.at(1).unwrap_or_default();
        match database_index(index, self.databases) {
            Ok(db) => self.db = db,
            Err(error) => rejected.push(Rejected { name: name_of(args), error }),
        }
    }
}

impl Gathered {
    fn new(mut batch: Box<Batch>) -> Gathered {
        batch.kind = BatchKind::Apply;
        batch.view = ClientView { is_master_link: true, ..ClientView::internal() };
        Gathered { batch, through: ReplOffset(0), db: DbIndex(0) }
    }

    /// Adds a command that means `db`.
    fn push(&mut self, command: &'static Command, args: Args<'_>, slot: Option<Slot>, db: DbIndex) {
        if self.db != db {
            self.db = db;
            let number = db.0.to_string();
            let data = [b"SELECT", number.as_bytes()].concat();
            let spans = [
                Span { start: 0, end: 6 },
                Span { start: 6, end: 6 + u32::try_from(number.len()).expect("five digits") },
            ];
            let select = table().find(b"SELECT").expect("SELECT is in the table");
            self.batch.push(select, Args::new(&data, &spans, &[]));
        }
        self.batch.push_placed(command, args, slot);
    }
}

fn is(args: Args<'_>, word: &[u8]) -> bool {
    args.get(0).eq_ignore_ascii_case(word)
}

fn name_of(args: Args<'_>) -> String {
    let name = args.get(0);
    name[..name.len().min(NAME_SHOWN_MAX)].escape_ascii().to_string()
}

const NOT_APPLIED: CommandError =
    CommandError::text("ERR Replica can't interact with the keyspace through this command");
/// Bytes of a command's name that the log shows.
const NAME_SHOWN_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::units::UnitReader;
    use crate::resp::encode;

    fn command(stream: &mut Vec<u8>, words: &str) {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        encode::command(stream, &words);
    }

    /// What each shard gets to do, in its order; `*` marks what is done with several in hand.
    fn dispatched(shards: u16, commands: &[&str]) -> Vec<String> {
        let mut stream = Vec::new();
        commands.iter().for_each(|words| command(&mut stream, words));
        let mut reader = UnitReader::new();
        reader.feed(&stream);
        let mut dispatcher = Dispatcher::new(Placement::new(shards), 16, DbIndex(0));
        let (mut end, mut rejected) = (0, Vec::new());
        while let Some(unit) = reader.next_unit().unwrap() {
            end += unit.len as u64;
            dispatcher.add(&unit, ReplOffset(end), &mut rejected);
        }
        assert_eq!(end, stream.len() as u64);
        let mut done = vec![Vec::new(); usize::from(shards)];
        let show = |gathered: &Gathered, index: usize| {
            let args = gathered.batch.args(index);
            args.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
        };
        let (own, shared) = dispatcher.take();
        for (shard, gathered) in own {
            let all = (0..gathered.batch.len()).map(|index| show(&gathered, index));
            done[usize::from(shard.0)].extend(all);
        }
        if let Some((set, gathered)) = shared {
            for shard in set.iter() {
                let all = (0..gathered.batch.len()).map(|i| format!("*{}", show(&gathered, i)));
                done[usize::from(shard.0)].extend(all);
            }
        }
        for reject in rejected {
            done[0].push(format!("!{}", reject.name));
        }
        done.into_iter().map(|all| all.join("; ")).collect()
    }

    // With two shards, slots below 8192 are the first one's: b is in 3300, a in 15495.
    #[test]
    fn units_go_to_the_shards_of_their_keys() {
        assert_eq!(
            dispatched(2, &["SELECT 0", "SET a 1", "SET b 1", "PING", "SET a 2"]),
            ["SET b 1", "SET a 1; SET a 2"]
        );
    }

    #[test]
    fn databases_follow_the_commands() {
        assert_eq!(
            dispatched(1, &["SET a 1", "SELECT 3", "SET a 2", "SELECT 0", "SET b 1", "SELECT 99"]),
            ["SET a 1; SELECT 3; SET a 2; SELECT 0; SET b 1; !SELECT"]
        );
    }

    #[test]
    fn a_transaction_over_two_shards_is_one_batch_and_later_units_follow_it() {
        let commands =
            ["SET b 0", "MULTI", "SET a 1", "SET b 1", "EXEC", "SET a 2", "MULTI", "EXEC"];
        assert_eq!(
            dispatched(2, &commands),
            ["SET b 0; *SET a 1; *SET b 1; *SET a 2", "*SET a 1; *SET b 1; *SET a 2"]
        );
    }

    #[test]
    fn what_cannot_be_applied_is_named_and_left_out() {
        assert_eq!(dispatched(1, &["NOSUCH a", "SET a", "SET a 1"]), ["SET a 1; !NOSUCH; !SET"]);
    }
}
