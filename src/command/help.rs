//! The HELP subcommand of commands that have subcommands: one text a command, a line of syntax and
//! then, indented, what it does. Runs anywhere.

use super::context::Context;
use super::spec::CommandResult;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// `<command> HELP`
pub fn help(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let name = String::from_utf8_lossy(args.get(0)).to_ascii_uppercase();
    let found = TEXTS.iter().find(|(command, _)| *command == name);
    write(ctx.reply, &name, found.map_or(&[], |(_, lines)| lines));
    Ok(())
}

/// Writes the help of `name`: pairs of syntax and meaning.
pub fn write(reply: &mut Reply, name: &str, lines: &[(&str, &str)]) {
    let meanings: usize = lines.iter().map(|(_, meaning)| meaning.lines().count()).sum();
    reply.array(1 + lines.len() + meanings + 2);
    reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (syntax, meaning) in lines {
        reply.simple(syntax);
        meaning.lines().for_each(|line| reply.simple(&format!("    {line}")));
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}

type Lines = &'static [(&'static str, &'static str)];

const TEXTS: &[(&str, Lines)] = &[
    ("ACL", ACL),
    ("COMMAND", COMMAND),
    ("CONFIG", CONFIG),
    ("LATENCY", LATENCY),
    ("MEMORY", MEMORY),
    ("MODULE", MODULE),
    ("PUBSUB", PUBSUB),
    ("SLOWLOG", SLOWLOG),
    ("XGROUP", XGROUP),
    ("XINFO", XINFO),
];

const ACL: Lines = &[
    ("CAT [<category>]", "The categories of commands, or the commands of one."),
    ("DELUSER <username> [<username> ...]", "Delete users. There is no user but the default one."),
    ("DRYRUN <username> <command> [<arg> ...]", "Say whether the user may run the command."),
    ("GENPASS [<bits>]", "Make a password of that many random bits, 256 unless told."),
    ("GETUSER <username>", "The rules of a user."),
    ("LIST", "All users as lines of an ACL file."),
    ("LOG [<count> | RESET]", "What was refused to users; always empty in this version."),
    ("USERS", "The names of all users."),
    ("WHOAMI", "The name of this connection's user."),
];

const COMMAND: Lines = &[
    ("(no subcommand)", "Describe all commands."),
    ("COUNT", "The number of commands."),
    ("DOCS [<command-name> ...]", "What commands do and take; all commands unless named."),
    ("GETKEYS <full-command>", "The keys among the words of a command."),
    ("GETKEYSANDFLAGS <full-command>", "Those keys, and what is done to them."),
    ("INFO [<command-name> ...]", "Describe commands; all unless named."),
    (
        "LIST [FILTERBY (MODULE <module> | ACLCAT <category> | PATTERN <pattern>)]",
        "The names of commands.",
    ),
];

const CONFIG: Lines = &[
    ("GET <pattern> [<pattern> ...]", "The directives whose names match, with their values."),
    (
        "SET <directive> <value> [<directive> <value> ...]",
        "Change directives while the server runs: all of them or none.",
    ),
    ("RESETSTAT", "Let the counters of INFO begin at zero again."),
    ("REWRITE", "Bring the configuration file up to what is in force."),
];

const LATENCY: Lines = &[
    ("DOCTOR", "Explain the events seen, for people."),
    ("GRAPH <event>", "Draw the samples of an event."),
    (
        "HISTOGRAM [<command> ...]",
        "How many calls of a command took how long, cumulative;\nall commands unless named.",
    ),
    ("HISTORY <event>", "The samples of an event: time and milliseconds."),
    ("LATEST", "The newest sample of each event."),
    ("RESET [<event> ...]", "Forget the samples of events; of all unless named."),
];

const MEMORY: Lines = &[
    ("DOCTOR", "Say what is remarkable about the memory in use."),
    ("MALLOC-STATS", "The allocator's own statistics."),
    ("PURGE", "Ask the allocator to give unused pages back."),
    ("STATS", "What the memory is used for, in numbers."),
    (
        "USAGE <key> [SAMPLES <count>]",
        "The bytes that a key and its value take. SAMPLES is accepted\n\
         and changes nothing: values know their size.",
    ),
];

const MODULE: Lines = &[("LIST", "The modules loaded: none, in this version.")];

const PUBSUB: Lines = &[
    ("CHANNELS [<pattern>]", "The channels with subscribers; those that match, if told."),
    ("NUMPAT", "The number of patterns subscribed to."),
    ("NUMSUB [<channel> ...]", "The subscribers of each channel, those by patterns not counted."),
    ("SHARDCHANNELS [<pattern>]", "The shard channels with subscribers; those that match."),
    ("SHARDNUMSUB [<shardchannel> ...]", "The subscribers of each shard channel."),
];

const SLOWLOG: Lines = &[
    (
        "GET [<count>]",
        "The newest entries, 10 unless told, all with -1. Each is an id, a time,\n\
         the microseconds taken, the words, the client's address and its name.",
    ),
    ("LEN", "The number of entries."),
    ("RESET", "Empty the log."),
];

const XGROUP: Lines = &[
    (
        "CREATE <key> <group> <id | $> [MKSTREAM] [ENTRIESREAD <count>]",
        "Make a group that reads what follows the id. MKSTREAM makes the stream too;\n\
         ENTRIESREAD tells how many entries the group counts as read.",
    ),
    ("CREATECONSUMER <key> <group> <consumer>", "Make a consumer."),
    ("DELCONSUMER <key> <group> <consumer>", "Remove a consumer and what is pending for it."),
    ("DESTROY <key> <group>", "Remove a group."),
    (
        "SETID <key> <group> <id | $> [ENTRIESREAD <count>]",
        "Let a group go on from what follows the id.",
    ),
];

const XINFO: Lines = &[
    ("CONSUMERS <key> <group>", "The consumers of a group."),
    ("GROUPS <key>", "The groups of a stream."),
    (
        "STREAM <key> [FULL [COUNT <count>]]",
        "What is known of a stream; with FULL also its entries, groups and consumers,\n\
         10 of each unless told.",
    ),
];

#[cfg(test)]
mod tests {
    use crate::command::fixture::Fixture;

    #[test]
    fn help_counts_its_lines() {
        let mut fixture = Fixture::new();
        for (name, _) in super::TEXTS {
            let reply = fixture.run(&[*name, "HELP"]);
            let text = String::from_utf8(reply).unwrap();
            let head: usize = text[1..].lines().next().unwrap().parse().unwrap();
            assert_eq!(text.matches("\r\n").count(), head + 1, "{name}");
            assert!(text.ends_with("+HELP\r\n+    Print this help.\r\n"), "{name}");
        }
    }
}
