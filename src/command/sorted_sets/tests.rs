use crate::command::fixture::Fixture;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, number, one_of};
use crate::command::twin::Twin;
use crate::resp::reply::RespVersion;
use fastrand::Rng;

type Words = Vec<Vec<u8>>;

/// A score, often at an edge, seldom none at all.
fn score(random: &mut Rng) -> Vec<u8> {
    match random.u8(..20) {
        0 => number(random),
        1..4 => one_of(random, &["inf", "-inf", "+inf", "0", "-0", "1e300", "-1e300", "5e-324"]),
        4 => one_of(random, &["nan", "x", "", " 1", "1 ", "0x10", "1e400", "infinity", "1e-400"]),
        5 => random.f64().to_string().into_bytes(),
        6 => f64::from_bits(random.u64(..)).to_string().into_bytes(),
        7 => one_of(random, &["0.1", "1.5", "3.3", "1e20", "123456789012345678", "1e-7"]),
        _ => random.i64(-5..15).to_string().into_bytes(),
    }
}

fn bound(random: &mut Rng) -> Vec<u8> {
    let open: &[u8] = if random.u8(..3) == 0 { b"(" } else { b"" };
    [open, &score(random)].concat()
}

fn member(random: &mut Rng) -> Vec<u8> {
    match random.u8(..30) {
        0 => vec![b'y'; random.usize(60..70)],
        1..8 => random.i64(-4..9).to_string().into_bytes(),
        8 => one_of(random, &["", "\n", "007", "9223372036854775807"]),
        _ => one_of(random, &["a", "b", "c", "dd", "eee", "f", "g", "h"]),
    }
}

fn text_bound(random: &mut Rng) -> Vec<u8> {
    match random.u8(..8) {
        0 => b"-".to_vec(),
        1 => b"+".to_vec(),
        2 => one_of(random, &["", "a", "[", "(", "x("]),
        3 => [b"(", &member(random)[..]].concat(),
        _ => [b"[", &member(random)[..]].concat(),
    }
}

fn index(random: &mut Rng) -> Vec<u8> {
    match random.u8(..12) {
        0 => number(random),
        _ => random.i64(-8..8).to_string().into_bytes(),
    }
}

/// Sets of which all members have the score 0: only those have an order of texts.
fn even_key(random: &mut Rng) -> Vec<u8> {
    format!("even{}", random.u8(..2)).into_bytes()
}

/// Sets, which take part where several sorted sets do.
fn set_key(random: &mut Rng) -> Vec<u8> {
    format!("set{}", random.u8(..2)).into_bytes()
}

/// A command from a template: lower-case words are generators, `?word` stands there now and then.
fn filled(random: &mut Rng, template: &str) -> Words {
    let mut words = Words::new();
    for word in template.split_whitespace() {
        let optional = word.strip_prefix('?');
        if optional.is_some() && random.bool() {
            continue;
        }
        let word = optional.unwrap_or(word);
        // `WORD,argument` is one option of two words.
        for part in word.split(',') {
            match part {
                "pairs" => (0..random.usize(1..5)).for_each(|_| {
                    words.extend([score(random), member(random)]);
                }),
                "members" => (0..random.usize(1..4)).for_each(|_| words.push(member(random))),
                part => words.push(one(random, part)),
            }
        }
    }
    // Without its count ZRANDMEMBER is chance.
    if random.u8(..40) == 0 && words.len() > 1 && words[0] != b"ZRANDMEMBER" {
        words.pop();
    }
    words
}

fn one(random: &mut Rng, word: &str) -> Vec<u8> {
    match word {
        "key" => key(random),
        "even" => even_key(random),
        "set" => set_key(random),
        "source" => {
            if random.bool() {
                set_key(random)
            } else {
                key(random)
            }
        }
        "score" => score(random),
        "bound" => bound(random),
        "text" => text_bound(random),
        "member" => member(random),
        "index" => index(random),
        "count" => one_of(random, &["0", "1", "2", "3", "1", "2", "100", "-1", "x"]),
        // From a large set some servers count negative ones from the end, others take none.
        "passed" => one_of(random, &["0", "1", "2", "5", "100", "x"]),
        "end" => one_of(random, &["MIN", "MAX", "min", "x"]),
        "keys" => one_of(random, &["1", "1", "1", "2", "0", "x", "-1"]),
        "aggregate" => one_of(random, &["SUM", "MIN", "MAX", "x"]),
        "word" => one_of(random, &["WITHSCORES", "withscore", "NX", "REV", "x"]),
        word => word.as_bytes().to_vec(),
    }
}

