//! When keys end: setting it, reading it, taking it back. Times are kept in Unix milliseconds and
//! streamed as such, whatever a client counted in, so that replicas and files mean the same moment.

use super::context::{Context, deletion_word, free};
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::gate::Role;
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::number;
use crate::resp::request::Args;

/// How a command counts time.
#[derive(Clone, Copy)]
struct Scale {
    /// The command's name, for its errors.
    name: &'static str,
    /// Milliseconds of one of its units.
    unit_ms: i64,
    /// It counts from now, not from 1970.
    relative: bool,
}

const EXPIRE: Scale = Scale { name: "expire", unit_ms: 1000, relative: true };
const PEXPIRE: Scale = Scale { name: "pexpire", unit_ms: 1, relative: true };
const EXPIREAT: Scale = Scale { name: "expireat", unit_ms: 1000, relative: false };
const PEXPIREAT: Scale = Scale { name: "pexpireat", unit_ms: 1, relative: false };

/// The words that make EXPIRE depend on what the key has.
#[derive(Clone, Copy, Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(words: Args<'_>) -> Result<Conditions, CommandError> {
        let mut conditions = Conditions::default();
        for word in words.iter() {
            let flag = match word.to_ascii_lowercase().as_slice() {
                b"nx" => &mut conditions.nx,
                b"xx" => &mut conditions.xx,
                b"gt" => &mut conditions.gt,
                b"lt" => &mut conditions.lt,
                _ => {
                    return Err(CommandError::quoting("ERR Unsupported option ", word, ""));
                }
            };
            *flag = true;
        }
        if conditions.nx && (conditions.xx || conditions.gt || conditions.lt) {
            return Err(NX_WITH_OTHERS);
        }
        if conditions.gt && conditions.lt {
            return Err(GT_WITH_LT);
        }
        Ok(conditions)
    }

    /// Whether a key that has `old` may be given `new`. Without an expiry a key lives for ever,
    /// which is later than anything.
    fn allow(self, old: Option<u64>, new: i64) -> bool {
        let forbidden = (self.nx && old.is_some())
            || (self.xx && old.is_none())
            || (self.gt && old.is_none_or(|old| i128::from(new) <= i128::from(old)))
            || (self.lt && old.is_some_and(|old| i128::from(new) >= i128::from(old)));
        !forbidden
    }
}

impl Scale {
    /// The Unix milliseconds that an argument means; before 1970 if negative.
    fn instant(self, text: &[u8], now_ms: u64) -> Result<i64, CommandError> {
        let number = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
        let base = if self.relative { i64::try_from(now_ms).unwrap_or(i64::MAX) } else { 0 };
        let instant = number.checked_mul(self.unit_ms).and_then(|ms| ms.checked_add(base));
        instant.ok_or_else(|| {
            let name = self.name;
            CommandError::owned(format!("ERR invalid expire time in '{name}' command"))
        })
    }
}

fn set_expire(ctx: &mut Context<'_>, args: Args<'_>, scale: Scale) -> CommandResult {
    let key = args.get(1);
    let conditions = Conditions::parse(args.slice_from(3))?;
    let instant = scale.instant(args.get(2), ctx.now_ms)?;
    let Some(old) = ctx.look(key).map(|entry| entry.expire()) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    if !conditions.allow(old, instant) {
        ctx.reply.integer(0);
        return Ok(());
    }
    if is_past(ctx, key, instant) {
        let lazily = ctx.settings.memory.lazyfree_lazy_expire;
        let db = ctx.db;
        if let Some(removed) = ctx.take_in(db, key) {
            free(removed, lazily);
        }
        ctx.propagate_as(&[deletion_word(lazily), key]);
        ctx.notify(Class::Generic, b"del", key);
    } else {
        ctx.set_expire(key, Some(u64::try_from(instant).unwrap_or(0)));
        stream_instant(ctx, args, scale, instant);
        ctx.notify(Class::Generic, b"expire", key);
    }
    ctx.reply.integer(1);
    Ok(())
}

