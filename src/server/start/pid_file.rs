//! The file that holds the process id. Written at start, removed when the process ends in order.

use crate::config::settings::Settings;
use std::fs;
use std::path::PathBuf;

/// Its path: what the configuration names; a server in the background has one anyway.
pub fn path(settings: &Settings) -> Option<PathBuf> {
    let configured = settings.server.pidfile.as_str();
    match (configured.is_empty(), settings.server.daemonize) {
        (false, _) => Some(settings.resolve(configured)),
        (true, true) => Some(PathBuf::from(DEFAULT_PATH)),
        (true, false) => None,
    }
}

/// Writes it. That it cannot be written is no reason not to serve: it is logged.
pub fn write(settings: &Settings) {
    let Some(path) = path(settings) else { return };
    if let Err(error) = fs::write(&path, format!("{}\n", std::process::id())) {
        crate::warning!("Failed to write PID file {}: {error}", path.display());
    }
}

/// Removes it.
pub fn remove(settings: &Settings) {
    if let Some(path) = path(settings) {
        crate::notice!("Removing the pid file.");
        // It may be gone already.
        let _ = fs::remove_file(path);
    }
}

/// As documented for `daemonize` without `pidfile`.
const DEFAULT_PATH: &str = "/var/run/redis.pid";