const WRITES: &[&str] = &[
    "ZADD key pairs",
    "ZADD key pairs",
    "ZADD key pairs",
    "ZADD key ?NX ?CH pairs",
    "ZADD key ?XX ?CH pairs",
    "ZADD key ?GT ?LT ?XX ?CH pairs",
    "ZADD key ?NX ?XX ?GT ?LT ?CH ?INCR score member",
    "ZADD key INCR score member",
    "ZADD even 0 member 0 member 0 member",
    "SADD source members",
    "SREM set members",
    "ZINCRBY key score member",
    "ZREM key members",
    "ZREM even members",
    "ZREMRANGEBYRANK key index index",
    "ZREMRANGEBYSCORE key bound bound",
    "ZREMRANGEBYLEX even text text",
    "ZPOPMIN key ?count",
    "ZPOPMAX key ?count",
    "ZMPOP 1 key end ?COUNT,count",
    "ZMPOP 2 key key end ?COUNT,count ?word",
    "ZMPOP keys key end",
    "ZRANGESTORE key key index index ?REV ?LIMIT,passed,index",
    "ZRANGESTORE key key bound bound BYSCORE ?REV ?LIMIT,passed,index",
    "ZRANGESTORE even even text text BYLEX ?REV ?LIMIT,passed,index",
    "ZUNIONSTORE key 1 key ?WEIGHTS,score ?AGGREGATE,aggregate",
    "ZUNIONSTORE key 2 source source ?WEIGHTS,score,score ?AGGREGATE,aggregate",
    "ZINTERSTORE key 2 set source ?WEIGHTS,score,score ?AGGREGATE,aggregate",
    "ZDIFFSTORE key 2 source source",
    "ZUNIONSTORE key 2 key key ?WEIGHTS,score,score ?AGGREGATE,aggregate",
    "ZINTERSTORE key 2 key key ?WEIGHTS,score,score ?AGGREGATE,aggregate",
    "ZDIFFSTORE key 2 key key",
    "ZDIFFSTORE key keys key",
    "SET key value",
    "DEL key",
];

const READS: &[&str] = &[
    "ZCARD key",
    "ZSCORE key member",
    "ZMSCORE key members",
    "ZRANK key member ?WITHSCORE",
    "ZREVRANK key member ?WITHSCORE ?word",
    "ZCOUNT key bound bound",
    "ZLEXCOUNT even text text",
    "ZRANGE key index index ?WITHSCORES ?REV ?LIMIT,passed,index",
    "ZRANGE key bound bound BYSCORE ?WITHSCORES ?REV ?LIMIT,passed,index",
    "ZRANGE even text text BYLEX ?REV ?LIMIT,passed,index ?word",
    "ZREVRANGE key index index ?WITHSCORES ?LIMIT,passed,index",
    "ZRANGEBYSCORE key bound bound ?WITHSCORES ?LIMIT,passed,index ?word",
    "ZREVRANGEBYSCORE key bound bound ?WITHSCORES ?LIMIT,passed,index",
    "ZRANGEBYLEX even text text ?LIMIT,passed,index ?word",
    "ZREVRANGEBYLEX even text text ?LIMIT,passed,index",
    "ZUNION 2 key key ?WEIGHTS,score,score ?AGGREGATE,aggregate ?WITHSCORES ?word",
    "ZUNION 3 key key key ?WITHSCORES",
    "ZUNION 2 source source ?WEIGHTS,score,score ?WITHSCORES",
    "ZINTER 2 source source ?WEIGHTS,score,score ?WITHSCORES",
    "ZDIFF 3 source source set ?WITHSCORES",
    "ZINTERCARD 2 source source ?LIMIT,count",
    "ZINTER 2 key key ?WEIGHTS,score,score ?AGGREGATE,aggregate ?WITHSCORES",
    "ZINTER keys key ?WITHSCORES",
    "ZDIFF 2 key key ?WITHSCORES ?word",
    "ZDIFF 3 key key key",
    "ZINTERCARD 2 key key ?LIMIT,count ?word",
    "ZINTERCARD keys key",
    "ZRANDMEMBER key 100 ?WITHSCORES ?word",
    "ZRANDMEMBER key 0",
    "OBJECT ENCODING key",
    "TYPE key",
    "DEBUG DIGEST-VALUE key",
];

fn command(random: &mut Rng) -> Words {
    let template = match random.u8(..3) {
        0 => READS[random.usize(..READS.len() - 1)],
        _ => WRITES[random.usize(..WRITES.len())],
    };
    filled(random, template)
}

fn write(random: &mut Rng) -> Words {
    let template = WRITES[random.usize(..WRITES.len())];
    filled(random, template)
}

#[test]
fn replies_are_those_of_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["ZRANGE", "KEY", "0", "-1", "WITHSCORES"];
    twin.check_random(0..30, 400, command);
    // Again with sets that are soon large.
    twin.stock.call_bytes(&["CONFIG", "SET", "zset-max-listpack-entries", "4"]);
    twin.fixture.settings.encoding.zset_max_listpack_entries = 4;
    twin.check_random(100..130, 400, command);
    twin.check_random_streams(200..203, 300, write);
}

