//! Sets: members chosen at random, to be looked at or taken out. What is taken out is streamed by
//! name, so that replicas remove the same.

use super::context::{self, Context};
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::hashes::reply_element;
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::sample::{self, Wanted};
use super::sets::{find_set, set_in};
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::base::number;
use crate::keyspace::types::set::{Set, Taken};
use crate::keyspace::value::Object;
use crate::resp::request::Args;

fn srandmember(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let wanted = args.at(2).map(Wanted::parse).transpose()?;
    let mut random = ctx.random.fork();
    let (set, reply) = find_set(ctx, args.get(1))?;
    let Some(set) = set else {
        if wanted.is_some() {
            reply.empty_array()
        } else {
            reply.null()
        }
        return Ok(());
    };
    match wanted {
        None => match set.nth(random.usize(..set.len())) {
            Some(member) => reply_element(reply, member),
            None => reply.null(),
        },
        Some(Wanted::Any(count)) => {
            reply.array(count);
            for _ in 0..count {
                let chosen = set.nth(random.usize(..set.len()));
                chosen.into_iter().for_each(|member| reply_element(reply, member));
            }
        }
        Some(Wanted::Different(count)) if count >= set.len() => {
            reply.array(set.len());
            set.iter().for_each(|member| reply_element(reply, member));
        }
        Some(Wanted::Different(count)) => {
            reply.array(count);
            let chosen = sample::different(set.len(), count, &mut random);
            let mut chosen = chosen.into_iter().peekable();
            if set.flat().is_none() && count <= set.len() / NTH_WORTH {
                let members = chosen.filter_map(|index| set.nth(index));
                members.for_each(|member| reply_element(reply, member));
            } else {
                let all = set.iter().enumerate();
                all.filter(|(index, _)| chosen.next_if_eq(index).is_some())
                    .for_each(|(_, member)| reply_element(reply, member));
            }
        }
    }
    Ok(())
}

fn spop(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let key = args.get(1);
    if let Some(count) = args.at(2) {
        let negative = CommandError::text("ERR value is out of range, must be positive");
        let count = number::parse_i64(count).ok_or(negative.clone())?;
        let count = usize::try_from(count).map_err(|_| negative)?;
        return spop_count(ctx, key, count);
    }
    let mut random = ctx.random.fork();
    let taken = take(ctx, key, |set| {
        set.remove_nth(random.usize(..set.len())).into_iter().collect::<Vec<Taken>>()
    })?;
    let Some(taken) = taken.as_ref().and_then(|taken| taken.first()) else {
        ctx.reply.null();
        return Ok(());
    };
    let mut digits = itoa::Buffer::new();
    let text = taken.as_text(&mut digits);
    ctx.reply.bulk(text);
    ctx.propagate_as(&[b"SREM", key, text]);
    told(ctx, key);
    Ok(())
}

fn spop_count(ctx: &mut Context<'_>, key: &[u8], count: usize) -> CommandResult {
    let len = match ctx.look(key) {
        Some(entry) => set_in(entry.value())?.len(),
        None => 0,
    };
    if count == 0 || len == 0 {
        ctx.reply.set(0);
        return Ok(());
    }
    if count >= len {
        return spop_all(ctx, key);
    }
    let mut random = ctx.random.fork();
    let taken = take(ctx, key, |set| {
        // From the last on, so that the indices before stay right.
        let chosen = sample::different(set.len(), count, &mut random);
        chosen.into_iter().rev().filter_map(|index| set.remove_nth(index)).collect::<Vec<Taken>>()
    })?
    .unwrap_or_default();
    ctx.reply.set(taken.len());
    let mut digits = itoa::Buffer::new();
    taken.iter().for_each(|member| ctx.reply.bulk(member.as_text(&mut digits)));
    for batch in taken.chunks(STREAMED_AT_ONCE) {
        let mut digits = vec![itoa::Buffer::new(); batch.len()];
        let mut words: Vec<&[u8]> = vec![b"SREM", key];
        words.extend(batch.iter().zip(&mut digits).map(|(taken, digits)| taken.as_text(digits)));
        ctx.effects.push(ctx.db, &words);
    }
    ctx.effects.changed(taken.len() as u64);
    told(ctx, key);
    Ok(())
}

fn spop_all(ctx: &mut Context<'_>, key: &[u8]) -> CommandResult {
    let db = ctx.db;
    let Some(removed) = ctx.take_in(db, key) else { return Ok(()) };
    let set = set_in(removed.value())?;
    ctx.reply.set(set.len());
    set.iter().for_each(|member| reply_element(ctx.reply, member));
    let lazily = ctx.settings.memory.lazyfree_lazy_server_del;
    ctx.effects.push(db, &[context::deletion_word(lazily), key]);
    ctx.effects.changed(set.len() as u64);
    context::free(removed, lazily);
    ctx.notify(Class::Set, b"spop", key);
    ctx.notify(Class::Generic, b"del", key);
    Ok(())
}

/// Takes members out of a set, if there is one; the key stays, perhaps with an empty set.
fn take<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    take: impl FnOnce(&mut Set) -> T,
) -> Result<Option<T>, CommandError> {
    let Some(mut entry) = ctx.find_mut(key) else { return Ok(None) };
    set_in(entry.value())?;
    let Some(Object::Set(set)) = entry.object_mut() else { return Ok(None) };
    Ok(Some(take(set)))
}

/// Tells of members taken out, and removes the key if they were the last.
fn told(ctx: &mut Context<'_>, key: &[u8]) {
    ctx.notify(Class::Set, b"spop", key);
    let emptied = ctx.look(key).is_some_and(|entry| set_in(entry.value()).is_ok_and(Set::is_empty));
    if emptied {
        ctx.remove(key);
        ctx.notify(Class::Generic, b"del", key);
    }
}

/// Walking this many members costs about as much as finding one by its index.
const NTH_WORTH: usize = 16;
/// The most members of one SREM that an SPOP becomes, as in the streams of stock servers.
const STREAMED_AT_ONCE: usize = 1024;

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Set, Scope::Shard(handler))
        .categories(Categories::SET)
        .tips(&["nondeterministic_output"])
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("spop", -2, spop)
        .flags(Flags::WRITE.with(Flags::FAST))
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE))])
        .doc(
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the value of the passed \
             count.",
            "Takes members chosen at random out of a set.",
        ),
    row("srandmember", -2, srandmember)
        .flags(Flags::READONLY)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc(
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the absolute value of the \
             passed count.",
            "Returns members of a set chosen at random.",
        ),
];
