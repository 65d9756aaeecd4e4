//! Slow commands: into the slow log and the latency monitor. Called by whichever shard executed
//! one; everything here is off the common path, behind one comparison.

use crate::base::ids::ClientId;
use crate::command::environment::Environment;
use crate::command::flags::Flags;
use crate::command::redact::redacted;
use crate::command::table::Command;
use crate::config::settings::Settings;
use crate::metrics::slowlog::SlowClient;
use crate::resp::request::Args;
use std::time::Duration;

/// A command that took long.
pub struct Slow<'a> {
    /// The command.
    pub command: &'static Command,
    /// Its arguments; none if it is not to be logged.
    pub args: Args<'a>,
    /// Who sent it; 0 for internal work.
    pub client: ClientId,
    /// How long it took.
    pub spent_ns: u64,
}

/// Nanoseconds from which a command must be looked at, by the directives.
pub fn threshold_ns(settings: &Settings) -> u64 {
    let slowlog = u64::try_from(settings.observe.slowlog_log_slower_than)
        .map_or(u64::MAX, |micros| micros.saturating_mul(NS_PER_US));
    slowlog.min(latency_ns(settings))
}

/// Logs a command whose time reached the threshold.
pub fn record(environment: &Environment, settings: &Settings, slow: Slow<'_>) {
    let now = crate::base::clock::wall();
    if slow.spent_ns >= latency_ns(settings) {
        let fast = slow.command.spec.flags.has(Flags::FAST);
        let event = if fast { "fast-command" } else { "command" };
        environment.latency.record(event, now.as_secs(), slow.spent_ns / NS_PER_MS);
    }
    let spent_us = slow.spent_ns / NS_PER_US;
    let wanted = u64::try_from(settings.observe.slowlog_log_slower_than)
        .is_ok_and(|threshold| spent_us >= threshold);
    if !wanted || slow.args.is_empty() || slow.command.spec.flags.has(Flags::SKIP_SLOWLOG) {
        return;
    }
    // A client that has gone meanwhile is nobody; so is internal work.
    let info = environment.clients.find(slow.client);
    let name = info.as_ref().map(|info| info.name()).unwrap_or_default();
    let addr = info.as_ref().map_or("", |info| info.addr.as_str());
    let client = SlowClient { addr, name: &name };
    let args = redacted(slow.command, slow.args);
    environment.slowlog.record(now.as_secs(), spent_us, args, client);
}

/// Records what is no command and took long: `fork`, `cut`, `apply`.
pub fn record_event(
    environment: &Environment,
    settings: &Settings,
    event: &'static str,
    spent: Duration,
) {
    if spent.as_nanos() >= u128::from(latency_ns(settings)) {
        let spent_ms = u64::try_from(spent.as_millis()).unwrap_or(u64::MAX);
        environment.latency.record(event, crate::base::clock::wall().as_secs(), spent_ms);
    }
}

fn latency_ns(settings: &Settings) -> u64 {
    match u64::try_from(settings.observe.latency_monitor_threshold) {
        Ok(threshold_ms @ 1..) => threshold_ms.saturating_mul(NS_PER_MS),
        _ => u64::MAX,
    }
}

const NS_PER_US: u64 = 1_000;
const NS_PER_MS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::live::Live;
    use std::sync::Arc;

    fn check(slowlog_us: i64, latency_ms: i64, expected: u64) {
        let mut settings = Settings::default();
        settings.observe.slowlog_log_slower_than = slowlog_us;
        settings.observe.latency_monitor_threshold = latency_ms;
        assert_eq!(threshold_ns(&settings), expected);
    }

    #[test]
    fn events_count_from_the_threshold_on() {
        let mut settings = Settings::default();
        let environment = Environment::new(Arc::new(Live::new(Settings::default())), 1, 1);
        let spent = Duration::from_micros(2_500);
        record_event(&environment, &settings, "cut", spent);
        settings.observe.latency_monitor_threshold = 3;
        record_event(&environment, &settings, "cut", spent);
        assert!(environment.latency.latest().is_empty());
        settings.observe.latency_monitor_threshold = 2;
        record_event(&environment, &settings, "cut", spent);
        let latest = environment.latency.latest();
        assert_eq!((latest[0].name, latest[0].sample.latency_ms), ("cut", 2));
    }

    #[test]
    fn the_lower_threshold_counts_and_off_is_never() {
        check(-1, 0, u64::MAX);
        check(0, 0, 0);
        check(5, 0, 5_000);
        check(-1, 2, 2_000_000);
        check(5_000, 2, 2_000_000);
    }
}
