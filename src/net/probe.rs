//! Whether this kernel and this process can have the rings we need. Runs once in `main`, before
//! any executor, so that a refusal becomes one sentence instead of a failing shard.

use std::ffi::CStr;
use std::fs;
use std::io;

use io_uring::{IoUring, Probe, opcode};

use crate::net::buffers::Buffers;
use crate::net::error::NetError;

/// Makes a small ring as the shards will and asks the kernel for every operation they use.
pub fn probe() -> Result<(), NetError> {
    check_release(&release())?;
    let ring: io::Result<IoUring> = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .build(8);
    let ring = ring.map_err(|error| explain("making a ring", error))?;
    let mut probe = Probe::new();
    let probed = ring.submitter().register_probe(&mut probe);
    probed.map_err(|error| explain("asking for its operations", error))?;
    for (code, missing) in NEEDED {
        if !probe.is_supported(*code) {
            return Err(NetError::TooOld { release: release(), missing });
        }
    }
    let buffers = Buffers::new(8, 4096);
    let mut buffers = buffers.map_err(|error| explain("mapping buffers", error))?;
    let registered = buffers.register(&ring.submitter());
    registered.map_err(|error| explain("registering buffers", error))?;
    drop(ring);
    Ok(())
}

/// Turns the kernel's answer to a step of the set-up into its cause.
pub(super) fn explain(doing: &'static str, error: io::Error) -> NetError {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => NetError::Unavailable,
        Some(libc::EPERM | libc::EACCES) => NetError::Forbidden { cause: forbidden_by() },
        Some(libc::ENOMEM) => NetError::Memory { memlock: memlock() },
        Some(libc::EMFILE | libc::ENFILE) => NetError::Descriptors,
        Some(libc::EINVAL) => NetError::TooOld { release: release(), missing: doing },
        _ => NetError::Setup { doing, error },
    }
}

fn check_release(release: &str) -> Result<(), NetError> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let version = (numbers.next(), numbers.next());
    if let (Some(Ok(major)), Some(Ok(minor))) = version
        && (major, minor) < (6, 1)
    {
        let missing = "multishot receive and deferred task work (Linux 6.1)";
        return Err(NetError::TooOld { release: release.to_owned(), missing });
    }
    Ok(())
}

fn release() -> String {
    // SAFETY: the structure is bytes only; uname fills it with terminated strings.
    let name = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&raw mut name);
        name
    };
    // SAFETY: terminated inside the array, by uname or by the zeroing.
    unsafe { CStr::from_ptr(name.release.as_ptr()) }.to_string_lossy().into_owned()
}

fn forbidden_by() -> String {
    match fs::read_to_string("/proc/sys/kernel/io_uring_disabled").as_deref().map(str::trim) {
        Ok("2") => "kernel.io_uring_disabled is 2 (forbidden for everybody)".to_owned(),
        Ok("1") => "kernel.io_uring_disabled is 1 (forbidden without CAP_SYS_ADMIN)".to_owned(),
        _ => "a seccomp filter or security module refuses it".to_owned(),
    }
}

fn memlock() -> String {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the structure it is given.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    match (answer, limit.rlim_cur) {
        (0, libc::RLIM_INFINITY) => "nothing (memory itself is exhausted)".to_owned(),
        (0, bytes) => format!("{} KiB", bytes / 1024),
        _ => "an unknown amount".to_owned(),
    }
}

/// The operations of the socket path.
const NEEDED: &[(u8, &str)] = &[
    (opcode::AcceptMulti::CODE, "accept"),
    (opcode::RecvMulti::CODE, "receive"),
    (opcode::Send::CODE, "send"),
    (opcode::SendMsg::CODE, "sendmsg"),
    (opcode::Connect::CODE, "connect"),
    (opcode::AsyncCancel::CODE, "cancellation"),
    (opcode::Read::CODE, "read"),
    (opcode::MsgRingData::CODE, "messages between rings"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_will_do() {
        probe().unwrap();
    }

    #[test]
    fn old_kernels_are_refused() {
        assert!(check_release("5.15.0-91-generic").is_err());
        assert!(check_release("6.0.19").is_err());
        assert!(check_release("6.1.0").is_ok());
        assert!(check_release("6.18.44-x").is_ok());
        assert!(check_release("unknown").is_ok());
    }

    #[test]
    fn errors_name_cause_and_remedy() {
        let text = |code| explain("making", io::Error::from_raw_os_error(code)).to_string();
        assert!(text(libc::ENOSYS).contains("6.1"));
        assert!(text(libc::EPERM).contains("seccomp"));
        assert!(text(libc::ENOMEM).contains("ulimit -l"));
        assert!(text(libc::EMFILE).contains("ulimit -n"));
        assert!(text(libc::EIO).contains("while making"));
    }
}
