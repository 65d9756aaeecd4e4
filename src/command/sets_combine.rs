//! Sets: what several have in common, together, or one without the others. All of them are read in
//! place, wherever they live; what is to be stored is complete before the target changes.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::hashes::reply_element;
use super::key_spec::{KeyFlags, KeySpec};
use super::notify::Class;
use super::sets::{insert_set, set_in};
use super::spaces::Spaces;
use super::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::base::ids::DbIndex;
use crate::base::number;
use crate::keyspace::encoding::element::Element;
use crate::keyspace::key::Key;
use crate::keyspace::types::set::Set;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use std::collections::HashSet;

/// How sets are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

/// Whose sets are read, in place.
struct Sources<'s> {
    spaces: &'s Spaces<'s>,
    db: DbIndex,
    lookup_ms: u64,
}

impl<'s> Sources<'s> {
    /// The sets of keys whose types were checked.
    fn of(&self, keys: Args<'_>) -> Vec<Option<&'s Set>> {
        let find = |key| {
            let key = Key::new(key);
            let keys = self.spaces.keys_of(key.slot);
            keys.find(self.db, &key, self.lookup_ms).and_then(|entry| set_in(entry.value()).ok())
        };
        keys.iter().map(find).collect()
    }
}

/// Looks all keys up, so that those whose time is over go away and types are right.
fn check_keys(ctx: &mut Context<'_>, keys: Args<'_>) -> CommandResult {
    for key in keys {
        if let Some(entry) = ctx.find(key) {
            set_in(entry.value())?;
        }
    }
    Ok(())
}

impl Operation {
    /// Calls `visit` once for each member of the result, until it says `false`.
    fn each(self, sets: &[Option<&Set>], visit: &mut dyn FnMut(Element<'_>) -> bool) {
        match self {
            Operation::Intersection => {
                let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else {
                    return;
                };
                // The smallest is walked, those most likely to lack a member are asked first.
                sets.sort_by_key(|set| set.len());
                let Some((first, others)) = sets.split_first() else { return };
                let mut common =
                    first.iter().filter(|member| others.iter().all(|set| set.has(*member)));
                let _all_seen = common.all(visit);
            }
            Operation::Difference => {
                let Some((Some(first), others)) = sets.split_first() else { return };
                let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
                // The largest is the most likely to have a member.
                others.sort_by_key(|set| std::cmp::Reverse(set.len()));
                let mut left =
                    first.iter().filter(|member| !others.iter().any(|set| set.has(*member)));
                let _all_seen = left.all(visit);
            }
            Operation::Union => {
                let sets: Vec<&Set> = sets.iter().copied().flatten().collect();
                let mut seen = HashSet::with_hasher(ahash::RandomState::new());
                let mut all = sets.iter().enumerate().flat_map(|(index, set)| {
                    // Members of the last are not asked for any more.
                    let last = index + 1 == sets.len();
                    set.iter().map(move |member| (member, last))
                });
                let _all_seen = all.all(|(member, last)| {
                    let new = if last { !seen.contains(&member) } else { seen.insert(member) };
                    !new || visit(member)
                });
            }
        }
    }
}

fn reply_combined(ctx: &mut Context<'_>, args: Args<'_>, operation: Operation) -> CommandResult {
    let keys = args.slice_from(1);
    check_keys(ctx, keys)?;
    let (db, lookup_ms) = (ctx.db, ctx.lookup_ms());
    let sets = Sources { spaces: &ctx.spaces, db, lookup_ms }.of(keys);
    let reply: &mut Reply = ctx.reply;
    let slot = reply.open_array();
    let mut len = 0;
    operation.each(&sets, &mut |member| {
        reply_element(reply, member);
        len += 1;
        true
    });
    reply.close_set(slot, len);
    Ok(())
}

fn store_combined(ctx: &mut Context<'_>, args: Args<'_>, operation: Operation) -> CommandResult {
    let (target, keys, limits) = (args.get(1), args.slice_from(2), ctx.settings.encoding);
    check_keys(ctx, keys)?;
    let (db, lookup_ms) = (ctx.db, ctx.lookup_ms());
    let sets = Sources { spaces: &ctx.spaces, db, lookup_ms }.of(keys);
    let mut result = match operation {
        Operation::Intersection => {
            let smallest = sets.iter().flatten().min_by_key(|set| set.len());
            smallest.map_or_else(Set::default, |set| Set::for_part_of(set))
        }
        Operation::Union | Operation::Difference => Set::default(),
    };
    let mut digits = itoa::Buffer::new();
    operation.each(&sets, &mut |member| {
        result.add(member.as_text(&mut digits), &limits);
        true
    });
    if operation == Operation::Intersection {
        result.settle(&limits);
    }
    let len = result.len();
    if len > 0 {
        insert_set(ctx, target, result);
        ctx.propagate(args);
        ctx.notify(Class::Set, operation.event(), target);
    } else if ctx.remove(target) {
        ctx.propagate(args);
        ctx.notify(Class::Generic, b"del", target);
    }
    ctx.reply.integer(len as i64);
    Ok(())
}

impl Operation {
    fn event(self) -> &'static [u8] {
        match self {
            Operation::Intersection => b"sinterstore",
            Operation::Union => b"sunionstore",
            Operation::Difference => b"sdiffstore",
        }
    }
}

fn sinter(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_combined(ctx, args, Operation::Intersection)
}

fn sunion(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_combined(ctx, args, Operation::Union)
}

fn sdiff(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    reply_combined(ctx, args, Operation::Difference)
}

fn sinterstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    store_combined(ctx, args, Operation::Intersection)
}

