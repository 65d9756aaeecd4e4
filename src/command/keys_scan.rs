//! Walking the keys of a database: SCAN in steps, KEYS at once, RANDOMKEY at one place.

use super::context::Context;
use super::error::CommandError;
use super::flags::{Categories, Flags};
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::glob::{self, Case};
use crate::base::ids::Slot;
use crate::base::number;
use crate::keyspace::handle::EntryRef;
use crate::keyspace::key::Key;
use crate::keyspace::scan::Cursor;
use crate::keyspace::value::Kind;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// What a scan takes: MATCH, COUNT and TYPE. Those of collections read theirs by it too.
pub struct ScanOptions<'a> {
    /// MATCH; `None` lets everything pass.
    pub pattern: Option<&'a [u8]>,
    /// COUNT: elements looked at.
    pub count: usize,
    /// TYPE.
    pub kind: Option<Kind>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the words after the cursor. `takes_type` if TYPE is one of them.
    ///
    /// # Errors
    /// Words that are no option, a COUNT below 1, a TYPE that is none.
    pub fn parse(words: Args<'a>, takes_type: bool) -> Result<ScanOptions<'a>, CommandError> {
        ScanOptions::parse_words(words, takes_type, false).map(|(options, _)| options)
    }

    /// As [`ScanOptions::parse`] for the fields of a hash; whether NOVALUES is there.
    ///
    /// # Errors
    /// As there.
    pub fn parse_fields(words: Args<'a>) -> Result<(ScanOptions<'a>, bool), CommandError> {
        ScanOptions::parse_words(words, false, true)
    }

    fn parse_words(
        words: Args<'a>,
        takes_type: bool,
        takes_no_values: bool,
    ) -> Result<(ScanOptions<'a>, bool), CommandError> {
        let mut options = ScanOptions { pattern: None, count: COUNT_DEFAULT, kind: None };
        let (mut index, mut no_values) = (0, false);
        while index < words.len() {
            let word = words.get(index);
            if word.eq_ignore_ascii_case(b"novalues") {
                if !takes_no_values {
                    return Err(CommandError::text(NOT_FIELDS));
                }
                no_values = true;
                index += 1;
                continue;
            }
            let value = (index + 1 < words.len()).then(|| words.get(index + 1));
            let value = value.ok_or(CommandError::Syntax)?;
            if word.eq_ignore_ascii_case(b"count") {
                let count = number::parse_i64(value).ok_or(CommandError::NotInteger)?;
                if count < 1 {
                    return Err(CommandError::Syntax);
                }
                options.count = usize::try_from(count).unwrap_or(usize::MAX);
            } else if word.eq_ignore_ascii_case(b"match") {
                options.pattern = (value != b"*").then_some(value);
            } else if takes_type && word.eq_ignore_ascii_case(b"type") {
                options.kind = Some(kind_named(value)?);
            } else {
                return Err(CommandError::Syntax);
            }
            index += 2;
        }
        Ok((options, no_values))
    }

    /// Whether MATCH lets a key or element pass.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, text, Case::Sensitive))
    }
}

fn kind_named(name: &[u8]) -> Result<Kind, CommandError> {
    let all = [Kind::String, Kind::List, Kind::Set, Kind::SortedSet, Kind::Hash, Kind::Stream];
    all.into_iter()
        .find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
        .ok_or_else(|| CommandError::quoting("ERR unknown type name '", name, "'"))
}

/// The cursor that an argument names.
///
/// # Errors
/// No number.
pub fn cursor(text: &[u8]) -> Result<Cursor, CommandError> {
    Cursor::parse(text).ok_or(CommandError::text("ERR invalid cursor"))
}

/// Replies a collection's scan: the next cursor, and `len` bulks that `found` holds.
pub fn reply_elements(reply: &mut Reply, next: u64, len: usize, found: &mut Reply) {
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(len);
    reply.append(found);
}

/// What a scan of a collection costs.
pub const WALK_COST: &str = "O(1) for every call. O(N) for a complete iteration, including enough \
                             command calls for the cursor to return back to 0. N is the number of \
                             elements inside the collection.";

