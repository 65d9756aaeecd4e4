//! The commands that are compared, a line each: how often, and how it is used. Upper-case words
//! are sent as they are, lower-case words are generators (`arguments`), `[a|b]` is optional,
//! `(a|b)` a choice, `...` after something repeats it. A new command is a new line.

use crate::hashes_sets;
use crate::sorted_sets::{GEO, SORTED_SET};

/// Nothing here may block, not even with a damaged argument: so no WAIT, no DEBUG SLEEP.
///
/// A weight and a usage.
pub type Row = (u32, &'static str);

/// All groups, with their names.
pub const GROUPS: &[(&str, &[Row])] = &[
    ("string", STRING),
    ("bitmap", BITMAP),
    ("list", crate::lists::LIST),
    ("keys", KEYS),
    ("expiry", EXPIRY),
    ("transactions", TRANSACTIONS),
    ("connection", CONNECTION),
    ("pubsub", PUBSUB),
    ("server", SERVER),
    ("hash", hashes_sets::HASH),
    ("set", hashes_sets::SET),
    ("hyperloglog", hashes_sets::HYPERLOGLOG),
    ("sorted set", SORTED_SET),
    ("geo", GEO),
    ("stream", crate::streams::STREAM),
];

const PUBSUB: &[Row] = &[
    (3, "PUBLISH word value"),
    (1, "SPUBLISH word value"),
    (1, "PUBSUB (CHANNELS|SHARDCHANNELS) [word]"),
    (1, "PUBSUB (NUMSUB|SHARDNUMSUB) word..."),
    (1, "PUBSUB (NUMPAT|HELP|word) [word]"),
];

const STRING: &[Row] = &[
    (30, "SET key value"),
    (20, "SET key value [NX|XX] [GET] [EX sec|PX ms|EXAT at|PXAT atms|KEEPTTL]"),
    (3, "SET key value [NX] [XX] [GET] [EX sec] [PX ms] [KEEPTTL] [word]"),
    (30, "GET key"),
    (5, "GETSET key value"),
    (5, "GETDEL key"),
    (8, "GETEX key [EX sec|PX ms|EXAT at|PXAT atms|PERSIST]"),
    (1, "GETEX key [EX sec] [PERSIST]"),
    (6, "SETNX key value"),
    (4, "SETEX key sec value"),
    (4, "PSETEX key ms value"),
    (10, "APPEND key value"),
    (8, "STRLEN key"),
    (8, "INCR key"),
    (8, "DECR key"),
    (8, "INCRBY key int"),
    (8, "DECRBY key int"),
    (8, "INCRBYFLOAT key float"),
    (8, "GETRANGE key index index"),
    (3, "SUBSTR key index index"),
    (8, "SETRANGE key offset value"),
    (8, "MSET (key value)..."),
    (4, "MSETNX (key value)..."),
    (8, "MGET key..."),
    (5, "LCS key key [LEN] [IDX] [MINMATCHLEN index] [WITHMATCHLEN]"),
];

const BITMAP: &[Row] = &[
    (8, "SETBIT key offset bit"),
    (8, "GETBIT key offset"),
    (8, "BITCOUNT key [index index [BYTE|BIT]]"),
    (1, "BITCOUNT key index"),
    (8, "BITPOS key bit [index [index [BYTE|BIT]]]"),
    (4, "BITOP (AND|OR|XOR) key key..."),
    (2, "BITOP NOT key key [key]"),
    (1, "BITOP word key key"),
    (
        8,
        "BITFIELD key [GET encoding field] [SET encoding field int] \
         [OVERFLOW (WRAP|SAT|FAIL|word)] [INCRBY encoding field int] [GET encoding field]",
    ),
    (4, "BITFIELD_RO key [GET encoding field] [GET encoding field]"),
    (1, "BITFIELD_RO key SET encoding field int"),
];

const KEYS: &[Row] = &[
    (12, "DEL key..."),
    (4, "UNLINK key..."),
    (8, "EXISTS key..."),
    (4, "TOUCH key..."),
    (6, "TYPE key"),
    (6, "RENAME key key"),
    (4, "RENAMENX key key"),
    (6, "COPY key key [DB db] [REPLACE]"),
    (4, "MOVE key db"),
    (4, "SORT key [ALPHA] [ASC|DESC] [LIMIT index index] [STORE key]"),
    (3, "SORT key BY (none|k*|{t}*|#|k*->m1) [DESC] [GET (#|k*|{t}*|word)] [STORE key]"),
    (2, "SORT_RO key [ALPHA] [DESC] [LIMIT index index] [GET (#|{t}*)] [STORE key]"),
    (2, "KEYS pattern"),
    (3, "SCAN cursor [MATCH pattern] [COUNT count] [TYPE (string|list|word)]"),
    (3, "RANDOMKEY"),
    (4, "DBSIZE"),
    (8, "OBJECT ENCODING key"),
    (1, "OBJECT REFCOUNT key"),
    (1, "OBJECT IDLETIME key"),
    (1, "OBJECT FREQ key"),
    (1, "OBJECT word key"),
    (1, "OBJECT HELP"),
    (1, "MEMORY USAGE key [SAMPLES count]"),
    (1, "WAIT (0|-1|junk) (1|junk|-1)"),
    (1, "WAITAOF (0|1|2|junk) 0 (1|junk|-1)"),
    (2, "DUMP key"),
    (1, "RESTORE key ms value [REPLACE]"),
    (3, "@ROUNDTRIP key key"),
];

const EXPIRY: &[Row] = &[
    (6, "EXPIRE key sec [NX|XX|GT|LT]"),
    (6, "PEXPIRE key ms [NX|XX|GT|LT]"),
    (6, "EXPIREAT key at [NX|XX|GT|LT]"),
    (6, "PEXPIREAT key atms [NX|XX|GT|LT]"),
    (2, "EXPIRE key sec [NX] [XX] [GT] [LT] [word]"),
    (6, "TTL key"),
    (6, "PTTL key"),
    (4, "EXPIRETIME key"),
    (4, "PEXPIRETIME key"),
    (4, "PERSIST key"),
    (2, "@EXPIRE key value"),
];

const TRANSACTIONS: &[Row] =
    &[(8, "MULTI"), (14, "EXEC"), (3, "DISCARD"), (6, "WATCH key..."), (2, "UNWATCH")];

const CONNECTION: &[Row] = &[
    (3, "PING [value]"),
    (3, "ECHO value"),
    (6, "SELECT db"),
    (1, "SELECT int"),
    (1, "AUTH word"),
    (1, "AUTH word word"),
    (1, "HELLO"),
    (1, "HELLO (2|3|4|word) [SETNAME word] [AUTH word word]"),
    (1, "RESET"),
    (1, "CLIENT ID"),
    (1, "CLIENT GETNAME"),
    (1, "CLIENT SETNAME (word|int|float)"),
    (1, "CLIENT SETINFO (LIB-NAME|LIB-VER|word) (word|int|float)"),
    (1, "CLIENT NO-EVICT (ON|OFF|word)"),
    (1, "CLIENT NO-TOUCH (ON|OFF|word)"),
    (1, "CLIENT GETREDIR"),
    (1, "CLIENT UNBLOCK int [TIMEOUT|ERROR|word]"),
    (1, "CLIENT KILL word"),
    (1, "CLIENT INFO"),
    (1, "CLIENT LIST [TYPE (normal|pubsub|master|word)]"),
    (1, "CLIENT REPLY (ON|word)"),
    (1, "CLIENT CACHING (YES|NO|word)"),
    (1, "CLIENT TRACKINGINFO"),
    (1, "CLIENT TRACKING (OFF|word) [PREFIX value] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"),
    (1, "CLIENT UNPAUSE"),
    (1, "CLIENT HELP"),
    (1, "CLIENT word"),
    (2, "word value..."),
];

const SERVER: &[Row] = &[
    (1, "FLUSHDB [ASYNC|SYNC|word]"),
    (1, "FLUSHALL [ASYNC|SYNC|word]"),
    (2, "SWAPDB db db"),
    (1, "TIME"),
    (1, "LASTSAVE"),
    (1, "CONFIG GET (maxclients|timeout|save|appendonly|databases|no-such|slave-priority)"),
    (1, "CONFIG GET maxclients timeout proto-max-bulk-len"),
    (1, "CONFIG SET timeout (0|junk|-1)"),
    (1, "CONFIG SET word value"),
    (1, "CONFIG RESETSTAT"),
    (1, "CONFIG REWRITE"),
    (1, "CONFIG HELP"),
    (1, "CONFIG word value"),
    (1, "COMMAND GETKEYS (SET key value|MSET key value key value|GET|PING|DEL key key|word key)"),
    (1, "COMMAND GETKEYSANDFLAGS (SET key value|MSET key value key value|GET|PING|COPY key key)"),
    (1, "COMMAND COUNT"),
    (1, "COMMAND DOCS (get|client|word)"),
    (2, "COMMAND INFO (get|set|mset|bitop|copy|exec|config|object|word)..."),
    (
        1,
        "COMMAND LIST [FILTERBY (PATTERN (get*|set*|*bit*|word)|ACLCAT (bitmap|string|word)|word)]",
    ),
    (1, "COMMAND HELP"),
    (1, "COMMAND"),
    (1, "DEBUG DIGEST-VALUE key..."),
    (1, "DEBUG DIGEST"),
    (1, "DEBUG word"),
    (
        1,
        "DEBUG PROTOCOL (string|integer|double|bignum|null|array|set|map|verbatim|true|false|word)",
    ),
    (1, "(REPLICAOF|SLAVEOF) NO [ONE|word]"),
    (1, "REPLCONF (listening-port (1|junk)|ip-address (10.0.0.1|localhost)|capa junk|word word)"),
    (1, "SLOWLOG (LEN|RESET|HELP) [word]"),
    (1, "SLOWLOG GET [count]"),
    (1, "LATENCY (LATEST|DOCTOR|HELP|HISTOGRAM)"),
    (1, "LATENCY (GRAPH|HISTORY|RESET) word"),
    (1, "MEMORY (DOCTOR|HELP|MALLOC-STATS|PURGE|STATS|word) [word]"),
    (1, "MODULE (LIST|HELP|word) [word]"),
    (1, "ACL (WHOAMI|USERS|LIST|HELP|word)"),
    (1, "ACL CAT [string|bitmap|transaction|word]"),
    (1, "ACL GENPASS [count]"),
    (1, "ACL GETUSER (default|word)"),
    (1, "ACL DELUSER (default|word)"),
    (1, "ACL DRYRUN (default|word) (GET key|SET key|word key)"),
    (1, "ACL LOG [RESET|count]"),
    (1, "INFO [server|clients|memory|persistence|stats|replication|cpu|keyspace|word]"),
    (1, "LOLWUT"),
    (1, "ROLE"),
    (1, "ROLE word"),
];

/// Commands of the server's own table that are not compared here, with the reason.
pub const NOT_COMPARED: &[(&str, &str)] = &[
    ("acl|load", "says that there are no users to load, not how to make some"),
    ("acl|save", "says that there are no users to save, not how to make some"),
    ("acl|setuser", "users other than the default one do not exist here yet"),
    ("bgsave", "its reply depends on whether a child process is still at work"),
    ("client|pause", "a damaged time would hold all connections for ever"),
    ("failover", "the role passes to a replica; see tests/replication"),
    ("module|load", "says that there are no modules, not how to enable them"),
    ("module|loadex", "says that there are no modules, not how to enable them"),
    ("module|unload", "says that there are no modules, not how to enable them"),
    ("monitor", "the connection becomes a feed; see tests/clients"),
    ("psubscribe", SUBSCRIBING),
    ("psync", "the connection becomes a replica's; see tests/replication"),
    ("punsubscribe", SUBSCRIBING),
    ("quit", "the connection ends; see tests/bad_input"),
    ("save", "its reply depends on whether a child process is still at work"),
    ("shutdown", "the server ends; see tests/persistence"),
    ("ssubscribe", SUBSCRIBING),
    ("subscribe", SUBSCRIBING),
    ("sunsubscribe", SUBSCRIBING),
    ("sync", "the connection becomes a replica's; see tests/replication"),
    ("unsubscribe", SUBSCRIBING),
];

const SUBSCRIBING: &str = "the connection receives messages; see tests/subscriptions";
