//! INFO's section on databases: those that hold keys.

use super::page::Page;
use crate::base::ids::DbIndex;

/// `# Keyspace`
pub fn keyspace(page: &mut Page<'_>) {
    page.title("Keyspace");
    let gauges = &page.environment().gauges;
    for db in (0..page.settings.server.databases).map(DbIndex) {
        let keys: u64 = gauges.iter().map(|shard| shard.keys(db)).sum();
        if keys == 0 {
            continue;
        }
        let expires: u64 = gauges.iter().map(|shard| shard.expires(db)).sum();
        // The mean over shards, each by how many keys it stands for.
        let left = |shard: &crate::keyspace::gauges::Gauges| {
            let mean = shard.expiry_mean_ms(db).saturating_sub(page.now_ms);
            u128::from(mean) * u128::from(shard.expires(db))
        };
        let sum: u128 = gauges.iter().map(|shard| left(shard)).sum();
        let avg_ttl = sum.checked_div(u128::from(expires)).unwrap_or(0);
        let line = format!("keys={keys},expires={expires},avg_ttl={avg_ttl}");
        page.field(&format!("db{}", db.0), line);
    }
}
