//! INFO's section on shards, which no other server has: how the work is spread over the cores.

use super::page::Page;
use crate::base::ids::DbIndex;

/// `# Shards`. `hops` are commands sent to other shards, `hops_received` those of others executed
/// here; `leases_taken` keyspaces borrowed, `leases_granted` lent; `inbox` messages found in the
/// last turn, `waiting` batches that wait for the keyspace; `busy` the share of the last moments
/// spent on work.
pub fn shards(page: &mut Page<'_>) {
    page.title("Shards");
    let environment = page.environment();
    let busy = page.process.statistics.rates_now().busy_of;
    page.field("shards", environment.metrics.len());
    let rows = environment.gauges.iter().zip(&environment.metrics).zip(&busy);
    for (index, ((gauges, metrics), busy)) in rows.enumerate() {
        let keys: u64 = (0..gauges.databases()).map(|db| gauges.keys(DbIndex(db))).sum();
        let line = format!(
            "keys={keys},bytes={},ops={},hops={},hops_received={},leases_taken={},\
             leases_granted={},inbox={},waiting={},tickets={},parks={},busy={:.2}%",
            gauges.bytes(),
            metrics.total_commands_processed.read(),
            metrics.hops.read(),
            metrics.hops_received.read(),
            metrics.leases_taken.read(),
            metrics.leases_granted.read(),
            metrics.inbox_len.read(),
            metrics.lease_queue_len.read(),
            metrics.tickets.read(),
            metrics.parks.read(),
            busy.per_second() as f64 / 10_000.0,
        );
        page.field(&format!("shard{index}"), line);
    }
}
