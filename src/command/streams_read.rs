//! XREAD and XREADGROUP. Reading in a group changes the group: what is delivered is streamed as
//! XCLAIM, how far the group came as XGROUP SETID. Runs on a core that holds all the keys.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{Begin, Find, KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use super::streams_access::{
    change_unwatched, find, limit, no_group, reply_entries, reply_entry, reply_id, stream_of,
};
use super::streams_effects::GroupEffects;
use super::streams_groups::CONSUMER_MADE;
use super::streams_ids;
use super::streams_read_options::ReadOptions;
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::entries::Entries;
use crate::keyspace::types::stream::group::{ConsumerId, GroupMut, Pending};
use crate::keyspace::types::stream::id::StreamId;
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;
use std::ops::Bound;

/// From where one stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Entries after this id.
    After(StreamId),
    /// `>`: entries that the group was not given yet.
    New,
}

/// What was read of several streams.
struct Answer {
    /// Keys, each with its entries.
    written: Reply,
    streams: usize,
}

fn xread(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = ReadOptions::parse(args, false, ctx.now_ms)?;
    let (mut starts, mut settled) = (Vec::with_capacity(options.streams), Vec::new());
    for (index, (key, id)) in options.pairs(args).enumerate() {
        if !ctx.in_hand(key) {
            starts.push(None);
            continue;
        }
        let (stream, _) = find(ctx, key)?;
        let after = match id {
            b"$" => stream.map_or(StreamId::MIN, |stream| stream.entries.marks().last_id),
            b"+" => before_last(stream)?,
            b">" => return Err(NEW_IN_XREAD),
            id => streams_ids::parse(id)?,
        };
        settled.push((options.id_at(index), after.text().as_bytes().to_vec()));
        starts.push(Some(after));
    }
    let mut answer = Answer::new(ctx);
    for ((key, _), start) in options.pairs(args).zip(starts) {
        let Some(after) = start else { continue };
        // The second look-up of the key, counted and told of like the first, as with stock servers.
        let Some(entry) = ctx.find(key) else { continue };
        let entries = &stream_of(entry.value())?.entries;
        let last = entries.last().map(|entry| entry.id);
        if let (Some(last), Some(from)) = (last, after.next())
            && from <= last
        {
            answer.begin(key);
            let range = entries.range(from, StreamId::MAX);
            reply_entries(&mut answer.written, range, options.count);
        }
    }
    answer.finish(ctx, &options, settled);
    Ok(())
}

/// The id before the last one that was given, whether that entry is still there or not.
fn before_last(stream: Option<&Stream>) -> Result<StreamId, CommandError> {
    let Some(stream) = stream else { return Ok(StreamId::MIN) };
    stream.entries.marks().last_id.previous().ok_or(NO_LAST)
}

fn xreadgroup(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let options = ReadOptions::parse(args, true, ctx.now_ms)?;
    let (group, _) = options.group.ok_or(CommandError::Syntax)?;
    let mut starts = Vec::with_capacity(options.streams);
    for (key, id) in options.pairs(args) {
        if !ctx.in_hand(key) {
            starts.push(None);
            continue;
        }
        let (stream, _) = find(ctx, key)?;
        if stream.is_none_or(|stream| stream.groups.find(group).is_none()) {
            return Err(no_group(key, group, "' in XREADGROUP with GROUP option"));
        }
        starts.push(Some(match id {
            b"$" | b"+" => return Err(meaningless(id)),
            b">" => Start::New,
            id => match streams_ids::parse(id)? {
                // Which is how stock servers note `>`.
                StreamId::MAX => Start::New,
                id => Start::After(id),
            },
        }));
    }
    let mut answer = Answer::new(ctx);
    for ((key, _), start) in options.pairs(args).zip(starts) {
        if let Some(start) = start {
            read_in_group(ctx, key, start, &options, &mut answer)?;
        }
    }
    answer.finish(ctx, &options, Vec::new());
    Ok(())
}

/// Reads one stream in its group, and streams what that changed.
fn read_in_group(
    ctx: &mut Context<'_>,
    key: &[u8],
    start: Start,
    options: &ReadOptions<'_>,
    answer: &mut Answer,
) -> CommandResult {
    let Some((group_name, consumer_name)) = options.group else { return Ok(()) };
    let now_ms = ctx.now_ms;
    let mut effects = GroupEffects::new(key, group_name);
    let Some(mut entry) = ctx.find_mut(key) else { return Ok(()) };
    let Stream { entries, groups } = change_unwatched(&mut entry)?;
    let Some(mut group) = groups.find_mut(group_name) else { return Ok(()) };
    let (consumer, made) = group.meet(consumer_name, now_ms);
    if made && options.no_ack {
        effects.consumer_made(consumer_name);
    }
    let has_new = entries.last().is_some_and(|last| last.id > group.last_id);
    if start != Start::New || has_new {
        answer.begin(key);
        let mut reading = Reading { entries, group, consumer, options, now_ms };
        match start {
            Start::After(id) => reading.history(&mut answer.written, id),
            _ => reading.deliver(&mut answer.written, &mut effects),
        }
    } else {
        drop(group);
    }
    drop(entry);
    if made {
        ctx.notify(Class::Stream, CONSUMER_MADE, key);
        // Unless it is streamed, which counts it.
        ctx.effects.changed(u64::from(!options.no_ack));
    }
    effects.finish(ctx);
    Ok(())
}

