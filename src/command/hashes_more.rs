//! Hashes: counting in fields, choosing fields at random, walking them. A float sum is streamed as
//! its result, so that no replica computes with other digits.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::hashes::{change_hash, find_hash, hash_in, reply_element};
use super::key_spec::{KeyFlags, KeySpec};
use super::keys_scan::{self, ScanOptions};
use super::notify::Class;
use super::sample::{self, Wanted};
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use super::strings::reply_string;
use crate::base::long_double::LongDouble;
use crate::base::number;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::value::{Value, ValueRef};
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;

fn hincrby(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, field) = (args.get(1), args.get(2));
    let by = number::parse_i64(args.get(3)).ok_or(CommandError::NotInteger)?;
    let old = with_field(ctx, key, field, |value| {
        let mut digits = itoa::Buffer::new();
        let text = value.as_text(&mut digits).unwrap_or_default();
        number::parse_i64(text).ok_or(CommandError::text("ERR hash value is not an integer"))
    })?;
    let overflow = CommandError::text("ERR increment or decrement would overflow");
    let sum = old.unwrap_or(0).checked_add(by).ok_or(overflow)?;
    store(ctx, key, field, itoa::Buffer::new().format(sum).as_bytes())?;
    ctx.propagate(args);
    ctx.notify(Class::Hash, b"hincrby", key);
    ctx.reply.integer(sum);
    Ok(())
}

fn hincrbyfloat(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, field) = (args.get(1), args.get(2));
    let by = LongDouble::parse(args.get(3)).ok_or(CommandError::NotFloat)?;
    if by.is_infinite() {
        return Err(CommandError::text("ERR value is NaN or Infinity"));
    }
    let old = with_field(ctx, key, field, |value| {
        let mut digits = itoa::Buffer::new();
        let text = value.as_text(&mut digits).unwrap_or_default();
        LongDouble::parse(text).ok_or(CommandError::text("ERR hash value is not a float"))
    })?;
    let infinite = CommandError::text("ERR increment would produce NaN or Infinity");
    let sum = old.unwrap_or(LongDouble::from_i64(0)).plus(by).ok_or(infinite)?.text();
    store(ctx, key, field, &sum)?;
    ctx.propagate_as(&[b"HSET", key, field, &sum]);
    ctx.notify(Class::Hash, b"hincrbyfloat", key);
    ctx.reply.bulk(&sum);
    Ok(())
}

/// What `read` makes of a field's value, if there is such a field.
fn with_field<T>(
    ctx: &mut Context<'_>,
    key: &[u8],
    field: &[u8],
    read: impl FnOnce(ValueRef<'_>) -> Result<T, CommandError>,
) -> Result<Option<T>, CommandError> {
    let Some(entry) = ctx.look(key) else { return Ok(None) };
    hash_in(entry.value())?.get(field).map(read).transpose()
}

fn store(ctx: &mut Context<'_>, key: &[u8], field: &[u8], text: &[u8]) -> CommandResult {
    let limits = ctx.settings.encoding;
    change_hash(ctx, key, |hash| hash.set(field, Value::Bytes(text), &limits)).map(|_| ())
}

fn hrandfield(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if args.len() == 2 {
        return random_field(ctx, args.get(1));
    }
    let count = args.get(2);
    // Grammar is looked at behind the count's own range, before the pairs' one.
    let wanted = Wanted::parse(count)?;
    let with_values = args.len() == 4 && args.get(3).eq_ignore_ascii_case(b"withvalues");
    if args.len() > 3 && !with_values {
        return Err(CommandError::Syntax);
    }
    if with_values {
        Wanted::parse_pairs(count)?;
    }
    let mut random = ctx.random.fork();
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    let Some(hash) = hash else {
        reply.empty_array();
        return Ok(());
    };
    let mut fields = Fields { reply, with_values };
    match wanted {
        Wanted::Any(count) => {
            fields.open(count);
            for _ in 0..count {
                let index = random.usize(..hash.len());
                hash.nth(index).map_or(Ok(()), |pair| fields.add(pair))?;
            }
            Ok(())
        }
        Wanted::Different(count) if count >= hash.len() => {
            fields.open(hash.len());
            hash.iter().try_for_each(|pair| fields.add(pair))
        }
        Wanted::Different(count) => {
            fields.open(count);
            let chosen = sample::different(hash.len(), count, &mut random);
            let mut chosen = chosen.into_iter().peekable();
            let all = hash.iter().enumerate();
            if hash.as_pack().is_some() || count > hash.len() / NTH_WORTH {
                let mut picked = all.filter(|(index, _)| chosen.next_if_eq(index).is_some());
                return picked.try_for_each(|(_, pair)| fields.add(pair));
            }
            chosen.filter_map(|index| hash.nth(index)).try_for_each(|pair| fields.add(pair))
        }
    }
}

/// Fields, with or without values, in the shape the client's protocol has for them.
struct Fields<'r> {
    reply: &'r mut Reply,
    with_values: bool,
}

