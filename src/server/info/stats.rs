//! INFO's section on what was counted, and the one for people who look at the loop.

use super::page::Page;
use crate::command::publication::Topic;
use std::sync::atomic::Ordering::Relaxed;

/// `# Stats`
pub fn stats(page: &mut Page<'_>) {
    page.title("Stats");
    traffic(page);
    replication(page);
    keys(page);
    forks_and_absent(page);
    errors_and_io(page);
    event_loop(page);
    page.field("acl_access_denied_auth", page.totals.acl_access_denied_auth);
    page.field("acl_access_denied_cmd", page.totals.acl_access_denied_cmd);
    page.field("acl_access_denied_key", page.totals.acl_access_denied_key);
    page.field("acl_access_denied_channel", page.totals.acl_access_denied_channel);
}

fn traffic(page: &mut Page<'_>) {
    let rates = page.process.statistics.rates_now();
    page.field("total_connections_received", page.totals.total_connections_received);
    page.field("total_commands_processed", page.totals.total_commands_processed);
    page.field("instantaneous_ops_per_sec", rates.operations.per_second());
    page.field("total_net_input_bytes", page.totals.total_net_input_bytes);
    page.field("total_net_output_bytes", page.totals.total_net_output_bytes);
    page.field("total_net_repl_input_bytes", page.totals.total_net_repl_input_bytes);
    page.field("total_net_repl_output_bytes", page.totals.total_net_repl_output_bytes);
    let windows = [
        ("instantaneous_input_kbps", &rates.input),
        ("instantaneous_output_kbps", &rates.output),
        ("instantaneous_input_repl_kbps", &rates.repl_input),
        ("instantaneous_output_repl_kbps", &rates.repl_output),
    ];
    for (name, window) in windows {
        page.field(name, format_args!("{:.2}", window.kib_per_second()));
    }
    page.field("rejected_connections", page.totals.rejected_connections);
}

fn replication(page: &mut Page<'_>) {
    page.field("sync_full", page.totals.sync_full);
    page.field("sync_partial_ok", page.totals.sync_partial_ok);
    page.field("sync_partial_err", page.totals.sync_partial_err);
}

fn keys(page: &mut Page<'_>) {
    page.field("expired_keys", page.totals.expired_keys);
    page.field("expired_stale_perc", "0.00");
    let reached = page.totals.expired_time_cap_reached_count;
    page.field("expired_time_cap_reached_count", reached);
    page.field("expire_cycle_cpu_milliseconds", page.totals.expire_cycle_us / 1000);
    page.field("evicted_keys", page.totals.evicted_keys);
    page.field("evicted_clients", page.totals.evicted_clients);
    page.field("evicted_scripts", page.totals.evicted_scripts);
    page.field("total_eviction_exceeded_time", page.totals.total_eviction_exceeded_us / 1000);
    page.field("current_eviction_exceeded_time", 0);
    page.field("keyspace_hits", page.totals.keyspace_hits);
    page.field("keyspace_misses", page.totals.keyspace_misses);
}

fn forks_and_absent(page: &mut Page<'_>) {
    let subscriptions = &page.process.shared.environment.subscriptions;
    page.field("pubsub_channels", subscriptions.len(Topic::Channel));
    page.field("pubsub_patterns", subscriptions.len(Topic::Pattern));
    page.field("pubsubshard_channels", subscriptions.len(Topic::ShardChannel));
    let info = &page.process.persistence;
    page.field("latest_fork_usec", info.latest_fork_us.load(Relaxed));
    page.field("total_forks", info.total_forks.load(Relaxed));
    page.field("migrate_cached_sockets", 0);
    let own: u64 = page.environment().metrics.iter().map(|shard| shard.own_lives.read()).sum();
    page.field("slave_expires_tracked_keys", own);
    page.zeros(&[
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    page.field("tracking_total_keys", page.totals.tracking_total_keys);
    page.field("tracking_total_items", page.totals.tracking_total_items);
    page.field("tracking_total_prefixes", page.environment().tracking.prefixes());
}

fn errors_and_io(page: &mut Page<'_>) {
    page.field("unexpected_error_replies", page.totals.unexpected_error_replies);
    page.field("total_error_replies", page.totals.total_error_replies);
    page.field("dump_payload_sanitizations", page.totals.dump_payload_sanitizations);
    page.field("total_reads_processed", page.totals.total_reads_processed);
    page.field("total_writes_processed", page.totals.total_writes_processed);
    page.zeros(&[
        "io_threaded_reads_processed",
        "io_threaded_writes_processed",
        "io_threaded_freed_objects",
        "io_threaded_poll_processed",
        "io_threaded_total_prefetch_batches",
        "io_threaded_total_prefetch_entries",
    ]);
    let closed = page.totals.client_query_buffer_limit_disconnections;
    page.field("client_query_buffer_limit_disconnections", closed);
    let closed = page.totals.client_output_buffer_limit_disconnections;
    page.field("client_output_buffer_limit_disconnections", closed);
    page.field("reply_buffer_shrinks", page.totals.reply_buffer_shrinks);
    page.field("reply_buffer_expands", page.totals.reply_buffer_expands);
}

fn event_loop(page: &mut Page<'_>) {
    let rates = page.process.statistics.rates_now();
    page.field("eventloop_cycles", page.totals.eventloop_cycles);
    page.field("eventloop_duration_sum", page.totals.eventloop_duration_sum);
    page.field("eventloop_duration_cmd_sum", page.totals.eventloop_duration_cmd_sum);
    let cycles = rates.cycles.per_second();
    page.field("instantaneous_eventloop_cycles_per_sec", cycles);
    let mean_us = rates.busy.per_second().checked_div(cycles).unwrap_or(0);
    page.field("instantaneous_eventloop_duration_usec", mean_us);
}

/// `# Debug`
pub fn debug(page: &mut Page<'_>) {
    page.title("Debug");
    page.zeros(&["eventloop_duration_aof_sum", "eventloop_duration_cron_sum"]);
    page.zeros(&["eventloop_duration_max", "eventloop_cmd_per_cycle_max"]);
}
