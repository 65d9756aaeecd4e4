//! SORT and SORT_RO over lists, sets and sorted sets; runs with the keyspaces of its keys in hand.
//! Keys of weights and results follow from the elements: with patterns for them every shard's
//! keyspace is in hand. What is stored is streamed as the command came: elements that weigh alike
//! are in the order of their texts, so a replica stores the same.

use std::cmp::Ordering;

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::{Categories, Flags};
use crate::command::key_spec::{Begin, Find, KeyFlags, KeySpec};
use crate::command::lists;
use crate::command::notify::Class;
use crate::command::sort::request::SortRequest;
use crate::command::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::keyspace::types::list::End;
use crate::keyspace::value::{Object, ValueRef};
use crate::resp::request::Args;

type Text = Box<[u8]>;

/// An element and what it is sorted by.
struct Weighed {
    element: Text,
    weight: Weight,
}

enum Weight {
    Number(f64),
    /// `None` stands before all texts.
    Text(Option<Text>),
}

fn sort(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let any_key = ctx.client.any_key.sort;
    run(ctx, args, any_key, true)
}

fn sort_ro(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let any_key = ctx.client.any_key.sort_ro;
    run(ctx, args, any_key, false)
}

fn run(ctx: &mut Context<'_>, args: Args<'_>, any_key: bool, stores: bool) -> CommandResult {
    let mut request = SortRequest::parse(args.slice_from(2), stores, any_key)?;
    let elements = elements(ctx, args.get(1), &mut request)?;
    let window = request.window(elements.len());
    let sorted = if request.keeps_order() {
        elements
    } else {
        let mut weighed = weigh(ctx, elements, &request)?;
        weighed.sort_by(|one, other| {
            let order = compare(one, other);
            if request.descending { order.reverse() } else { order }
        });
        weighed.into_iter().map(|one| one.element).collect()
    };
    let results = results(ctx, &sorted[window], &request.gets);
    match request.store {
        Some(key) => store(ctx, args, key, &results),
        None => {
            ctx.reply.array(results.len());
            for result in &results {
                match result {
                    Some(text) => ctx.reply.bulk(text),
                    None => ctx.reply.null(),
                }
            }
            Ok(())
        }
    }
}

/// The elements as they stand. A list or a sorted set that keeps its order is given backwards if
/// that is wanted; a set that would keep an order that is none is sorted as texts before it is
/// stored.
fn elements(
    ctx: &mut Context<'_>,
    key: &[u8],
    request: &mut SortRequest<'_>,
) -> Result<Vec<Text>, CommandError> {
    let mut elements: Vec<Text> = Vec::new();
    let mut digits = itoa::Buffer::new();
    let Some(entry) = ctx.find(key) else { return Ok(elements) };
    match entry.value() {
        ValueRef::Object(Object::List(list)) => {
            list.show(0, list.len(), End::Right, |element| {
                elements.extend(element.as_text(&mut digits).map(Text::from));
            });
            if request.keeps_order() && request.descending {
                elements.reverse();
            }
        }
        ValueRef::Object(Object::Set(set)) => {
            if request.keeps_order() && request.store.is_some() {
                (request.by, request.alpha) = (None, true);
            }
            elements.extend(set.iter().map(|member| Text::from(member.as_text(&mut digits))));
        }
        ValueRef::Object(Object::SortedSet(set)) => {
            let backwards = request.keeps_order() && request.descending;
            set.walk(0..set.len(), backwards, &mut |member, _| elements.push(member.into()));
        }
        _ => return Err(CommandError::WrongType),
    }
    Ok(elements)
}

fn weigh(
    ctx: &mut Context<'_>,
    elements: Vec<Text>,
    request: &SortRequest<'_>,
) -> Result<Vec<Weighed>, CommandError> {
    let mut weighed = Vec::with_capacity(elements.len());
    for element in elements {
        let outside = request.by.map(|pattern| look_up(ctx, pattern, &element));
        let weight = match outside {
            Some(text) if request.alpha => Weight::Text(text),
            None if request.alpha => Weight::Text(None),
            Some(None) => Weight::Number(0.0),
            Some(Some(text)) => Weight::Number(number_of(&text)?),
            None => Weight::Number(number_of(&element)?),
        };
        weighed.push(Weighed { element, weight });
    }
    Ok(weighed)
}

