//! What INFO shows that no counter holds by itself: rates, memory, and where CONFIG RESETSTAT let
//! the counting begin (the peak of memory stays). Sampled by the cron of shard 0, which wakes for
//! it anyway; read from any core.

use super::core::Core;
use crate::base::ids::DbIndex;
use crate::base::lazy_free;
use crate::command::environment::Environment;
use crate::keyspace::gauges::Gauges;
use crate::metrics::command_stats::{CommandStats, CommandTotals};
use crate::metrics::counters::Totals;
use crate::metrics::cpu::CpuTimes;
use crate::metrics::memory::{self, Memory};
use crate::metrics::rate::RateWindow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The process's statistics.
#[derive(Debug)]
pub struct Statistics {
    /// The allocator's and the kernel's view of memory.
    pub memory: Memory,
    /// Bytes allocated while the server came up and held no key.
    startup_bytes: AtomicU64,
    /// Bytes of memory of the machine; 0 if the kernel does not say.
    pub system_bytes: u64,
    main_system_us: AtomicU64,
    main_user_us: AtomicU64,
    rates: Mutex<Rates>,
    baseline: Mutex<Baseline>,
}

/// Rates over the last moments.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Commands.
    pub operations: RateWindow,
    /// Bytes from clients.
    pub input: RateWindow,
    /// Bytes to clients.
    pub output: RateWindow,
    /// Bytes from the master.
    pub repl_input: RateWindow,
    /// Bytes to replicas.
    pub repl_output: RateWindow,
    /// Loop turns.
    pub cycles: RateWindow,
    /// Time in loop turns that had work, µs.
    pub busy: RateWindow,
    /// The same, by shard.
    pub busy_of: Vec<RateWindow>,
    samples: u64,
}

/// The counters when CONFIG RESETSTAT was last asked for.
#[derive(Debug, Default)]
struct Baseline {
    totals: Totals,
    commands: Vec<CommandTotals>,
}

impl Statistics {
    /// Nothing counted yet, on so many shards.
    pub fn new(shards: u16) -> Statistics {
        let busy_of = vec![RateWindow::default(); usize::from(shards)];
        Statistics {
            memory: Memory::default(),
            startup_bytes: AtomicU64::new(0),
            system_bytes: memory::system_total().unwrap_or(0),
            main_system_us: AtomicU64::new(0),
            main_user_us: AtomicU64::new(0),
            rates: Mutex::new(Rates { busy_of, ..Rates::default() }),
            baseline: Mutex::default(),
        }
    }

    /// Takes a sample of every rate. Called on shard 0 about every 100 ms.
    pub fn sample(&self, now_ms: u64, environment: &Environment) {
        let totals = Totals::sum(&environment.metrics);
        let mut rates = self.rates();
        rates.operations.sample(now_ms, totals.total_commands_processed);
        rates.input.sample(now_ms, totals.total_net_input_bytes);
        rates.output.sample(now_ms, totals.total_net_output_bytes);
        rates.repl_input.sample(now_ms, totals.total_net_repl_input_bytes);
        rates.repl_output.sample(now_ms, totals.total_net_repl_output_bytes);
        rates.cycles.sample(now_ms, totals.eventloop_cycles);
        rates.busy.sample(now_ms, totals.eventloop_duration_sum);
        for (rate, metrics) in rates.busy_of.iter_mut().zip(&environment.metrics) {
            rate.sample(now_ms, metrics.eventloop_duration_sum.read());
        }
        rates.samples += 1;
        let samples = rates.samples;
        drop(rates);
        if samples.is_multiple_of(MEMORY_SAMPLES) {
            self.measure();
        }
        if samples <= STARTUP_SAMPLES && has_no_keys(environment) {
            self.measure();
            self.startup_bytes.store(self.memory.used(), Relaxed);
        }
        if let Ok(times) = CpuTimes::thread() {
            self.main_system_us.store(times.system_us, Relaxed);
            self.main_user_us.store(times.user_us, Relaxed);
        }
    }

    /// Measures the memory anew.
    pub fn measure(&self) {
        // What the kernel does not tell stays as it was, and INFO shows that.
        let _ = self.memory.refresh();
    }

