//! From settings to a process that may serve: its log, its place, its first lines. On the main
//! thread, before any shard.

use super::{background, check, oom, pid_file};
use crate::base::{log, syslog};
use crate::config::error::REDIS_LEVEL;
use crate::config::settings::Settings;
use crate::server::config_effects;
use std::fs::OpenOptions;
use thiserror::Error;

/// Why the process did not come to serving. Told on standard error.
#[derive(Debug, Error)]
pub enum OpeningError {
    /// The file of the log cannot be written.
    #[error("Can't open the log file: {0}")]
    Log(std::io::Error),
    /// The directory does not exist or may not be entered.
    #[error("Can't chdir to '{dir}': {error}")]
    Dir {
        /// Which.
        dir: String,
        /// Why.
        error: std::io::Error,
    },
    /// No process could be made for the background.
    #[error("Can't daemonize: {0}")]
    Background(nix::errno::Errno),
}

/// Readies the process. After it, what is to be told goes to the log.
///
/// # Errors
/// What keeps the server from starting.
pub fn open(settings: &Settings, warnings: &[String]) -> Result<(), OpeningError> {
    config_effects::set_log_level(settings);
    if !settings.log.file.is_empty() {
        let path = settings.resolve(&settings.log.file);
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened.map_err(OpeningError::Log)?;
        log::set_file(Some(path));
    }
    background::enter(settings).map_err(OpeningError::Background)?;
    std::env::set_current_dir(&settings.server.dir).map_err(|error| OpeningError::Dir {
        dir: settings.server.dir.display().to_string(),
        error,
    })?;
    if settings.log.syslog_enabled {
        syslog::enable(&settings.log.syslog_ident, settings.log.syslog_facility.number());
    }
    pid_file::write(settings);
    if settings.server.disable_thp && nix::sys::prctl::set_thp_disable(true).is_err() {
        crate::warning!("Transparent huge pages cannot be turned off for this process");
    }
    // A refusal is logged there, and serving goes on.
    let _ = oom::adjust(settings, settings.replication.replicaof.is_some());
    log_first_lines(settings, warnings);
    Ok(())
}

fn log_first_lines(settings: &Settings, warnings: &[String]) {
    let shards = settings.shard_count();
    let cores: Vec<String> = (0..shards)
        .filter_map(|shard| crate::server::run::core_number(shard as u16))
        .map(|core| core.to_string())
        .collect();
    crate::notice!(
        "Tributary {} (Redis {REDIS_LEVEL}), {} bit, standalone mode, port: {}, PID: {}, \
         shards: {shards}, cores: {}",
        env!("CARGO_PKG_VERSION"),
        usize::BITS,
        settings.network.port,
        std::process::id(),
        cores.join(" ")
    );
    if settings.config_file.is_none() {
        crate::warning!(
            "Warning: no config file specified, using the default config. In order to specify a \
             config file use tributary-server /path/to/tributary.conf"
        );
    } else {
        crate::notice!("Configuration loaded");
    }
    warnings.iter().for_each(|warning| crate::warning!("{warning}"));
    check::warnings(settings).iter().for_each(|warning| crate::warning!("WARNING {warning}"));
}
