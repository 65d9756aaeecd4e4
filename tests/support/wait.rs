//! Waiting on conditions, the only way a test waits. The one sleep of the whole test suite is here.

use std::time::{Duration, Instant};

/// How long anything that should happen may take before the test fails. Generous on purpose: a
/// machine under load is slow, and a condition that holds ends the wait at once.
pub const DEADLINE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(2);

/// Returns when `condition` holds; panics with `what` when it does not within `deadline`.
pub fn wait_until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    assert!(holds_within(deadline, &mut condition), "not within {deadline:?}: {what}");
}

/// Whether `condition` comes to hold within `deadline`.
pub fn holds_within(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Asserts that `condition` holds at every poll for `time`: for what must *not* happen.
pub fn stays(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    assert!(!holds_within(time, || !condition()), "did not last {time:?}: {what}");
}
