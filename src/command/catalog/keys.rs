//! `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS`: the keys among the words of a command.

use super::info::write_words;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::key_spec::KeyFlags;
use crate::command::spec::CommandResult;
use crate::command::table::{Command, table};
use crate::resp::request::Args;

/// `COMMAND GETKEYS word ...`
pub(super) fn keys(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let words = args.slice_from(2);
    let found = find(words)?;
    ctx.reply.array(found.len());
    found.iter().for_each(|(index, _)| ctx.reply.bulk(words.get(*index)));
    Ok(())
}

/// `COMMAND GETKEYSANDFLAGS word ...`
pub(super) fn keys_and_flags(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let words = args.slice_from(2);
    let found = find(words)?;
    ctx.reply.array(found.len());
    for (index, flags) in found {
        ctx.reply.array(2);
        ctx.reply.bulk(words.get(index));
        write_words(ctx.reply, flags.names());
    }
    Ok(())
}

fn find(words: Args<'_>) -> Result<Vec<(usize, KeyFlags)>, CommandError> {
    let command = table().find(words.get(0)).ok_or(UNKNOWN)?;
    let subcommand = (words.len() > 1).then(|| command.subcommand(words.get(1))).flatten();
    let command = subcommand.unwrap_or(command);
    if command.spec.keys.is_empty() {
        return Err(NO_KEYS);
    }
    if !command.spec.arity_fits(words.len()) {
        return Err(CommandError::text("ERR Invalid number of arguments specified for command"));
    }
    let mut found = Vec::new();
    for spec in command.spec.keys {
        if spec.flags.has(KeyFlags::NOT_KEY) {
            continue;
        }
        let fits = spec.for_each(words, |index, flags| found.push((index, flags)));
        if !fits {
            return Err(CommandError::text("ERR Invalid arguments specified for command"));
        }
    }
    if found.is_empty() {
        return Err(NO_KEYS);
    }
    found.iter_mut().for_each(|(_, flags)| *flags = flags_of(command, words, *flags));
    Ok(found)
}

/// What is done to a key where that depends on the other words.
pub fn flags_of(command: &Command, words: Args<'_>, flags: KeyFlags) -> KeyFlags {
    let says = |word: &[u8]| words.iter().skip(2).any(|other| other.eq_ignore_ascii_case(word));
    if !flags.has(KeyFlags::VARIABLE) {
        return flags;
    }
    match command.spec.name {
        "set" if !says(b"GET") => KeyFlags::OW.with(KeyFlags::UPDATE),
        "bitfield" if !says(b"SET") && !says(b"INCRBY") => KeyFlags::READ,
        _ => KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
    }
}

const UNKNOWN: CommandError = CommandError::text("ERR Invalid command specified");
const NO_KEYS: CommandError = CommandError::text("ERR The command has no key arguments");
