//! Strings: the commands that read and write them whole.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::keyspace::value::{Value, ValueRef};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

fn get(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (found, reply) = ctx.find_with_reply(args.get(1));
    match found.map(|entry| entry.value()) {
        None => reply.null(),
        Some(value) => reply_string(reply, value)?,
    }
    Ok(())
}

/// Writes a string value as a bulk.
///
/// # Errors
/// `WrongType` if it is no string.
pub fn reply_string(reply: &mut Reply, value: ValueRef<'_>) -> CommandResult {
    match value {
        ValueRef::Int(number) => reply.bulk_int(number),
        ValueRef::Str(bytes) => reply.bulk(bytes),
        ValueRef::Shared(bytes) => reply.bulk_shared(bytes.clone()),
        ValueRef::Object(_) => return Err(CommandError::WrongType),
    }
    Ok(())
}

fn set(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    ctx.insert(args.get(1), Value::text(args.get(2)), None);
    ctx.propagate(args);
    ctx.reply.ok();
    Ok(())
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("get", 2, Group::String, Scope::Shard(get))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .doc("1.0.0", "O(1)", "Returns the string at a key."),
    Spec::new("set", -3, Group::String, Scope::Shard(set))
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .categories(Categories::STRING)
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))])
        .doc("1.0.0", "O(1)", "Stores a string at a key."),
];

#[cfg(test)]
mod tests {
    use crate::command::fixture::Fixture;

    #[test]
    fn a_string_is_stored_and_read() {
        let mut fixture = Fixture::new();
        fixture.check("GET a", "$-1\r\n", &[]);
        fixture.check("SET a 1", "+OK\r\n", &["SET a 1"]);
        fixture.check("GET a", "$1\r\n1\r\n", &[]);
    }
}
