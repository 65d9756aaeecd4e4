//! What saving and loading are up to, in numbers that INFO prints. Written by shard 0's loop, read
//! from any core.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

/// The numbers of INFO's section on persistence that concern RDB files and loading.
#[derive(Debug)]
pub struct PersistenceInfo {
    /// The sum of all shards' changes when the last successful save was cut.
    /// `rdb_changes_since_last_save` is the present sum less this.
    pub changes_at_last_save: AtomicU64,
    /// `rdb_bgsave_in_progress`: a child writes a file.
    pub bgsave_in_progress: AtomicBool,
    /// A child runs, whatever it writes to.
    pub child_running: AtomicBool,
    /// `rdb_last_save_time`, Unix seconds; the start of the process before the first one.
    pub last_save_s: AtomicU64,
    /// Whether the last background save went well: `rdb_last_bgsave_status`.
    pub last_bgsave_ok: AtomicBool,
    /// `rdb_last_bgsave_time_sec`, -1 before the first.
    pub last_bgsave_seconds: AtomicI64,
    /// Unix seconds at which the running one began; 0 without one. For
    /// `rdb_current_bgsave_time_sec`, which is -1 then.
    pub bgsave_started_s: AtomicU64,
    /// `rdb_saves`: files written since the start.
    pub saves: AtomicU64,
    /// `rdb_last_cow_size`, bytes.
    pub last_cow_bytes: AtomicU64,
    /// `current_cow_size`, bytes; 0 without a child.
    pub current_cow_bytes: AtomicU64,
    /// `current_cow_peak`, bytes.
    pub current_cow_peak: AtomicU64,
    /// `current_save_keys_processed`; 0 without a child.
    pub save_keys_processed: AtomicU64,
    /// `current_save_keys_total`.
    pub save_keys_total: AtomicU64,
    /// `rdb_last_load_keys_expired`
    pub last_load_keys_expired: AtomicU64,
    /// `rdb_last_load_keys_loaded`
    pub last_load_keys_loaded: AtomicU64,
    /// `latest_fork_usec`
    pub latest_fork_us: AtomicU64,
    /// `total_forks`
    pub total_forks: AtomicU64,
    /// `loading_start_time`, Unix seconds. `loading` itself is `Status::loading`.
    pub loading_started_s: AtomicU64,
    /// `loading_total_bytes`; 0 if not known.
    pub loading_total_bytes: AtomicU64,
    /// `loading_rdb_used_mem`: the writer's memory as the file tells it, bytes.
    pub loading_rdb_used_bytes: AtomicU64,
    /// `loading_loaded_bytes`
    pub loading_loaded_bytes: AtomicU64,
}

impl PersistenceInfo {
    /// The numbers at the start of the process.
    pub fn new() -> PersistenceInfo {
        PersistenceInfo {
            changes_at_last_save: AtomicU64::new(0),
            bgsave_in_progress: AtomicBool::new(false),
            child_running: AtomicBool::new(false),
            last_save_s: AtomicU64::new(crate::base::clock::wall().as_secs()),
            last_bgsave_ok: AtomicBool::new(true),
            last_bgsave_seconds: AtomicI64::new(-1),
            bgsave_started_s: AtomicU64::new(0),
            saves: AtomicU64::new(0),
            last_cow_bytes: AtomicU64::new(0),
            current_cow_bytes: AtomicU64::new(0),
            current_cow_peak: AtomicU64::new(0),
            save_keys_processed: AtomicU64::new(0),
            save_keys_total: AtomicU64::new(0),
            last_load_keys_expired: AtomicU64::new(0),
            last_load_keys_loaded: AtomicU64::new(0),
            latest_fork_us: AtomicU64::new(0),
            total_forks: AtomicU64::new(0),
            loading_started_s: AtomicU64::new(0),
            loading_total_bytes: AtomicU64::new(0),
            loading_rdb_used_bytes: AtomicU64::new(0),
            loading_loaded_bytes: AtomicU64::new(0),
        }
    }

    /// `rdb_changes_since_last_save`, from the present sum of all shards' changes.
    pub fn changes_since_save(&self, changes: u64) -> u64 {
        changes.saturating_sub(self.changes_at_last_save.load(Relaxed))
    }

    /// `rdb_current_bgsave_time_sec`: -1 while none runs.
    pub fn current_bgsave_seconds(&self, now_s: u64) -> i64 {
        match self.bgsave_started_s.load(Relaxed) {
            0 => -1,
            started => i64::try_from(now_s.saturating_sub(started)).unwrap_or(i64::MAX),
        }
    }

    /// `loading_loaded_perc`: 0 while the total is not known.
    pub fn loaded_percent(&self) -> f64 {
        match self.loading_total_bytes.load(Relaxed) {
            0 => 0.0,
            total => self.loading_loaded_bytes.load(Relaxed) as f64 / total as f64 * 100.0,
        }
    }
}

impl Default for PersistenceInfo {
    fn default() -> PersistenceInfo {
        PersistenceInfo::new()
    }
}
