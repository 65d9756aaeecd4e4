//! CONFIG: reading and changing directives while the server runs. On any shard; what a change
//! brings about stands in `config_effects`.

use super::config_effects;
use super::verbs::Asked;
use crate::command::error::CommandError;
use crate::config::error::ConfigSetError;
use crate::resp::reply::Reply;

/// `CONFIG GET | SET | REWRITE | RESETSTAT`
pub fn config(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match asked.command.spec.name {
        "get" => get(asked, reply),
        "set" => set(asked)?,
        "rewrite" => rewrite(asked)?,
        _ => reset(asked),
    }
    if asked.command.spec.name != "get" {
        reply.ok();
    }
    Ok(())
}

fn get(asked: &Asked<'_>, reply: &mut Reply) {
    let patterns: Vec<&[u8]> = asked.args.iter().skip(2).collect();
    let found = asked.process.shared.environment.config.matching(&patterns);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
}

fn set(asked: &Asked<'_>) -> Result<(), CommandError> {
    if !asked.args.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    let words: Vec<&[u8]> = asked.args.iter().skip(2).collect();
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let config = &asked.process.shared.environment.config;
    let changed = config
        .set_if(&pairs, asked.caller(), |proposal| config_effects::agree(asked.process, proposal));
    let changed = changed.map_err(refused)?;
    config_effects::apply(asked.process, &changed);
    Ok(())
}

fn refused(error: ConfigSetError) -> CommandError {
    CommandError::owned(format!("ERR {error}"))
}

fn rewrite(asked: &Asked<'_>) -> Result<(), CommandError> {
    match asked.process.shared.environment.config.rewrite() {
        Ok(()) => {
            crate::notice!("CONFIG REWRITE executed with success.");
            Ok(())
        }
        Err(error) => {
            crate::warning!("CONFIG REWRITE failed: {error}");
            Err(CommandError::owned(format!("ERR {error}")))
        }
    }
}

fn reset(asked: &Asked<'_>) {
    let process = asked.process;
    process.statistics.reset(&process.shared.environment);
    process.persistence.total_forks.store(0, std::sync::atomic::Ordering::Relaxed);
}
