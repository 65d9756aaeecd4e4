//! What a change of directives brings about beyond their new value: most are read where they are
//! used and need nothing. On the shard that runs CONFIG SET; at start on the main thread.

use super::admission;
use super::process::Process;
use super::start::oom;
use crate::base::log::{self, Level};
use crate::config::choices::LogLevel;
use crate::config::error::Reason;
use crate::config::live::Proposal;
use crate::config::settings::Settings;
use std::sync::atomic::Ordering::Relaxed;

/// Does what may fail before a change counts; the directive that failed, and why.
pub fn agree(process: &Process, proposal: &Proposal<'_>) -> Result<(), (&'static str, Reason)> {
    let changes = |name: &str| proposal.changed.contains(&name);
    if changes("oom-score-adj") || changes("oom-score-adj-values") {
        let replica = process.shared.environment.status.is_replica.load(Relaxed);
        oom::adjust(proposal.after, replica)
            .map_err(|_| ("oom-score-adj", Reason::Invalid(OOM_REFUSED)))?;
    }
    if changes("maxclients") {
        let wanted = proposal.after.clients.maxclients;
        admission::make_room_for(wanted, proposal.after).map_err(|room| {
            crate::warning!(
                "Failed applying new configuration. Possibly related to new maxclients setting. \
                 Restoring previous settings."
            );
            let text = format!(
                "The operating system is not able to handle the specified number of clients, try \
                 with {room}"
            );
            ("maxclients", Reason::System(text))
        })?;
    }
    // Last: nothing after it may fail, for it takes effect at once.
    if changes("port") || changes("bind") {
        let (name, text) = match changes("port") {
            true => ("port", PORT_REFUSED),
            false => ("bind", BIND_REFUSED),
        };
        process.relisten(&proposal.after.network).map_err(|error| {
            crate::warning!("Warning: {error}");
            crate::warning!(
                "Failed applying new configuration. Possibly related to new {name} setting. \
                 Restoring previous settings."
            );
            (name, Reason::Invalid(text))
        })?;
    }
    Ok(())
}

/// Brings about what follows from changed directives, which are in force already.
pub fn apply(process: &Process, changed: &[&'static str]) {
    let environment = &process.shared.environment;
    let settings = environment.config.load();
    for name in changed {
        match *name {
            "loglevel" => set_log_level(&settings),
            "slowlog-max-len" => {
                let entries = usize::try_from(settings.observe.slowlog_max_len);
                environment.slowlog.set_max_len(entries.unwrap_or(usize::MAX));
            }
            "requirepass" => environment.acl.set_requirepass(&settings.security.requirepass),
            "repl-backlog-size" => {
                process.shared.stream.resize_backlog(settings.replication.repl_backlog_size);
            }
            "maxmemory" => warn_of_small_maxmemory(process, &settings),
            _ => {}
        }
    }
}

/// Sets which lines are logged.
pub fn set_log_level(settings: &Settings) {
    log::set_level(match settings.log.level {
        LogLevel::Debug => Level::Debug,
        LogLevel::Verbose => Level::Verbose,
        LogLevel::Notice => Level::Notice,
        LogLevel::Warning => Level::Warning,
        LogLevel::Nothing => Level::Nothing,
    });
}

/// Eviction begins with the next command that needs memory; the operator is told that it will.
fn warn_of_small_maxmemory(process: &Process, settings: &Settings) {
    let (limit, memory) = (settings.memory.maxmemory, &process.statistics.memory);
    process.statistics.measure();
    if limit != 0 && limit < memory.used() {
        crate::warning!(
            "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the \
             current memory usage ({}). This will result in key eviction and/or the inability to \
             accept new write commands depending on the maxmemory-policy.",
            memory.used()
        );
    }
}

const PORT_REFUSED: &str = "Unable to listen on this port. Check server logs.";
const BIND_REFUSED: &str = "Failed to bind to specified addresses.";
const OOM_REFUSED: &str = "Failed to apply new oom_score_adj configuration, check server logs.";
