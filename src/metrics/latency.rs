//! The latency monitor: events that took longer than `latency-monitor-threshold`, by name. One for
//! the server, behind a lock that is taken only for such an event and by LATENCY; any core.
//!
//! Always holds: names are texts of ours, so their number is bounded; a series keeps 160 samples,
//! the worst of each second.

use crate::metrics::latency_graph::{self, Bar};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The server's latency events.
#[derive(Debug, Default)]
pub struct LatencyMonitor(Mutex<BTreeMap<&'static str, Series>>);

#[derive(Debug, Default)]
struct Series {
    samples: VecDeque<Sample>,
    max_ms: u64,
}

/// The worst event of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Unix time, s.
    pub time_s: u64,
    /// How long it took, ms.
    pub latency_ms: u64,
}

/// A row of LATENCY LATEST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The event's name.
    pub name: &'static str,
    /// Its newest sample.
    pub sample: Sample,
    /// The worst one ever, ms.
    pub max_ms: u64,
}

/// What the samples of an event say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summary {
    samples: u64,
    average_ms: u64,
    deviation_ms: u64,
    /// Mean time between samples in hundredths of a second.
    period_cs: u64,
}

impl LatencyMonitor {
    /// Adds an event called `name` (`command`, `fast-command`, `expire-cycle` …).
    pub fn record(&self, name: &'static str, time_s: u64, latency_ms: u64) {
        let mut events = self.events();
        let series = events.entry(name).or_default();
        series.max_ms = series.max_ms.max(latency_ms);
        if let Some(last) = series.samples.back_mut().filter(|last| last.time_s == time_s) {
            last.latency_ms = last.latency_ms.max(latency_ms);
            return;
        }
        if series.samples.len() == SAMPLES_MAX {
            series.samples.pop_front();
        }
        series.samples.push_back(Sample { time_s, latency_ms });
    }

    /// LATENCY LATEST: the newest sample of each event, by name.
    pub fn latest(&self) -> Vec<Latest> {
        let row = |(name, series): (&&'static str, &Series)| {
            let sample = *series.samples.back()?;
            Some(Latest { name, sample, max_ms: series.max_ms })
        };
        self.events().iter().filter_map(row).collect()
    }

    /// LATENCY HISTORY: the samples of an event, oldest first; empty if it never happened.
    pub fn history(&self, name: &[u8]) -> Vec<Sample> {
        match find(&self.events(), name) {
            Some((_, series)) => series.samples.iter().copied().collect(),
            None => Vec::new(),
        }
    }

    /// LATENCY GRAPH: the samples as bars; `None` if there are none.
    pub fn graph(&self, name: &[u8], now_s: u64) -> Option<String> {
        let events = self.events();
        let (name, series) = find(&events, name)?;
        let bar = |sample: &Sample| Bar {
            age_s: now_s.saturating_sub(sample.time_s),
            value: sample.latency_ms,
        };
        let bars: Vec<Bar> = series.samples.iter().map(bar).collect();
        let high = bars.iter().map(|bar| bar.value).max()?;
        let low = bars.iter().map(|bar| bar.value).min()?;
        let max_ms = series.max_ms;
        let rule = "-".repeat(latency_graph::COLUMNS_MAX);
        let bars = latency_graph::draw(&bars);
        Some(format!(
            "{name} - high {high} ms, low {low} ms (all time high {max_ms} ms)\n{rule}\n{bars}"
        ))
    }

    /// LATENCY RESET: forgets the named events, or all if none is named; how many were there.
    pub fn reset<'a>(&self, names: impl ExactSizeIterator<Item = &'a [u8]>) -> usize {
        let mut events = self.events();
        let before = events.len();
        if names.len() == 0 {
            events.clear();
        }
        for name in names {
            events.retain(|event, _| event.as_bytes() != name);
        }
        before - events.len()
    }

    /// LATENCY DOCTOR: what the samples mean, for people. `threshold_ms` is the directive's value;
    /// 0 = monitoring is off.
    pub fn doctor(&self, now_s: u64, threshold_ms: u64) -> String {
        let events = self.events();
        if threshold_ms == 0 && events.is_empty() {
            return OFF_TEXT.to_owned();
        }
        if events.is_empty() {
            return "No latency spike was seen since the server started.\n".to_owned();
        }
        let mut text = "Latency spikes are observed in this instance.\n\n".to_owned();
        for (index, (name, series)) in events.iter().enumerate() {
            let Summary { samples, average_ms, deviation_ms, period_cs } = series.summary(now_s);
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "{}. {name}: {samples} latency spikes (average {average_ms}ms, mean deviation \
                 {deviation_ms}ms, period {}.{:02} sec). Worst all time event {}ms.",
                index + 1,
                period_cs / 100,
                period_cs % 100,
                series.max_ms
            );
        }
        text.push_str("\nWhat may help:\n\n");
        for (names, advice) in ADVICE {
            if events.keys().any(|event| names.contains(event)) {
                let _ = writeln!(text, "- {advice}");
            }
        }
        text
    }

    fn events(&self) -> MutexGuard<'_, BTreeMap<&'static str, Series>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Series {
    fn summary(&self, now_s: u64) -> Summary {
        let samples = self.samples.len().max(1) as u64;
        let sum: u64 = self.samples.iter().map(|sample| sample.latency_ms).sum();
        let average_ms = sum / samples;
        let deviations = self.samples.iter().map(|sample| sample.latency_ms.abs_diff(average_ms));
        let deviation_ms = deviations.sum::<u64>() / samples;
        let oldest_s = self.samples.front().map_or(now_s, |sample| sample.time_s);
        let period_cs = now_s.saturating_sub(oldest_s).max(1) * 100 / samples;
        Summary { samples, average_ms, deviation_ms, period_cs }
    }
}

