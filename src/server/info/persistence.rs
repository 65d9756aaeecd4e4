//! INFO's section on files: loading, saving, the append-only file.

use super::page::Page;
use crate::metrics::counters::Totals;
use std::sync::atomic::Ordering::Relaxed;

/// `# Persistence`
pub fn persistence(page: &mut Page<'_>) {
    let info = &page.process.persistence;
    let status = &page.environment().status;
    let now_s = page.now_ms / 1000;
    page.title("Persistence");
    let (loading_any, beside) = (status.loading.load(Relaxed), status.async_loading.load(Relaxed));
    page.flag("loading", loading_any && !beside);
    page.flag("async_loading", loading_any && beside);
    page.field("current_cow_peak", info.current_cow_peak.load(Relaxed));
    page.field("current_cow_size", info.current_cow_bytes.load(Relaxed));
    page.field("current_cow_size_age", 0);
    let (done, total) =
        (info.save_keys_processed.load(Relaxed), info.save_keys_total.load(Relaxed));
    let percent = 100.0 * super::human::ratio(done, total);
    page.field("current_fork_perc", format_args!("{percent:.2}"));
    page.field("current_save_keys_processed", done);
    page.field("current_save_keys_total", total);
    // Not the counters since CONFIG RESETSTAT: a reset loses no change.
    let changes = Totals::sum(&page.environment().metrics).changes;
    page.field("rdb_changes_since_last_save", info.changes_since_save(changes));
    page.flag("rdb_bgsave_in_progress", info.bgsave_in_progress.load(Relaxed));
    page.field("rdb_last_save_time", info.last_save_s.load(Relaxed));
    page.field("rdb_last_bgsave_status", ok_or_err(info.last_bgsave_ok.load(Relaxed)));
    page.field("rdb_last_bgsave_time_sec", info.last_bgsave_seconds.load(Relaxed));
    page.field("rdb_current_bgsave_time_sec", info.current_bgsave_seconds(now_s));
    page.field("rdb_saves", info.saves.load(Relaxed));
    page.field("rdb_last_cow_size", info.last_cow_bytes.load(Relaxed));
    page.field("rdb_last_load_keys_expired", info.last_load_keys_expired.load(Relaxed));
    page.field("rdb_last_load_keys_loaded", info.last_load_keys_loaded.load(Relaxed));
    append_only(page);
    page.zeros(&["module_fork_in_progress", "module_fork_last_cow_size"]);
    if status.loading.load(Relaxed) {
        loading(page);
    }
}

/// The append-only file is not written in this version.
fn append_only(page: &mut Page<'_>) {
    page.zeros(&["aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled"]);
    page.field("aof_last_rewrite_time_sec", -1);
    page.field("aof_current_rewrite_time_sec", -1);
    page.field("aof_last_bgrewrite_status", ok_or_err(true));
    page.zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    page.field("aof_last_write_status", ok_or_err(true));
    page.field("aof_last_cow_size", 0);
}

fn loading(page: &mut Page<'_>) {
    let info = &page.process.persistence;
    let total = info.loading_total_bytes.load(Relaxed);
    let loaded = info.loading_loaded_bytes.load(Relaxed);
    let started_s = info.loading_started_s.load(Relaxed);
    let elapsed_s = (page.now_ms / 1000).saturating_sub(started_s);
    page.field("loading_start_time", started_s);
    page.field("loading_total_bytes", total);
    page.field("loading_rdb_used_mem", info.loading_rdb_used_bytes.load(Relaxed));
    page.field("loading_loaded_bytes", loaded);
    page.field("loading_loaded_perc", format_args!("{:.2}", info.loaded_percent()));
    // One second while nothing can be said, as tools divide by it.
    let left_s = (elapsed_s * total.saturating_sub(loaded)).checked_div(loaded);
    page.field("loading_eta_seconds", left_s.filter(|_| elapsed_s > 0).unwrap_or(1));
}

fn ok_or_err(ok: bool) -> &'static str {
    if ok { "ok" } else { "err" }
}
