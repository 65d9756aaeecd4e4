//! The sockets a snapshot goes to, written by the child with waits of its own: their mode is the
//! parent's business, so no flag of theirs is touched. A socket that fails or takes nothing for
//! too long is given up; the others go on.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// One socket on its way.
#[derive(Debug)]
pub struct Outlet<'a> {
    fd: BorrowedFd<'a>,
    /// Why it was given up.
    failed: Option<io::Error>,
}

impl<'a> Outlet<'a> {
    /// A socket that works so far.
    pub fn new(fd: BorrowedFd<'a>) -> Outlet<'a> {
        Outlet { fd, failed: None }
    }

    /// Whether it was given up.
    pub fn is_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Takes the reason why it was given up, once.
    pub fn error(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    /// Writes all of `bytes`, waiting as long as the peer takes some within `patience`. Does
    /// nothing once given up.
    pub fn write(&mut self, bytes: &[u8], patience: Duration) {
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = write_all(self.fd, bytes, patience) {
            self.failed = Some(error);
        }
    }

    /// Writes one byte that keeps the link alive, if it can be taken at once.
    pub fn nudge(&mut self) {
        if self.failed.is_some() {
            return;
        }
        match send(self.fd, b"\n") {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.failed = Some(error),
        }
    }
}

/// Writes all of `bytes` to a socket without touching its mode.
///
/// # Errors
/// The kernel's, or `TimedOut` if nothing could be written for `patience`.
pub fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
    let mut deadline = Instant::now() + patience;
    while !bytes.is_empty() {
        match send(fd, bytes) {
            Ok(sent) => {
                bytes = &bytes[sent..];
                deadline = Instant::now() + patience;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_writable(fd, deadline)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    SockRef::from(&fd).send_with_flags(bytes, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
}

fn wait_writable(fd: BorrowedFd<'_>, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    let wait = PollTimeout::try_from(left.min(POLL_MAX)).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)], wait) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// One wait; the deadline is looked at in between.
const POLL_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_slow_reader_gets_everything() {
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        let bytes: Vec<u8> = (0..3_000_000u32).map(|index| index as u8).collect();
        let expected = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            received
        });
        write_all(mine.as_fd(), &bytes, LONG).unwrap();
        drop(mine);
        assert_eq!(reader.join().unwrap(), expected);
    }

    #[test]
    fn a_socket_that_takes_nothing_or_is_gone_is_given_up() {
        let (mine, theirs) = UnixStream::pair().unwrap();
        let mut outlet = Outlet::new(mine.as_fd());
        outlet.write(&vec![0; 4 << 20], Duration::from_millis(30));
        assert_eq!(outlet.error().map(io::Error::kind), Some(ErrorKind::TimedOut));
        drop(theirs);
        let (mine, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let mut outlet = Outlet::new(mine.as_fd());
        outlet.nudge();
        assert!(outlet.is_failed());
        outlet.write(b"more", LONG);
    }
}
