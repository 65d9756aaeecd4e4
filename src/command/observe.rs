//! Commands that look at the server: INFO, SLOWLOG, LATENCY, MEMORY. Their rows, and the one of
//! them that looks at a key; the others are answered by the server from what all cores share.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::help;
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group, Scope, ServerVerb, Spec};
use crate::base::number;
use crate::resp::request::Args;

/// `MEMORY USAGE key [SAMPLES count]`. Entries know their size, so nothing is sampled.
fn usage(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let mut index = 3;
    while index < args.len() {
        let word = args.get(index).eq_ignore_ascii_case(b"SAMPLES");
        if !word || index + 1 >= args.len() {
            return Err(CommandError::Syntax);
        }
        let count = number::parse_i64(args.get(index + 1)).ok_or(CommandError::NotInteger)?;
        if count < 0 {
            return Err(CommandError::Syntax);
        }
        index += 2;
    }
    match ctx.look(args.get(2)).map(|entry| entry.memory()) {
        Some(bytes) => ctx.reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
        None => ctx.reply.null(),
    }
    Ok(())
}

const ADMIN: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE);
const ALWAYS: Flags = Flags::LOADING.with(Flags::STALE);
const WATCHING: Flags = Flags::ADMIN.with(Flags::LOADING).with(Flags::STALE);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("info", -1, Group::Server, Scope::Server(ServerVerb::Info))
        .flags(ALWAYS)
        .categories(Categories::DANGEROUS)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc("1.0.0", "O(1)", "Describes the server: its state, its counters, its data."),
    Spec::new("slowlog", -2, Group::Server, Scope::Container)
        .doc("2.2.12", "Depends on the subcommand.", "Commands about the log of slow commands.")
        .subcommands(&[
            Spec::new("get", -2, Group::Server, Scope::Server(ServerVerb::Slowlog))
                .flags(WATCHING)
                .tips(&["request_policy:all_nodes", "nondeterministic_output"])
                .doc(
                    "2.2.12",
                    "O(N), N the number of entries returned",
                    "Returns the newest entries of the slow log.",
                ),
            Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help)).flags(ALWAYS).doc(
                "6.2.0",
                "O(1)",
                "Explains the subcommands of SLOWLOG.",
            ),
            Spec::new("len", 2, Group::Server, Scope::Server(ServerVerb::Slowlog))
                .flags(WATCHING)
                .tips(&[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ])
                .doc("2.2.12", "O(1)", "Counts the entries of the slow log."),
            Spec::new("reset", 2, Group::Server, Scope::Server(ServerVerb::Slowlog))
                .flags(WATCHING)
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("2.2.12", "O(N), N the number of entries", "Empties the slow log."),
        ]),
    Spec::new("latency", -2, Group::Server, Scope::Container)
        .doc("2.8.13", "Depends on the subcommand.", "Commands about events that took long.")
        .subcommands(&[
            Spec::new("doctor", 2, Group::Server, Scope::Server(ServerVerb::Latency))
                .flags(ADMIN)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .doc("2.8.13", "O(1)", "Explains the latency events seen, for people."),
            Spec::new("graph", 3, Group::Server, Scope::Server(ServerVerb::Latency))
                .flags(ADMIN)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .doc("2.8.13", "O(1)", "Draws the samples of a latency event."),
            Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help)).flags(ALWAYS).doc(
                "2.8.13",
                "O(1)",
                "Explains the subcommands of LATENCY.",
            ),
            Spec::new("histogram", -2, Group::Server, Scope::Server(ServerVerb::Latency))
                .flags(ADMIN)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .doc(
                    "7.0.0",
                    "O(N), N the number of commands returned",
                    "Returns how long commands took, as cumulative counts.",
                ),
            Spec::new("history", 3, Group::Server, Scope::Server(ServerVerb::Latency))
                .flags(ADMIN)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .doc("2.8.13", "O(1)", "Returns the samples of a latency event."),
            Spec::new("latest", 2, Group::Server, Scope::Server(ServerVerb::Latency))
                .flags(ADMIN)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .doc("2.8.13", "O(1)", "Returns the newest sample of each latency event."),
            Spec::new("reset", -2, Group::Server, Scope::Server(ServerVerb::Latency))
                .flags(ADMIN)
                .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
                .doc("2.8.13", "O(1)", "Forgets the samples of latency events."),
        ]),
    Spec::new("memory", -2, Group::Server, Scope::Container)
        .doc("4.0.0", "Depends on the subcommand.", "Commands about the memory in use.")
        .subcommands(&[
            Spec::new("doctor", 2, Group::Server, Scope::Server(ServerVerb::MemoryServer))
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .doc("4.0.0", "O(1)", "Says what is remarkable about the memory in use."),
            Spec::new("help", 2, Group::Server, Scope::Anywhere(help::help)).flags(ALWAYS).doc(
                "4.0.0",
                "O(1)",
                "Explains the subcommands of MEMORY.",
            ),
            Spec::new("malloc-stats", 2, Group::Server, Scope::Server(ServerVerb::MemoryServer))
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .doc(
                    "4.0.0",
                    "Grows with the memory allocated",
                    "Returns the allocator's own statistics.",
                ),
            Spec::new("purge", 2, Group::Server, Scope::Server(ServerVerb::MemoryServer))
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .doc(
                    "4.0.0",
                    "Grows with the memory allocated",
                    "Asks the allocator to give unused pages back.",
                ),
            Spec::new("stats", 2, Group::Server, Scope::Server(ServerVerb::MemoryServer))
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .doc("4.0.0", "O(1)", "Returns in numbers what the memory is used for."),
            Spec::new("usage", -3, Group::Server, Scope::Shard(usage))
                .flags(Flags::READONLY)
                .keys(&[KeySpec::one(2, KeyFlags::RO)])
                .doc(
                    "4.0.0",
                    "O(N), N the number of samples",
                    "Estimates the bytes that a key and its value take.",
                ),
        ]),
];
