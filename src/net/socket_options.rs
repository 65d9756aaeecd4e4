//! Options and addresses of connected sockets. System calls on a descriptor, any thread.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{SockAddr, SockRef, TcpKeepalive};

/// One end of a connection. Displays as clients see it: `ip:port`, `[ip6]:port` or the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A unix socket; empty if it has no path.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(out),
            Address::Unix(path) => path.display().fmt(out),
        }
    }
}

/// Sends small segments at once (`on`), or lets the kernel gather them. Fails on unix sockets.
pub fn set_nodelay(fd: &impl AsFd, on: bool) -> io::Result<()> {
    SockRef::from(fd).set_tcp_nodelay(on)
}

/// Probes a silent peer after `seconds`, then thrice at a third of that, before the connection
/// counts as dead; 0 turns probing off.
pub fn set_keepalive(fd: &impl AsFd, seconds: u32) -> io::Result<()> {
    let socket = SockRef::from(fd);
    if seconds == 0 {
        return socket.set_keepalive(false);
    }
    let interval = (seconds / KEEPALIVE_PROBES).max(1);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(u64::from(seconds)))
        .with_interval(Duration::from_secs(u64::from(interval)))
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)
}

/// The other end.
pub fn peer_address(fd: &impl AsFd) -> io::Result<Address> {
    SockRef::from(fd).peer_addr().map(|address| from_kernel(&address))
}

/// This end.
pub fn local_address(fd: &impl AsFd) -> io::Result<Address> {
    SockRef::from(fd).local_addr().map(|address| from_kernel(&address))
}

fn from_kernel(address: &SockAddr) -> Address {
    match address.as_socket() {
        Some(address) => Address::Ip(address),
        None => Address::Unix(address.as_pathname().map(PathBuf::from).unwrap_or_default()),
    }
}

/// Probes before a silent peer counts as dead; also the divisor of the interval.
const KEEPALIVE_PROBES: u32 = 3;
