//! XCLAIM and XAUTOCLAIM: what is pending for one consumer goes to another. Streamed is, for each
//! entry, what became of it. Runs on the core that holds the key.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group as Family, Scope, Spec};
use super::streams_access::{change_unwatched, no_group, reply_entry, reply_id, stream_of};
use super::streams_effects::GroupEffects;
use super::streams_groups::CONSUMER_MADE;
use super::streams_ids::{self, End};
use crate::base::number;
use crate::keyspace::handle::EntryRef;
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::entries::Entries;
use crate::keyspace::types::stream::group::{ConsumerId, GroupMut, Pending};
use crate::keyspace::types::stream::id::StreamId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// The options of XCLAIM.
#[derive(Clone, Copy, Debug, Default)]
struct ClaimOptions {
    /// Entries delivered less long ago stay where they are.
    idle_min_ms: u64,
    /// The instant of delivery to write down; now unless given.
    delivered_ms: u64,
    /// The number of deliveries to write down.
    deliveries: Option<u64>,
    /// Entries that are not pending become so.
    force: bool,
    /// Reply ids only, and count no delivery.
    just_id: bool,
    /// How far the group came, at least.
    last_id: StreamId,
}

fn xclaim(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, name) = (args.get(1), args.get(2));
    check_group(ctx.find(key), key, name)?;
    let idle_min_ms = idle_min(args.get(4), "XCLAIM")?;
    let mut ids = Vec::new();
    while let Some(id) = args.at(5 + ids.len()).and_then(|text| streams_ids::parse(text).ok()) {
        ids.push(id);
    }
    let options = ClaimOptions::parse(args, 5 + ids.len(), idle_min_ms, ctx.now_ms)?;
    let mut effects = GroupEffects::new(key, name);
    let mut reply = Reply::new(ctx.reply.version);
    let now_ms = ctx.now_ms;
    let Some(mut entry) = ctx.find_mut(key) else { return Err(no_group(key, name, "'")) };
    let Stream { entries, groups } = change_unwatched(&mut entry)?;
    let Some(mut group) = groups.find_mut(name) else { return Err(no_group(key, name, "'")) };
    let moved_on = options.last_id > group.last_id;
    group.last_id = group.last_id.max(options.last_id);
    let (consumer, made) = group.meet(args.get(3), now_ms);
    let mut claim = Claim { entries, group, consumer, options, now_ms };
    let slot = reply.open_array();
    let mut len = 0;
    for id in ids {
        let Some(outcome) = claim.claim(id, &mut effects) else { continue };
        if outcome == Outcome::Claimed {
            claim.reply(&mut reply, id);
            len += 1;
        }
    }
    reply.close_array(slot, len);
    if moved_on && effects.is_empty() {
        effects.read(&claim.group);
    }
    drop(claim);
    drop(entry);
    ctx.reply.append(&mut reply);
    finish(ctx, key, effects, made);
    Ok(())
}

/// Streams what was done. A consumer that was made is a change, but not streamed by itself.
fn finish(ctx: &mut Context<'_>, key: &[u8], effects: GroupEffects<'_>, made: bool) {
    if made {
        ctx.notify(Class::Stream, CONSUMER_MADE, key);
    }
    effects.finish(ctx);
    ctx.effects.changed(u64::from(made));
}

fn check_group(found: Option<EntryRef<'_>>, key: &[u8], name: &[u8]) -> CommandResult {
    let stream = found.map(|entry| stream_of(entry.value())).transpose()?;
    match stream.and_then(|stream| stream.groups.find(name)) {
        Some(_) => Ok(()),
        None => Err(no_group(key, name, "'")),
    }
}

/// The least time since the last delivery; none below 0.
fn idle_min(text: &[u8], command: &str) -> Result<u64, CommandError> {
    match number::parse_i64(text) {
        Some(idle_ms) => Ok(idle_ms.max(0).unsigned_abs()),
        None => {
            Err(CommandError::owned(format!("ERR Invalid min-idle-time argument for {command}")))
        }
    }
}

