//! Counters and states of the process that commands read or report: one per process, read from
//! any core. Whoever owns a state writes it; nothing here waits.

use super::acl::users::Acl;
use super::client_info::Registry;
use super::gate::{Gate, Pause, Role};
use super::subscriptions::Directory;
use super::table::table;
use super::tracking::Tracking;
use crate::base::ids::ShardId;
use crate::config::live::Live;
use crate::keyspace::gauges::Gauges;
use crate::metrics::command_stats::CommandStats;
use crate::metrics::counters::ShardMetrics;
use crate::metrics::error_stats::ErrorStats;
use crate::metrics::latency::LatencyMonitor;
use crate::metrics::slowlog::SlowLog;
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// The process as commands see it.
pub struct Environment {
    /// The directives.
    pub config: Arc<Live>,
    /// Key counts and bytes, by shard.
    pub gauges: Vec<Arc<Gauges>>,
    /// Counters, by shard.
    pub metrics: Vec<ShardMetrics>,
    /// Calls and times a command, by shard.
    pub command_stats: Vec<CommandStats>,
    /// Error replies by prefix, by shard.
    pub error_stats: Vec<ErrorStats>,
    /// Slow commands.
    pub slowlog: SlowLog,
    /// Latency events.
    pub latency: LatencyMonitor,
    /// Who is connected.
    pub clients: Registry,
    /// The sources of function libraries, in the order they came in. They are kept and passed on.
    pub functions: ArcSwap<Vec<Bytes>>,
    /// Who may do what.
    pub acl: Acl,
    /// Who subscribes to what.
    pub subscriptions: Directory,
    /// Who keeps keys in a cache of its own.
    pub tracking: Tracking,
    /// States that commands are refused by.
    pub status: Status,
}

/// States of the server that decide whether commands are taken.
#[derive(Default)]
pub struct Status {
    /// A data set is being loaded: -LOADING.
    pub loading: AtomicBool,
    /// The role, for commands that run on no keyspace.
    pub is_replica: AtomicBool,
    /// Loading beside the old data set: reads are served.
    pub async_loading: AtomicBool,
    /// This replica's data may be stale: its link is not up (-MASTERDOWN if so configured).
    pub link_down: AtomicBool,
    /// The last background save failed: -MISCONF if so configured.
    pub save_failed: AtomicBool,
    /// Replicas with a lag within `min-replicas-max-lag`.
    pub good_replicas: AtomicU64,
    /// Unix milliseconds at which a `CLIENT PAUSE` ends; 0 without one.
    pub pause_until_ms: AtomicU64,
    /// A pause holds back every command of ordinary clients.
    pub pause_all: AtomicBool,
    /// A pause holds back commands that may write.
    pub pause_writes: AtomicBool,
    /// FLUSHALLs so far: a snapshot from before one is of no use.
    pub flushes: AtomicU64,
    /// Clients that monitor.
    pub monitors: AtomicU64,
    /// Whether background deletion of expired keys is on (`DEBUG SET-ACTIVE-EXPIRE`).
    pub active_expire_off: AtomicBool,
    /// Bytes in use beyond the keyspaces' own counts, refreshed by cron.
    pub memory_beside_keys: AtomicI64,
}

impl Status {
    /// The gate for commands that run without a keyspace.
    pub fn gate(&self) -> Gate {
        let on = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let pause = match (on(&self.pause_all), on(&self.pause_writes)) {
            (true, _) => Pause::All,
            (false, true) => Pause::Writes,
            (false, false) => Pause::Off,
        };
        let role = if on(&self.is_replica) { Role::Replica } else { Role::Master };
        Gate { role, streaming: false, pause }
    }
}

impl Environment {
    /// All counters at zero, for so many shards and databases.
    pub fn new(config: Arc<Live>, shards: u16, databases: u16) -> Environment {
        let commands = table().len();
        let slowlog_max_len = config.load().observe.slowlog_max_len as usize;
        let acl = Acl::new(&config.load().security.requirepass);
        Environment {
            config,
            gauges: (0..shards).map(|_| Arc::new(Gauges::new(databases))).collect(),
            metrics: (0..shards).map(|_| ShardMetrics::default()).collect(),
            command_stats: (0..shards).map(|_| CommandStats::new(commands)).collect(),
            error_stats: (0..shards).map(|_| ErrorStats::default()).collect(),
            slowlog: SlowLog::new(slowlog_max_len),
            latency: LatencyMonitor::default(),
            clients: Registry::new(shards),
            functions: ArcSwap::default(),
            acl,
            subscriptions: Directory::new(shards),
            tracking: Tracking::default(),
            status: Status::default(),
        }
    }

    /// Counts an error reply of a shard by its prefix.
    pub fn count_error(&self, shard: ShardId, text: &[u8]) {
        let shard = usize::from(shard.0);
        self.error_stats[shard].record(text);
        self.metrics[shard].total_error_replies.bump();
    }
}
