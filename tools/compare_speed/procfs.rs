//! Reads what the kernel counts: CPU time, memory, where threads may run, how busy a core is.
//! The parsers are pure; formats are those of proc(5).

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use super::error::Error;

/// CPU time of one process at one instant, children not included.
#[derive(Debug, Clone)]
pub struct CpuTime {
    at: Instant,
    /// Nanoseconds on a CPU by thread id.
    threads: HashMap<u32, u64>,
    /// User and system time of the process in clock ticks, ended threads included.
    ticks: u64,
}

/// CPU time used between two instants.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuUsed {
    /// Time on a CPU, user and system, all threads.
    pub cpu: Duration,
    /// Time between the instants.
    pub wall: Duration,
}

impl CpuTime {
    /// Reads the counters of process `pid`: nanoseconds of each thread from `schedstat`, and the
    /// ticks of `stat` against the case that a thread ends between two readings.
    pub fn now(pid: u32) -> Result<Self, Error> {
        let mut threads = HashMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let entry = entry?;
            let Ok(thread) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            // A thread may end between the listing and the reading.
            if let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) {
                threads.insert(thread, parse_schedstat(&text).ok_or_else(|| wrong("schedstat"))?);
            }
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let ticks = parse_stat_ticks(&stat).ok_or_else(|| wrong("stat"))?;
        Ok(Self { at: Instant::now(), threads, ticks })
    }

    /// What was used from `earlier` to `self`.
    pub fn since(&self, earlier: &Self) -> CpuUsed {
        let mut nanos = 0;
        for (thread, now) in &self.threads {
            nanos += now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0));
        }
        let lost = earlier.threads.keys().any(|thread| !self.threads.contains_key(thread));
        if lost {
            nanos = nanos.max((self.ticks - earlier.ticks) * NANOS_PER_TICK);
        }
        CpuUsed { cpu: Duration::from_nanos(nanos), wall: self.at - earlier.at }
    }
}

impl CpuUsed {
    /// Microseconds of CPU for each of `operations`.
    pub fn micros_each(&self, operations: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / operations.max(1) as f64
    }

    /// Part of one core that was used, 1 = a whole core.
    pub fn share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(1e-9)
    }
}

/// Resident memory of process `pid` in bytes.
pub fn resident_bytes(pid: u32) -> Result<u64, Error> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse_status_kib(&status, "VmRSS").map(|kib| kib * 1024).ok_or_else(|| wrong("VmRSS"))
}

/// The child processes of process `pid`.
pub fn children(pid: u32) -> Result<Vec<u32>, Error> {
    let mut children = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(entry?.path().join("children")).unwrap_or_default();
        children.extend(text.split_ascii_whitespace().flat_map(str::parse::<u32>));
    }
    Ok(children)
}

/// Memory of process `pid` in bytes, each page divided by the processes that share it.
pub fn proportional_bytes(pid: u32) -> Result<u64, Error> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    parse_status_kib(&rollup, "Pss").map(|kib| kib * 1024).ok_or_else(|| wrong("Pss"))
}

/// The lists of cores that threads of process `pid` may run on, each list once.
pub fn allowed_cores(pid: u32) -> Result<Vec<String>, Error> {
    let mut lists = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(entry?.path().join("status")).unwrap_or_default();
        if let Some(list) = parse_status_field(&status, "Cpus_allowed_list")
            && !lists.iter().any(|known| known == list)
        {
            lists.push(list.to_owned());
        }
    }
    Ok(lists)
}

/// Busy and total ticks of each core since the host started; stolen time is busy.
pub fn core_ticks() -> Result<Vec<(u64, u64)>, Error> {
    Ok(parse_core_ticks(&fs::read_to_string("/proc/stat")?))
}

/// Part of the time between two readings of `core_ticks` for which `core` was busy, 0 to 1.
pub fn busy_share(before: &[(u64, u64)], after: &[(u64, u64)], core: usize) -> Option<f64> {
    let (before, after) = (before.get(core)?, after.get(core)?);
    let total = after.1.saturating_sub(before.1).max(1);
    Some(after.0.saturating_sub(before.0) as f64 / total as f64)
}

fn wrong(what: &str) -> Error {
    Error::Proc(what.to_owned())
}

/// First field of `schedstat`: nanoseconds spent on a CPU.
fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// `utime` + `stime`, fields 14 and 15 of `stat`; the name in field 2 may hold spaces and brackets.
fn parse_stat_ticks(text: &str) -> Option<u64> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn parse_status_field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

fn parse_status_kib(text: &str, name: &str) -> Option<u64> {
    parse_status_field(text, name)?.strip_suffix("kB")?.trim().parse().ok()
}

fn parse_core_ticks(text: &str) -> Vec<(u64, u64)> {
    let cores = text.lines().filter(|line| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    cores
        .map(|line| {
            // user nice system idle iowait irq softirq steal
            let ticks: Vec<u64> =
                line.split_ascii_whitespace().skip(1).take(8).flat_map(str::parse).collect();
            let total: u64 = ticks.iter().sum();
            let idle: u64 = ticks.iter().skip(3).take(2).sum();
            (total - idle, total)
        })
        .collect()
}

/// The kernel reports `stat` times in 1/100 s on every Linux platform (USER_HZ).
const NANOS_PER_TICK: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedstat_begins_with_cpu_time() {
        assert_eq!(parse_schedstat("123456789 42 7\n"), Some(123_456_789));
        assert_eq!(parse_schedstat(""), None);
    }

    #[test]
    fn stat_is_read_behind_a_name_with_brackets() {
        let text = "77 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 9999 8888 20 0 1 0 5";
        assert_eq!(parse_stat_ticks(text), Some(200));
        assert_eq!(parse_stat_ticks("77 (short) S 1"), None);
    }

    #[test]
    fn status_fields_are_found_by_their_whole_name() {
        let text = "VmRSSX:\t1 kB\nVmRSS:\t   2048 kB\nCpus_allowed_list:\t0-1\n";
        assert_eq!(parse_status_kib(text, "VmRSS"), Some(2048));
        assert_eq!(parse_status_field(text, "Cpus_allowed_list"), Some("0-1"));
    }

    #[test]
    fn stolen_time_is_busy_and_waiting_for_disks_is_not() {
        let text = "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 1 2 3 40 50 4 5 6 9 9\nintr 5\n";
        assert_eq!(parse_core_ticks(text), [(21, 111)]);
        assert_eq!(busy_share(&[(21, 111)], &[(46, 211)], 0), Some(0.25));
        assert_eq!(busy_share(&[(21, 111)], &[(46, 211)], 1), None);
    }

    #[test]
    fn a_new_thread_counts_whole_and_a_lost_one_by_ticks() {
        let at = Instant::now();
        let time = |threads: &[(u32, u64)], ticks| CpuTime {
            at,
            threads: threads.iter().copied().collect(),
            ticks,
        };
        let before = time(&[(1, 100), (2, 50)], 1);
        let used = time(&[(1, 150), (2, 50), (3, 7)], 1).since(&before);
        assert_eq!(used.cpu, Duration::from_nanos(57));
        let used = time(&[(1, 150)], 3).since(&before);
        assert_eq!(used.cpu, Duration::from_millis(20));
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 0);
        assert!(!allowed_cores(pid).unwrap().is_empty());
        assert!(!core_ticks().unwrap().is_empty());
        assert!(proportional_bytes(pid).unwrap() > 0);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children(pid).unwrap().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        let earlier = CpuTime::now(pid).unwrap();
        assert!(CpuTime::now(pid).unwrap().since(&earlier).cpu < Duration::from_secs(60));
    }
}