fn find<'a>(
    events: &'a BTreeMap<&'static str, Series>,
    name: &[u8],
) -> Option<(&'static str, &'a Series)> {
    let (name, series) = events.get_key_value(std::str::from_utf8(name).ok()?)?;
    Some((name, series))
}

/// Samples kept of an event; as stock.
const SAMPLES_MAX: usize = 160;

const OFF_TEXT: &str = "Latency monitoring is off in this instance. \"CONFIG SET \
    latency-monitor-threshold <milliseconds>\" turns it on.\n";

/// Events, and what to look at when they are slow.
const ADVICE: [(&[&str], &str); 4] = [
    (
        &["command", "fast-command", "eval"],
        "Look at SLOWLOG GET for the commands that took long; with \"CONFIG SET \
         slowlog-log-slower-than 1000\" those above a millisecond are logged.",
    ),
    (
        &["command", "expire-cycle", "expire-del", "eviction-cycle", "eviction-del"],
        "Large collections take long to delete, expire or evict: use UNLINK, the lazyfree \
         directives, or several smaller keys.",
    ),
    (
        &["aof-write", "aof-fsync-always", "aof-write-pending-fsync", "aof-write-active-child"],
        "The disk is slow for the AOF: consider \"appendfsync everysec\", and whether other \
         programs write to the same disk.",
    ),
    (
        &["command", "fast-command"],
        "Check that the machine neither swaps nor shares the server's cores with other busy \
         programs, and that transparent huge pages are off.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> LatencyMonitor {
        let monitor = LatencyMonitor::default();
        for (time_s, latency_ms) in [2, 3, 10, 5, 20, 2, 7, 40].into_iter().enumerate() {
            monitor.record("command", 100 + time_s as u64, latency_ms);
        }
        monitor
    }

    #[test]
    fn a_second_keeps_its_worst_event() {
        let monitor = LatencyMonitor::default();
        for latency_ms in [3, 9, 4] {
            monitor.record("command", 50, latency_ms);
        }
        monitor.record("command", 51, 2);
        let sample = |time_s, latency_ms| Sample { time_s, latency_ms };
        assert_eq!(monitor.history(b"command"), [sample(50, 9), sample(51, 2)]);
        let latest = Latest { name: "command", sample: sample(51, 2), max_ms: 9 };
        assert_eq!(monitor.latest(), [latest]);
        assert_eq!(monitor.history(b"other"), []);
    }

    #[test]
    fn a_series_is_bounded() {
        let monitor = LatencyMonitor::default();
        for time_s in 0..200 {
            monitor.record("command", time_s, 1);
        }
        let history = monitor.history(b"command");
        assert_eq!((history.len(), history[0].time_s), (SAMPLES_MAX, 40));
    }

    #[test]
    fn reset_counts_the_events_that_were_there() {
        let monitor = filled();
        monitor.record("fork", 1, 1);
        assert_eq!(monitor.reset([&b"nosuch"[..], b"fork", b"fork"].into_iter()), 1);
        assert_eq!(monitor.reset([].into_iter()), 1);
        assert!(monitor.latest().is_empty());
    }

    #[test]
    fn the_doctor_sums_up() {
        let text = filled().doctor(109, 1);
        assert!(text.contains(
            "1. command: 8 latency spikes (average 11ms, mean deviation 9ms, period 1.12 sec). \
             Worst all time event 40ms."
        ));
        assert!(LatencyMonitor::default().doctor(1, 0).contains("is off"));
        assert!(LatencyMonitor::default().doctor(1, 5).contains("No latency spike"));
    }

    #[test]
    fn the_graph_has_a_title() {
        let graph = filled().graph(b"command", 109).unwrap();
        assert!(graph.starts_with("command - high 40 ms, low 2 ms (all time high 40 ms)\n----"));
        assert_eq!(filled().graph(b"fork", 109), None);
    }
}
