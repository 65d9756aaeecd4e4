//! The command table: every row by name. Built once at start, then read by all cores.

use super::error::CommandError;
use super::flags::Flags;
use super::spec::Spec;
use crate::resp::request::Args;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A row with what is derived from it once.
pub struct Command {
    /// The row.
    pub spec: &'static Spec,
    /// `get`, or `config|get` for a subcommand: as errors and statistics name it.
    pub full_name: String,
    /// Dense number for statistics, `0..Table::len()`.
    pub index: u16,
    /// The commands under this one.
    pub subcommands: Vec<&'static Command>,
}

/// All commands.
pub struct Table {
    by_name: HashMap<&'static [u8], &'static Command, ahash::RandomState>,
    all: Vec<&'static Command>,
}

/// The rows found last: the commands of one stream are mostly the same few. A name counts as found
/// only if it is spelled as it was then.
#[derive(Default)]
pub struct Recent {
    rows: [Option<(u64, &'static Command)>; RECENT_ROWS],
}

/// The longest command or subcommand name looked up; longer words are unknown at once.
const NAME_MAX: usize = 32;

/// The table.
pub fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::build)
}

impl Table {
    fn build() -> Table {
        let mut table = Table { by_name: HashMap::default(), all: Vec::new() };
        for family in FAMILIES {
            for spec in *family {
                let command = table.register(spec, None);
                let old = table.by_name.insert(command.spec.name.as_bytes(), command);
                assert!(old.is_none(), "command '{}' stands twice in the table", spec.name);
            }
        }
        table
    }

    fn register(&mut self, spec: &'static Spec, parent: Option<&str>) -> &'static Command {
        let full_name = match parent {
            Some(parent) => format!("{parent}|{}", spec.name),
            None => spec.name.to_owned(),
        };
        let subcommands =
            spec.subcommands.iter().map(|sub| self.register(sub, Some(&full_name))).collect();
        let index = u16::try_from(self.all.len()).expect("a few hundred commands");
        // The table lives as long as the process; every core keeps references into it.
        let command: &'static Command =
            Box::leak(Box::new(Command { spec, full_name, index, subcommands }));
        self.all.push(command);
        command
    }

    /// The number of commands, subcommands included.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Never true; for completeness.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every command, subcommands included, by index.
    pub fn all(&self) -> &[&'static Command] {
        &self.all
    }

    /// The commands that are no subcommands, in no order.
    pub fn top_level(&self) -> impl Iterator<Item = &'static Command> {
        self.by_name.values().copied()
    }

    /// A command by its name in any case.
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        let mut lower = [0; NAME_MAX];
        self.by_name.get(lower_case(name, &mut lower)?).copied()
    }

    /// A command by its full name, `config|get` for a subcommand, in any case.
    pub fn find_full(&self, name: &[u8]) -> Option<&'static Command> {
        let (first, second) = match name.iter().position(|byte| *byte == b'|') {
            Some(bar) => (&name[..bar], Some(&name[bar + 1..])),
            None => (name, None),
        };
        let command = self.find(first)?;
        second.map_or(Some(command), |second| command.subcommand(second))
    }

    /// The command that `args` name, subcommand resolved, whatever their number.
    pub fn meant(&self, args: Args<'_>) -> Option<&'static Command> {
        let command = self.find(args.get(0))?;
        if command.subcommands.is_empty() || args.len() < 2 {
            return Some(command);
        }
        command.subcommand(args.get(1))
    }

    /// The command that `args` name, subcommand resolved, with a fitting number of arguments.
    ///
    /// # Errors
    /// The texts of Redis for unknown commands, unknown subcommands and wrong numbers of arguments.
    pub fn resolve(&self, args: Args<'_>) -> Result<&'static Command, CommandError> {
        let Some(command) = self.find(args.get(0)) else { return Err(unknown_command(args)) };
        let command = if command.subcommands.is_empty() || args.len() < 2 {
            command
        } else {
            match command.subcommand(args.get(1)) {
                Some(subcommand) => subcommand,
                None => return Err(unknown_subcommand(command, args)),
            }
        };
        if !command.spec.arity_fits(args.len()) {
            return Err(CommandError::arity(&command.full_name));
        }
        Ok(command)
    }
}

impl Recent {
    /// As [`Table::resolve`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn resolve(&mut self, args: Args<'_>) -> Result<&'static Command, CommandError> {
        let Some(word) = short_word(args.get(0)) else { return table().resolve(args) };
        let place = (word.wrapping_mul(RECENT_FACTOR) >> (u64::BITS - RECENT_BITS)) as usize;
        if let Some((known, command)) = self.rows[place]
            && known == word
            && command.spec.arity_fits(args.len())
        {
            return Ok(command);
        }
        let command = table().resolve(args)?;
        // By the full name: that of a subcommand alone may be as long as its command's.
        if command.spec.subcommands.is_empty() && command.full_name.len() == args.get(0).len() {
            self.rows[place] = Some((word, command));
        }
        Ok(command)
    }
}

