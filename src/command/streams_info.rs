//! XINFO: what is known of a stream, its groups and their consumers. Reads only, on the core that
//! holds the key.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::help;
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group as Family, Handler, Scope, Spec};
use super::streams_access::{
    find, integer, limit, no_group_in, reply_entries, reply_entry, reply_id,
};
use super::streams_groups::unknown_use;
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::group::{Consumer, Group};
use crate::keyspace::types::stream::id::StreamId;
use crate::keyspace::types::stream::node::Entry;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

fn stream(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (stream, reply) = find(ctx, args.get(2))?;
    let stream = stream.ok_or(CommandError::NoSuchKey)?;
    match full_count(args)? {
        None => summary(reply, stream),
        Some(count) => everything(reply, stream, count),
    }
    Ok(())
}

/// How much of everything is wanted with FULL, 0 being all; `None` without FULL.
fn full_count(args: Args<'_>) -> Result<Option<u64>, CommandError> {
    let word = |index: usize, name: &str| {
        args.at(index).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    match args.len() {
        3 => Ok(None),
        4 if word(3, "full") => Ok(Some(FULL_COUNT)),
        6 if word(3, "full") && word(4, "count") => {
            Ok(Some(u64::try_from(integer(args.get(5))?).unwrap_or(FULL_COUNT)))
        }
        _ => Err(unknown_use("XINFO", args)),
    }
}

/// The fields that both forms begin with.
fn head(reply: &mut Reply, stream: &Stream) {
    let (entries, marks) = (&stream.entries, stream.entries.marks());
    let nodes: Vec<_> = entries.nodes().keys().map(|id| id.to_bytes()).collect();
    field(reply, "length").integer(entries.len().cast_signed());
    field(reply, "radix-tree-keys").integer(nodes.len() as i64);
    field(reply, "radix-tree-nodes").integer(tree_nodes(&nodes, 0).max(1) as i64);
    reply_id(field(reply, "last-generated-id"), marks.last_id);
    reply_id(field(reply, "max-deleted-entry-id"), marks.max_deleted_id);
    field(reply, "entries-added").integer(marks.entries_added.cast_signed());
    reply_id(field(reply, "recorded-first-entry-id"), marks.first_id);
}

fn summary(reply: &mut Reply, stream: &Stream) {
    reply.map(10);
    head(reply, stream);
    field(reply, "groups").integer(stream.groups.len() as i64);
    reply_end(field(reply, "first-entry"), stream.entries.first());
    reply_end(field(reply, "last-entry"), stream.entries.last());
}

fn reply_end(reply: &mut Reply, entry: Option<Entry<'_>>) {
    match entry {
        Some(entry) => reply_entry(reply, &entry),
        None => reply.null(),
    }
}

fn everything(reply: &mut Reply, stream: &Stream, count: u64) {
    reply.map(9);
    head(reply, stream);
    let entries = stream.entries.range(StreamId::MIN, StreamId::MAX);
    reply_entries(field(reply, "entries"), entries, count);
    field(reply, "groups").array(stream.groups.len());
    for (name, group) in stream.groups.iter() {
        reply.map(7);
        field(reply, "name").bulk(name);
        reply_id(field(reply, "last-delivered-id"), group.last_id);
        progress(reply, stream, group);
        field(reply, "pel-count").integer(group.pending().len() as i64);
        let shown = group.pending().len().min(limit(count));
        field(reply, "pending").array(shown);
        for (id, pending) in group.pending().iter().take(shown) {
            reply.array(4);
            reply_id(reply, *id);
            reply.bulk(&group.consumer(pending.consumer).name);
            reply.integer(pending.delivered_ms.cast_signed());
            reply.integer(pending.deliveries.cast_signed());
        }
        field(reply, "consumers").array(group.consumers().len());
        group.consumers().for_each(|consumer| full_consumer(reply, group, consumer, count));
    }
}

fn full_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, count: u64) {
    reply.map(5);
    field(reply, "name").bulk(&consumer.name);
    field(reply, "seen-time").integer(consumer.seen_ms.cast_signed());
    field(reply, "active-time").integer(consumer.active_ms.map_or(-1, u64::cast_signed));
    field(reply, "pel-count").integer(consumer.pending().len() as i64);
    let shown = consumer.pending().len().min(limit(count));
    field(reply, "pending").array(shown);
    for id in consumer.pending().iter().take(shown) {
        let pending = group.pending().get(id);
        reply.array(3);
        reply_id(reply, *id);
        reply.integer(pending.map_or(0, |pending| pending.delivered_ms.cast_signed()));
        reply.integer(pending.map_or(0, |pending| pending.deliveries.cast_signed()));
    }
}

