//! The usages of sorted sets and of places, and generators of what they take. Texts are only an
//! order where all scores are equal: keys called `even` hold nothing else.

use crate::table::Row;

/// Sorted sets.
pub const SORTED_SET: &[Row] = &[
    (30, "ZADD key (score member)..."),
    (6, "ZADD key [NX|XX|GT|LT] [CH] (score member)..."),
    (2, "ZADD key [NX] [XX] [GT] [LT] [CH] [INCR] score member"),
    (4, "ZADD key INCR score member"),
    (6, "ZINCRBY key score member"),
    (6, "ZREM key member..."),
    (4, "ZCARD key"),
    (4, "ZSCORE key member"),
    (4, "ZMSCORE key member..."),
    (4, "ZRANK key member [WITHSCORE|word]"),
    (4, "ZREVRANK key member [WITHSCORE|word]"),
    (4, "ZCOUNT key bound bound"),
    (8, "ZRANGE key index index [WITHSCORES] [REV] [LIMIT passed index]"),
    (6, "ZRANGE key bound bound BYSCORE [WITHSCORES] [REV] [LIMIT passed index]"),
    (4, "ZREVRANGE key index index [WITHSCORES]"),
    (4, "ZRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT passed index]"),
    (4, "ZREVRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT passed index]"),
    (4, "ZRANGESTORE key key index index [REV] [LIMIT passed index]"),
    (4, "ZRANGESTORE key key bound bound BYSCORE [REV] [LIMIT passed index]"),
    (2, "ZREMRANGEBYRANK key index index"),
    (2, "ZREMRANGEBYSCORE key bound bound"),
    (4, "ZPOPMIN key [count]"),
    (4, "ZPOPMAX key [count]"),
    (4, "ZMPOP 1 key (MIN|MAX|word) [COUNT count]"),
    (4, "ZMPOP 3 key key key (MIN|MAX) [COUNT count]"),
    (4, "(BZPOPMIN|BZPOPMAX) key... 0.002"),
    (3, "BZMPOP 0.002 (1|2) key key (MIN|MAX|word) [COUNT count]"),
    (2, "ZRANDMEMBER key [count] [WITHSCORES|word]"),
    (2, "ZSCAN key cursor [MATCH pattern] [COUNT count]"),
    (4, "ZUNION 2 key key [WEIGHTS score score] [AGGREGATE (SUM|MIN|MAX|word)] [WITHSCORES]"),
    (4, "ZINTER 2 key key [WEIGHTS score score] [AGGREGATE (SUM|MIN|MAX|word)] [WITHSCORES]"),
    (3, "ZDIFF 3 key key key [WITHSCORES]"),
    (1, "(ZUNION|ZINTER|ZDIFF) count key"),
    (4, "ZUNIONSTORE key 3 key key key [WEIGHTS score score score] [AGGREGATE (SUM|MIN|MAX)]"),
    (4, "ZINTERSTORE key 2 key key [WEIGHTS score score] [AGGREGATE (SUM|MIN|MAX)]"),
    (3, "ZDIFFSTORE key 2 key key"),
    (3, "ZINTERCARD 2 key key [LIMIT count]"),
    (3, "ZADD (even|{t}even) (0 member)..."),
    (2, "ZREM (even|{t}even) member..."),
    (2, "ZLEXCOUNT (even|{t}even) textbound textbound"),
    (2, "ZRANGE (even|{t}even) textbound textbound BYLEX [REV] [LIMIT passed index]"),
    (2, "ZRANGEBYLEX (even|{t}even) textbound textbound [LIMIT passed index]"),
    (2, "ZREVRANGEBYLEX (even|{t}even) textbound textbound [LIMIT passed index]"),
    (1, "ZREMRANGEBYLEX (even|{t}even) textbound textbound"),
];