/// A name of up to eight bytes as a number; none that holds a zero, so that equal numbers are
/// equal names.
#[inline]
fn short_word(name: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..name.len())?.copy_from_slice(name);
    (!name.contains(&0)).then(|| u64::from_le_bytes(bytes))
}

impl Command {
    /// Whether it may change the data set.
    pub fn may_write(&self) -> bool {
        self.spec.flags.any(Flags::WRITE.with(Flags::MAY_REPLICATE))
    }

    /// A subcommand by its name in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands
            .iter()
            .copied()
            .find(|sub| sub.spec.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

fn lower_case<'a>(name: &[u8], buffer: &'a mut [u8; NAME_MAX]) -> Option<&'a [u8]> {
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

fn unknown_command(args: Args<'_>) -> CommandError {
    let mut shown = Vec::new();
    for arg in args.iter().skip(1) {
        if shown.len() >= SHOWN_MAX {
            break;
        }
        let room = SHOWN_MAX - shown.len();
        shown.extend_from_slice(&[b"'", shortened(arg, room), b"' "].concat());
    }
    let middle = b"', with args beginning with: ";
    let quoted = [shortened(args.get(0), SHOWN_MAX), middle, &shown].concat();
    CommandError::quoting("ERR unknown command '", &quoted, "")
}

fn unknown_subcommand(command: &Command, args: Args<'_>) -> CommandError {
    let word = shortened(args.get(1), SHOWN_MAX);
    let name = command.full_name.to_ascii_uppercase();
    CommandError::quoting("ERR unknown subcommand '", word, &format!("'. Try {name} HELP."))
}

/// Bytes for an error text, cut to `room` bytes.
fn shortened(bytes: &[u8], room: usize) -> &[u8] {
    // To stock servers such text ends at a zero.
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len()).min(room);
    &bytes[..end]
}

const RECENT_BITS: u32 = 4;
const RECENT_ROWS: usize = 1 << RECENT_BITS;
/// 2^64 divided by the golden ratio spreads numbers evenly over the upper bits.
const RECENT_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Redis shows at most 128 bytes of a wrong command and of its arguments.
const SHOWN_MAX: usize = 128;

/// Every family's rows. One line a family file.
const FAMILIES: &[&[Spec]] = &[
    super::administer::ROWS,
    super::bitfield::ROWS,
    super::bitmaps::ROWS,
    super::catalog::rows::ROWS,
    super::clients::ROWS,
    super::connection::ROWS,
    super::databases::ROWS,
    super::dump::ROWS,
    super::hashes::ROWS,
    super::hashes_more::ROWS,
    super::hyperloglog::ROWS,
    super::geo::places::ROWS,
    super::geo::search::ROWS,
    super::keys::ROWS,
    super::keys_expire::ROWS,
    super::keys_move::ROWS,
    super::keys_scan::ROWS,
    super::lcs::ROWS,
    super::lists::ROWS,
    super::lists_blocking::ROWS,
    super::lists_edit::ROWS,
    super::lists_move::ROWS,
    super::lolwut::ROWS,
    super::object::ROWS,
    super::observe::ROWS,
    super::pubsub::ROWS,
    super::replication::ROWS,
    super::server::ROWS,
    super::sets::ROWS,
    super::sets_combine::ROWS,
    super::sets_random::ROWS,
    super::sort::run::ROWS,
    super::sorted_sets::add::ROWS,
    super::sorted_sets::blocking::ROWS,
    super::sorted_sets::combine::ROWS,
    super::sorted_sets::pop::ROWS,
    super::sorted_sets::range::ROWS,
    super::sorted_sets::read::ROWS,
    super::sorted_sets::remove::ROWS,
    super::streams::ROWS,
    super::streams_claim::ROWS,
    super::streams_groups::ROWS,
    super::streams_info::ROWS,
    super::streams_pending::ROWS,
    super::streams_read::ROWS,
    super::strings::ROWS,
    super::strings_numbers::ROWS,
    super::strings_ranges::ROWS,
    super::time::ROWS,
];

#[cfg(test)]
mod tests;
