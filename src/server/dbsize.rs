//! `DBSIZE`: a sum over the shards' gauges. It asks no shard and takes no lease; each shard's count
//! is as of its last change.

use super::verbs::Asked;
use crate::command::error::CommandError;
use crate::resp::reply::Reply;

/// Answers the number of keys in the client's database.
pub fn dbsize(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let gauges = &asked.process.shared.environment.gauges;
    let keys: u64 = gauges.iter().map(|gauges| gauges.keys(asked.db)).sum();
    reply.integer(i64::try_from(keys).unwrap_or(i64::MAX));
    Ok(())
}
