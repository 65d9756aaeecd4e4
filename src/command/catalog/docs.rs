//! `COMMAND DOCS`: what commands do and which arguments they take, for prompts and hints.

use super::info::write_words;
use crate::command::context::Context;
use crate::command::docs::argument::Argument;
use crate::command::docs::{deprecated, index};
use crate::command::spec::CommandResult;
use crate::command::table::{Command, table};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// `COMMAND DOCS [name ...]`: a map by full name; names that are no command are left out.
pub(super) fn docs(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let named = args.iter().skip(2).filter_map(|name| table().find_full(name));
    let commands: Vec<&Command> =
        if args.len() == 2 { table().top_level().collect() } else { named.collect() };
    ctx.reply.map(commands.len());
    commands.iter().for_each(|command| write(ctx.reply, command));
    Ok(())
}

/// Counts fields as they are written, for the map's head.
struct Fields<'a> {
    reply: &'a mut Reply,
    count: usize,
}

impl Fields<'_> {
    fn name(&mut self, name: &str) -> &mut Reply {
        self.count += 1;
        self.reply.bulk(name.as_bytes());
        self.reply
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name).bulk(text.as_bytes());
    }
}

/// Writes a map whose size is known at its end.
fn write_map(reply: &mut Reply, fill: impl FnOnce(&mut Fields<'_>)) {
    let slot = reply.open_array();
    let mut fields = Fields { reply, count: 0 };
    fill(&mut fields);
    let count = fields.count;
    reply.close_map(slot, count);
}

fn write(reply: &mut Reply, command: &Command) {
    reply.bulk(command.full_name.as_bytes());
    let (spec, name) = (command.spec, command.full_name.as_str());
    let arguments = index::arguments(spec.group, name);
    write_map(reply, |fields| {
        fields.text("summary", spec.summary);
        fields.text("since", spec.since);
        fields.text("group", spec.group.name());
        if !spec.complexity.is_empty() {
            fields.text("complexity", spec.complexity);
        }
        write_state(fields, name);
        let history = history(arguments);
        if !history.is_empty() {
            write_history(fields.name("history"), &history);
        }
        if !arguments.is_empty() {
            write_arguments(fields.name("arguments"), arguments);
        }
        if !command.subcommands.is_empty() {
            let reply = fields.name("subcommands");
            reply.map(command.subcommands.len());
            command.subcommands.iter().for_each(|subcommand| write(reply, subcommand));
        }
    });
}

/// Whether the command is out of use, or not for users.
fn write_state(fields: &mut Fields<'_>, name: &str) {
    if let Some(old) = index::deprecation(name) {
        write_words(fields.name("doc_flags"), std::iter::once("deprecated"));
        fields.text("deprecated_since", old.since);
        fields.text("replaced_by", old.replaced_by);
    } else if deprecated::SYSTEM.contains(&name) {
        write_words(fields.name("doc_flags"), std::iter::once("syscmd"));
    }
}

fn write_arguments(reply: &mut Reply, arguments: &[Argument]) {
    reply.array(arguments.len());
    for argument in arguments {
        write_map(reply, |fields| {
            fields.text("name", argument.name);
            fields.text("type", argument.kind.name());
            if argument.parts.is_empty() {
                fields.text("display_text", argument.display);
            }
            if let Some(number) = argument.key_spec {
                fields.name("key_spec_index").integer(number.into());
            }
            if let Some(token) = argument.token {
                fields.text("token", token);
            }
            if let Some(since) = argument.since {
                fields.text("since", since);
            }
            if let Some(version) = argument.deprecated_since {
                fields.text("deprecated_since", version);
            }
            if argument.flags().next().is_some() {
                write_words(fields.name("flags"), argument.flags());
            }
            if !argument.parts.is_empty() {
                write_arguments(fields.name("arguments"), argument.parts);
            }
        });
    }
}

/// What later versions added, as far as the arguments tell: a version and the words that came
/// with it.
type History = Vec<(&'static str, Vec<&'static str>)>;

fn history(arguments: &[Argument]) -> History {
    let mut history = History::new();
    collect_history(arguments, None, &mut history);
    history.sort_by_key(|(version, _)| numbers(version));
    history
}

fn collect_history(arguments: &[Argument], since: Option<&'static str>, history: &mut History) {
    for argument in arguments {
        let since = argument.since.or(since);
        let word = argument.token.or(argument.parts.is_empty().then_some(argument.name));
        if let (Some(version), Some(word)) = (since, word) {
            match history.iter_mut().find(|(known, _)| *known == version) {
                Some((_, words)) => words.push(word),
                None => history.push((version, vec![word])),
            }
        }
        collect_history(argument.parts, since, history);
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|number| number.parse().ok()).collect()
}

fn write_history(reply: &mut Reply, history: &History) {
    reply.set(history.len());
    for (version, words) in history {
        reply.array(2);
        reply.bulk(version.as_bytes());
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        reply.bulk(format!("New: {}.", words.join(", ")).as_bytes());
    }
}