    /// Bytes that were in use before the first key.
    pub fn startup_bytes(&self) -> u64 {
        self.startup_bytes.load(Relaxed)
    }

    /// Processor time of shard 0's thread, as of the last sample.
    pub fn main_thread_times(&self) -> CpuTimes {
        CpuTimes {
            system_us: self.main_system_us.load(Relaxed),
            user_us: self.main_user_us.load(Relaxed),
        }
    }

    /// The counters of all shards since they were last reset.
    pub fn totals(&self, environment: &Environment) -> Totals {
        Totals::sum(&environment.metrics).since(&self.baseline().totals)
    }

    /// What was counted of a command since the last reset.
    pub fn command(&self, environment: &Environment, index: u16) -> CommandTotals {
        let total = CommandStats::total(&environment.command_stats, index);
        match self.baseline().commands.get(usize::from(index)) {
            Some(before) => total.since(before),
            None => total,
        }
    }

    /// A copy of the rates.
    pub fn rates_now(&self) -> Rates {
        self.rates().clone()
    }

    /// CONFIG RESETSTAT: counting begins at zero.
    pub fn reset(&self, environment: &Environment) {
        let totals = Totals::sum(&environment.metrics);
        let stats: Vec<&CommandStats> = environment.command_stats.iter().collect();
        *self.baseline() = Baseline { totals, commands: CommandStats::totals(&stats) };
        environment.error_stats.iter().for_each(|stats| stats.reset());
        lazy_free::reset();
        let mut rates = self.rates();
        let shards = rates.busy_of.len();
        *rates = Rates {
            busy_of: vec![RateWindow::default(); shards],
            samples: rates.samples,
            ..Rates::default()
        };
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn baseline(&self) -> MutexGuard<'_, Baseline> {
        self.baseline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Counts a turn of this loop that began at `began`; `worked` if something was done in it.
    pub(super) fn count_turn(&self, began: Instant, worked: bool) {
        let shard = &self.shard;
        let metrics = &shard.tools.shared.environment.metrics[usize::from(self.id().0)];
        metrics.eventloop_cycles.bump();
        if worked {
            let spent = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            metrics.eventloop_duration_sum.add(spent);
        }
        let waiting = shard.deferred.len() + shard.waiting.len();
        metrics.lease_queue_len.set(waiting as u64);
    }
}

fn has_no_keys(environment: &Environment) -> bool {
    let empty = |gauges: &Gauges| (0..gauges.databases()).all(|db| gauges.keys(DbIndex(db)) == 0);
    environment.gauges.iter().all(|gauges| empty(gauges))
}

/// How long the server comes up, in samples: threads start, rings and buffers are made.
const STARTUP_SAMPLES: u64 = 5;
/// Memory is measured with every tenth sample: it costs more than all rates together, and what it
/// shows moves slowly. INFO measures for itself.
const MEMORY_SAMPLES: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ShardId;
    use crate::config::live::Live;
    use crate::config::settings::Settings;
    use std::sync::Arc;

    #[test]
    fn a_reset_lets_everything_begin_at_zero() {
        let environment = Environment::new(Arc::new(Live::new(Settings::default())), 2, 1);
        let statistics = Statistics::new(2);
        environment.metrics[1].total_commands_processed.add(7);
        environment.command_stats[1].called(3);
        environment.count_error(ShardId(0), b"ERR x");
        assert_eq!(statistics.totals(&environment).total_commands_processed, 7);
        statistics.reset(&environment);
        environment.metrics[0].total_commands_processed.bump();
        environment.command_stats[0].called(3);
        assert_eq!(statistics.totals(&environment).total_commands_processed, 1);
        assert_eq!(statistics.totals(&environment).total_error_replies, 0);
        assert_eq!(statistics.command(&environment, 3).calls, 1);
        assert_eq!(statistics.command(&environment, 4).calls, 0);
    }

    #[test]
    fn rates_follow_the_counters() {
        let environment = Environment::new(Arc::new(Live::new(Settings::default())), 1, 1);
        let statistics = Statistics::new(1);
        for tick in 0..=16 {
            statistics.sample(1000 + tick * 100, &environment);
            environment.metrics[0].total_commands_processed.add(30);
        }
        assert_eq!(statistics.rates_now().operations.per_second(), 300);
    }
}
