//! The rows of COMMAND and its subcommands.

use super::{docs, info, keys, list};
use crate::command::flags::{Categories, Flags};
use crate::command::help;
use crate::command::spec::{Group, Scope, Spec};

const ALWAYS: Flags = Flags::LOADING.with(Flags::STALE);

/// The rows of this family.
pub const ROWS: &[Spec] = &[Spec::new("command", -1, Group::Server, Scope::Anywhere(info::all))
    .flags(ALWAYS)
    .categories(Categories::CONNECTION)
    .tips(&["nondeterministic_output_order"])
    .doc("2.8.13", "O(N), N the number of commands", "Describes all commands.")
    .subcommands(&[
        Spec::new("count", 2, Group::Server, Scope::Anywhere(list::count))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .doc("2.8.13", "O(1)", "Counts the commands."),
        Spec::new("docs", -2, Group::Server, Scope::Anywhere(docs::docs))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .tips(&["nondeterministic_output_order"])
            .doc(
                "7.0.0",
                "O(N), N the number of names",
                "Returns what commands do and which arguments they take.",
            ),
        Spec::new("getkeys", -3, Group::Server, Scope::Anywhere(keys::keys))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .doc(
                "2.8.13",
                "O(N), N the number of words",
                "Finds the keys among the words of a command.",
            ),
        Spec::new("getkeysandflags", -3, Group::Server, Scope::Anywhere(keys::keys_and_flags))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .doc(
                "7.0.0",
                "O(N), N the number of words",
                "Finds the keys among the words of a command, and what is done to them.",
            ),
        Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .doc("5.0.0", "O(1)", "Explains the subcommands of COMMAND."),
        Spec::new("info", -2, Group::Server, Scope::Anywhere(info::some))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .tips(&["nondeterministic_output_order"])
            .doc("2.8.13", "O(N), N the number of names", "Describes commands by name."),
        Spec::new("list", -2, Group::Server, Scope::Anywhere(list::list))
            .flags(ALWAYS)
            .categories(Categories::CONNECTION)
            .tips(&["nondeterministic_output_order"])
            .doc(
                "7.0.0",
                "O(N), N the number of commands",
                "Returns the names of all commands, or of some.",
            ),
    ])];