#[test]
fn a_replica_becomes_what_its_master_is() {
    Mirror::check_random(0..10, 300, command);
}

#[test]
fn members_come_and_go() {
    let mut fixture = Fixture::new();
    fixture.check("ZADD z 1 a 2 b", ":2\r\n", &["ZADD z 1 a 2 b"]);
    fixture.check("ZADD z 1 a", ":0\r\n", &[]);
    fixture.check("ZADD z CH 5 a", ":1\r\n", &["ZADD z CH 5 a"]);
    fixture.check("ZADD z XX 5 c", ":0\r\n", &[]);
    fixture.check("ZADD z GT INCR -1 a", "$-1\r\n", &[]);
    fixture.check("ZINCRBY z 0 a", "$1\r\n5\r\n", &[]);
    fixture.check("ZINCRBY z 0.5 a", "$3\r\n5.5\r\n", &["ZINCRBY z 0.5 a"]);
    fixture.check("ZREM z nobody", ":0\r\n", &[]);
    fixture.check("ZRANGEBYSCORE z 0 9 LIMIT -1 2", "*0\r\n", &[]);
    fixture.check("ZREM z a b", ":2\r\n", &["ZREM z a b"]);
    fixture.check("EXISTS z", ":0\r\n", &[]);
}

/// Recorded from the stream of valkey-server 8.0.1.
#[test]
fn taking_from_the_first_of_several_streams_what_was_taken() {
    let mut fixture = Fixture::new();
    fixture.run_line("ZADD b 1 x 2 y 3 z");
    let reply = "*2\r\n$1\r\nb\r\n*2\r\n*2\r\n$1\r\nz\r\n$1\r\n3\r\n*2\r\n$1\r\ny\r\n$1\r\n2\r\n";
    fixture.check("ZMPOP 2 a b MAX COUNT 2", reply, &["ZPOPMAX b 2"]);
    fixture.check("ZPOPMIN b 5", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n", &["ZPOPMIN b 5"]);
    fixture.check("ZMPOP 2 a b MIN", "*-1\r\n", &[]);
}

#[test]
fn resp3_has_doubles_and_pairs() {
    let mut fixture = Fixture::new();
    fixture.view.version = RespVersion::V3;
    fixture.run_line("ZADD z 1.5 a inf b");
    fixture.check("ZSCORE z a", ",1.5\r\n", &[]);
    let pairs = "*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n";
    fixture.check("ZRANGE z 0 -1 WITHSCORES", pairs, &[]);
    fixture.check("ZRANK z b WITHSCORE", "*2\r\n:1\r\n,inf\r\n", &[]);
}

#[test]
fn random_members_are_members() {
    for entries in [0, 128] {
        let mut fixture = Fixture::new();
        fixture.settings.encoding.zset_max_listpack_entries = entries;
        for member in 0..20 {
            fixture.run_line(&format!("ZADD z {member} m{member}"));
        }
        for count in [1, 5, 10, 19] {
            let reply = fixture.run_line(&format!("ZRANDMEMBER z {count}"));
            let text = String::from_utf8_lossy(&reply).into_owned();
            let members: std::collections::BTreeSet<&str> =
                text.split("\r\n").filter(|word| word.starts_with('m')).collect();
            assert_eq!(members.len(), count, "{text}");
        }
        let reply = fixture.run_line("ZRANDMEMBER z -30 WITHSCORES");
        assert!(reply.starts_with(b"*60\r\n"));
        let reply = fixture.run_line("ZRANDMEMBER z");
        assert!(reply.windows(3).any(|part| part == b"\r\nm"));
    }
}

#[test]
fn a_scan_spells_scores_as_stock_does() {
    let Some(mut twin) = Twin::start() else { return };
    twin.check(&["ZADD", "z", "0.1", "a", "1e20", "b", "-0", "c", "inf", "d"], "small");
    twin.check(&["ZSCAN", "z", "0"], "small");
    twin.check(&["ZSCAN", "z", "0", "MATCH", "[ab]", "COUNT", "1"], "small");
    for words in
        [&["ZSCAN", "z", "x"][..], &["ZSCAN", "none", "5", "x"], &["ZSCAN", "z", "0", "COUNT", "0"]]
    {
        twin.check(words, "errors");
    }
    twin.stock.call_bytes(&["CONFIG", "SET", "zset-max-listpack-entries", "0"]);
    twin.fixture.settings.encoding.zset_max_listpack_entries = 0;
    for score in ["0.1", "1e20", "-0", "-inf", "1e-7", "12345.678"] {
        twin.check(&["DEL", "y"], score);
        twin.check(&["ZADD", "y", score, "a"], score);
        twin.check(&["ZSCAN", "y", "0"], score);
    }
}
