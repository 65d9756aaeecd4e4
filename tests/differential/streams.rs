//! How commands on streams are compared: see `table`. No id is made of the clock, and no time
//! decides what is claimed, since the two servers read their clocks at two times.

use crate::table::Row;

/// The group.
pub const STREAM: &[Row] = &[
    (12, "XADD key entry-id field-name value"),
    (12, "XADD key 900-* field-name value [field-name value]"),
    (4, "XADD key [NOMKSTREAM] [MAXLEN|MINID] [~|=] count [LIMIT count] entry-id field-name value"),
    (4, "XADD key MAXLEN [~|=] (0|1|2|5|junk) 900-* field-name value"),
    (2, "XADD key MINID [~|=] entry-id [LIMIT count] 900-* field-name value"),
    (3, "XTRIM key (MAXLEN|MINID) [~|=] count [LIMIT count]"),
    (2, "XTRIM key MINID entry-id"),
    (4, "XDEL key entry-id..."),
    (4, "XLEN key"),
    (6, "XRANGE key range-end range-end [COUNT count]"),
    (6, "XREVRANGE key range-end range-end [COUNT count]"),
    (1, "XSETID key entry-id [ENTRIESADDED count] [MAXDELETEDID entry-id]"),
    (4, "XREAD [COUNT count] STREAMS key (entry-id|$|0|+|word)"),
    (4, "XREAD [COUNT count] STREAMS key key 0 (entry-id|0)"),
    (12, "XGROUP CREATE key group-name (0|$|entry-id) MKSTREAM"),
    (2, "XGROUP CREATE key group-name entry-id [MKSTREAM] [ENTRIESREAD count]"),
    (2, "XGROUP SETID key group-name (0|$|entry-id) [ENTRIESREAD count]"),
    (1, "XGROUP DESTROY key group-name"),
    (2, "XGROUP CREATECONSUMER key group-name consumer-name"),
    (1, "XGROUP DELCONSUMER key group-name consumer-name"),
    (1, "XGROUP HELP"),
    (8, "XREADGROUP GROUP group-name consumer-name [COUNT count] STREAMS key >"),
    (4, "XREADGROUP GROUP group-name consumer-name [COUNT count] [NOACK] STREAMS key key > >"),
    (4, "XREADGROUP GROUP group-name consumer-name [COUNT count] STREAMS key (0|entry-id)"),
    (4, "XACK key group-name entry-id..."),
    (4, "XCLAIM key group-name consumer-name (0|99999999|junk) entry-id... [FORCE] [JUSTID]"),
    (2, "XCLAIM key group-name consumer-name 0 entry-id [RETRYCOUNT count] [LASTID entry-id]"),
    (4, "XAUTOCLAIM key group-name consumer-name (0|99999999) range-end [COUNT count] [JUSTID]"),
    (4, "XPENDING key group-name"),
    (4, "XPENDING key group-name [IDLE 99999999] range-end range-end count [consumer-name]"),
    (4, "XINFO STREAM key"),
    (2, "XINFO STREAM key FULL [COUNT count]"),
    (4, "XINFO GROUPS key"),
    (2, "XINFO CONSUMERS key group-name"),
    (1, "XINFO HELP"),
];
