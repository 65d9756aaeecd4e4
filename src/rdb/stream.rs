//! Writing a stream: nodes as they are held, what is remembered of ids, groups. Pure, any core.
//!
//! ```text
//! nodes { id(16 in a string) listpack }*  length  last id
//!     [first id  greatest deleted id  entries added]                       since the second form
//! groups { name  last id  [entries read]
//!     pending { id(16) time(8) deliveries }*
//!     consumers { name  seen(8)  [active(8)]  pending { id(16) }* }* }*    active: the third form
//! ```
//!
//! Numbers and both halves of an id are length encodings, except where a size is given: an id of 16
//! bytes is big-endian, a time of 8 little-endian, in Unix milliseconds. Known from the public
//! descriptions of the format and from what DUMP of stock servers gives.

use crate::base::lzf::Compressor;
use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::group::Group;
use crate::keyspace::types::stream::id::StreamId;
use crate::rdb::format;
use crate::rdb::length;
use crate::rdb::string;

/// How much a file tells of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Redis 5 and 6.
    First,
    /// With what is needed to tell a group's lag: Redis 7.0.
    Second,
    /// With the time at which a consumer last got something: Redis 7.2.
    Third,
}

impl Form {
    /// The form that a type's number means.
    pub fn of_code(code: u8) -> Option<Form> {
        match code {
            format::TYPE_STREAM_1 => Some(Form::First),
            format::TYPE_STREAM_2 => Some(Form::Second),
            format::TYPE_STREAM_3 => Some(Form::Third),
            _ => None,
        }
    }

    /// The form that readers of an RDB version know.
    pub fn of_version(version: u16) -> Form {
        match version {
            ..10 => Form::First,
            10 => Form::Second,
            11.. => Form::Third,
        }
    }

    /// The type's number.
    pub fn code(self) -> u8 {
        match self {
            Form::First => format::TYPE_STREAM_1,
            Form::Second => format::TYPE_STREAM_2,
            Form::Third => format::TYPE_STREAM_3,
        }
    }
}

/// Appends a stream.
pub fn write(
    out: &mut Vec<u8>,
    stream: &Stream,
    form: Form,
    mut compressor: Option<&mut Compressor>,
) {
    let (entries, marks) = (&stream.entries, stream.entries.marks());
    length::write(out, entries.nodes().len() as u64);
    for (id, node) in entries.nodes() {
        string::write_bytes(out, &id.to_bytes(), None);
        string::write_bytes(out, node.as_bytes(), compressor.as_deref_mut());
    }
    length::write(out, entries.len());
    write_id(out, marks.last_id);
    if form >= Form::Second {
        write_id(out, marks.first_id);
        write_id(out, marks.max_deleted_id);
        length::write(out, marks.entries_added);
    }
    length::write(out, stream.groups.len() as u64);
    for (name, group) in stream.groups.iter() {
        string::write_bytes(out, name, compressor.as_deref_mut());
        write_group(out, group, form, compressor.as_deref_mut());
    }
}

fn write_group(
    out: &mut Vec<u8>,
    group: &Group,
    form: Form,
    mut compressor: Option<&mut Compressor>,
) {
    write_id(out, group.last_id);
    if form >= Form::Second {
        length::write(out, group.entries_read.unwrap_or(NOT_KNOWN));
    }
    length::write(out, group.pending().len() as u64);
    for (id, pending) in group.pending() {
        out.extend_from_slice(&id.to_bytes());
        out.extend_from_slice(&pending.delivered_ms.to_le_bytes());
        length::write(out, pending.deliveries);
    }
    length::write(out, group.consumers().len() as u64);
    for consumer in group.consumers() {
        string::write_bytes(out, &consumer.name, compressor.as_deref_mut());
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        if form >= Form::Third {
            let active_ms = consumer.active_ms.unwrap_or(NOT_KNOWN);
            out.extend_from_slice(&active_ms.to_le_bytes());
        }
        length::write(out, consumer.pending().len() as u64);
        consumer.pending().iter().for_each(|id| out.extend_from_slice(&id.to_bytes()));
    }
}

fn write_id(out: &mut Vec<u8>, id: StreamId) {
    length::write(out, id.ms);
    length::write(out, id.seq);
}

/// Stands for a count or time that is not known: -1 as an unsigned number.
pub const NOT_KNOWN: u64 = u64::MAX;
