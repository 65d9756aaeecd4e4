//! The process's memory: what the allocator and the kernel say. One for the server; refreshed by
//! its cron and by INFO, read by any core.
//!
//! Always holds: values are those of the last refresh, and the peak is at least the used memory of
//! any refresh.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use tikv_jemalloc_ctl::{epoch, stats};

/// The memory of the process, as of the last [`Memory::refresh`]. Bytes.
#[derive(Debug, Default)]
pub struct Memory {
    used: AtomicU64,
    peak: AtomicU64,
    active: AtomicU64,
    resident: AtomicU64,
    retained: AtomicU64,
    mapped: AtomicU64,
    rss: AtomicU64,
}

/// Why memory could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The allocator does not tell.
    #[error("the allocator's statistics cannot be read: {0}")]
    Allocator(tikv_jemalloc_ctl::Error),
    /// A file under `/proc` cannot be read.
    #[error("{path} cannot be read: {error}")]
    Proc {
        /// Which file.
        path: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// A file under `/proc` lacks a line.
    #[error("{path} has no line {field}")]
    Missing {
        /// Which file.
        path: &'static str,
        /// Which line.
        field: &'static str,
    },
}

impl Memory {
    /// Measures anew. The allocator sums up its arenas and the kernel its mappings: some tens of
    /// microseconds, so not for every command. On an error, what was not measured stays as it was.
    pub fn refresh(&self) -> Result<(), MemoryError> {
        self.refresh_allocator().map_err(MemoryError::Allocator)?;
        set(&self.rss, proc_kib("/proc/self/status", "VmRSS:")?);
        Ok(())
    }

    fn refresh_allocator(&self) -> Result<(), tikv_jemalloc_ctl::Error> {
        epoch::advance()?;
        let used = stats::allocated::read()? as u64;
        set(&self.used, used);
        self.peak.fetch_max(used, Ordering::Relaxed);
        set(&self.active, stats::active::read()? as u64);
        set(&self.resident, stats::resident::read()? as u64);
        set(&self.retained, stats::retained::read()? as u64);
        set(&self.mapped, stats::mapped::read()? as u64);
        Ok(())
    }

    /// Bytes that the program has allocated: `used_memory`.
    #[inline]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The highest [`Memory::used`] of any refresh.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Bytes in the allocator's pages in use: allocated ones and gaps between them.
    pub fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// Bytes of the allocator that are in physical memory, its own and unused pages included.
    pub fn resident(&self) -> u64 {
        self.resident.load(Ordering::Relaxed)
    }

    /// Bytes of address space that the allocator keeps without memory behind it.
    pub fn retained(&self) -> u64 {
        self.retained.load(Ordering::Relaxed)
    }

    /// Bytes of the allocator's mapped extents.
    pub fn mapped(&self) -> u64 {
        self.mapped.load(Ordering::Relaxed)
    }

    /// Bytes of the process in physical memory: `used_memory_rss`.
    pub fn rss(&self) -> u64 {
        self.rss.load(Ordering::Relaxed)
    }
}

/// Bytes that the program has allocated, measured now.
pub fn allocated() -> Result<u64, MemoryError> {
    epoch::advance().map_err(MemoryError::Allocator)?;
    stats::allocated::read().map(|bytes| bytes as u64).map_err(MemoryError::Allocator)
}

/// The machine's memory in bytes: `total_system_memory`.
pub fn system_total() -> Result<u64, MemoryError> {
    proc_kib("/proc/meminfo", "MemTotal:")
}

/// The value of a `field N kB` line in bytes.
fn proc_kib(path: &'static str, field: &'static str) -> Result<u64, MemoryError> {
    let text = fs::read_to_string(path).map_err(|error| MemoryError::Proc { path, error })?;
    kib_line(&text, field).ok_or(MemoryError::Missing { path, field })
}

fn kib_line(text: &str, field: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

fn set(value: &AtomicU64, to: u64) {
    value.store(to, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_measures_and_keeps_the_peak() {
        let memory = Memory::default();
        set(&memory.peak, u64::MAX);
        // The test program's own allocator is another one; its numbers are small but there.
        memory.refresh().unwrap();
        assert!(memory.active() >= memory.used() && memory.resident() > 0 && memory.rss() > 0);
        assert_eq!(memory.peak(), u64::MAX);
    }

    #[test]
    fn lines_of_proc_are_read_or_refused() {
        assert_eq!(kib_line("A: 1\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12 * 1024));
        assert_eq!(kib_line("VmRSS: 12\n", "VmRSS:"), None);
        assert!(system_total().unwrap() > 0);
        let missing = proc_kib("/proc/meminfo", "Nothing:");
        assert!(matches!(missing, Err(MemoryError::Missing { .. })));
        assert!(matches!(proc_kib("/proc/nothing", "x"), Err(MemoryError::Proc { .. })));
    }
}
