//! Lists: the commands that change them inside or search them.

use std::ops::ControlFlow;

use super::context::Context;
use super::error::CommandError;
use super::flags::Flags;
use super::key_spec::{KeyFlags, KeySpec};
use super::lists::{element, forward, list_mut, list_of, remove_empty, row, span, text_bytes};
use super::notify::Class;
use super::spec::{CommandResult, Spec};
use crate::base::number;
use crate::keyspace::types::list::{End, List, Side, prints_as};
use crate::resp::request::Args;

fn lset(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let encoding = ctx.settings.encoding;
    let text = element(args, 3);
    let Some(mut entry) = ctx.find_mut(args.get(1)) else { return Err(CommandError::NoSuchKey) };
    let len = list_of(entry.value())?.len();
    let index = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let list = list_mut(&mut entry)?;
    list.prepare(text_bytes(text), 1, &encoding);
    let Some(index) = forward(index, len) else {
        entry.unchanged();
        return Err(CommandError::OutOfRange);
    };
    list.set(index, text);
    list.shrink();
    drop(entry);
    ctx.propagate(args);
    ctx.notify(Class::List, b"lset", args.get(1));
    ctx.reply.ok();
    Ok(())
}

fn linsert(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let side = if args.get(2).eq_ignore_ascii_case(b"after") {
        Side::After
    } else if args.get(2).eq_ignore_ascii_case(b"before") {
        Side::Before
    } else {
        return Err(CommandError::Syntax);
    };
    let encoding = ctx.settings.encoding;
    let text = element(args, 4);
    let Some(mut entry) = ctx.find_mut(args.get(1)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let list = list_mut(&mut entry)?;
    list.prepare(text_bytes(text), 1, &encoding);
    if !list.insert(side, args.get(3), text) {
        entry.unchanged();
        drop(entry);
        ctx.reply.integer(-1);
        return Ok(());
    }
    let len = list.len();
    drop(entry);
    ctx.propagate(args);
    ctx.notify(Class::List, b"linsert", args.get(1));
    ctx.reply.integer(len as i64);
    Ok(())
}

fn lrem(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let count = symmetric(args.get(2))?;
    let key = args.get(1);
    let Some(mut entry) = ctx.find_mut(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let list = list_mut(&mut entry)?;
    let (from, limit) = match count {
        0 => (End::Left, usize::MAX),
        1.. => (End::Left, count as usize),
        _ => (End::Right, count.unsigned_abs() as usize),
    };
    let removed = list.remove_equal(from, limit, args.get(3));
    let is_empty = list.is_empty();
    if removed == 0 {
        entry.unchanged();
    } else {
        list.shrink();
    }
    drop(entry);
    if removed > 0 {
        ctx.notify(Class::List, b"lrem", key);
        if is_empty {
            remove_empty(ctx, key);
        }
        ctx.propagate(args);
        ctx.effects.changed(removed as u64 - 1);
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

fn ltrim(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let start = number::parse_i64(args.get(2)).ok_or(CommandError::NotInteger)?;
    let stop = number::parse_i64(args.get(3)).ok_or(CommandError::NotInteger)?;
    let key = args.get(1);
    let Some(mut entry) = ctx.find_mut(key) else {
        ctx.reply.ok();
        return Ok(());
    };
    let list = list_mut(&mut entry)?;
    let len = list.len();
    let (start, kept) = span(start, stop, len);
    if kept > 0 {
        // From the end first: what is before it keeps its place.
        list.remove_range(start + kept, len);
        list.remove_range(0, start);
        list.shrink();
    }
    drop(entry);
    ctx.notify(Class::List, b"ltrim", key);
    if kept == 0 {
        remove_empty(ctx, key);
    }
    if kept < len {
        ctx.propagate(args);
        ctx.effects.changed((len - kept) as u64 - 1);
    }
    ctx.reply.ok();
    Ok(())
}

/// What LPOS was asked.
struct Search {
    rank: i64,
    count: Option<usize>,
    compared_max: usize,
}

impl Search {
    fn parse(args: Args<'_>) -> Result<Search, CommandError> {
        let mut search = Search { rank: 1, count: None, compared_max: 0 };
        let mut index = 3;
        while index < args.len() {
            let (word, value) = (args.get(index), args.at(index + 1));
            let Some(value) = value else { return Err(CommandError::Syntax) };
            if word.eq_ignore_ascii_case(b"rank") {
                search.rank = symmetric(value)?;
                if search.rank == 0 {
                    return Err(RANK_ZERO);
                }
            } else if word.eq_ignore_ascii_case(b"count") {
                search.count = Some(natural(value, NEGATIVE_COUNT)?);
            } else if word.eq_ignore_ascii_case(b"maxlen") {
                search.compared_max = natural(value, NEGATIVE_MAXLEN)?;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 2;
        }
        Ok(search)
    }

    /// The indexes of what is found, in the order of the search.
    fn run(&self, list: &List, wanted: &[u8]) -> Vec<usize> {
        let len = list.len();
        let towards = if self.rank > 0 { End::Right } else { End::Left };
        let start = if self.rank > 0 { 0 } else { len - 1 };
        let limit = match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let mut to_pass = self.rank.unsigned_abs() - 1;
        let (mut seen, mut found) = (0, Vec::new());
        list.walk(start, towards, |element| {
            if prints_as(element, wanted) {
                if to_pass > 0 {
                    to_pass -= 1;
                } else {
                    found.push(if self.rank > 0 { seen } else { len - 1 - seen });
                }
            }
            seen += 1;
            if found.len() == limit || seen == self.compared_max {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        found
    }
}

fn lpos(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let search = Search::parse(args)?;
    let (found, reply) = ctx.find_with_reply(args.get(1));
    let Some(entry) = found else {
        match search.count {
            Some(_) => reply.empty_array(),
            None => reply.null(),
        }
        return Ok(());
    };
    let places = search.run(list_of(entry.value())?, args.get(2));
    match (search.count, places.first()) {
        (Some(_), _) => {
            reply.array(places.len());
            places.iter().for_each(|place| reply.integer(*place as i64));
        }
        (None, Some(place)) => reply.integer(*place as i64),
        (None, None) => reply.null(),
    }
    Ok(())
}

/// A whole number whose negative is one, too.
fn symmetric(text: &[u8]) -> Result<i64, CommandError> {
    let number = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
    if number == i64::MIN { Err(NOT_SYMMETRIC) } else { Ok(number) }
}

fn natural(text: &[u8], error: CommandError) -> Result<usize, CommandError> {
    number::parse_i64(text).and_then(|number| usize::try_from(number).ok()).ok_or(error)
}

const NOT_SYMMETRIC: CommandError = CommandError::text(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
const RANK_ZERO: CommandError = CommandError::text(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);
const NEGATIVE_COUNT: CommandError = CommandError::text("ERR COUNT can't be negative");
const NEGATIVE_MAXLEN: CommandError = CommandError::text("ERR MAXLEN can't be negative");

const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM);
const SETS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))];
const INSERTS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::INSERT))];
const REMOVES: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::DELETE))];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("lset", 4, WRITES, SETS, lset).doc(
        "1.0.0",
        "O(N) where N is the number of elements between the element and the nearer end.",
        "Replaces an element of a list by its index.",
    ),
    row("linsert", 5, WRITES, INSERTS, linsert).doc(
        "2.2.0",
        "O(N) where N is the number of elements before the pivot.",
        "Adds an element before or after another one of a list.",
    ),
    row("lrem", 4, Flags::WRITE, REMOVES, lrem).doc(
        "1.0.0",
        "O(N+M) where N is the length of the list and M the number of elements removed.",
        "Removes elements of a list that are equal to a text.",
    ),
    row("ltrim", 4, Flags::WRITE, REMOVES, ltrim).doc(
        "1.0.0",
        "O(N) where N is the number of elements removed.",
        "Removes all elements of a list but those between two indexes.",
    ),
    row("lpos", -3, Flags::READONLY, &[KeySpec::one(1, KeyFlags::READ)], lpos).doc(
        "6.0.6",
        "O(N) where N is the length of the list, or the number of elements compared if that is \
         bounded.",
        "Returns the indexes of elements of a list that are equal to a text.",
    ),
];
