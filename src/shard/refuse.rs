//! Whether a command may run now, decided where it executes: by then the gate in hand says what
//! the role and the pause are, whatever they were when the command was routed. Pure.

use crate::command::context::ClientView;
use crate::command::environment::Status;
use crate::command::error::CommandError;
use crate::command::flags::Flags;
use crate::command::gate::{Gate, Pause, Role};
use crate::command::table::Command;
use crate::config::settings::Settings;
use std::sync::atomic::Ordering;

/// What is to be done with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Run it.
    Run,
    /// Answer this error.
    Refuse(CommandError),
    /// Keep it until the pause ends.
    Postpone,
}

/// Decides on a command that is about to execute. Memory is checked by the caller, who can evict.
pub fn verdict(
    command: &Command,
    view: &ClientView,
    gate: Gate,
    settings: &Settings,
    status: &Status,
) -> Verdict {
    if view.is_master_link {
        return Verdict::Run;
    }
    let flags = command.spec.flags;
    let writes = flags.has(Flags::WRITE);
    if let Some(error) = refusal(flags, writes, gate.role, settings, status) {
        return Verdict::Refuse(error);
    }
    let held = match gate.pause {
        Pause::Off => false,
        Pause::Writes => writes || flags.has(Flags::MAY_REPLICATE),
        Pause::All => true,
    };
    if held { Verdict::Postpone } else { Verdict::Run }
}

/// The error for a command that the state of the server forbids, in the order in which Redis
/// looks: MISCONF, NOREPLICAS, READONLY, MASTERDOWN, LOADING.
pub fn refusal(
    flags: Flags,
    writes: bool,
    role: Role,
    settings: &Settings,
    status: &Status,
) -> Option<CommandError> {
    let is_replica = role == Role::Replica;
    if writes && !is_replica {
        if settings.rdb.stop_writes_on_bgsave_error
            && !settings.rdb.save.is_empty()
            && status.save_failed.load(Ordering::Relaxed)
        {
            return Some(MISCONF);
        }
        if settings.replication.min_replicas_to_write > 0
            && settings.replication.min_replicas_max_lag > 0
            && status.good_replicas.load(Ordering::Relaxed)
                < u64::from(settings.replication.min_replicas_to_write)
        {
            return Some(NO_REPLICAS);
        }
    }
    if writes && is_replica && settings.replication.replica_read_only {
        return Some(READONLY);
    }
    if is_replica
        && !settings.replication.replica_serve_stale_data
        && status.link_down.load(Ordering::Relaxed)
        && !flags.has(Flags::STALE)
    {
        return Some(MASTER_DOWN);
    }
    if status.loading.load(Ordering::Relaxed) && !flags.has(Flags::LOADING) {
        let served_beside = status.async_loading.load(Ordering::Relaxed)
            && !flags.has(Flags::NO_ASYNC_LOADING)
            && !writes;
        if !served_beside {
            return Some(LOADING);
        }
    }
    None
}

const MISCONF: CommandError = CommandError::text(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
     disk. Commands that may modify the data set are disabled, because this instance is configured \
     to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error \
     option). Please check the Redis logs for details about the RDB error.",
);
const NO_REPLICAS: CommandError =
    CommandError::text("NOREPLICAS Not enough good replicas to write.");
const READONLY: CommandError =
    CommandError::text("READONLY You can't write against a read only replica.");
const MASTER_DOWN: CommandError = CommandError::text(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);
const LOADING: CommandError = CommandError::text("LOADING Redis is loading the dataset in memory");
