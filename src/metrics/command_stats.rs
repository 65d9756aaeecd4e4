//! What a shard counts of each command. One [`CommandStats`] per shard, which is its only writer;
//! INFO commandstats, INFO latencystats and LATENCY HISTOGRAM read them all from any core.
//!
//! Commands are named by their index in the command table, subcommands having one of their own.
//! A clock read costs about as much as a GET, so the caller decides what it times: single commands,
//! or a batch as a whole.

use crate::metrics::counters::Counter;
use crate::metrics::histogram::{Histogram, HistogramTotals};
use std::sync::OnceLock;

/// One shard's numbers for every command.
#[derive(Debug)]
pub struct CommandStats(Box<[Cell]>);

#[derive(Debug, Default)]
struct Cell {
    calls: Counter,
    nanos: Counter,
    rejected: Counter,
    failed: Counter,
    /// Made at the first timed call: most of the 400 commands are never called.
    histogram: OnceLock<Histogram>,
}

/// The numbers of one command over all shards.
#[derive(Clone, Debug, Default)]
pub struct CommandTotals {
    /// Calls executed.
    pub calls: u64,
    /// Time spent in them, ns.
    pub nanos: u64,
    /// Calls refused before execution: arity, ACL, memory.
    pub rejected: u64,
    /// Calls that replied with an error.
    pub failed: u64,
    /// Their durations; `None` before the first timed one.
    pub histogram: Option<HistogramTotals>,
}

impl CommandStats {
    /// Counters for `commands` commands.
    pub fn new(commands: usize) -> CommandStats {
        CommandStats((0..commands).map(|_| Cell::default()).collect())
    }

    /// Counts a call whose time is not taken, or is taken with [`CommandStats::timed`].
    #[inline]
    pub fn called(&self, command: u16) {
        self.cell(command).calls.bump();
    }

    /// Adds that `calls` calls, counted by [`CommandStats::called`], together took `nanos`; each
    /// appears in the histogram with the mean.
    #[inline]
    pub fn timed(&self, command: u16, calls: u64, nanos: u64) {
        let cell = self.cell(command);
        cell.nanos.add(nanos);
        let mean = nanos.checked_div(calls).unwrap_or(0);
        cell.histogram.get_or_init(Histogram::default).record(mean, calls);
    }

    /// Counts a call refused before execution.
    #[inline]
    pub fn rejected(&self, command: u16) {
        self.cell(command).rejected.bump();
    }

    /// Counts that an executed call, counted by [`CommandStats::called`], replied with an error.
    #[inline]
    pub fn failed(&self, command: u16) {
        self.cell(command).failed.bump();
    }

    /// The numbers of `command` summed over `shards`.
    pub fn total<'a>(
        shards: impl IntoIterator<Item = &'a CommandStats>,
        command: u16,
    ) -> CommandTotals {
        let mut total = CommandTotals::default();
        for shard in shards {
            let cell = shard.cell(command);
            total.calls += cell.calls.read();
            total.nanos += cell.nanos.read();
            total.rejected += cell.rejected.read();
            total.failed += cell.failed.read();
            if let Some(histogram) = cell.histogram.get() {
                total.histogram.get_or_insert_default().add(histogram);
            }
        }
        total
    }

    /// The numbers of every command summed over `shards`; kept as a baseline by CONFIG RESETSTAT.
    pub fn totals(shards: &[&CommandStats]) -> Vec<CommandTotals> {
        let commands = shards.first().map_or(0, |shard| shard.0.len());
        let commands = u16::try_from(commands).expect("a command's index is 16 bits wide");
        (0..commands).map(|command| CommandStats::total(shards.iter().copied(), command)).collect()
    }

    #[inline]
    fn cell(&self, command: u16) -> &Cell {
        &self.0[usize::from(command)]
    }
}

impl CommandTotals {
    /// What was counted since `baseline`.
    pub fn since(&self, baseline: &CommandTotals) -> CommandTotals {
        CommandTotals {
            calls: self.calls.saturating_sub(baseline.calls),
            nanos: self.nanos.saturating_sub(baseline.nanos),
            rejected: self.rejected.saturating_sub(baseline.rejected),
            failed: self.failed.saturating_sub(baseline.failed),
            histogram: self.histogram.as_ref().map(|cells| match &baseline.histogram {
                Some(before) => cells.since(before),
                None => cells.clone(),
            }),
        }
    }

    /// Time spent, µs.
    pub fn usec(&self) -> u64 {
        self.nanos / 1000
    }

    /// Mean time of a call, µs.
    pub fn usec_per_call(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.nanos as f64 / 1000.0 / self.calls as f64 }
    }

    /// Whether INFO commandstats has a line for it.
    pub fn is_used(&self) -> bool {
        self.calls > 0 || self.rejected > 0 || self.failed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_go_over_shards_and_count_from_a_baseline() {
        let shards = [CommandStats::new(3), CommandStats::new(3)];
        let all = [&shards[0], &shards[1]];
        shards[0].called(1);
        shards[0].timed(1, 1, 2500);
        for _ in 0..4 {
            shards[1].called(1);
        }
        shards[1].timed(1, 4, 10_000);
        shards[1].failed(1);
        shards[0].rejected(2);
        let totals = CommandStats::totals(&all);
        assert_eq!((totals[1].calls, totals[1].usec(), totals[1].failed), (5, 12, 1));
        assert_eq!(totals[1].usec_per_call(), 2.5);
        assert_eq!(totals[1].histogram.as_ref().map(HistogramTotals::count), Some(5));
        assert_eq!([0, 1, 2].map(|command| totals[command].is_used()), [false, true, true]);
        shards[0].called(1);
        let since = CommandStats::total(all, 1).since(&totals[1]);
        assert_eq!((since.calls, since.usec(), since.failed), (1, 0, 0));
        assert_eq!(since.histogram.map(|cells| cells.count()), Some(0));
    }
}