/// One stream being read in a group.
struct Reading<'a> {
    entries: &'a Entries,
    group: GroupMut<'a>,
    consumer: ConsumerId,
    options: &'a ReadOptions<'a>,
    now_ms: u64,
}

impl Reading<'_> {
    /// Gives the consumer entries that the group was not given yet.
    fn deliver(&mut self, reply: &mut Reply, effects: &mut GroupEffects<'_>) {
        let Some(from) = self.group.last_id.next() else { return reply.empty_array() };
        let slot = reply.open_array();
        let mut len = 0;
        for entry in self.entries.range(from, StreamId::MAX).take(limit(self.options.count)) {
            self.pass(entry.id);
            reply_entry(reply, &entry);
            len += 1;
            if !self.options.no_ack {
                let consumer = self.consumer;
                let pending = Pending { consumer, delivered_ms: self.now_ms, deliveries: 1 };
                self.group.deliver(entry.id, pending);
                self.group.consumer_mut(consumer).active_ms = Some(self.now_ms);
                effects.claimed(&self.group, entry.id, pending);
            }
        }
        reply.close_array(slot, len);
        if len > 0 {
            effects.read(&self.group);
        }
    }

    /// The group has read up to this entry.
    fn pass(&mut self, id: StreamId) {
        self.group.entries_read = match self.group.entries_read {
            Some(read) if !self.entries.has_gaps_after(id) => read.checked_add(1),
            _ => self.entries.read_up_to(id),
        };
        self.group.last_id = id;
    }

    /// Gives the consumer again what is pending for it after an id. As with stock servers that is
    /// not streamed.
    fn history(&mut self, reply: &mut Reply, after: StreamId) {
        let count = limit(self.options.count);
        let pending = self.group.consumer(self.consumer).pending();
        let after = (Bound::Excluded(after), Bound::Unbounded);
        let ids: Vec<StreamId> = pending.range(after).take(count).copied().collect();
        reply.array(ids.len());
        for id in ids {
            match self.entries.find(id) {
                Some(entry) => {
                    reply_entry(reply, &entry);
                    self.group.deliver_again(id, self.now_ms);
                }
                None => {
                    reply.array(2);
                    reply_id(reply, id);
                    reply.null_array();
                }
            }
        }
    }
}

impl Answer {
    fn new(ctx: &Context<'_>) -> Answer {
        Answer { written: Reply::new(ctx.reply.version), streams: 0 }
    }

    /// Begins a stream's part; its entries are to be written next.
    fn begin(&mut self, key: &[u8]) {
        if self.written.version == RespVersion::V2 {
            self.written.array(2);
        }
        self.written.bulk(key);
        self.streams += 1;
    }

    /// Replies what was read; if there is nothing, the command may wait for it, `settled` telling
    /// what its ids mean now.
    fn finish(
        mut self,
        ctx: &mut Context<'_>,
        options: &ReadOptions<'_>,
        settled: Vec<(usize, Vec<u8>)>,
    ) {
        match (self.streams, ctx.reply.version) {
            (0, _) => {
                let waits = options.block(settled).is_some_and(|block| ctx.wait_for(block));
                if !waits {
                    ctx.reply.null_array();
                }
                return;
            }
            (streams, RespVersion::V2) => ctx.reply.array(streams),
            (streams, RespVersion::V3) => ctx.reply.map(streams),
        }
        ctx.reply.append(&mut self.written);
    }
}

const NEW_IN_XREAD: CommandError = CommandError::text(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
     <consumer> option.",
);
const NO_LAST: CommandError = CommandError::text("ERR the stream last element ID is 0-0");

/// What is said of an id that only XREAD knows.
fn meaningless(id: &[u8]) -> CommandError {
    let text = "ERR The ? ID is meaningless in the context of XREADGROUP: you want to read the \
                history of this consumer by specifying a proper ID, or use the > ID to get new \
                messages. The ? ID would just return an empty result set.";
    CommandError::owned(text.replace('?', &String::from_utf8_lossy(id)))
}

const fn streams_from(from: i16) -> KeySpec {
    KeySpec {
        flags: KeyFlags::READ,
        begin: Begin::Keyword("STREAMS", from),
        find: Find::Range { last: -1, step: 1, limit: 2 },
    }
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("xread", -4, Group::Stream, Scope::Shard(xread))
        .flags(Flags::READONLY.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS))
        .categories(Categories::STREAM)
        .keys(&[streams_from(1)])
        .doc("5.0.0", "", "Returns the entries of streams after given ids."),
    Spec::new("xreadgroup", -7, Group::Stream, Scope::Shard(xreadgroup))
        .flags(Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS))
        .categories(Categories::STREAM)
        .keys(&[streams_from(4)])
        .doc(
            "5.0.0",
            "O(M) for each stream, with M entries returned.",
            "Returns entries of streams to a consumer of a group.",
        ),
];
