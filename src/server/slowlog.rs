//! SLOWLOG: the newest slow commands, from any shard.

use super::verbs::Asked;
use crate::base::number;
use crate::command::error::CommandError;
use crate::metrics::slowlog::SlowEntry;
use crate::resp::reply::Reply;

/// `SLOWLOG GET | LEN | RESET`
pub fn slowlog(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let log = &asked.process.shared.environment.slowlog;
    match asked.command.spec.name {
        "get" => {
            let entries = log.entries(count(asked)?);
            reply.array(entries.len());
            entries.iter().for_each(|entry| write(reply, entry));
        }
        "len" => reply.integer(log.len() as i64),
        _ => {
            log.reset();
            reply.ok();
        }
    }
    Ok(())
}

fn count(asked: &Asked<'_>) -> Result<usize, CommandError> {
    match asked.args.len() {
        2 => Ok(COUNT),
        3 => match number::parse_i64(asked.args.get(2)) {
            Some(-1) => Ok(usize::MAX),
            Some(count) => usize::try_from(count).map_err(|_| COUNT_REFUSED),
            None => Err(COUNT_REFUSED),
        },
        _ => Err(asked.wrong_subcommand()),
    }
}

fn write(reply: &mut Reply, entry: &SlowEntry) {
    reply.array(6);
    reply.integer(entry.id as i64);
    reply.integer(entry.time_s as i64);
    reply.integer(entry.duration_us as i64);
    reply.array(entry.args.len());
    entry.args.iter().for_each(|word| reply.bulk(word));
    reply.bulk(entry.client_addr.as_bytes());
    reply.bulk(&entry.client_name);
}

/// Entries of a GET without a number.
const COUNT: usize = 10;
const COUNT_REFUSED: CommandError =
    CommandError::text("ERR count should be greater than or equal to -1");
