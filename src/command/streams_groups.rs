//! XGROUP and XACK: groups, their consumers, and what those are done with. Runs on the core that
//! holds the key.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::help;
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group as Family, Handler, Scope, Spec};
use super::streams_access::{change_unwatched, find, integer, no_group_in, stream_of};
use super::streams_ids;
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::group::{Group, GroupMut};
use crate::keyspace::types::stream::id::StreamId;
use crate::keyspace::value::{Object, Value};
use crate::resp::request::Args;

/// The options of XGROUP CREATE and SETID.
#[derive(Default)]
struct PlaceOptions {
    make: bool,
    entries_read: Option<u64>,
}

impl PlaceOptions {
    fn parse(args: Args<'_>, creates: bool) -> Result<PlaceOptions, CommandError> {
        let mut options = PlaceOptions::default();
        let mut index = 5;
        while let Some(word) = args.at(index) {
            if creates && word.eq_ignore_ascii_case(b"mkstream") {
                options.make = true;
                index += 1;
                continue;
            }
            let value = args.at(index + 1).filter(|_| word.eq_ignore_ascii_case(b"entriesread"));
            let Some(value) = value else { return Err(unknown_use("XGROUP", args)) };
            options.entries_read = match integer(value)? {
                -1 => None,
                read => Some(u64::try_from(read).map_err(|_| BAD_ENTRIES_READ)?),
            };
            index += 2;
        }
        Ok(options)
    }
}

/// What is said of words that no form of a subcommand has.
pub fn unknown_use(command: &str, args: Args<'_>) -> CommandError {
    let after = format!("'. Try {command} HELP.");
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, args.get(1), &after)
}

fn create(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = PlaceOptions::parse(args, true)?;
    let (key, name) = (args.get(2), args.get(3));
    let new_group =
        |stream: &Stream| Ok(Group::new(place(stream, args.get(4))?, options.entries_read));
    let found = ctx.find_mut(key).map(|mut entry| {
        let stream = stream_of(entry.value())?;
        let group = new_group(stream)?;
        if stream.groups.find(name).is_some() {
            return Err(BUSY);
        }
        change_unwatched(&mut entry)?.groups.insert(name, group);
        Ok(())
    });
    if found.transpose()?.is_none() {
        if !options.make {
            return Err(NO_KEY);
        }
        let mut stream = Stream::default();
        let group = new_group(&stream)?;
        stream.groups.insert(name, group);
        ctx.insert(key, Value::Object(Box::new(Object::Stream(stream))), None);
    }
    ctx.notify(Class::Stream, b"xgroup-create", key);
    ctx.propagate(args);
    ctx.reply.ok();
    Ok(())
}

/// The id from which a group is to go on.
fn place(stream: &Stream, text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        b"$" => Ok(stream.entries.marks().last_id),
        text => streams_ids::parse(text),
    }
}

fn set_id(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = PlaceOptions::parse(args, false)?;
    let (stream, _) = find_for_change(ctx, args)?;
    // The ends of ranges are ids here, unlike where a group is made.
    let last_id = match args.get(4) {
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        text => place(stream, text)?,
    };
    change_group(ctx, args, |group| {
        group.last_id = last_id;
        group.entries_read = options.entries_read;
    })?;
    ctx.notify(Class::Stream, b"xgroup-setid", args.get(2));
    ctx.propagate(args);
    ctx.reply.ok();
    Ok(())
}

/// The stream and the group that a command names.
fn find_for_change<'c>(
    ctx: &'c mut Context<'_>,
    args: Args<'_>,
) -> Result<(&'c Stream, &'c Group), CommandError> {
    let (key, name) = (args.get(2), args.get(3));
    let entry = ctx.look(key).ok_or(NO_KEY)?;
    let stream = stream_of(entry.value())?;
    let group = stream.groups.find(name).ok_or_else(|| no_group_in(key, name))?;
    Ok((stream, group))
}

