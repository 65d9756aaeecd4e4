//! The child process that writes a snapshot: the data set frozen as it was when all keyspaces were
//! in one hand. Called on shard 0's loop. Apart from `net` and `keyspace/entry` the only place with
//! unsafe code.
//!
//! What always holds in the child: its first act is to close every descriptor but those it was
//! given, else clients of the parent would see no end of their connections; it touches no ring,
//! takes no lock of this program, writes no log, and ends by `_exit`, so that nothing of the
//! parent's is flushed or dropped twice. Allocating is fine: the allocator prepares for fork
//! itself.

use nix::sched::CpuSet;
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A child that runs.
#[derive(Debug)]
pub struct Forked {
    /// Its process id.
    pub pid: Pid,
    /// Our end of the socket pair.
    pub control: OwnedFd,
    /// How long the system call took.
    pub took: Duration,
}

/// How the process was before its threads were pinned.
struct Origin {
    cores: Option<CpuSet>,
    nice: i32,
}

static ORIGIN: OnceLock<Origin> = OnceLock::new();

/// Notes cores and niceness of the calling thread, for children to go back to. Called once, before
/// threads are pinned.
pub fn remember_origin() {
    let cores = nix::sched::sched_getaffinity(Pid::from_raw(0)).ok();
    // SAFETY: a plain system call.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    ORIGIN.get_or_init(|| Origin { cores, nice });
}

/// Makes a child that runs `body` with its end of a socket pair and the descriptors in `keep`, and
/// ends with the code that `body` returns. Returns in the parent only.
///
/// # Errors
/// The kernel's, for the socket pair or the fork.
pub fn fork(
    keep: &[BorrowedFd<'_>],
    body: impl FnOnce(BorrowedFd<'_>) -> i32,
) -> io::Result<Forked> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut kept: Vec<RawFd> = keep.iter().map(AsRawFd::as_raw_fd).collect();
    kept.push(theirs.as_raw_fd());
    kept.sort_unstable();
    let parent = Pid::this();
    let began = Instant::now();
    // SAFETY: the child runs `in_child` only, which keeps to the rules in the head of this file.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => in_child(&kept, parent, || body(theirs.as_fd())),
        pid => {
            let took = began.elapsed();
            Ok(Forked { pid: Pid::from_raw(pid), control: ours.into(), took })
        }
    }
}

fn in_child(kept: &[RawFd], parent: Pid, body: impl FnOnce() -> i32) -> ! {
    close_all_but(kept);
    let code = catch_unwind(AssertUnwindSafe(|| {
        leave_the_parents_ways(parent);
        body()
    }));
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(code.unwrap_or(PANICKED)) }
}

/// Closes all descriptors from 3 on that are not in `kept`, which is ascending.
fn close_all_but(kept: &[RawFd]) {
    let mut from: u32 = 3;
    for fd in kept.iter().filter_map(|fd| u32::try_from(*fd).ok()) {
        if fd > from {
            close_range(from, fd - 1);
        }
        from = from.max(fd + 1);
    }
    close_range(from, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    // SAFETY: a plain system call. Whoever owns these descriptors never runs in this process.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}

/// Signals, cores, niceness and name are the child's own; it ends with its parent.
fn leave_the_parents_ways(parent: Pid) {
    // Errors below leave the child as it is, which is no reason not to save.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    if Pid::parent() != parent {
        // SAFETY: the parent ended before it could be waited for.
        unsafe { libc::_exit(PANICKED) };
    }
    let ways = [
        (Signal::SIGTERM, SigHandler::SigDfl),
        (Signal::SIGUSR1, SigHandler::SigDfl),
        (Signal::SIGINT, SigHandler::SigIgn),
        (Signal::SIGHUP, SigHandler::SigIgn),
    ];
    for (signal, way) in ways {
        // SAFETY: neither way runs code of ours.
        let _ = unsafe { nix::sys::signal::signal(signal, way) };
    }
    let _ = SigSet::empty().thread_set_mask();
    let _ = nix::sys::prctl::set_name(c"tributary-rdb");
    let Some(origin) = ORIGIN.get() else { return };
    if let Some(cores) = &origin.cores {
        let _ = nix::sched::sched_setaffinity(Pid::from_raw(0), cores);
    }
    // SAFETY: a plain system call.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, origin.nice) };
}

/// The code of a child that could not do anything.
const PANICKED: i32 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use std::io::{Read, Write};

    #[test]
    fn a_child_keeps_what_it_was_given_and_nothing_else() {
        let (kept, mut far) = UnixStream::pair().unwrap();
        let (lost, mut other_far) = UnixStream::pair().unwrap();
        let value = vec![1u8, 2, 3];
        let forked = fork(&[kept.as_fd()], |control| {
            let mut control = UnixStream::from(control.try_clone_to_owned().unwrap());
            let mut kept = UnixStream::from(kept.as_fd().try_clone_to_owned().unwrap());
            let sent = kept.write_all(&value).and_then(|()| control.write_all(b"done"));
            // Waits until the parent has seen the end of what this child does not hold.
            let mut go = [0];
            let _ = control.read(&mut go);
            i32::from(sent.is_err()) + 40
        })
        .unwrap();
        drop((lost, kept));
        assert_eq!(other_far.read(&mut [0; 1]).unwrap(), 0, "the child does not hold it open");
        let mut control = UnixStream::from(forked.control);
        let mut word = [0; 4];
        control.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"done");
        let mut bytes = [0; 3];
        far.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3]);
        control.write_all(b"x").unwrap();
        assert_eq!(waitpid(forked.pid, None), Ok(WaitStatus::Exited(forked.pid, 40)));
    }

    #[test]
    fn a_panic_in_the_child_ends_the_child_alone() {
        let forked = fork(&[], |_| {
            std::panic::set_hook(Box::new(|_| {}));
            panic!("on purpose")
        })
        .unwrap();
        assert_eq!(waitpid(forked.pid, None), Ok(WaitStatus::Exited(forked.pid, PANICKED)));
    }
}
