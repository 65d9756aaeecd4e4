//! Places told and found by member: GEOADD, GEODIST, GEOHASH, GEOPOS. GEOADD is streamed as the
//! ZADD that it comes to.

use crate::base::number;
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::{Categories, Flags};
use crate::command::geo::cells::{
    Cell, LATITUDE_MAX, LATITUDE_MIN, LONGITUDE_MAX, LONGITUDE_MIN, STEP_MAX,
};
use crate::command::geo::sphere::Place;
use crate::command::key_spec::{KeyFlags, KeySpec};
use crate::command::sorted_sets::access;
use crate::command::sorted_sets::add::{self, AddOptions};
use crate::command::spec::{CommandResult, Group, Handler, Scope, Spec};
use crate::resp::reply::{Reply, RespVersion};
use crate::resp::request::Args;

/// Reads a longitude and the latitude behind it.
///
/// # Errors
/// No numbers, or no place of the grid.
pub fn place(args: Args<'_>, index: usize) -> Result<Place, CommandError> {
    let degrees = |index| number::parse_f64(args.get(index)).ok_or(CommandError::NotFloat);
    let (longitude, latitude) = (degrees(index)?, degrees(index + 1)?);
    let inside = (LONGITUDE_MIN..=LONGITUDE_MAX).contains(&longitude)
        && (LATITUDE_MIN..=LATITUDE_MAX).contains(&latitude);
    if !inside {
        let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        return Err(CommandError::owned(text));
    }
    Ok(Place { longitude, latitude })
}

/// How many meters a unit has.
///
/// # Errors
/// No unit.
pub fn unit(word: &[u8]) -> Result<f64, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(CommandError::text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Replies a distance, which has four places behind the point.
pub fn reply_distance(reply: &mut Reply, distance: f64) {
    // A tie goes to the even digit.
    let scaled = (distance * 10_000.0).round_ties_even() as u64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, scaled % 10_000).as_bytes());
}

/// Replies a place, as an array of two numbers.
pub fn reply_place(reply: &mut Reply, place: Place) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        match reply.version {
            RespVersion::V2 => reply.bulk(text.as_bytes()),
            RespVersion::V3 => reply.raw(format!(",{text}\r\n").as_bytes()),
        }
    }
}

fn geoadd(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let mut options = AddOptions::default();
    let mut first = 2;
    while let Some(word) = args.at(first) {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => options.only_new = true,
            b"xx" => options.only_old = true,
            b"ch" => options.count_changed = true,
            _ => break,
        }
        first += 1;
    }
    if !(args.len() - first).is_multiple_of(3) || (options.only_new && options.only_old) {
        return Err(CommandError::Syntax);
    }
    let (mut pairs, mut scores) = (Vec::new(), Vec::new());
    for index in (first..args.len()).step_by(3) {
        let cell = Cell::of(place(args, index)?, STEP_MAX);
        pairs.push((args.get(index + 2), cell.first_score()));
        // At the very edge the number has more bits than a double.
        scores.push(cell.bits.to_string());
    }
    if pairs.is_empty() {
        // Options and nothing else: stock servers miss the pairs as ZADD does.
        return Err(CommandError::Syntax);
    }
    if add::add(ctx, args.get(1), options, &pairs)? == 0 {
        return Ok(());
    }
    // In the case in which stock servers stream it.
    let mut words: Vec<&[u8]> = vec![b"zadd"];
    words.extend(args.iter().take(first).skip(1));
    for ((member, _), score) in pairs.iter().zip(&scores) {
        words.extend([score.as_bytes(), *member]);
    }
    ctx.propagate_as(&words);
    Ok(())
}

fn geodist(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let meters = match args.len() {
        4 => 1.0,
        5 => unit(args.get(4))?,
        _ => return Err(CommandError::Syntax),
    };
    let (set, reply) = access::find(ctx, args.get(1))?;
    let place = |index| {
        set.and_then(|set| set.score(args.get(index))).map(|score| Cell::of_score(score).place())
    };
    match place(2).zip(place(3)) {
        None => reply.null(),
        Some((one, other)) => reply_distance(reply, one.distance(other) / meters),
    }
    Ok(())
}

fn geohash(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| set.score(member)) {
            None => reply.null(),
            Some(score) => reply.bulk(&Cell::of_score(score).text()),
        }
    }
    Ok(())
}

fn geopos(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = access::find(ctx, args.get(1))?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| set.score(member)) {
            None => reply.null_array(),
            Some(score) => reply_place(reply, Cell::of_score(score).place()),
        }
    }
    Ok(())
}

/// A row of this family.
pub const fn row(
    name: &'static str,
    arity: i32,
    flags: Flags,
    keys: &'static [KeySpec],
    handler: Handler,
) -> Spec {
    Spec::new(name, arity, Group::Geo, Scope::Shard(handler))
        .categories(Categories::GEO)
        .flags(flags)
        .keys(keys)
}

/// One key that is read.
pub const READ: &[KeySpec] = &[KeySpec::one(1, KeyFlags::READ)];

/// The rows of this family.
pub const ROWS: &[Spec] = &[
    row(
        "geoadd",
        -5,
        Flags::WRITE.with(Flags::DENYOOM),
        &[KeySpec::one(1, KeyFlags::RW.with(KeyFlags::UPDATE))],
        geoadd,
    )
    .doc(
        "3.2.0",
        "O(log(N)) for each place where N is the number of members of the set.",
        "Adds places to a sorted set.",
    ),
    row("geodist", -4, Flags::READONLY, READ, geodist).doc(
        "3.2.0",
        "O(1)",
        "Returns the distance between two members.",
    ),
    row("geohash", -2, Flags::READONLY, READ, geohash).doc(
        "3.2.0",
        "O(1) for each member asked for.",
        "Returns the places of members as geohash texts.",
    ),
    row("geopos", -2, Flags::READONLY, READ, geopos).doc(
        "3.2.0",
        "O(1) for each member asked for.",
        "Returns the longitudes and latitudes of members.",
    ),
];
