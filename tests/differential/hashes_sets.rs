//! The commands on hashes, sets and HyperLogLogs that are compared, and how. Nothing here may let
//! chance decide what stays: SPOP takes all or nothing.

use crate::compare::Rule;
use crate::table::Row;

/// Hashes.
pub const HASH: &[Row] = &[
    (16, "HSET key (hash-member value)..."),
    (4, "HMSET key (hash-member value)..."),
    (1, "HSET key hash-member value hash-member"),
    (5, "HSETNX key hash-member value"),
    (6, "HGET key hash-member"),
    (5, "HMGET key hash-member..."),
    (5, "HGETALL key"),
    (3, "HKEYS key"),
    (3, "HVALS key"),
    (4, "HLEN key"),
    (4, "HSTRLEN key hash-member"),
    (4, "HEXISTS key hash-member"),
    (8, "HDEL key hash-member..."),
    (5, "HINCRBY key hash-member int"),
    (5, "HINCRBYFLOAT key hash-member float"),
    (3, "HRANDFIELD key [count [WITHVALUES|word]]"),
    (3, "HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]"),
];

/// Sets.
pub const SET: &[Row] = &[
    (16, "SADD key hash-member..."),
    (8, "SREM key hash-member..."),
    (4, "SISMEMBER key hash-member"),
    (4, "SMISMEMBER key hash-member..."),
    (4, "SCARD key"),
    (4, "SMEMBERS key"),
    (5, "SMOVE key key hash-member"),
    (2, "SPOP key (1000|0|-1|junk)"),
    (3, "SRANDMEMBER key [count]"),
    (4, "SINTER key..."),
    (4, "SUNION key..."),
    (4, "SDIFF key..."),
    (4, "SINTERSTORE key key..."),
    (4, "SUNIONSTORE key key..."),
    (4, "SDIFFSTORE key key..."),
    (3, "SINTERCARD (1|2|0|junk) key key [LIMIT count]"),
    (2, "SINTERCARD 2 key key [LIMIT count]"),
    (3, "SSCAN key cursor [MATCH pattern] [COUNT count]"),
];

/// HyperLogLogs.
pub const HYPERLOGLOG: &[Row] = &[
    (8, "PFADD key [hash-member] [hash-member] [value] [value]"),
    (5, "PFCOUNT key..."),
    (4, "PFMERGE key key..."),
    (1, "PFDEBUG (ENCODING|DECODE|TODENSE|GETREG|word) key"),
    (1, "PFSELFTEST"),
];

/// The rule for a command of these groups, by its name in capitals.
pub fn rule(name: &[u8]) -> Option<Rule> {
    match name {
        b"HGETALL" => Some(Rule::Pairs),
        b"HKEYS" | b"HVALS" => Some(Rule::AnyOrder),
        b"SMEMBERS" | b"SINTER" | b"SUNION" | b"SDIFF" | b"SPOP" => Some(Rule::AnyOrder),
        b"HRANDFIELD" | b"SRANDMEMBER" | b"HSCAN" | b"SSCAN" => Some(Rule::SameKind),
        _ => None,
    }
}