/// Changes the group that a command names, which is known to be there.
fn change_group<R>(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    act: impl FnOnce(&mut GroupMut<'_>) -> R,
) -> Result<R, CommandError> {
    let (key, name) = (args.get(2), args.get(3));
    let mut entry = ctx.find_mut(key).ok_or(NO_KEY)?;
    let stream = change_unwatched(&mut entry)?;
    let mut group = stream.groups.find_mut(name).ok_or_else(|| no_group_in(key, name))?;
    Ok(act(&mut group))
}

fn destroy(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let mut entry = ctx.find_mut(args.get(2)).ok_or(NO_KEY)?;
    let removed = change_unwatched(&mut entry)?.groups.remove(args.get(3));
    drop(entry);
    if removed {
        ctx.notify(Class::Stream, b"xgroup-destroy", args.get(2));
        // Those who wait in the group are told, though nothing is new to those who watch the key.
        let db = ctx.db;
        let (space, key) = ctx.space_of(args.get(2));
        space.keys.mark_ready(db, key.bytes);
        ctx.propagate(args);
    }
    ctx.reply.integer(i64::from(removed));
    Ok(())
}

fn create_consumer(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (_, group) = find_for_change(ctx, args)?;
    let exists = group.consumer_id(args.get(4)).is_some();
    if !exists {
        let now_ms = ctx.now_ms;
        change_group(ctx, args, |group| group.add_consumer(args.get(4), now_ms, None))?;
        ctx.notify(Class::Stream, CONSUMER_MADE, args.get(2));
        ctx.propagate(args);
    }
    ctx.reply.integer(i64::from(!exists));
    Ok(())
}

fn delete_consumer(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (_, group) = find_for_change(ctx, args)?;
    let Some(consumer) = group.consumer_id(args.get(4)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let pending = change_group(ctx, args, |group| group.remove_consumer(consumer))?;
    ctx.notify(Class::Stream, b"xgroup-delconsumer", args.get(2));
    ctx.propagate(args);
    ctx.reply.integer(pending as i64);
    Ok(())
}

fn xack(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let name = args.get(2);
    let (stream, _) = find(ctx, args.get(1))?;
    if stream.is_none_or(|stream| stream.groups.find(name).is_none()) {
        ctx.reply.integer(0);
        return Ok(());
    }
    let ids: Vec<StreamId> =
        args.iter().skip(3).map(streams_ids::parse).collect::<Result<_, _>>()?;
    let mut acknowledged = 0;
    if let Some(mut entry) = ctx.find_mut(args.get(1))
        && let Some(mut group) = change_unwatched(&mut entry)?.groups.find_mut(name)
    {
        for id in ids {
            acknowledged += u64::from(group.acknowledge(id));
        }
    }
    if acknowledged > 0 {
        ctx.propagate(args);
        ctx.effects.changed(acknowledged - 1);
    }
    ctx.reply.integer(acknowledged.cast_signed());
    Ok(())
}

/// The event of a consumer that was made, by whichever command.
pub const CONSUMER_MADE: &[u8] = b"xgroup-createconsumer";

const NO_KEY: CommandError = CommandError::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);
const BUSY: CommandError = CommandError::text("BUSYGROUP Consumer Group name already exists");
const BAD_ENTRIES_READ: CommandError =
    CommandError::text("ERR value for ENTRIESREAD must be positive or -1");

const INSERTS: KeyFlags = KeyFlags::RW.with(KeyFlags::INSERT);
const UPDATES: KeyFlags = KeyFlags::RW.with(KeyFlags::UPDATE);
const DELETES: KeyFlags = KeyFlags::RW.with(KeyFlags::DELETE);
const ADDS: Flags = Flags::WRITE.with(Flags::DENYOOM);

const fn subcommand(name: &'static str, arity: i32, run: Handler) -> Spec {
    Spec::new(name, arity, Family::Stream, Scope::Shard(run)).categories(Categories::STREAM)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("xgroup", -2, Family::Stream, Scope::Container)
        .doc("5.0.0", "Depends on subcommand.", "Holds the commands on consumer groups.")
        .subcommands(&[
            subcommand("create", -5, create).flags(ADDS).keys(&[KeySpec::one(2, INSERTS)]).doc(
                "5.0.0",
                "O(1)",
                "Makes a consumer group.",
            ),
            subcommand("createconsumer", 5, create_consumer)
                .flags(ADDS)
                .keys(&[KeySpec::one(2, INSERTS)])
                .doc("6.2.0", "O(1)", "Makes a consumer of a group."),
            subcommand("delconsumer", 5, delete_consumer)
                .flags(Flags::WRITE)
                .keys(&[KeySpec::one(2, DELETES)])
                .doc("5.0.0", "O(1)", "Removes a consumer from its group."),
            subcommand("destroy", 4, destroy)
                .flags(Flags::WRITE)
                .keys(&[KeySpec::one(2, DELETES)])
                .doc("5.0.0", "O(N) with N entries pending.", "Removes a consumer group."),
            Spec::new("help", 2, Family::Stream, Scope::Anywhere(help::help))
                .flags(Flags::LOADING.with(Flags::STALE))
                .categories(Categories::STREAM)
                .doc("5.0.0", "O(1)", "Explains the subcommands."),
            subcommand("setid", -5, set_id)
                .flags(Flags::WRITE)
                .keys(&[KeySpec::one(2, UPDATES)])
                .doc("5.0.0", "O(1)", "Sets the id from which a group goes on."),
        ]),
    subcommand("xack", -4, xack)
        .flags(Flags::WRITE.with(Flags::FAST))
        .keys(&[KeySpec::one(1, UPDATES)])
        .doc(
            "5.0.0",
            "O(1) for each entry.",
            "Tells that a group's consumers are done with entries.",
        ),
];
