//! The parts of [`crate::config::settings::Settings`], by theme. Plain values; what each field
//! means to an operator stands in the directive table and in `conf/tributary.conf`, here only unit
//! and form. `Default` is all zero and never used alone.

use std::path::PathBuf;

use crate::config::choices as c;
use crate::config::values::MemoryLimit;

/// One address of `bind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// IPv4, IPv6, a name, or `*` (all IPv4) and `::*` (all IPv6).
    pub address: String,
    /// Written with a leading `-`: starting goes on where this address cannot be had.
    pub optional: bool,
}

/// Listening, connections, sockets.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Network {
    /// TCP port; 0 listens on none.
    pub port: u16,
    /// Addresses to listen on; empty is none.
    pub bind: Vec<BindAddress>,
    /// Source address of outgoing connections; empty lets the kernel choose.
    pub bind_source_addr: String,
    /// Path of the unix socket; empty is none.
    pub unixsocket: String,
    /// Mode bits of the unix socket; 0 leaves them.
    pub unixsocketperm: u32,
    /// Refuse remote clients while the default user has no password.
    pub protected_mode: bool,
    /// Pending connections of a listener.
    pub tcp_backlog: i32,
    /// Seconds between keepalive probes; 0 is off.
    pub tcp_keepalive: i32,
    /// Seconds after which an idle client is closed; 0 is never.
    pub timeout: i32,
}

/// The process itself.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Server {
    /// Shards; 0 is one a usable core.
    pub shards: u16,
    /// Order of one connection's commands.
    pub pipeline_order: c::PipelineOrder,
    /// Run in the background.
    pub daemonize: bool,
    /// Who is told that the server is ready.
    pub supervised: c::Supervised,
    /// Path of the pid file; empty is none.
    pub pidfile: String,
    /// Number of logical databases.
    pub databases: u16,
    /// Working directory, absolute.
    pub dir: PathBuf,
    /// Background rounds a second.
    pub hz: u32,
    /// More rounds with more clients.
    pub dynamic_hz: bool,
    /// Effort of the expiry cycle, 1 to 10.
    pub active_expire_effort: u32,
    /// Whether the out-of-memory score is adjusted.
    pub oom_score_adj: c::OomScoreAdj,
    /// Its values for master, replica and background child.
    pub oom_score_adj_values: [i32; 3],
    /// Turn transparent huge pages off for this process.
    pub disable_thp: bool,
    /// Milliseconds a script or function runs before others get BUSY.
    pub busy_reply_threshold: i64,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Log {
    /// Least important line logged.
    pub level: c::LogLevel,
    /// Path; empty is standard output.
    pub file: String,
    /// Send lines to syslog too.
    pub syslog_enabled: bool,
    /// Name in syslog.
    pub syslog_ident: String,
    /// Facility in syslog.
    pub syslog_facility: c::SyslogFacility,
}

/// The master a replica follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterAddress {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Being a master and being a replica.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Replication {
    /// Whom to follow; `None` on a master. REPLICAOF changes it, CONFIG REWRITE stores it.
    pub replicaof: Option<MasterAddress>,
    /// Password towards the master; empty is none.
    pub masterauth: String,
    /// ACL user towards the master; empty is the default user.
    pub masteruser: String,
    /// Answer while the link is down.
    pub replica_serve_stale_data: bool,
    /// Refuse writes of clients on a replica.
    pub replica_read_only: bool,
    /// Stream the RDB to the sockets.
    pub repl_diskless_sync: bool,
    /// Seconds to wait for more replicas before streaming.
    pub repl_diskless_sync_delay: u32,
    /// Replicas that end that wait; 0 is no number.
    pub repl_diskless_sync_max_replicas: u32,
    /// How an RDB from the master is loaded.
    pub repl_diskless_load: c::DisklessLoad,
    /// Seconds between PINGs to replicas.
    pub repl_ping_replica_period: u32,
    /// Seconds without traffic after which a link is dead.
    pub repl_timeout: u32,
    /// Let the kernel collect small writes to replicas.
    pub repl_disable_tcp_nodelay: bool,
    /// Bytes of history kept, at least 16 KiB.
    pub repl_backlog_size: u64,
    /// Bytes to which the output limit of a replica dropped in its full resynchronization may grow;
    /// 0 is a quarter of the memory.
    pub repl_resync_buffer_limit: u64,
    /// Seconds without replicas after which the backlog ends; 0 is never.
    pub repl_backlog_ttl: i64,
    /// Rank for Sentinel, lower is better; 0 is never promoted.
    pub replica_priority: u32,
    /// Whether Sentinel is told of this replica.
    pub replica_announced: bool,
    /// Address told to the master; empty is the socket's.
    pub replica_announce_ip: String,
    /// Port told to the master; 0 is `port`.
    pub replica_announce_port: u16,
    /// Replicas that must be well for writes; 0 is off.
    pub min_replicas_to_write: u32,
    /// Seconds of lag that still count as well; 0 is off.
    pub min_replicas_max_lag: u32,
    /// Leave eviction to the master.
    pub replica_ignore_maxmemory: bool,
    /// Free the old data set in the background.
    pub replica_lazy_flush: bool,
    /// Delete RDB files that only replication needed.
    pub rdb_del_sync_files: bool,
    /// What an error in the stream does.
    pub propagation_error_behavior: c::PropagationError,
    /// Stay a replica when its files cannot be written.
    pub replica_ignore_disk_write_errors: bool,
}

