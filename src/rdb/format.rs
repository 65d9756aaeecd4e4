//! The numbers of the RDB format, and their names. Constants only.
//!
//! Sources: the public descriptions of the format (rdb.fnordig.de/file_format.html, the pages of
//! Redis and Valkey about RDB versions), and files written by Redis 7.0.15 and Valkey 8.0.1.
//!
//! ```text
//! REDIS0010 | VALKEY080                     9 bytes
//! FA key value                              aux fields
//! FE db  FB keys expires                    a database begins; its sizes, a hint
//! [FC ms(8) | FD s(4)] [F8 idle | F9 freq(1)] type key value
//! FF crc64(8, little-endian; 0: not made)   the end, since version 5 with a sum
//! ```

/// Magic and version of a file, in bytes.
pub const HEADER_LENGTH: usize = 9;
/// Bytes of the checksum after the end opcode.
pub const CHECKSUM_LENGTH: usize = 8;
/// The newest version written by Redis that is read.
pub const VERSION_MAX: u16 = 12;
/// The version behind the `VALKEY` magic that is read.
pub const VALKEY_VERSION: u16 = 80;
/// The first version whose files end with a checksum.
pub const CHECKSUM_SINCE: u16 = 5;
/// The oldest version that is written: Redis 5 and 6, KeyDB.
pub const WRITTEN_MIN: u16 = 9;
/// What is written unless asked otherwise: Redis 7.0 and everything later reads it.
pub const WRITTEN_DEFAULT: u16 = 10;
/// The first version whose small collections are listpacks; before, they were ziplists.
pub const LISTPACKS_SINCE: u16 = 10;
/// The first version in which small sets are listpacks too.
pub const SET_LISTPACKS_SINCE: u16 = 11;
/// The newest version that is written: Redis 7.2, Valkey 7.2 and 8.
pub const WRITTEN_MAX: u16 = 11;

/// Sizes of one slot's tables, a hint.
pub const SLOT_INFO: u8 = 244;
/// One function library, its source.
pub const FUNCTION: u8 = 245;
/// Data of a module that belongs to no key.
pub const MODULE_AUX: u8 = 247;
/// Seconds since the next key was used.
pub const IDLE: u8 = 248;
/// LFU counter of the next key.
pub const FREQ: u8 = 249;
/// A field about the file.
pub const AUX: u8 = 250;
/// How many keys the database has, and how many of them expire.
pub const RESIZE_DB: u8 = 251;
/// Unix time in milliseconds at which the next key expires.
pub const EXPIRE_MS: u8 = 252;
/// The same in seconds (before version 3).
pub const EXPIRE_SECONDS: u8 = 253;
/// The keys that follow belong to this database.
pub const SELECT_DB: u8 = 254;
/// The end of the data.
pub const EOF: u8 = 255;

/// A string.
pub const TYPE_STRING: u8 = 0;
/// A list, element by element.
pub const TYPE_LIST: u8 = 1;
/// A set, member by member.
pub const TYPE_SET: u8 = 2;
/// A hash, field by field.
pub const TYPE_HASH: u8 = 4;
/// A hash as a zipmap.
pub const TYPE_HASH_ZIPMAP: u8 = 9;
/// A list as a ziplist.
pub const TYPE_LIST_ZIPLIST: u8 = 10;
/// A set of integers as an intset.
pub const TYPE_SET_INTSET: u8 = 11;
/// A hash as a ziplist.
pub const TYPE_HASH_ZIPLIST: u8 = 13;
/// A list as ziplists in a row.
pub const TYPE_LIST_QUICKLIST: u8 = 14;
/// A hash whose fields may expire, by Valkey.
pub const TYPE_HASH_VALKEY: u8 = 22;
/// A hash whose fields may expire, by Redis.
pub const TYPE_HASH_METADATA: u8 = 24;
/// The same as a listpack.
pub const TYPE_HASH_LISTPACK_METADATA: u8 = 25;
/// A hash as a listpack.
pub const TYPE_HASH_LISTPACK: u8 = 16;
/// A set as a listpack.
pub const TYPE_SET_LISTPACK: u8 = 20;
/// A list as listpacks and large elements in a row.
pub const TYPE_LIST_QUICKLIST_2: u8 = 18;

/// In a list of type 18: an element by itself.
pub const NODE_PLAIN: u64 = 1;
/// In a list of type 18: a listpack.
pub const NODE_PACKED: u64 = 2;
/// A sorted set, scores as text.
pub const TYPE_SORTED_SET: u8 = 3;
/// A sorted set, scores as doubles.
pub const TYPE_SORTED_SET_2: u8 = 5;
/// A sorted set as a ziplist.
pub const TYPE_SORTED_SET_ZIPLIST: u8 = 12;
/// A sorted set as a listpack.
pub const TYPE_SORTED_SET_LISTPACK: u8 = 17;
/// A stream as of Redis 5.
pub const TYPE_STREAM_1: u8 = 15;
/// A stream as of Redis 7.0.
pub const TYPE_STREAM_2: u8 = 19;
/// A stream as of Redis 7.2.
pub const TYPE_STREAM_3: u8 = 21;

/// The two top bits of a length's first byte: 6 bits follow in it.
pub const LENGTH_6: u8 = 0;
/// 14 bits: those of the first byte, then a byte.
pub const LENGTH_14: u8 = 1;
/// The whole first byte [`LENGTH_32`] or [`LENGTH_64`] follows.
pub const LENGTH_LONG: u8 = 2;
/// Not a length: the low six bits say how a string is encoded.
pub const LENGTH_ENCODED: u8 = 3;
/// First byte of a length of four bytes, big-endian.
pub const LENGTH_32: u8 = 0x80;
/// First byte of a length of eight bytes, big-endian.
pub const LENGTH_64: u8 = 0x81;

/// A string that is an integer of 1 byte.
pub const STRING_INT8: u8 = 0;
/// A string that is an integer of 2 bytes, little-endian.
pub const STRING_INT16: u8 = 1;
/// A string that is an integer of 4 bytes, little-endian.
pub const STRING_INT32: u8 = 2;
/// A string compressed with LZF.
pub const STRING_LZF: u8 = 3;

/// The name of a value's type, for messages: up to 21 the names the stock checkers print. Numbers
/// from 22 on mean one thing in Redis and another in Valkey, so the file's magic matters.
pub fn type_name(code: u8, valkey: bool) -> &'static str {
    match code {
        0 => "string",
        1 => "list-linked",
        2 => "set-hashtable",
        3 => "zset-v1",
        4 => "hash-hashtable",
        5 => "zset-v2",
        6 => "module-pre-release",
        7 => "module-value",
        9 => "hash-zipmap",
        10 => "list-ziplist",
        11 => "set-intset",
        12 => "zset-ziplist",
        13 => "hash-ziplist",
        14 => "quicklist",
        15 => "stream",
        16 => "hash-listpack",
        17 => "zset-listpack",
        18 => "quicklist-v2",
        19 => "stream-v2",
        20 => "set-listpack",
        21 => "stream-v3",
        22 if valkey => "hash-v2",
        22 => "hash-metadata-pre-release",
        23 => "hash-listpack-metadata-pre-release",
        24 => "hash-metadata",
        25 => "hash-listpack-metadata",
        _ => UNKNOWN,
    }
}

/// The name of a number that is no type's.
pub const UNKNOWN: &str = "unknown";
