//! Going to the background, as `daemonize` asks. Must come before the first thread: only the
//! calling thread goes on in the child.

use crate::config::choices::Supervised;
use crate::config::settings::Settings;
use nix::errno::Errno;

/// Leaves the terminal if the configuration says so; a supervised process never does. The working
/// directory stays.
///
/// # Errors
/// The kernel's: no process could be made.
pub fn enter(settings: &Settings) -> Result<(), Errno> {
    if settings.server.daemonize && settings.server.supervised == Supervised::No {
        nix::unistd::daemon(true, false)?;
    }
    Ok(())
}
