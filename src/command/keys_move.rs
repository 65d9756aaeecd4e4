//! Keys under another name or in another database: RENAME, RENAMENX, MOVE, COPY. The entry goes as
//! it is, with its expiry, from keyspace to keyspace; routing has brought both into hand.

use super::context::{Context, free};
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::ids::DbIndex;
use crate::base::number;
use crate::keyspace::handle::Removed;
use crate::resp::request::Args;

fn rename(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    if rename_unless(ctx, args, |_| false)? {
        ctx.propagate(args);
    }
    ctx.reply.ok();
    Ok(())
}

fn rename_nx(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let renamed = rename_unless(ctx, args, |ctx| ctx.look(args.get(2)).is_some())?;
    if renamed {
        ctx.propagate(args);
    }
    ctx.reply.integer(i64::from(renamed));
    Ok(())
}

/// Renames the first key to the second; `false` if they are one, or if `forbidden` says so once
/// the first is known to exist.
fn rename_unless(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    forbidden: impl FnOnce(&mut Context<'_>) -> bool,
) -> Result<bool, CommandError> {
    let (from, to, db) = (args.get(1), args.get(2), ctx.db);
    if ctx.look(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    if from == to || forbidden(ctx) {
        return Ok(false);
    }
    if let Some(removed) = ctx.take_in(db, from) {
        put(ctx, db, to, removed);
        ctx.notify(Class::Generic, b"rename_from", from);
        ctx.notify(Class::Generic, b"rename_to", to);
    }
    Ok(true)
}

fn move_key(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (key, from) = (args.get(1), ctx.db);
    let to = database(ctx, args.get(2))?;
    if from == to {
        return Err(SAME);
    }
    let moves = ctx.look(key).is_some() && ctx.look_in(to, key).is_none();
    if moves && let Some(removed) = ctx.take_in(from, key) {
        put(ctx, to, key, removed);
        ctx.propagate(args);
        ctx.notify(Class::Generic, b"move_from", key);
        ctx.notify_in(to, Class::Generic, b"move_to", key);
    }
    ctx.reply.integer(i64::from(moves));
    Ok(())
}

fn copy(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (from, to) = (args.get(1), args.get(2));
    let (mut to_db, mut replace) = (ctx.db, false);
    let mut index = 3;
    while index < args.len() {
        if args.get(index).eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if args.get(index).eq_ignore_ascii_case(b"db") && index + 1 < args.len() {
            index += 1;
            to_db = database(ctx, args.get(index))?;
        } else {
            return Err(CommandError::Syntax);
        }
        index += 1;
    }
    if to_db == ctx.db && from == to {
        return Err(SAME);
    }
    let duplicate = ctx.find(from).map(|entry| entry.duplicate());
    let copies = match duplicate {
        Some(duplicate) if replace || ctx.look_in(to_db, to).is_none() => {
            // What is new was not used yet, however much the original was.
            let access = ctx.space_of(to).0.keys.clock().initial();
            duplicate.read().set_access(access);
            put(ctx, to_db, to, duplicate);
            ctx.propagate(args);
            ctx.notify_in(to_db, Class::Generic, b"copy_to", to);
            true
        }
        _ => false,
    };
    ctx.reply.integer(i64::from(copies));
    Ok(())
}

/// Puts an entry under a key and frees what stood there.
fn put(ctx: &mut Context<'_>, db: DbIndex, key: &[u8], entry: Removed) {
    let lazily = ctx.settings.memory.lazyfree_lazy_server_del;
    let expire = entry.read().expire();
    let (space, key) = ctx.space_of(key);
    if let Some(replaced) = space.keys.insert_removed(db, &key, entry) {
        free(replaced, lazily);
    }
    ctx.notify_in(db, Class::New, b"new", key.bytes);
    ctx.note_life(db, &key, expire);
}

/// The database that an argument of MOVE or COPY names.
fn database(ctx: &Context<'_>, text: &[u8]) -> Result<DbIndex, CommandError> {
    let number = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
    let number = i32::try_from(number).map_err(|_| NOT_32_BITS)?;
    match u16::try_from(number) {
        Ok(index) if index < ctx.settings.server.databases => Ok(DbIndex(index)),
        _ => Err(CommandError::DbOutOfRange),
    }
}

const SAME: CommandError = CommandError::text("ERR source and destination objects are the same");
const NOT_32_BITS: CommandError =
    CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647");
const FROM: KeySpec = KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE));

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("rename", 3, Group::Generic, Scope::Shard(rename))
        .flags(Flags::WRITE)
        .categories(Categories::KEYSPACE)
        .keys(&[FROM, KeySpec::one(2, KeyFlags::OW.with(KeyFlags::UPDATE))])
        .doc("1.0.0", "O(1)", "Gives a key another name, in the place of what had that name."),
    Spec::new("renamenx", 3, Group::Generic, Scope::Shard(rename_nx))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(&[FROM, KeySpec::one(2, KeyFlags::OW.with(KeyFlags::INSERT))])
        .doc("1.0.0", "O(1)", "Gives a key another name if no key has it."),
    Spec::new("move", 3, Group::Generic, Scope::Shard(move_key))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE))])
        .doc("1.0.0", "O(1)", "Moves a key to another database."),
    Spec::new("copy", -3, Group::Generic, Scope::Shard(copy))
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .categories(Categories::KEYSPACE)
        .keys(&[
            KeySpec::one(1, KeyFlags::READ),
            KeySpec::one(2, KeyFlags::OW.with(KeyFlags::UPDATE)),
        ])
        .doc(
            "6.2.0",
            "O(N) for a collection of N elements, O(1) for strings.",
            "Copies a value to another key.",
        ),
];
