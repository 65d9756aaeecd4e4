//! What the commands on streams share: finding streams, replying entries, what is said of groups
//! that are not there. Runs on the core that holds the key.

use super::context::Context;
use super::error::CommandError;
use crate::keyspace::handle::EntryMut;
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::id::StreamId;
use crate::keyspace::types::stream::node::Entry;
use crate::keyspace::value::{Object, ValueRef};
use crate::resp::reply::Reply;

/// The stream that a value is.
///
/// # Errors
/// `WrongType`.
pub fn stream_of(value: ValueRef<'_>) -> Result<&Stream, CommandError> {
    match value {
        ValueRef::Object(Object::Stream(stream)) => Ok(stream),
        _ => Err(CommandError::WrongType),
    }
}

/// The stream at a key, if there is one, for reading, with the reply beside it.
///
/// # Errors
/// `WrongType`.
pub fn find<'c>(
    ctx: &'c mut Context<'_>,
    key: &[u8],
) -> Result<(Option<&'c Stream>, &'c mut Reply), CommandError> {
    let (found, reply) = ctx.find_with_reply(key);
    let stream = found.map(|entry| stream_of(entry.value())).transpose()?;
    Ok((stream, reply))
}

/// The stream in an entry, its entries about to change.
///
/// # Errors
/// `WrongType`.
pub fn change<'e>(entry: &'e mut EntryMut<'_>) -> Result<&'e mut Stream, CommandError> {
    stream_of(entry.value())?;
    match entry.object_mut() {
        Some(Object::Stream(stream)) => Ok(stream),
        _ => Err(CommandError::WrongType),
    }
}

/// The stream in an entry, its groups or marks about to change: nothing to those who watch the
/// key, as with stock servers.
///
/// # Errors
/// `WrongType`.
pub fn change_unwatched<'e>(entry: &'e mut EntryMut<'_>) -> Result<&'e mut Stream, CommandError> {
    stream_of(entry.value())?;
    match entry.object_unwatched() {
        Some(Object::Stream(stream)) => Ok(stream),
        _ => Err(CommandError::WrongType),
    }
}

/// Writes an entry: its id, its names and values.
pub fn reply_entry(reply: &mut Reply, entry: &Entry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(2 * entry.len());
    let mut digits = itoa::Buffer::new();
    for (name, value) in entry.fields() {
        reply.bulk(name.as_text(&mut digits));
        reply.bulk(value.as_text(&mut digits));
    }
}

/// Writes entries as an array of up to `count` of them; 0 is no limit. How many there were.
pub fn reply_entries<'e>(
    reply: &mut Reply,
    entries: impl Iterator<Item = Entry<'e>>,
    count: u64,
) -> usize {
    let slot = reply.open_array();
    let mut len = 0;
    for entry in entries.take(limit(count)) {
        reply_entry(reply, &entry);
        len += 1;
    }
    reply.close_array(slot, len);
    len
}

/// Writes an id.
pub fn reply_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(id.text().as_bytes());
}

/// A count that is no limit when it is 0.
pub fn limit(count: u64) -> usize {
    match usize::try_from(count) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    }
}

/// What is said of a group that is not there.
pub fn no_group(key: &[u8], group: &[u8], after: &str) -> CommandError {
    let quoted = [visible(key), b"' or consumer group '", visible(group)].concat();
    CommandError::quoting("NOGROUP No such key '", &quoted, after)
}

/// What is said of a group that is not in the stream that is there.
pub fn no_group_in(key: &[u8], group: &[u8]) -> CommandError {
    let quoted = [visible(group), b"' for key name '", visible(key)].concat();
    CommandError::quoting("NOGROUP No such consumer group '", &quoted, "'")
}

/// To stock servers text in errors ends at a zero.
fn visible(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

/// An integer argument.
///
/// # Errors
/// `NotInteger`.
pub fn integer(text: &[u8]) -> Result<i64, CommandError> {
    crate::base::number::parse_i64(text).ok_or(CommandError::NotInteger)
}

/// A COUNT argument; none below 0.
///
/// # Errors
/// `NotInteger`.
pub fn count(text: &[u8]) -> Result<u64, CommandError> {
    integer(text).map(|count| count.max(0).unsigned_abs())
}
