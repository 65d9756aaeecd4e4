//! Rows of the directive table: files, memory, compact encodings. A static table, any core.

use crate::config::choices::{Choice, SnapshotMethod};
use crate::config::error::Reason;
use crate::config::kinds::{
    Directive, Kind, Special, boolean, choice, field, integer, memory, row, text,
};
use crate::config::special;

/// The rows.
pub static ROWS: &[Directive] = &[
    row(
        "save",
        "3600 1 300 100 60 10000",
        Kind::Special(&special::SAVE),
        "Save after so many seconds with at least so many changes; \"\" never saves.",
    ),
    row(
        "snapshot-method",
        "fork",
        Kind::Special(&SNAPSHOT_METHOD),
        "How a point in time is frozen while writes go on.",
    )
    .immutable(),
    row(
        "rdb-version",
        "10",
        integer!(rdb.version, 9, 11),
        "The version of RDB files: 9 for Redis 5 and 6, 10 for 7.0, 11 for 7.2 and later.",
    ),
    row(
        "dbfilename",
        "dump.rdb",
        text!(rdb.dbfilename, special::check_dbfilename),
        "The name of the RDB file in dir.",
    )
    .protected(),
    row("rdbcompression", "yes", boolean!(rdb.compression), "Compress long strings in RDB files."),
    row(
        "rdbchecksum",
        "yes",
        boolean!(rdb.checksum),
        "Seal RDB files with a checksum, and check it when loading.",
    )
    .immutable(),
    row(
        "stop-writes-on-bgsave-error",
        "yes",
        boolean!(rdb.stop_writes_on_bgsave_error),
        "Refuse writes while the last save in the background failed.",
    ),
    row(
        "rdb-save-incremental-fsync",
        "yes",
        boolean!(rdb.save_incremental_fsync),
        "Give an RDB file to the disk in pieces, without one long stall at its end.",
    ),
    row("appendonly", "no", boolean!(aof.enabled), "Log every write to the append-only file."),
    row(
        "appendfilename",
        "appendonly.aof",
        text!(aof.filename, special::check_appendfilename),
        "The base of the names of its files.",
    )
    .immutable(),
    row(
        "appenddirname",
        "appendonlydir",
        text!(aof.dirname, special::check_appenddirname),
        "The directory in dir that holds them.",
    )
    .immutable(),
    row(
        "appendfsync",
        "everysec",
        choice!(aof.fsync, AppendFsync),
        "When a write is safe on disk: before its reply, within a second, or some time.",
    ),
    row(
        "no-appendfsync-on-rewrite",
        "no",
        boolean!(aof.no_fsync_on_rewrite),
        "Do not wait for the disk while a snapshot is written to it.",
    ),
    row(
        "auto-aof-rewrite-percentage",
        "100",
        integer!(aof.auto_rewrite_percentage, 0, i32::MAX),
        "Rewrite the file when it grew by so many percent; 0 never does.",
    ),
    row(
        "auto-aof-rewrite-min-size",
        "64mb",
        memory!(aof.auto_rewrite_min_size, 0, i64::MAX),
        "But not while it is smaller than this.",
    ),
    row(
        "aof-load-truncated",
        "yes",
        boolean!(aof.load_truncated),
        "Start although the last command in the file is cut off.",
    ),
    row(
        "aof-use-rdb-preamble",
        "yes",
        boolean!(aof.use_rdb_preamble),
        "Begin a rewritten file as an RDB, which is smaller and loads faster.",
    ),
    row(
        "aof-timestamp-enabled",
        "no",
        boolean!(aof.timestamp_enabled),
        "Note the time in the file, so that it can be cut at a moment.",
    ),
    row(
        "aof-rewrite-incremental-fsync",
        "yes",
        boolean!(aof.rewrite_incremental_fsync),
        "Give a rewritten file to the disk in pieces.",
    ),
    row(
        "aof-disable-auto-gc",
        "no",
        boolean!(aof.disable_auto_gc),
        "For tests: keep files that are no longer part of the set.",
    )
    .hidden(),
    row(
        "maxmemory",
        "0",
        memory!(memory.maxmemory, 0, u64::MAX),
        "Bytes above which keys are evicted or writes refused; 0 sets no limit.",
    ),
    row(
        "maxmemory-policy",
        "noeviction",
        choice!(memory.policy, MaxmemoryPolicy),
        "Which keys go first when memory is full.",
    ),
    row(
        "maxmemory-samples",
        "5",
        integer!(memory.samples, 1, 64),
        "How many keys are compared to find one to evict.",
    ),
    row(
        "maxmemory-eviction-tenacity",
        "10",
        integer!(memory.eviction_tenacity, 0, 100),
        "How long evicting may delay a command, from 0 (hardly) to 100.",
    ),
    row(
        "maxmemory-clients",
        "0",
        Kind::MemoryOrPercent(field!(memory.clients)),
        "Bytes, or percent of maxmemory, for all clients together; 0 sets no limit.",
    ),
    row(
        "lfu-log-factor",
        "10",
        integer!(memory.lfu_log_factor, 0, i32::MAX),
        "The higher, the more accesses saturate the frequency counter.",
    ),
    row(
        "lfu-decay-time",
        "1",
        integer!(memory.lfu_decay_time, 0, i32::MAX),
        "Minutes after which that counter loses one; 0 lets it stay.",
    ),
    row(
        "lazyfree-lazy-eviction",
        "no",
        boolean!(memory.lazyfree_lazy_eviction),
        "Free evicted values in the background.",
    ),
    row(
        "lazyfree-lazy-expire",
        "no",
        boolean!(memory.lazyfree_lazy_expire),
        "Free expired values in the background.",
    ),
    row(
        "lazyfree-lazy-server-del",
        "no",
        boolean!(memory.lazyfree_lazy_server_del),
        "Free overwritten values in the background.",
    ),
    row(
        "lazyfree-lazy-user-del",
        "no",
        boolean!(memory.lazyfree_lazy_user_del),
        "Let DEL behave as UNLINK.",
    ),
    row(
        "lazyfree-lazy-user-flush",
        "no",
        boolean!(memory.lazyfree_lazy_user_flush),
        "Let FLUSHALL and FLUSHDB behave as if ASYNC were said.",
    ),
    row(
        "hash-max-listpack-entries",
        "512",
        integer!(encoding.hash_max_listpack_entries, 0, i64::MAX),
        "Fields up to which a hash is kept flat.",
    )
    .or(&["hash-max-ziplist-entries"]),
    row(
        "hash-max-listpack-value",
        "64",
        memory!(encoding.hash_max_listpack_value, 0, i64::MAX),
        "Bytes of a field or value up to which it stays flat.",
    )
    .or(&["hash-max-ziplist-value"]),
    row(
        "list-max-listpack-size",
        "-2",
        integer!(encoding.list_max_listpack_size, i32::MIN, i32::MAX),
        "Elements of a list node; -1 to -5 mean 4, 8, 16, 32, 64 KiB instead.",
    )
    .or(&["list-max-ziplist-size"]),
    row(
        "list-compress-depth",
        "0",
        integer!(encoding.list_compress_depth, 0, i32::MAX),
        "Nodes at both ends of a list that are never compressed; 0 compresses none.",
    ),
    row(
        "set-max-intset-entries",
        "512",
        integer!(encoding.set_max_intset_entries, 0, i64::MAX),
        "Members up to which a set of integers is kept as a sorted array.",
    ),
    row(
        "set-max-listpack-entries",
        "128",
        integer!(encoding.set_max_listpack_entries, 0, i64::MAX),
        "Members up to which another set is kept flat.",
    ),
    row(
        "set-max-listpack-value",
        "64",
        integer!(encoding.set_max_listpack_value, 0, i64::MAX),
        "Bytes of a member up to which it stays flat.",
    ),
    row(
        "zset-max-listpack-entries",
        "128",
        integer!(encoding.zset_max_listpack_entries, 0, i64::MAX),
        "Members up to which a sorted set is kept flat.",
    )
    .or(&["zset-max-ziplist-entries"]),
    row(
        "zset-max-listpack-value",
        "64",
        memory!(encoding.zset_max_listpack_value, 0, i64::MAX),
        "Bytes of a member up to which it stays flat.",
    )
    .or(&["zset-max-ziplist-value"]),
    row(
        "hll-sparse-max-bytes",
        "3000",
        memory!(encoding.hll_sparse_max_bytes, 0, i64::MAX),
        "Bytes up to which a HyperLogLog is kept sparse.",
    ),
    row(
        "stream-node-max-bytes",
        "4096",
        memory!(encoding.stream_node_max_bytes, 0, i64::MAX),
        "Bytes of a node of a stream; 0 sets no limit.",
    ),
    row(
        "stream-node-max-entries",
        "100",
        integer!(encoding.stream_node_max_entries, 0, i64::MAX),
        "Entries of a node of a stream; 0 sets no limit.",
    ),
];

static SNAPSHOT_METHOD: Special = Special {
    one_word: true,
    set: |s, words, _| {
        let word = words[0];
        let index = SnapshotMethod::WORDS.iter().position(|known| known.eq_ignore_ascii_case(word));
        let index = index.ok_or(Reason::NotOneOf(SnapshotMethod::WORDS))?;
        if SnapshotMethod::VALUES[index] == SnapshotMethod::Cow {
            let text = "snapshot-method cow is not available in this version; use fork";
            return Err(Reason::Invalid(text));
        }
        s.rdb.snapshot_method = SnapshotMethod::VALUES[index];
        Ok(())
    },
    print: |s| s.rdb.snapshot_method.word().to_owned(),
    lines: |s, _| vec![s.rdb.snapshot_method.word().to_owned()],
};