/// Memory limits and eviction.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Memory {
    /// Bytes; 0 is no limit.
    pub maxmemory: u64,
    /// Who makes room.
    pub policy: c::MaxmemoryPolicy,
    /// Candidates a round.
    pub samples: u32,
    /// Effort, 0 to 100.
    pub eviction_tenacity: u32,
    /// Limit of all clients together.
    pub clients: MemoryLimit,
    /// How slowly the frequency counter grows.
    pub lfu_log_factor: u32,
    /// Minutes after which the frequency counter loses one.
    pub lfu_decay_time: u32,
    /// Free evicted values in the background.
    pub lazyfree_lazy_eviction: bool,
    /// Free expired values in the background.
    pub lazyfree_lazy_expire: bool,
    /// Free overwritten values in the background.
    pub lazyfree_lazy_server_del: bool,
    /// DEL as UNLINK.
    pub lazyfree_lazy_user_del: bool,
    /// FLUSHALL and FLUSHDB as ASYNC unless told.
    pub lazyfree_lazy_user_flush: bool,
}

/// One save point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last save, from 1.
    pub seconds: u64,
    /// Changes since the last save.
    pub changes: u32,
}

/// RDB files and snapshots.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rdb {
    /// When to save by itself.
    pub save: Vec<SavePoint>,
    /// How a snapshot is taken.
    pub snapshot_method: c::SnapshotMethod,
    /// Version written to files, 9 to 11.
    pub version: u32,
    /// File name in `dir`.
    pub dbfilename: String,
    /// LZF for long strings.
    pub compression: bool,
    /// CRC64 at the end.
    pub checksum: bool,
    /// Refuse writes after a failed background save.
    pub stop_writes_on_bgsave_error: bool,
    /// Hand the file to the disk piece by piece.
    pub save_incremental_fsync: bool,
}

/// The append-only file.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Aof {
    /// Whether it is written.
    pub enabled: bool,
    /// Base name of its files.
    pub filename: String,
    /// Directory below `dir`.
    pub dirname: String,
    /// When it reaches the disk.
    pub fsync: c::AppendFsync,
    /// Do not fsync while a child writes.
    pub no_fsync_on_rewrite: bool,
    /// Growth in percent that starts a rewrite; 0 is never.
    pub auto_rewrite_percentage: u32,
    /// Bytes below which none is started.
    pub auto_rewrite_min_size: u64,
    /// Load a file whose last command is cut off.
    pub load_truncated: bool,
    /// The base file is an RDB.
    pub use_rdb_preamble: bool,
    /// Note the time in the file.
    pub timestamp_enabled: bool,
    /// Hand the file to the disk piece by piece.
    pub rewrite_incremental_fsync: bool,
    /// Keep files that are no longer part of the set.
    pub disable_auto_gc: bool,
}

/// Reply bytes that may wait for one class of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Bytes at which the client is closed at once; 0 is none.
    pub hard_bytes: u64,
    /// Bytes at which it is closed after a while; 0 is none.
    pub soft_bytes: u64,
    /// That while, in seconds.
    pub soft_seconds: u32,
}