/// A weight, as C reads numbers, but for what is too large or too small.
fn number_of(text: &[u8]) -> Result<f64, CommandError> {
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'));
    let number = match start {
        None => text.is_empty().then_some(0.0),
        Some(start) => number::parse_f64(&text[start..]),
    };
    let error = "ERR One or more scores can't be converted into double";
    number.ok_or(CommandError::text(error))
}

fn compare(one: &Weighed, other: &Weighed) -> Ordering {
    let by_weight = match (&one.weight, &other.weight) {
        (Weight::Number(mine), Weight::Number(theirs)) => mine.partial_cmp(theirs),
        (Weight::Text(mine), Weight::Text(theirs)) => Some(mine.cmp(theirs)),
        _ => None,
    };
    // No weight is NaN, and all are of one kind.
    by_weight.unwrap_or(Ordering::Equal).then_with(|| one.element.cmp(&other.element))
}

/// What a pattern names for an element: a string, or with `->` a field of a hash.
fn look_up(ctx: &mut Context<'_>, pattern: &[u8], element: &[u8]) -> Option<Text> {
    if pattern == b"#" {
        return Some(element.into());
    }
    let star = memchr::memchr(b'*', pattern)?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after.windows(2).position(|part| part == b"->");
    // An arrow with nothing behind it is part of the key.
    let arrow = arrow.filter(|arrow| arrow + 2 < after.len());
    let (after, field) = match arrow {
        Some(arrow) => (&after[..arrow], Some(&after[arrow + 2..])),
        None => (after, None),
    };
    let key = [before, element, after].concat();
    let mut digits = itoa::Buffer::new();
    let entry = ctx.find(&key)?;
    match (entry.value(), field) {
        (ValueRef::Object(Object::Hash(hash)), Some(field)) => {
            hash.get(field)?.as_text(&mut digits).map(Text::from)
        }
        (ValueRef::Object(_), _) | (_, Some(_)) => None,
        (value, None) => value.as_text(&mut digits).map(Text::from),
    }
}

fn results(ctx: &mut Context<'_>, sorted: &[Text], gets: &[&[u8]]) -> Vec<Option<Text>> {
    if gets.is_empty() {
        return sorted.iter().cloned().map(Some).collect();
    }
    let mut results = Vec::with_capacity(sorted.len().saturating_mul(gets.len()));
    for element in sorted {
        results.extend(gets.iter().map(|pattern| look_up(ctx, pattern, element)));
    }
    results
}

/// Makes the results a list at `key`, those that are not there as empty texts.
fn store(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    key: &[u8],
    results: &[Option<Text>],
) -> CommandResult {
    let texts = results.iter().map(|text| ValueRef::Str(text.as_deref().unwrap_or(b"")));
    if !results.is_empty() {
        lists::replace(ctx, key, texts);
        ctx.propagate(args);
        ctx.effects.changed(results.len() as u64 - 1);
        ctx.notify(Class::List, b"sortstore", key);
    } else if ctx.remove(key) {
        ctx.propagate(args);
        ctx.notify(Class::Generic, b"del", key);
    }
    ctx.reply.integer(results.len() as i64);
    Ok(())
}

const fn keys_by(begin: Begin, flags: KeyFlags) -> KeySpec {
    KeySpec { flags, begin, find: Find::Unknown }
}

const SORTED: KeySpec = KeySpec::one(1, KeyFlags::READ);
const OUTSIDE: KeySpec = keys_by(Begin::Unknown, KeyFlags::READ);
const STORED: KeySpec = keys_by(Begin::SortStore, KeyFlags::OW.with(KeyFlags::UPDATE));
const COST: &str = "O(N+M*log(M)) where N is the number of elements and M the number of elements \
    returned, O(N) if nothing is sorted.";

const fn row(name: &'static str, flags: Flags, keys: &'static [KeySpec], handler: Handler) -> Spec {
    Spec::new(name, -2, Group::Generic, Scope::Shard(handler))
        .categories(
            Categories::SET
                .with(Categories::SORTEDSET)
                .with(Categories::LIST)
                .with(Categories::DANGEROUS),
        )
        .flags(flags.with(Flags::MOVABLEKEYS))
        .keys(keys)
}

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("sort", Flags::WRITE.with(Flags::DENYOOM), &[SORTED, OUTSIDE, STORED], sort).doc(
        "1.0.0",
        COST,
        "Returns or stores the elements of a list, a set or a sorted set in order.",
    ),
    row("sort_ro", Flags::READONLY, &[SORTED, OUTSIDE], sort_ro).doc(
        "7.0.0",
        COST,
        "Returns the elements of a list, a set or a sorted set in order.",
    ),
];
