//! How long commands take: for the statistics of each, and to notice slow ones. On the shard that
//! executes.
//!
//! Reading the clock costs a tenth of a SET, so commands of one row that run one after the other
//! share a reading, each counting with the mean. The kernel's tick, which costs little, tells a
//! command that took long from its neighbours: one in which the tick moved ends its group.
//!
//! Always: what a group took is counted before anything else but its commands is timed.

use super::slow::{self, Slow};
use super::state::Tools;
use crate::base::clock;
use crate::base::ids::ClientId;
use crate::command::table::Command;
use crate::resp::request::Args;
use std::time::{Duration, Instant};

/// Commands that ran and whose time is not taken yet; all of one row.
#[derive(Debug, Default)]
pub struct Untimed {
    command: u16,
    count: u32,
    /// The kernel's tick when the time was last taken.
    tick: Duration,
}

impl Untimed {
    /// Whether commands of another row wait for their time to be taken.
    #[inline]
    fn others_than(&self, command: &Command) -> bool {
        self.count > 0 && self.command != command.index
    }

    /// A run begins: nothing waits.
    pub fn begin_run(&mut self) {
        self.count = 0;
        self.tick = clock::tick();
    }
}

impl Tools {
    /// Counts a quick command that has just ended; its time is taken with that of its group, which
    /// `timing_of` has made room for.
    #[inline]
    pub fn ended_in_group(&mut self, command: &'static Command, args: Args<'_>, client: ClientId) {
        let environment = &self.shared.environment;
        let shard = usize::from(self.id.0);
        environment.metrics[shard].total_commands_processed.bump();
        environment.command_stats[shard].called(command.index);
        self.untimed.command = command.index;
        self.untimed.count += 1;
        let exact = self.slow_ns < SHARED_SLOW_NS_MIN;
        if exact || self.untimed.count == GROUP_MAX || clock::tick() != self.untimed.tick {
            self.time_last(command, args, client);
        }
    }

    /// Counts and times a command that has just ended, by itself.
    pub(super) fn ended(&mut self, command: &'static Command, args: Args<'_>, client: ClientId) {
        self.timing_ends();
        let environment = &self.shared.environment;
        let shard = usize::from(self.id.0);
        environment.metrics[shard].total_commands_processed.bump();
        environment.command_stats[shard].called(command.index);
        (self.untimed.command, self.untimed.count) = (command.index, 1);
        self.time_last(command, args, client);
    }

    /// A command of this row runs next: others that wait for their time are timed now.
    #[inline]
    pub fn timing_of(&mut self, command: Option<&Command>) {
        if command.is_none_or(|command| self.untimed.others_than(command)) {
            self.timing_ends();
        }
    }

    /// What runs next is none of the commands that share a reading of the clock: it is read now.
    #[inline]
    pub fn timing_ends(&mut self) {
        if self.untimed.count > 0 {
            self.take_time();
        }
    }

    /// Takes the time of a group that ends with this command, which is the slow one if one is.
    fn time_last(&mut self, command: &'static Command, args: Args<'_>, client: ClientId) {
        let spent_ns = self.take_time();
        self.untimed.tick = clock::tick();
        if spent_ns >= self.slow_ns {
            let environment = &self.shared.environment;
            slow::record(environment, &self.settings, Slow { command, args, client, spent_ns });
        }
    }

    /// Counts what the group took; how much that was.
    fn take_time(&mut self) -> u64 {
        let now = Instant::now();
        let spent_ns = now.duration_since(self.clock).as_nanos() as u64;
        self.clock = now;
        let count = u64::from(std::mem::take(&mut self.untimed.count));
        let stats = &self.shared.environment.command_stats[usize::from(self.id.0)];
        stats.timed(self.untimed.command, count, spent_ns);
        spent_ns
    }
}

/// Commands that share a reading of the clock at most.
const GROUP_MAX: u32 = 16;
/// Readings are shared if only commands of at least this long are slow: no kernel ticks less often
/// than a hundred times a second, so the tick moves in each slow one. The default of
/// `slowlog-log-slower-than`.
const SHARED_SLOW_NS_MIN: u64 = 10_000_000;
