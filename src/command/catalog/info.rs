//! `COMMAND` and `COMMAND INFO`: rows of the table as arrays of ten, in the form that clients and
//! proxies parse.

use crate::command::context::Context;
use crate::command::key_spec::{Begin, Find, KeySpec};
use crate::command::spec::{CommandResult, Spec};
use crate::command::table::{Command, table};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// `COMMAND`: every command.
pub(super) fn all(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    write_all(ctx.reply);
    Ok(())
}

/// `COMMAND INFO [name ...]`: those named, null for what is no command; all without a name.
pub(super) fn some(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if args.len() == 2 {
        write_all(ctx.reply);
        return Ok(());
    }
    ctx.reply.array(args.len() - 2);
    for name in args.iter().skip(2) {
        match table().find_full(name) {
            Some(command) => write(ctx.reply, command),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

fn write_all(reply: &mut Reply) {
    reply.array(table().top_level().count());
    table().top_level().for_each(|command| write(reply, command));
}

fn write(reply: &mut Reply, command: &Command) {
    let spec = command.spec;
    let (first, last, step) = classic_keys(spec);
    reply.array(10);
    reply.bulk(command.full_name.as_bytes());
    reply.integer(spec.arity.into());
    write_words(reply, spec.flags.names());
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    reply.set(spec.categories_all().names().count());
    spec.categories_all().names().for_each(|name| reply.simple(&format!("@{name}")));
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|keys| write_key_spec(reply, keys));
    if command.subcommands.is_empty() {
        reply.set(0);
    } else {
        reply.array(command.subcommands.len());
        command.subcommands.iter().for_each(|subcommand| write(reply, subcommand));
    }
}

/// A set of status words.
pub(super) fn write_words<Words>(reply: &mut Reply, words: Words)
where
    Words: Iterator<Item = &'static str>,
{
    let words: Vec<&str> = words.collect();
    reply.set(words.len());
    words.iter().for_each(|word| reply.simple(word));
}

/// First key, last key and step as clients of old know them: the ranges by index, drawn together.
fn classic_keys(spec: &Spec) -> (i64, i64, i64) {
    let mut classic: Option<(i64, i64, i64)> = None;
    for keys in spec.keys {
        let (Begin::Index(first), Find::Range { last, step, .. }) = (keys.begin, keys.find) else {
            continue;
        };
        let first = i64::from(first);
        // Negative counts from the end, so it stays; otherwise it counts from the first key.
        let last = if last < 0 { i64::from(last) } else { first + i64::from(last) };
        classic = match classic {
            None => Some((first, last, i64::from(step))),
            // Ranges that follow each other make one of step 1, as in RENAME.
            Some((begin, end, 1)) if first == end + 1 => Some((begin, last, 1)),
            kept => kept,
        };
    }
    classic.unwrap_or((0, 0, 0))
}

fn write_key_spec(reply: &mut Reply, keys: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    write_words(reply, keys.flags.names());
    reply.bulk(b"begin_search");
    match keys.begin {
        Begin::Index(index) => {
            write_search(reply, "index", 1);
            write_number(reply, "index", index.into());
        }
        Begin::Keyword(keyword, from) => {
            write_search(reply, "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(keyword.as_bytes());
            write_number(reply, "startfrom", from.into());
        }
        Begin::SortStore | Begin::Unknown => write_search(reply, "unknown", 0),
    }
    reply.bulk(b"find_keys");
    match keys.find {
        Find::Range { last, step, limit } => {
            write_search(reply, "range", 3);
            write_number(reply, "lastkey", last.into());
            write_number(reply, "keystep", step.into());
            write_number(reply, "limit", limit.into());
        }
        Find::Count { count, first, step } => {
            write_search(reply, "keynum", 3);
            write_number(reply, "keynumidx", count.into());
            write_number(reply, "firstkey", first.into());
            write_number(reply, "keystep", step.into());
        }
        Find::Unknown => write_search(reply, "unknown", 0),
    }
}

fn write_search(reply: &mut Reply, kind: &str, fields: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}

fn write_number(reply: &mut Reply, name: &str, number: i64) {
    reply.bulk(name.as_bytes());
    reply.integer(number);
}
