//! The commands on lists that are compared. Those that wait do so for a moment only.

use crate::table::Row;

pub const LIST: &[Row] = &[
    (20, "LPUSH key value..."),
    (20, "RPUSH key value..."),
    (4, "LPUSHX key value..."),
    (4, "RPUSHX key value..."),
    (8, "LPOP key [count]"),
    (8, "RPOP key [count]"),
    (6, "LLEN key"),
    (6, "LINDEX key index"),
    // Stock servers take the low 32 bits of a larger index; here it is out of range.
    (6, "LSET key (0|1|-1|2|-3|7|100|junk|1.5) value"),
    (6, "LINSERT key (BEFORE|AFTER|word) value value"),
    (4, "LINSERT key (BEFORE|AFTER) int int"),
    (12, "LRANGE key index index"),
    (4, "LTRIM key index index"),
    (4, "LTRIM key (0|1) (-1|-2)"),
    (6, "LREM key index (int|value)"),
    (6, "LPOS key (int|value) [RANK index] [COUNT count] [MAXLEN count] [word]"),
    (6, "LMOVE key key (LEFT|RIGHT) (LEFT|RIGHT|word)"),
    (4, "RPOPLPUSH key key"),
    (6, "LMPOP (1|2|count) key key (LEFT|RIGHT) [COUNT count]"),
    (4, "BLPOP key... 0.002"),
    (4, "BRPOP key... 0.002"),
    (3, "BLMOVE key key (LEFT|RIGHT) (LEFT|RIGHT|word) 0.002"),
    (3, "BRPOPLPUSH key key 0.002"),
    (3, "BLMPOP 0.002 (1|2) key key (LEFT|RIGHT) [COUNT count]"),
];
