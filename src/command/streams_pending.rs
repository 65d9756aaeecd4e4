//! XPENDING: what a group's consumers got and did not acknowledge. Reads only, on the core that
//! holds the key.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group as Family, Scope, Spec};
use super::streams_access::{count, find, integer, no_group, reply_id};
use super::streams_ids::{self, End};
use crate::keyspace::types::stream::group::{Consumer, Group, Pending};
use crate::keyspace::types::stream::id::StreamId;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// Which pending entries to reply one by one.
struct Wanted<'a> {
    idle_min_ms: u64,
    from: StreamId,
    to: StreamId,
    count: u64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(args: Args<'a>) -> Result<Wanted<'a>, CommandError> {
        if !(6..=9).contains(&args.len()) {
            return Err(CommandError::Syntax);
        }
        let (mut from_at, mut idle_min_ms) = (3, 0);
        if args.get(3).eq_ignore_ascii_case(b"idle") {
            idle_min_ms = integer(args.get(4))?.max(0).unsigned_abs();
            if args.len() < 8 {
                return Err(CommandError::Syntax);
            }
            from_at += 2;
        }
        let count = count(args.get(from_at + 2))?;
        let from = streams_ids::parse_end(args.get(from_at), End::From)?;
        let to = streams_ids::parse_end(args.get(from_at + 1), End::To)?;
        Ok(Wanted { idle_min_ms, from, to, count, consumer: args.at(from_at + 3) })
    }
}

fn xpending(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let wanted = if args.len() == 3 { None } else { Some(Wanted::parse(args)?) };
    let (key, name, now_ms) = (args.get(1), args.get(2), ctx.now_ms);
    let (stream, reply) = find(ctx, key)?;
    let group = stream.and_then(|stream| stream.groups.find(name));
    let group = group.ok_or_else(|| no_group(key, name, "'"))?;
    match wanted {
        None => sum_up(reply, group),
        Some(wanted) => list(reply, group, &wanted, now_ms),
    }
    Ok(())
}

fn sum_up(reply: &mut Reply, group: &Group) {
    let pending = group.pending();
    reply.array(4);
    reply.integer(pending.len() as i64);
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value())
    else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    reply_id(reply, *first);
    reply_id(reply, *last);
    let busy = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(&consumer.name);
        reply.bulk_int(consumer.pending().len() as i64);
    }
}

fn list(reply: &mut Reply, group: &Group, wanted: &Wanted<'_>, now_ms: u64) {
    let consumer = match wanted.consumer {
        None => None,
        Some(name) => match group.consumer_id(name) {
            Some(id) => Some(group.consumer(id)),
            None => return reply.empty_array(),
        },
    };
    let slot = reply.open_array();
    let mut len = 0;
    for (id, pending) in between(group, consumer, wanted.from, wanted.to) {
        if len == wanted.count {
            break;
        }
        let idle_ms = now_ms.saturating_sub(pending.delivered_ms);
        if idle_ms < wanted.idle_min_ms {
            continue;
        }
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(&group.consumer(pending.consumer).name);
        reply.integer(idle_ms.cast_signed());
        reply.integer(pending.deliveries.cast_signed());
        len += 1;
    }
    reply.close_array(slot, len as usize);
}

/// What is pending for one consumer, or for all, between two ids.
fn between<'g>(
    group: &'g Group,
    consumer: Option<&'g Consumer>,
    from: StreamId,
    to: StreamId,
) -> Box<dyn Iterator<Item = (StreamId, Pending)> + 'g> {
    if from > to {
        return Box::new(std::iter::empty());
    }
    match consumer {
        None => Box::new(group.pending().range(from..=to).map(|(id, pending)| (*id, *pending))),
        Some(consumer) => {
            let ids = consumer.pending().range(from..=to);
            Box::new(ids.filter_map(|id| Some((*id, *group.pending().get(id)?))))
        }
    }
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[Spec::new("xpending", -3, Family::Stream, Scope::Shard(xpending))
    .flags(Flags::READONLY)
    .categories(Categories::STREAM)
    .keys(&[KeySpec::one(1, KeyFlags::READ)])
    .tips(&["nondeterministic_output"])
    .doc(
        "5.0.0",
        "O(N) with N entries returned; O(M) with M consumers in the summary.",
        "Tells what is pending in a consumer group.",
    )];