fn sunionstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    store_combined(ctx, args, Operation::Union)
}

fn sdiffstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    store_combined(ctx, args, Operation::Difference)
}

fn sintercard(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let count = number::parse_i64(args.get(1)).filter(|count| *count > 0);
    let count = count.ok_or(CommandError::text("ERR numkeys should be greater than 0"))?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > args.len() - 2 {
        let text = "ERR Number of keys can't be greater than number of args";
        return Err(CommandError::text(text));
    }
    let limit = limit_of(args.slice_from(2 + count))?;
    let keys = args.slice(2, count);
    check_keys(ctx, keys)?;
    let (db, lookup_ms) = (ctx.db, ctx.lookup_ms());
    let sets = Sources { spaces: &ctx.spaces, db, lookup_ms }.of(keys);
    let mut len = 0;
    Operation::Intersection.each(&sets, &mut |_| {
        len += 1;
        len != limit
    });
    ctx.reply.integer(len);
    Ok(())
}

/// LIMIT; 0 is none.
fn limit_of(options: Args<'_>) -> Result<i64, CommandError> {
    let mut limit = 0;
    for index in (0..options.len()).step_by(2) {
        let value = options.at(index + 1).ok_or(CommandError::Syntax)?;
        if !options.get(index).eq_ignore_ascii_case(b"limit") {
            return Err(CommandError::Syntax);
        }
        let number = number::parse_i64(value).filter(|limit| *limit >= 0);
        limit = number.ok_or(CommandError::text("ERR LIMIT can't be negative"))?;
    }
    Ok(limit)
}

const ALL_KEYS: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::READ)];
const TARGET_AND_KEYS: &[KeySpec] = &[
    KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)),
    KeySpec::range(2, -1, 1, KeyFlags::READ),
];
const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM);
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const COMMON_COST: &str = "O(N*M) worst case where N is the cardinality of the smallest set and M \
                           is the number of sets.";
const WHOLE_COST: &str = "O(N) where N is the total number of elements in all given sets.";

const fn row(name: &'static str, arity: i32, handler: Handler) -> Spec {
    Spec::new(name, arity, Group::Set, Scope::Shard(handler)).categories(Categories::SET)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("sinter", -2, sinter).flags(Flags::READONLY).keys(ALL_KEYS).tips(ANY_ORDER).doc(
        "1.0.0",
        COMMON_COST,
        "Returns what sets have in common.",
    ),
    row("sinterstore", -3, sinterstore).flags(WRITES).keys(TARGET_AND_KEYS).doc(
        "1.0.0",
        COMMON_COST,
        "Stores what sets have in common.",
    ),
    row("sintercard", -3, sintercard)
        .flags(Flags::READONLY.with(Flags::MOVABLEKEYS))
        .keys(&[KeySpec::counted(1, KeyFlags::READ)])
        .doc("7.0.0", COMMON_COST, "Counts what sets have in common."),
    row("sunion", -2, sunion).flags(Flags::READONLY).keys(ALL_KEYS).tips(ANY_ORDER).doc(
        "1.0.0",
        WHOLE_COST,
        "Returns the members of several sets together.",
    ),
    row("sunionstore", -3, sunionstore).flags(WRITES).keys(TARGET_AND_KEYS).doc(
        "1.0.0",
        WHOLE_COST,
        "Stores the members of several sets together.",
    ),
    row("sdiff", -2, sdiff).flags(Flags::READONLY).keys(ALL_KEYS).tips(ANY_ORDER).doc(
        "1.0.0",
        WHOLE_COST,
        "Returns the members of a set that others lack.",
    ),
    row("sdiffstore", -3, sdiffstore).flags(WRITES).keys(TARGET_AND_KEYS).doc(
        "1.0.0",
        WHOLE_COST,
        "Stores the members of a set that others lack.",
    ),
];
