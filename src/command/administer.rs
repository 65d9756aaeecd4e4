//! Commands that administer the server: CONFIG, DEBUG, ACL, MODULE. Their rows; all are answered by
//! the server.

use super::flags::Flags;
use super::help;
use super::spec::{Group, Scope, ServerVerb, Spec};

const ADMIN: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE);
const ALWAYS: Flags = Flags::LOADING.with(Flags::STALE);
const MODULES: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::NO_ASYNC_LOADING);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("config", -2, Group::Server, Scope::Container)
        .doc("2.0.0", "Depends on the subcommand.", "Commands about the configuration.")
        .subcommands(&[
            Spec::new("get", -3, Group::Server, Scope::Server(ServerVerb::Config))
                .flags(ADMIN)
                .doc(
                    "2.0.0",
                    "O(N), N the number of words",
                    "Returns directives in force, by patterns of their names.",
                ),
            Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help)).flags(ALWAYS).doc(
                "5.0.0",
                "O(1)",
                "Explains the subcommands of CONFIG.",
            ),
            Spec::new("resetstat", 2, Group::Server, Scope::Server(ServerVerb::Config))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("2.0.0", "O(1)", "Lets the counters of INFO begin at zero again."),
            Spec::new("rewrite", 2, Group::Server, Scope::Server(ServerVerb::Config))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("2.8.0", "O(1)", "Brings the configuration file up to what is in force."),
            Spec::new("set", -4, Group::Server, Scope::Server(ServerVerb::Config))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc(
                    "2.0.0",
                    "O(N), N the number of words",
                    "Changes directives while the server runs, all or none.",
                ),
        ]),
    Spec::new("debug", -2, Group::Server, Scope::Server(ServerVerb::Debug)).flags(ADMIN).doc(
        "1.0.0",
        "Depends on the subcommand.",
        "Commands for testing servers and clients.",
    ),
    Spec::new("acl", -2, Group::Server, Scope::Container)
        .doc("6.0.0", "Depends on the subcommand.", "Commands about users and what they may do.")
        .subcommands(&[
            Spec::new("cat", -2, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE))
                .doc("6.0.0", "O(1)", "Lists the categories of commands, or the commands of one."),
            Spec::new("deluser", -3, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("6.0.0", "O(1)", "Deletes users."),
            Spec::new("dryrun", -4, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(ADMIN)
                .doc("7.0.0", "O(1)", "Says whether a user may run a command, without running it."),
            Spec::new("genpass", -2, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE))
                .doc("6.0.0", "O(1)", "Makes a password that cannot be guessed."),
            Spec::new("getuser", 3, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(ADMIN)
                .doc(
                    "6.0.0",
                    "O(N), N the number of the user's rules",
                    "Returns the rules of a user.",
                ),
            Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help)).flags(ALWAYS).doc(
                "6.0.0",
                "O(1)",
                "Explains the subcommands of ACL.",
            ),
            Spec::new("list", 2, Group::Server, Scope::Server(ServerVerb::Acl)).flags(ADMIN).doc(
                "6.0.0",
                "O(N), N the number of users",
                "Returns all users as lines of an ACL file.",
            ),
            Spec::new("load", 2, Group::Server, Scope::Server(ServerVerb::Acl)).flags(ADMIN).doc(
                "6.0.0",
                "O(N), N the number of users",
                "Reads the users from the ACL file.",
            ),
            Spec::new("log", -2, Group::Server, Scope::Server(ServerVerb::Acl)).flags(ADMIN).doc(
                "6.0.0",
                "O(N), N the number of entries returned",
                "Returns what was refused to users lately.",
            ),
            Spec::new("save", 2, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("6.0.0", "O(N), N the number of users", "Writes the users to the ACL file."),
            Spec::new("setuser", -3, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc(
                    "6.0.0",
                    "O(N), N the number of rules",
                    "Creates a user or changes its rules.",
                ),
            Spec::new("users", 2, Group::Server, Scope::Server(ServerVerb::Acl)).flags(ADMIN).doc(
                "6.0.0",
                "O(N), N the number of users",
                "Returns the names of all users.",
            ),
            Spec::new("whoami", 2, Group::Server, Scope::Server(ServerVerb::Acl))
                .flags(Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE))
                .doc("6.0.0", "O(1)", "Returns the name of the connection's user."),
        ]),
    Spec::new("module", -2, Group::Server, Scope::Container)
        .doc("4.0.0", "Depends on the subcommand.", "Commands about modules.")
        .subcommands(&[
            Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help)).flags(ALWAYS).doc(
                "5.0.0",
                "O(1)",
                "Explains the subcommands of MODULE.",
            ),
            Spec::new("list", 2, Group::Server, Scope::Server(ServerVerb::Module))
                .flags(Flags::ADMIN.with(Flags::NOSCRIPT))
                .tips(&["nondeterministic_output_order"])
                .doc("4.0.0", "O(N), N the number of modules", "Returns the modules loaded."),
            Spec::new("load", -3, Group::Server, Scope::Server(ServerVerb::Module))
                .flags(MODULES)
                .doc("4.0.0", "O(1)", "Loads a module."),
            Spec::new("loadex", -3, Group::Server, Scope::Server(ServerVerb::Module))
                .flags(MODULES)
                .doc("7.0.0", "O(1)", "Loads a module with directives of its own."),
            Spec::new("unload", 3, Group::Server, Scope::Server(ServerVerb::Module))
                .flags(MODULES)
                .doc("4.0.0", "O(1)", "Unloads a module."),
        ]),
];