impl ClaimOptions {
    fn parse(
        args: Args<'_>,
        from: usize,
        idle_min_ms: u64,
        now_ms: u64,
    ) -> Result<ClaimOptions, CommandError> {
        let mut options = ClaimOptions { idle_min_ms, ..ClaimOptions::default() };
        let mut delivered_ms = None;
        let mut index = from;
        while let Some(word) = args.at(index) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let value = args.at(index + 1);
            index += 2;
            let number = |value: &[u8], name: &str| {
                number::parse_i64(value).ok_or_else(|| {
                    CommandError::owned(format!("ERR Invalid {name} option argument for XCLAIM"))
                })
            };
            match value {
                _ if is("force") => (options.force, index) = (true, index - 1),
                _ if is("justid") => (options.just_id, index) = (true, index - 1),
                Some(value) if is("idle") => {
                    let idle_ms = number(value, "IDLE")?;
                    delivered_ms = Some(now_ms.cast_signed().wrapping_sub(idle_ms));
                }
                Some(value) if is("time") => delivered_ms = Some(number(value, "TIME")?),
                Some(value) if is("retrycount") => {
                    options.deliveries = u64::try_from(number(value, "RETRYCOUNT")?).ok();
                }
                Some(value) if is("lastid") => options.last_id = streams_ids::parse(value)?,
                _ => {
                    return Err(CommandError::quoting(
                        "ERR Unrecognized XCLAIM option '",
                        word,
                        "'",
                    ));
                }
            }
        }
        // What lies ahead, or before 1970, is now.
        let given = delivered_ms.and_then(|at| u64::try_from(at).ok());
        options.delivered_ms = given.filter(|at| *at <= now_ms).unwrap_or(now_ms);
        Ok(options)
    }
}

/// One command's claims.
struct Claim<'a> {
    entries: &'a Entries,
    group: GroupMut<'a>,
    consumer: ConsumerId,
    options: ClaimOptions,
    now_ms: u64,
}

/// What a claim came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The entry is pending for the consumer now.
    Claimed,
    /// The entry is gone from the stream, and now from the pending ones.
    Gone,
}

impl Claim<'_> {
    /// Claims an entry; `None` if that changed nothing.
    fn claim(&mut self, id: StreamId, effects: &mut GroupEffects<'_>) -> Option<Outcome> {
        let old = self.group.pending().get(&id).copied();
        if self.entries.find(id).is_none() {
            // The effect first: it names the consumer that had the entry.
            effects.claimed(&self.group, id, old?);
            self.group.acknowledge(id);
            return Some(Outcome::Gone);
        }
        let known = match old {
            Some(old) => {
                let idle_ms = self.now_ms.saturating_sub(old.delivered_ms);
                if idle_ms < self.options.idle_min_ms {
                    return None;
                }
                old.deliveries
            }
            None if self.options.force => 1,
            None => return None,
        };
        let counted = if self.options.just_id { known } else { known.saturating_add(1) };
        let pending = Pending {
            consumer: self.consumer,
            delivered_ms: self.options.delivered_ms,
            deliveries: self.options.deliveries.unwrap_or(counted),
        };
        self.group.deliver(id, pending);
        self.group.consumer_mut(self.consumer).active_ms = Some(self.now_ms);
        effects.claimed(&self.group, id, pending);
        Some(Outcome::Claimed)
    }

    fn reply(&self, reply: &mut Reply, id: StreamId) {
        match self.entries.find(id) {
            Some(entry) if !self.options.just_id => reply_entry(reply, &entry),
            _ => reply_id(reply, id),
        }
    }
}

/// The options of XAUTOCLAIM.
struct AutoOptions {
    claim: ClaimOptions,
    start: StreamId,
    count: u64,
}

