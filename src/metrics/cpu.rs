//! Processor time, from the kernel. Stateless, any core.

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Time spent since the start, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In the kernel.
    pub system_us: u64,
    /// In the program.
    pub user_us: u64,
}

/// Why the kernel does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("getrusage: {0}")]
pub struct CpuError(nix::errno::Errno);

impl CpuTimes {
    /// Of the whole process.
    pub fn process() -> Result<CpuTimes, CpuError> {
        CpuTimes::read(UsageWho::RUSAGE_SELF)
    }

    /// Of children that ended.
    pub fn children() -> Result<CpuTimes, CpuError> {
        CpuTimes::read(UsageWho::RUSAGE_CHILDREN)
    }

    /// Of the calling thread: a shard's core, or the main thread.
    pub fn thread() -> Result<CpuTimes, CpuError> {
        CpuTimes::read(UsageWho::RUSAGE_THREAD)
    }

    fn read(who: UsageWho) -> Result<CpuTimes, CpuError> {
        let usage: Usage = getrusage(who).map_err(CpuError)?;
        // The kernel's times are not negative.
        let micros = |time: i64| u64::try_from(time).unwrap_or(0);
        Ok(CpuTimes {
            system_us: micros(usage.system_time().num_microseconds()),
            user_us: micros(usage.user_time().num_microseconds()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spent_shows() {
        let reads = [CpuTimes::process, CpuTimes::thread];
        for read in reads {
            let total = || read().map(|times| times.user_us + times.system_us).unwrap();
            let before = total();
            // Ends when the kernel has accounted for the work.
            while total() <= before {
                std::hint::black_box(vec![0u8; 4096]);
            }
        }
        CpuTimes::children().unwrap();
    }
}