/// What clients may use.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Clients {
    /// Connections at once.
    pub maxclients: u32,
    /// Replies waiting for ordinary clients.
    pub output_normal: OutputLimit,
    /// Stream waiting for replicas.
    pub output_replica: OutputLimit,
    /// Messages waiting for subscribers.
    pub output_pubsub: OutputLimit,
    /// Bytes of one client's unexecuted requests.
    pub query_buffer_limit: u64,
    /// Bytes of one argument.
    pub proto_max_bulk_len: u64,
    /// Keys remembered for client-side caching; 0 is no limit.
    pub tracking_table_max_keys: u64,
}

/// Where compact encodings end. Bytes a value, elements an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Encoding {
    /// Fields of a listpack hash.
    pub hash_max_listpack_entries: usize,
    /// Bytes of a field or value in it.
    pub hash_max_listpack_value: usize,
    /// Elements (positive) or size class (negative) of a list node.
    pub list_max_listpack_size: i32,
    /// Nodes at each end of a list left uncompressed; 0 compresses none.
    pub list_compress_depth: u32,
    /// Elements of an all-integer set.
    pub set_max_intset_entries: usize,
    /// Elements of a listpack set.
    pub set_max_listpack_entries: usize,
    /// Bytes of an element in it.
    pub set_max_listpack_value: usize,
    /// Elements of a listpack sorted set.
    pub zset_max_listpack_entries: usize,
    /// Bytes of an element in it.
    pub zset_max_listpack_value: usize,
    /// Bytes of a sparse HyperLogLog.
    pub hll_sparse_max_bytes: usize,
    /// Bytes of a stream node; 0 is no limit.
    pub stream_node_max_bytes: usize,
    /// Entries of a stream node; 0 is no limit.
    pub stream_node_max_entries: i64,
}

/// Slow log, latency, events.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Observe {
    /// Microseconds from which a command is slow; -1 is never, 0 always.
    pub slowlog_log_slower_than: i64,
    /// Entries kept.
    pub slowlog_max_len: u64,
    /// Milliseconds from which an event is a latency spike; 0 is off.
    pub latency_monitor_threshold: i64,
    /// Keep a histogram a command.
    pub latency_tracking: bool,
    /// Percentiles INFO prints, 0.0 to 100.0.
    pub latency_tracking_info_percentiles: Vec<f64>,
    /// Which keyspace events are published.
    pub notify_keyspace_events: NotifyFlags,
}

/// Classes of keyspace events, a bit each (see [`crate::config::values`] for the letters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct NotifyFlags(pub u32);

/// `rename-command old new`; an empty new name removes the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedCommand {
    /// The name in the table.
    pub from: String,
    /// The name clients use.
    pub to: String,
}

/// Passwords, ACL, dangerous commands.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Security {
    /// Password of the default user; empty is none.
    pub requirepass: String,
    /// Path of the ACL file; empty is none.
    pub aclfile: String,
    /// `user` lines of the configuration, each the words after `user`.
    pub users: Vec<Vec<String>>,
    /// Entries of ACL LOG.
    pub acllog_max_len: u64,
    /// Channels of a new user.
    pub acl_pubsub_default: c::AclPubsubDefault,
    /// Who may use DEBUG.
    pub enable_debug_command: c::Permission,
    /// Who may change protected directives.
    pub enable_protected_configs: c::Permission,
    /// Commands under another name.
    pub renamed_commands: Vec<RenamedCommand>,
}

/// Stopping.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Shutdown {
    /// Seconds to wait for lagging replicas.
    pub timeout: u32,
    /// What SIGINT does.
    pub on_sigint: c::ShutdownFlags,
    /// What SIGTERM does.
    pub on_sigterm: c::ShutdownFlags,
}

/// Knobs that only tests use.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Testing {
    /// Microseconds to wait after each key saved; negative: a microsecond after each -N keys.
    pub rdb_key_save_delay: i32,
    /// The same after each key loaded.
    pub key_load_delay: i32,
    /// Bytes loaded between two looks at the network.
    pub loading_process_events_interval_bytes: u32,
    /// End by `exit` instead of `abort` on a failed assertion.
    pub use_exit_on_panic: bool,
}