impl AutoOptions {
    fn parse(args: Args<'_>, now_ms: u64) -> Result<AutoOptions, CommandError> {
        let idle_min_ms = idle_min(args.get(4), "XAUTOCLAIM")?;
        let claim = ClaimOptions { idle_min_ms, delivered_ms: now_ms, ..ClaimOptions::default() };
        let start = streams_ids::parse_end(args.get(5), End::From)?;
        let mut options = AutoOptions { claim, start, count: 100 };
        let mut index = 6;
        while let Some(word) = args.at(index) {
            match args.at(index + 1) {
                Some(value) if word.eq_ignore_ascii_case(b"count") => {
                    let count = number::parse_i64(value).and_then(|it| u64::try_from(it).ok());
                    let fits = |count: &u64| (1..=COUNT_MAX).contains(count);
                    options.count = count.filter(fits).ok_or(BAD_COUNT)?;
                    index += 1;
                }
                _ if word.eq_ignore_ascii_case(b"justid") => options.claim.just_id = true,
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }
}

fn xautoclaim(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, name, now_ms) = (args.get(1), args.get(2), ctx.now_ms);
    // Counted and told of even where the options are wrong.
    ctx.find(key);
    let AutoOptions { claim: options, start, mut count } = AutoOptions::parse(args, now_ms)?;
    check_group(ctx.look(key), key, name)?;
    if count > COUNT_IN_MEMORY_MAX {
        return Err(NO_MEMORY);
    }
    let mut effects = GroupEffects::new(key, name);
    let mut reply = Reply::new(ctx.reply.version);
    let Some(mut entry) = ctx.find_mut(key) else { return Err(no_group(key, name, "'")) };
    let Stream { entries, groups } = change_unwatched(&mut entry)?;
    let Some(mut group) = groups.find_mut(name) else { return Err(no_group(key, name, "'")) };
    let (consumer, made) = group.meet(args.get(3), now_ms);
    let mut claim = Claim { entries, group, consumer, options, now_ms };
    let (mut attempts, mut next) = (count.saturating_mul(ATTEMPTS), Some(start));
    let (mut claimed, mut gone) = (0, Vec::new());
    let slot = reply.open_array();
    let cursor = loop {
        let found = next.and_then(|from| claim.group.pending().range(from..).next());
        let Some((&id, _)) = found else { break StreamId::MIN };
        if count == 0 || attempts == 0 {
            break id;
        }
        attempts -= 1;
        next = id.next();
        match claim.claim(id, &mut effects) {
            None => continue,
            Some(Outcome::Gone) => gone.push(id),
            Some(Outcome::Claimed) => {
                claim.reply(&mut reply, id);
                claimed += 1;
            }
        }
        count -= 1;
    };
    reply.close_array(slot, claimed);
    drop(claim);
    drop(entry);
    ctx.reply.array(3);
    reply_id(ctx.reply, cursor);
    ctx.reply.append(&mut reply);
    ctx.reply.array(gone.len());
    gone.into_iter().for_each(|id| reply_id(ctx.reply, id));
    finish(ctx, key, effects, made);
    Ok(())
}

/// Pending entries looked at for each that is wanted.
const ATTEMPTS: u64 = 10;
/// The greatest COUNT that is a number to stock servers, which reserve an id for each.
const COUNT_MAX: u64 = i64::MAX as u64 / 16;
/// From here on they cannot reserve the memory: no address space is as large.
const COUNT_IN_MEMORY_MAX: u64 = 1 << 43;

const BAD_COUNT: CommandError = CommandError::text("ERR COUNT must be > 0");
const NO_MEMORY: CommandError = CommandError::text(
    "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
);

const UPDATES: KeyFlags = KeyFlags::RW.with(KeyFlags::UPDATE);
const DELETES: KeyFlags = KeyFlags::RW.with(KeyFlags::DELETE);

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("xclaim", -6, Family::Stream, Scope::Shard(xclaim))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(Categories::STREAM)
        .keys(&[KeySpec::one(1, UPDATES)])
        .tips(&["nondeterministic_output"])
        .doc(
            "5.0.0",
            "O(log N) for each entry, with N entries pending.",
            "Gives pending entries to another consumer.",
        ),
    Spec::new("xautoclaim", -6, Family::Stream, Scope::Shard(xautoclaim))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(Categories::STREAM)
        .keys(&[KeySpec::one(1, DELETES)])
        .tips(&["nondeterministic_output"])
        .doc(
            "6.2.0",
            "O(1) with a small COUNT.",
            "Gives entries that were pending for long to another consumer.",
        ),
];
