//! Parts of strings: APPEND, STRLEN, SETRANGE, GETRANGE, and what other commands that address parts
//! of strings share. Changes are made in place and streamed as they came.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use super::strings::value_of;
use crate::base::number;
use crate::keyspace::value::{Value, ValueRef};
use crate::resp::request::Args;
use std::ops::Range;

/// The bytes or bits that `start` and `end` (inclusive) mean of `len` ones: negative positions
/// count from the end, those outside are moved inside. `None` if nothing is left.
pub fn clamp(start: i64, end: i64, len: u64) -> Option<Range<u64>> {
    let from_end = |position: i64| match u64::try_from(position) {
        Ok(position) => position,
        Err(_) => len.saturating_sub(position.unsigned_abs()),
    };
    let (start, end) = (from_end(start), from_end(end).min(len.checked_sub(1)?));
    (start <= end).then(|| start..end + 1)
}

/// Whether both positions count from the end and name nothing. GETRANGE and BITCOUNT ask before
/// they clamp, since two positions before the beginning would both become the first.
pub fn is_backwards(start: i64, end: i64) -> bool {
    start < 0 && end < 0 && start > end
}

/// The length of the string at `key`, 0 without one, for a command that is about to change it.
///
/// # Errors
/// `WrongType`.
pub fn string_len(ctx: &mut Context<'_>, key: &[u8]) -> Result<usize, CommandError> {
    match ctx.look(key) {
        None => Ok(0),
        Some(entry) => entry.value().text_len().ok_or(CommandError::WrongType),
    }
}

/// Changes the string at `key` in place, zeros being appended up to `len_min`, an empty one made if
/// there is none. The caller has seen that the key holds no other type.
pub fn change_bytes<R>(
    ctx: &mut Context<'_>,
    key: &[u8],
    len_min: usize,
    change: impl FnOnce(&mut [u8]) -> R,
) -> R {
    if ctx.look(key).is_none() {
        ctx.insert(key, Value::Bytes(b""), None);
    }
    let mut entry = ctx.find_mut(key).expect("it is there or was inserted just now");
    change(entry.bytes_mut(len_min).expect("the caller has seen a string"))
}

/// Makes a string's encoding `raw` without counting that as a change, as stock servers do for
/// commands that might have changed it in place.
pub fn make_raw(ctx: &mut Context<'_>, key: &[u8]) {
    if ctx.look(key).is_some_and(|entry| entry.encoding() != "raw")
        && let Some(mut entry) = ctx.find_mut(key)
    {
        entry.make_raw();
    }
}

/// Refuses a string of `len + more` bytes if that is above the limit. The master's link obeys.
///
/// # Errors
/// The text that names `proto-max-bulk-len`.
pub fn check_length(ctx: &Context<'_>, len: usize, more: usize) -> CommandResult {
    let max = ctx.settings.clients.proto_max_bulk_len;
    let fits = len.checked_add(more).is_some_and(|sum| sum as u64 <= max);
    if fits || ctx.is_master_link() {
        return Ok(());
    }
    Err(CommandError::text("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
}

fn append(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, tail) = (args.get(1), args.get(2));
    let len = match ctx.look(key).map(|entry| entry.value().text_len()) {
        None => {
            ctx.insert(key, value_of(args, 2), None);
            tail.len()
        }
        Some(None) => return Err(CommandError::WrongType),
        Some(Some(len)) => {
            check_length(ctx, len, tail.len())?;
            let mut entry = ctx.find_mut(key).expect("it was there just now");
            entry.append(tail).expect("it is a string");
            len + tail.len()
        }
    };
    ctx.propagate(args);
    ctx.notify(Class::String, b"append", key);
    ctx.reply.integer(len as i64);
    Ok(())
}

fn strlen(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (found, reply) = ctx.find_with_reply(args.get(1));
    let len = match found {
        None => 0,
        Some(entry) => entry.value().text_len().ok_or(CommandError::WrongType)?,
    };
    reply.integer(len as i64);
    Ok(())
}

fn setrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, patch) = (args.get(1), args.get(3));
    let offset = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let offset =
        usize::try_from(offset).map_err(|_| CommandError::text("ERR offset is out of range"))?;
    let mut len = string_len(ctx, key)?;
    if !patch.is_empty() {
        check_length(ctx, offset, patch.len())?;
        let end = offset + patch.len();
        len = change_bytes(ctx, key, end, |bytes| {
            bytes[offset..end].copy_from_slice(patch);
            bytes.len()
        });
        ctx.propagate(args);
        ctx.notify(Class::String, b"setrange", key);
    }
    ctx.reply.integer(len as i64);
    Ok(())
}

fn getrange(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let start = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let end = number::parse_i64(args.get(3)).ok_or(CommandError::NotInteger)?;
    let (found, reply) = ctx.find_with_reply(args.get(1));
    let Some(entry) = found else {
        reply.bulk(b"");
        return Ok(());
    };
    let value = entry.value();
    let mut digits = itoa::Buffer::new();
    let text = value.as_text(&mut digits).ok_or(CommandError::WrongType)?;
    let range = clamp(start, end, text.len() as u64)
        .filter(|_| !is_backwards(start, end))
        .unwrap_or_default();
    // Within a string in memory, so the positions fit.
    let range = range.start as usize..range.end as usize;
    match value {
        ValueRef::Shared(bytes) => reply.bulk_shared(bytes.slice(range)),
        _ => reply.bulk(&text[range]),
    }
    Ok(())
}

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::String, Scope::Shard(handler)).categories(Categories::STRING)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("append", 3, append)
        .flags(Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST))
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))])
        .doc("2.0.0", APPEND_COST, "Appends to the string at a key."),
    row("strlen", 2, strlen)
        .flags(Flags::READONLY.with(Flags::FAST))
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .doc("2.2.0", "O(1)", "Returns the length of the string at a key."),
    row("setrange", 4, setrange)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))])
        .doc("2.2.0", SETRANGE_COST, "Overwrites a part of the string at a key."),
    row("getrange", 4, getrange)
        .flags(Flags::READONLY)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc("2.4.0", GETRANGE_COST, "Returns a part of the string at a key."),
    row("substr", 4, getrange).flags(Flags::READONLY).keys(&[KeySpec::one(1, KeyFlags::READ)]).doc(
        "1.0.0",
        GETRANGE_COST,
        "The old name of GETRANGE.",
    ),
];

// Word for word what `COMMAND DOCS` answers: clients show it.
const APPEND_COST: &str = "O(1). The amortized time complexity is O(1) assuming the appended value \
    is small and the already present value is of any size, since the dynamic string library used \
    by the server will double the free space available on every reallocation.";
const SETRANGE_COST: &str = "O(1), not counting the time taken to copy the new string in place. \
    Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity \
    is O(M) with M being the length of the value argument.";
const GETRANGE_COST: &str = "O(N) where N is the length of the returned string. The complexity is \
    ultimately determined by the returned length, but because creating a substring from an \
    existing string is very cheap, it can be considered O(1) for small strings.";

#[cfg(test)]
mod tests;