impl Fields<'_> {
    fn open(&mut self, count: usize) {
        let flat = self.with_values && self.reply.version == RespVersion::V2;
        self.reply.array(if flat { 2 * count } else { count });
    }

    fn add(&mut self, (field, value): (Element<'_>, ValueRef<'_>)) -> CommandResult {
        if self.with_values && self.reply.version == RespVersion::V3 {
            self.reply.array(2);
        }
        reply_element(self.reply, field);
        if self.with_values { reply_string(self.reply, value) } else { Ok(()) }
    }
}

fn random_field(ctx: &mut Context<'_>, key: &[u8]) -> CommandResult {
    let mut random = ctx.random.fork();
    let (hash, reply) = find_hash(ctx, key)?;
    match hash.and_then(|hash| hash.nth(random.usize(..hash.len()))) {
        Some((field, _)) => reply_element(reply, field),
        None => reply.null(),
    }
    Ok(())
}

fn hscan(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let cursor = keys_scan::cursor(args.get(2))?;
    let version = ctx.client.version;
    let (hash, reply) = find_hash(ctx, args.get(1))?;
    let Some(hash) = hash else {
        keys_scan::reply_elements(reply, 0, 0, &mut Reply::new(version));
        return Ok(());
    };
    let (options, no_values) = ScanOptions::parse_fields(args.slice_from(3))?;
    let (mut found, mut len) = (Reply::new(version), 0);
    let mut digits = itoa::Buffer::new();
    let next = hash.scan(cursor.0, options.count, &mut |field, value| {
        if !options.matches(field.as_text(&mut digits)) {
            return;
        }
        reply_element(&mut found, field);
        len += 1;
        if !no_values && reply_string(&mut found, value).is_ok() {
            len += 1;
        }
    });
    keys_scan::reply_elements(reply, next, len, &mut found);
    Ok(())
}

/// Walking this many fields costs about as much as finding one by its index.
const NTH_WORTH: usize = 16;

const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST);
const READ_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];
const CHANGED_KEY: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))];

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Hash, Scope::Shard(handler)).categories(Categories::HASH)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("hincrby", 4, hincrby).flags(WRITES).keys(CHANGED_KEY).doc(
        "2.0.0",
        "O(1)",
        "Adds to the integer in a field.",
    ),
    row("hincrbyfloat", 4, hincrbyfloat).flags(WRITES).keys(CHANGED_KEY).doc(
        "2.6.0",
        "O(1)",
        "Adds to the floating point number in a field.",
    ),
    row("hrandfield", -2, hrandfield)
        .flags(Flags::READONLY)
        .keys(READ_KEY)
        .tips(&["nondeterministic_output"])
        .doc(
            "6.2.0",
            "O(N) where N is the number of fields returned",
            "Returns fields of a hash chosen at random.",
        ),
    row("hscan", -3, hscan)
        .flags(Flags::READONLY)
        .keys(READ_KEY)
        .tips(&["nondeterministic_output"])
        .doc("2.8.0", keys_scan::WALK_COST, "Iterates over the fields of a hash."),
];
