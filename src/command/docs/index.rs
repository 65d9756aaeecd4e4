//! Finds what is documented of a command by its full name. Any core.

use super::argument::Argument;
use super::deprecated::{self, Deprecated};
use crate::command::spec::Group;

/// The arguments of the command of this full name; none if it takes none.
pub fn arguments(group: Group, full_name: &str) -> &'static [Argument] {
    // A command's arguments stand with its group.
    let table = table_of(group);
    let found = table.binary_search_by(|(name, _)| (*name).cmp(full_name));
    found.map_or(&[], |index| table[index].1)
}

/// What took the place of the command of this full name, if it is out of use.
pub fn deprecation(full_name: &str) -> Option<&'static Deprecated> {
    deprecated::COMMANDS.iter().find(|command| command.name == full_name)
}

type Table = &'static [(&'static str, &'static [Argument])];

fn table_of(group: Group) -> Table {
    match group {
        Group::Bitmap => super::bitmap::ARGUMENTS,
        Group::Connection => super::connection::ARGUMENTS,
        Group::Generic => super::generic::ARGUMENTS,
        Group::Geo => super::geo::ARGUMENTS,
        Group::Hash => super::hash::ARGUMENTS,
        Group::Hyperloglog => super::hyperloglog::ARGUMENTS,
        Group::List => super::list::ARGUMENTS,
        Group::Pubsub => super::pubsub::ARGUMENTS,
        Group::Scripting => super::scripting::ARGUMENTS,
        Group::Server => super::server::ARGUMENTS,
        Group::Set => super::set::ARGUMENTS,
        Group::SortedSet => super::sorted_set::ARGUMENTS,
        Group::Stream => super::stream::ARGUMENTS,
        Group::String => super::string::ARGUMENTS,
        Group::Transactions => super::transactions::ARGUMENTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_by_name() {
        let groups = [
            Group::Bitmap,
            Group::Connection,
            Group::Generic,
            Group::Geo,
            Group::Hash,
            Group::Hyperloglog,
            Group::List,
            Group::Pubsub,
            Group::Scripting,
            Group::Server,
            Group::Set,
            Group::SortedSet,
            Group::Stream,
            Group::String,
            Group::Transactions,
        ];
        for group in groups {
            let table = table_of(group);
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0), "{group:?}");
        }
        assert_eq!(arguments(Group::String, "get").len(), 1);
        assert_eq!(arguments(Group::Server, "time").len(), 0);
    }
}