/// Keys that passed, as bulks of a reply to come, and those met whose time is over.
struct Gathered {
    bulks: Reply,
    len: usize,
    expired: Vec<Box<[u8]>>,
}

fn scan(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let cursor = cursor(args.get(1))?;
    let options = ScanOptions::parse(args.slice_from(2), true)?;
    let (db, lookup_ms) = (ctx.db, ctx.lookup_ms());
    let mut found = Gathered { bulks: Reply::new(ctx.client.version), len: 0, expired: Vec::new() };
    let space = ctx.spaces.of(cursor.slot().unwrap_or(Slot(0)));
    let next = space.keys.scan(db, cursor, options.count, &mut |entry: EntryRef<'_>| {
        let right_kind = options.kind.is_none_or(|kind| kind == entry.kind());
        if !right_kind || !options.matches(entry.key()) {
            return;
        }
        if entry.is_expired(lookup_ms) {
            found.expired.push(entry.key().into());
        } else {
            found.bulks.bulk(entry.key());
            found.len += 1;
        }
    });
    for key in &found.expired {
        ctx.expire_in(db, &Key::new(key));
    }
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next.0).as_bytes());
    ctx.reply.array(found.len);
    ctx.reply.append(&mut found.bulks);
    Ok(())
}

fn keys(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let pattern = args.get(1);
    let all = pattern == b"*";
    let (db, lookup_ms) = (ctx.db, ctx.lookup_ms());
    let array = ctx.reply.open_array();
    let mut len = 0;
    for space in ctx.spaces.each() {
        space.keys.for_each(db, &mut |entry| {
            let passes = all || glob::matches(pattern, entry.key(), Case::Sensitive);
            if passes && !entry.is_expired(lookup_ms) {
                ctx.reply.bulk(entry.key());
                len += 1;
            }
        });
    }
    ctx.reply.close_array(array, len);
    Ok(())
}

fn random_key(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    let (db, lookup_ms) = (ctx.db, ctx.lookup_ms());
    for attempt in 1..=RANDOM_ATTEMPTS {
        let total: u64 = ctx.spaces.each().map(|space| space.keys.db_len(db)).sum();
        if total == 0 {
            break;
        }
        let mut index = ctx.random.u64(..total);
        let chosen = ctx.spaces.each().find_map(|space| {
            let len = space.keys.db_len(db);
            if index >= len {
                index -= len;
                return None;
            }
            space.keys.random(db, ctx.random)
        });
        let Some(entry) = chosen else { break };
        // A replica full of keys that its master has not deleted yet answers one of them.
        if !entry.is_expired(lookup_ms) || attempt == RANDOM_ATTEMPTS {
            ctx.reply.bulk(entry.key());
            return Ok(());
        }
        let key: Box<[u8]> = entry.key().into();
        ctx.expire_in(db, &Key::new(&key));
    }
    ctx.reply.null();
    Ok(())
}

const NOT_FIELDS: &str = "ERR NOVALUES option can only be used in HSCAN";
/// COUNT where none is given.
const COUNT_DEFAULT: usize = 10;
/// Keys whose time is over that RANDOMKEY passes over.
const RANDOM_ATTEMPTS: usize = 100;

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    Spec::new("scan", -2, Group::Generic, Scope::Cursor(scan))
        .flags(Flags::READONLY)
        .categories(Categories::KEYSPACE)
        .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
        .doc(
            "2.8.0",
            "O(1) for every call, O(N) for a whole iteration over N keys.",
            "Iterates over the keys of the database.",
        ),
    Spec::new("keys", 2, Group::Generic, Scope::AllShards(keys))
        .flags(Flags::READONLY)
        .categories(Categories::KEYSPACE.with(Categories::DANGEROUS))
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .doc("1.0.0", "O(N) for N keys in the database.", "Lists the keys that fit a pattern."),
    Spec::new("randomkey", 1, Group::Generic, Scope::AllShards(random_key))
        .flags(Flags::READONLY)
        .categories(Categories::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"])
        .doc("1.0.0", "O(1)", "Names one key of the database, chosen at random."),
];