/// Places.
pub const GEO: &[Row] = &[
    (12, "GEOADD key (longitude latitude member)..."),
    (3, "GEOADD key [NX|XX] [CH] (longitude latitude member)..."),
    (3, "GEODIST key member member [unit]"),
    (3, "GEOHASH key member..."),
    (3, "GEOPOS key member..."),
    (3, "GEORADIUS key longitude latitude length unit [WITHCOORD] [WITHDIST] [WITHHASH]"),
    (3, "GEORADIUS key longitude latitude length unit [COUNT count [ANY]] [ASC|DESC]"),
    (2, "GEORADIUS key longitude latitude length unit (STORE|STOREDIST) key"),
    (2, "GEORADIUS_RO key longitude latitude length unit [WITHDIST] [STORE key]"),
    (3, "GEORADIUSBYMEMBER key member length unit [WITHCOORD] [COUNT count] [ASC|DESC]"),
    (2, "GEORADIUSBYMEMBER key member length unit (STORE|STOREDIST) key"),
    (2, "GEORADIUSBYMEMBER_RO key member length unit [WITHDIST]"),
    (
        5,
        "GEOSEARCH key (FROMMEMBER member|FROMLONLAT longitude latitude) \
         (BYRADIUS length unit|BYBOX length length unit) [ASC|DESC] [COUNT count [ANY]] \
         [WITHCOORD] [WITHDIST] [WITHHASH]",
    ),
    (
        4,
        "GEOSEARCHSTORE key key (FROMMEMBER member|FROMLONLAT longitude latitude) \
         (BYRADIUS length unit|BYBOX length length unit) [ASC|DESC] [COUNT count] [STOREDIST]",
    ),
];

/// One argument of these usages; `None` for a name that is not theirs.
pub fn generate(name: &str, rng: &mut fastrand::Rng) -> Vec<u8> {
    match name {
        "score" => score(rng),
        "bound" => {
            let open: &[u8] = if rng.u8(..4) == 0 { b"(" } else { b"" };
            [open, &score(rng)].concat()
        }
        "member" => member(rng),
        "textbound" => match rng.u8(..8) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            2 => pick(rng, &["", "a", "[", "("]),
            _ => [pick(rng, &["[", "("]), member(rng)].concat(),
        },
        // From a large set stock counts negative ones from the end.
        "passed" => pick(rng, &["0", "1", "2", "5", "1000", "junk"]),
        "longitude" => degrees(rng, 180.0),
        "latitude" => degrees(rng, 85.05),
        "length" => match rng.u8(..8) {
            0 => pick(rng, &["0", "-1", "junk", "1e300", "inf"]),
            _ => rng.u32(..5000).to_string().into_bytes(),
        },
        _ => pick(rng, &["m", "km", "ft", "mi", "KM", "junk"]),
    }
}

/// The names that [`generate`] knows.
pub const NAMES: &[&str] =
    &["score", "bound", "member", "textbound", "passed", "longitude", "latitude", "length", "unit"];

fn score(rng: &mut fastrand::Rng) -> Vec<u8> {
    match rng.u8(..8) {
        0 => pick(rng, &["inf", "-inf", "0", "-0", "nan", "junk", "", "1e300", "0x10", "5e-324"]),
        1 => rng.f64().to_string().into_bytes(),
        2 => (rng.f64() * 1e9).to_string().into_bytes(),
        _ => rng.i64(-10..30).to_string().into_bytes(),
    }
}

fn member(rng: &mut fastrand::Rng) -> Vec<u8> {
    match rng.u8(..30) {
        0 => vec![b'm'; rng.usize(62..67)],
        1 => pick(rng, &["", "\r\n", "\0", "9223372036854775807", "-1", "007"]),
        _ => format!("m{}", rng.u8(..25)).into_bytes(),
    }
}

fn degrees(rng: &mut fastrand::Rng, width: f64) -> Vec<u8> {
    match rng.u8(..12) {
        0 => pick(rng, &["0", "180", "-180", "90", "junk", "inf", "85.05112878", "-85.05112878"]),
        1 => (width - rng.f64() / 10.0).to_string().into_bytes(),
        2 => (rng.f64() / 10.0 - width).to_string().into_bytes(),
        3..6 => (rng.f64() * 2.0 * width - width).to_string().into_bytes(),
        _ => (10.0 + rng.f64()).to_string().into_bytes(),
    }
}

fn pick(rng: &mut fastrand::Rng, from: &[&str]) -> Vec<u8> {
    from[rng.usize(..from.len())].as_bytes().to_vec()
}
