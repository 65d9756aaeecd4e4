//! Values as bytes to be stored elsewhere: DUMP writes them, RESTORE makes keys of them.

use super::context::{Context, deletion_word, free};
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::keys_expire::is_past;
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::number;
use crate::rdb::convert;
use crate::rdb::decode::DecodeOptions;
use crate::rdb::dump::{self, DumpError};
use crate::rdb::encode::EncodeOptions;
use crate::rdb::record::KeyMeta;
use crate::resp::request::Args;

fn dump(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let rdb = &ctx.settings.rdb;
    let version = u16::try_from(rdb.version).expect("the directive's limit is far below");
    let options = EncodeOptions { version, compress: rdb.compression, checksum: true };
    let (found, reply) = ctx.find_with_reply(args.get(1));
    match found {
        None => reply.null(),
        Some(entry) => {
            let payload = dump::encode(convert::to_record(entry.value()), &options);
            reply.bulk_shared(payload.into());
        }
    }
    Ok(())
}

/// The words after RESTORE's payload.
#[derive(Default)]
struct RestoreOptions {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<u64>,
    freq: Option<u8>,
}

impl RestoreOptions {
    fn parse(words: Args<'_>) -> Result<RestoreOptions, CommandError> {
        let mut options = RestoreOptions::default();
        let mut index = 0;
        while index < words.len() {
            let word = words.get(index);
            let value = (index + 1 < words.len()).then(|| words.get(index + 1));
            match value {
                _ if word.eq_ignore_ascii_case(b"replace") => options.replace = true,
                _ if word.eq_ignore_ascii_case(b"absttl") => options.absolute = true,
                Some(value) if word.eq_ignore_ascii_case(b"idletime") && options.freq.is_none() => {
                    options.idle_seconds = Some(within(value, i64::MAX, BAD_IDLE)?.unsigned_abs());
                    index += 1;
                }
                Some(value)
                    if word.eq_ignore_ascii_case(b"freq") && options.idle_seconds.is_none() =>
                {
                    let freq = within(value, i64::from(u8::MAX), BAD_FREQ)?;
                    options.freq = u8::try_from(freq).ok();
                    index += 1;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }
}

/// An integer from 0 to `max`.
fn within(text: &[u8], max: i64, error: CommandError) -> Result<i64, CommandError> {
    let number = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
    if (0..=max).contains(&number) { Ok(number) } else { Err(error) }
}

fn restore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, db) = (args.get(1), ctx.db);
    let options = RestoreOptions::parse(args.slice_from(4))?;
    if !options.replace && ctx.look(key).is_some() {
        return Err(BUSY);
    }
    let ttl = within(args.get(2), i64::MAX, BAD_TTL)?.unsigned_abs();
    let decode = DecodeOptions {
        checksum: true,
        string_max: ctx.settings.clients.proto_max_bulk_len,
        encoding: ctx.settings.encoding,
    };
    let value = dump::decode(args.get(3), &decode).map_err(refused)?;
    let expire_ms = match ttl {
        0 => None,
        ttl if options.absolute => Some(ttl),
        ttl => Some(ttl.saturating_add(ctx.now_ms)),
    };
    let removed = if options.replace { ctx.take_in(db, key) } else { None };
    let replaced = removed.is_some();
    let lazily = ctx.settings.memory.lazyfree_lazy_server_del;
    removed.into_iter().for_each(|removed| free(removed, lazily));
    let ends = expire_ms.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
    if ends.is_some_and(|ends| is_past(ctx, key, ends)) {
        if replaced {
            ctx.propagate_as(&[deletion_word(lazily), key]);
            ctx.notify(Class::Generic, b"del", key);
        }
        ctx.reply.ok();
        return Ok(());
    }
    ctx.insert(key, convert::from_record(value), expire_ms);
    let meta = KeyMeta { expire_ms, idle_seconds: options.idle_seconds, freq: options.freq };
    let (space, hashed) = ctx.space_of(key);
    if let Some(access) = convert::access_of(&meta, space.keys.clock())
        && let Some(entry) = space.keys.peek(db, &hashed)
    {
        entry.set_access(access);
    }
    stream_restore(ctx, args, expire_ms.filter(|_| !options.absolute));
    ctx.notify(Class::Generic, b"restore", key);
    ctx.reply.ok();
    Ok(())
}

/// Streams RESTORE with the end as a moment, `instant`, if it came as a time to live.
fn stream_restore(ctx: &mut Context<'_>, args: Args<'_>, instant: Option<u64>) {
    let Some(instant) = instant else { return ctx.propagate(args) };
    let mut digits = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = args.iter().collect();
    words[2] = digits.format(instant).as_bytes();
    words.push(b"ABSTTL");
    ctx.propagate_as(&words);
}

fn refused(error: DumpError) -> CommandError {
    CommandError::owned(format!("ERR {error}"))
}

const BUSY: CommandError = CommandError::text("BUSYKEY Target key name already exists.");
const BAD_TTL: CommandError = CommandError::text("ERR Invalid TTL value, must be >= 0");
const BAD_IDLE: CommandError = CommandError::text("ERR Invalid IDLETIME value, must be >= 0");
const BAD_FREQ: CommandError =
    CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255");

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("dump", 2, Group::Generic, Scope::Shard(dump))
        .flags(Flags::READONLY)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::READ)])
        .tips(&["nondeterministic_output"])
        .doc(
            "2.6.0",
            "O(1) to find the key and O(N*M) to write N elements of M bytes.",
            "Writes the value at a key as bytes for RESTORE.",
        ),
    Spec::new("restore", -4, Group::Generic, Scope::Shard(restore))
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .categories(Categories::KEYSPACE.with(Categories::DANGEROUS))
        .keys(&[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE))])
        .doc(
            "2.6.0",
            "O(1) to make the key and O(N*M) to read N elements of M bytes, O(N*M*log(N)) for \
             sorted sets.",
            "Makes a key of what DUMP wrote.",
        ),
];

#[cfg(test)]
mod tests;