/// Whether giving `key` this end deletes it at once: on a master only, since a replica leaves
/// deletions to its master.
pub fn is_past(ctx: &mut Context<'_>, key: &[u8], instant_ms: i64) -> bool {
    if ctx.is_master_link() || i128::from(instant_ms) > i128::from(ctx.now_ms) {
        return false;
    }
    ctx.space_of(key).0.gate.role == Role::Master
}

/// Streams PEXPIREAT with the conditions as they came.
fn stream_instant(ctx: &mut Context<'_>, args: Args<'_>, scale: Scale, instant: i64) {
    if scale.unit_ms == 1 && !scale.relative {
        return ctx.propagate(args);
    }
    let mut digits = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = args.iter().collect();
    words[0] = b"PEXPIREAT";
    words[2] = digits.format(instant).as_bytes();
    ctx.propagate_as(&words);
}

fn expire(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_expire(ctx, args, EXPIRE)
}

fn pexpire(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_expire(ctx, args, PEXPIRE)
}

fn expireat(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_expire(ctx, args, EXPIREAT)
}

fn pexpireat(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    set_expire(ctx, args, PEXPIREAT)
}

/// Answers -2 without the key, -1 without an expiry, else what `shown` makes of it.
fn read_expire(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    shown: impl FnOnce(u64, u64) -> u64,
) -> CommandResult {
    let now_ms = ctx.now_ms;
    let (found, reply) = ctx.find_untouched(args.get(1));
    reply.integer(match found.map(|entry| entry.expire()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => i64::try_from(shown(at, now_ms)).unwrap_or(i64::MAX),
    });
    Ok(())
}

fn ttl(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    read_expire(ctx, args, |at, now_ms| seconds(at.saturating_sub(now_ms)))
}

fn pttl(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    read_expire(ctx, args, |at, now_ms| at.saturating_sub(now_ms))
}

fn expiretime(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    read_expire(ctx, args, |at, _| seconds(at))
}

fn pexpiretime(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    read_expire(ctx, args, |at, _| at)
}

/// Milliseconds as the nearest number of seconds.
fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}

fn persist(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let key = args.get(1);
    let had = ctx.look(key).is_some_and(|entry| entry.expire().is_some());
    if had {
        ctx.set_expire(key, None);
        ctx.propagate(args);
        ctx.notify(Class::Generic, b"persist", key);
    }
    ctx.reply.integer(i64::from(had));
    Ok(())
}

const NX_WITH_OTHERS: CommandError =
    CommandError::text("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: CommandError =
    CommandError::text("ERR GT and LT options at the same time are not compatible");

const KEY_UPDATED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))];
const KEY_READ: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];

const fn writer(name: &'static str, arity: i32, run: super::spec::Handler) -> Spec {
    Spec::new(name, arity, Group::Generic, Scope::Shard(run))
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(KEY_UPDATED)
}

const fn reader(name: &'static str, run: super::spec::Handler) -> Spec {
    Spec::new(name, 2, Group::Generic, Scope::Shard(run))
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(Categories::KEYSPACE)
        .keys(KEY_READ)
}

const CHANGES: &[&str] = &["nondeterministic_output"];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    writer("expire", -3, expire).doc("1.0.0", "O(1)", "Lets a key end after so many seconds."),
    writer("pexpire", -3, pexpire).doc(
        "2.6.0",
        "O(1)",
        "Lets a key end after so many milliseconds.",
    ),
    writer("expireat", -3, expireat).doc("1.2.0", "O(1)", "Lets a key end at a Unix time in s."),
    writer("pexpireat", -3, pexpireat).doc("2.6.0", "O(1)", "Lets a key end at a Unix time in ms."),
    writer("persist", 2, persist).doc("2.2.0", "O(1)", "Lets a key stay for good."),
    reader("ttl", ttl).tips(CHANGES).doc("1.0.0", "O(1)", "Tells the seconds a key has left."),
    reader("pttl", pttl).tips(CHANGES).doc(
        "2.6.0",
        "O(1)",
        "Tells the milliseconds a key has left.",
    ),
    reader("expiretime", expiretime).doc("7.0.0", "O(1)", "Tells when a key ends, Unix time in s."),
    reader("pexpiretime", pexpiretime).doc(
        "7.0.0",
        "O(1)",
        "Tells when a key ends, Unix time in ms.",
    ),
];
