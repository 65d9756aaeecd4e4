//! Reading the clocks. Called at the edges (once a run); everything below takes time as an
//! argument.

use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time since the Unix epoch; zero if the host's clock stands before it.
pub fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The time of the kernel's last timer tick, since some instant: a fifth of the cost of an exact
/// reading, and it moves every few milliseconds. Zero where there is no such clock.
#[inline]
pub fn tick() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).map(Duration::from).unwrap_or_default()
}

/// Wall-clock milliseconds since the Unix epoch.
pub fn wall_ms() -> u64 {
    u64::try_from(wall().as_millis()).unwrap_or(u64::MAX)
}

/// Wall-clock microseconds since the Unix epoch.
pub fn wall_us() -> u64 {
    u64::try_from(wall().as_micros()).unwrap_or(u64::MAX)
}
