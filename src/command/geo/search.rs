//! Searches around a place: GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS family.

use std::cmp::Ordering;

use crate::command::context::Context;
use crate::command::flags::Flags;
use crate::command::geo::cells::Cell;
use crate::command::geo::places::{READ, reply_distance, reply_place, row};
use crate::command::geo::search_request::{Form, SearchRequest, Sorting};
use crate::command::geo::sphere::Place;
use crate::command::key_spec::{Begin, Find, KeyFlags, KeySpec};
use crate::command::notify::Class;
use crate::command::sorted_sets::access;
use crate::command::spec::{CommandResult, Spec};
use crate::config::settings_groups::Encoding;
use crate::keyspace::types::sorted_set::SortedSet;
use crate::keyspace::types::sorted_set::bounds::{ScoreBound, ScoreRange};
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// A member that was found.
struct Found {
    member: Vec<u8>,
    score: f64,
    place: Place,
    /// In meters.
    distance: f64,
}

fn georadius(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::Radius { stores: true })
}

fn georadius_ro(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::Radius { stores: false })
}

fn georadiusbymember(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::RadiusByMember { stores: true })
}

fn georadiusbymember_ro(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::RadiusByMember { stores: false })
}

fn geosearch(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::Search)
}

fn geosearchstore(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    search(ctx, args, Form::SearchStore)
}

fn search(ctx: &mut Context<'_>, args: Args<'_>, form: Form) -> CommandResult {
    let source = args.get(if form == Form::SearchStore { 2 } else { 1 });
    let limits = ctx.settings.encoding;
    let (set, reply) = access::find(ctx, source)?;
    let request = SearchRequest::parse(args, form, set)?;
    let found = set.map_or_else(Vec::new, |set| find(set, &request));
    match request.store {
        None => reply_found(reply, &found, &request),
        Some(key) => {
            let event: &[u8] = match form {
                Form::SearchStore => b"geosearchstore",
                _ => b"georadiusstore",
            };
            store(ctx, args, key, (to_store(&found, &request, &limits), event));
        }
    }
    Ok(())
}

/// Everything in the shape, ordered and cut as asked.
fn find(set: &SortedSet, request: &SearchRequest<'_>) -> Vec<Found> {
    let Some((middle, shape)) = request.middle.zip(request.shape) else { return Vec::new() };
    let enough = if request.any { request.count } else { usize::MAX };
    let mut found: Vec<Found> = Vec::new();
    for cell in shape.cells(middle) {
        let mut ranks = set.ranks_of_scores(&scores_of(cell));
        // A few at a time, so that no more than enough are looked at.
        while found.len() < enough && !ranks.is_empty() {
            let end = ranks.end.min(ranks.start + LOOKED_AT_ONCE);
            set.walk(ranks.start..end, false, &mut |member, score| {
                let place = Cell::of_score(score).place();
                if let Some(distance) =
                    shape.distance(middle, place).filter(|_| found.len() < enough)
                {
                    found.push(Found { member: member.to_vec(), score, place, distance });
                }
            });
            ranks.start = end;
        }
    }
    let nearest = request.count > 0 && !request.any;
    let order = |one: &Found, other: &Found| {
        one.distance.partial_cmp(&other.distance).unwrap_or(Ordering::Equal)
    };
    match request.sorting {
        Sorting::None if !nearest => {}
        Sorting::None | Sorting::Ascending => found.sort_by(order),
        Sorting::Descending => found.sort_by(|one, other| order(other, one)),
    }
    if request.count > 0 {
        found.truncate(request.count);
    }
    found
}

fn scores_of(cell: Cell) -> ScoreRange {
    ScoreRange {
        min: ScoreBound { score: cell.first_score(), exclusive: false },
        max: ScoreBound { score: cell.end_score(), exclusive: true },
    }
}

fn reply_found(reply: &mut Reply, found: &[Found], request: &SearchRequest<'_>) {
    let words = [request.with_distance, request.with_hash, request.with_place];
    let more = words.iter().filter(|word| **word).count();
    reply.array(found.len());
    for one in found {
        if more > 0 {
            reply.array(1 + more);
        }
        reply.bulk(&one.member);
        if request.with_distance {
            reply_distance(reply, one.distance / request.unit);
        }
        if request.with_hash {
            reply.integer(Cell::of_score(one.score).bits as i64);
        }
        if request.with_place {
            reply_place(reply, one.place);
        }
    }
}

fn to_store(found: &[Found], request: &SearchRequest<'_>, limits: &Encoding) -> SortedSet {
    let longest = found.iter().map(|one| one.member.len()).max().unwrap_or(0);
    let mut set = SortedSet::for_members(limits, found.len(), longest);
    for one in found {
        let distance = one.distance / request.unit;
        set.add(&one.member, if request.store_distances { distance } else { one.score }, limits);
    }
    set
}

/// Stores a result at a key; none at all removes the key.
fn store(ctx: &mut Context<'_>, args: Args<'_>, key: &[u8], (set, event): (SortedSet, &[u8])) {
    let len = set.len();
    if len > 0 {
        access::insert(ctx, key, set);
        ctx.propagate(args);
        ctx.effects.changed(len as u64 - 1);
        ctx.notify(Class::SortedSet, event, key);
    } else if ctx.remove(key) {
        ctx.propagate(args);
        ctx.notify(Class::Generic, b"del", key);
    }
    ctx.reply.integer(len as i64);
}

/// Members looked at before asking whether they are enough.
const LOOKED_AT_ONCE: usize = 64;

const fn stored(word: &'static str, from: i16) -> KeySpec {
    KeySpec {
        flags: KeyFlags::OW.with(KeyFlags::UPDATE),
        begin: Begin::Keyword(word, from),
        find: Find::Range { last: 0, step: 1, limit: 0 },
    }
}

const WRITES: Flags = Flags::WRITE.with(Flags::DENYOOM);
const RADIUS_KEYS: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::READ), stored("STORE", 6), stored("STOREDIST", 6)];
const MEMBER_KEYS: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::READ), stored("STORE", 5), stored("STOREDIST", 5)];
const STORE_KEYS: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE)), KeySpec::one(2, KeyFlags::READ)];
const COST: &str = "O(N+log(M)) where N is the number of members in the cells around the shape and \
    M the number of members of the set.";

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row("georadius", -6, WRITES.with(Flags::MOVABLEKEYS), RADIUS_KEYS, georadius).doc(
        "3.2.0",
        COST,
        "Returns or stores the members within a distance of a place.",
    ),
    row("georadius_ro", -6, Flags::READONLY, READ, georadius_ro).doc(
        "3.2.10",
        COST,
        "Returns the members within a distance of a place.",
    ),
    row("georadiusbymember", -5, WRITES.with(Flags::MOVABLEKEYS), MEMBER_KEYS, georadiusbymember)
        .doc("3.2.0", COST, "Returns or stores the members within a distance of a member."),
    row("georadiusbymember_ro", -5, Flags::READONLY, READ, georadiusbymember_ro).doc(
        "3.2.10",
        COST,
        "Returns the members within a distance of a member.",
    ),
    row("geosearch", -7, Flags::READONLY, READ, geosearch).doc(
        "6.2.0",
        COST,
        "Returns the members in a circle or a box.",
    ),
    row("geosearchstore", -8, WRITES, STORE_KEYS, geosearchstore).doc(
        "6.2.0",
        COST,
        "Stores the members in a circle or a box at a key.",
    ),
];