/// How far a group has read.
fn progress(reply: &mut Reply, stream: &Stream, group: &Group) {
    let reply = field(reply, "entries-read");
    number(reply, group.entries_read.map(u64::cast_signed));
    number(field(reply, "lag"), stream.lag(group));
}

fn number(reply: &mut Reply, number: Option<i64>) {
    match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    }
}

fn field<'r>(reply: &'r mut Reply, name: &str) -> &'r mut Reply {
    reply.bulk(name.as_bytes());
    reply
}

fn groups(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (stream, reply) = find(ctx, args.get(2))?;
    let stream = stream.ok_or(CommandError::NoSuchKey)?;
    reply.array(stream.groups.len());
    for (name, group) in stream.groups.iter() {
        reply.map(6);
        field(reply, "name").bulk(name);
        field(reply, "consumers").integer(group.consumers().len() as i64);
        field(reply, "pending").integer(group.pending().len() as i64);
        reply_id(field(reply, "last-delivered-id"), group.last_id);
        progress(reply, stream, group);
    }
    Ok(())
}

fn consumers(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, name, now_ms) = (args.get(2), args.get(3), ctx.now_ms);
    let (stream, reply) = find(ctx, key)?;
    let group = stream.ok_or(CommandError::NoSuchKey)?.groups.find(name);
    let group = group.ok_or_else(|| no_group_in(key, name))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        let since = |then_ms: u64| now_ms.saturating_sub(then_ms).cast_signed();
        reply.map(4);
        field(reply, "name").bulk(&consumer.name);
        field(reply, "pending").integer(consumer.pending().len() as i64);
        field(reply, "idle").integer(since(consumer.seen_ms));
        field(reply, "inactive").integer(consumer.active_ms.map_or(-1, since));
    }
    Ok(())
}

/// The nodes of a radix tree with these keys, in order and equal up to `depth`: runs of bytes that
/// do not branch, branches, and ends. Stock servers keep nodes in such a tree and tell its size.
fn tree_nodes(keys: &[[u8; 16]], depth: usize) -> usize {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return 0 };
    let pairs = first[depth..].iter().zip(&last[depth..]);
    let run = pairs.take_while(|(a, b)| a == b).count();
    let branch = depth + run;
    let own = usize::from(run > 0) + 1;
    if branch == first.len() {
        return own;
    }
    let below = keys.chunk_by(|a, b| a[branch] == b[branch]);
    own + below.map(|keys| tree_nodes(keys, branch + 1)).sum::<usize>()
}

/// What XINFO STREAM FULL shows of each list, unless told.
const FULL_COUNT: u64 = 10;

const fn subcommand(name: &'static str, arity: i32, run: Handler) -> Spec {
    Spec::new(name, arity, Family::Stream, Scope::Shard(run))
        .flags(Flags::READONLY)
        .categories(Categories::STREAM)
        .keys(KEY_READ)
}

const KEY_READ: &[KeySpec] = &[KeySpec::one(2, KeyFlags::READ)];

/// The rows of this family.
pub const ROWS: &[Spec] = &[Spec::new("xinfo", -2, Family::Stream, Scope::Container)
    .doc("5.0.0", "Depends on subcommand.", "Holds the commands that look at streams.")
    .subcommands(&[
        subcommand("consumers", 4, consumers).tips(&["nondeterministic_output"]).doc(
            "5.0.0",
            "O(1)",
            "Lists the consumers of a group.",
        ),
        subcommand("groups", 3, groups).doc("5.0.0", "O(1)", "Lists the groups of a stream."),
        Spec::new("help", 2, Family::Stream, Scope::Anywhere(help::help))
            .flags(Flags::LOADING.with(Flags::STALE))
            .categories(Categories::STREAM)
            .doc("5.0.0", "O(1)", "Explains the subcommands."),
        subcommand("stream", -3, stream).doc("5.0.0", "O(1)", "Tells what is known of a stream."),
    ])];
