//! Opening listening sockets. On any thread, usually `main` before the shards start, so that a
//! taken port is told at once.

use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::net::error::ListenError;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IPv4 or IPv6 address. An IPv6 one takes no IPv4 connections. Port 0: any free one.
    Tcp(SocketAddr),
    /// A unix socket's path; whatever is there is replaced.
    Unix {
        /// The path.
        path: PathBuf,
        /// Permissions the socket gets; `None` leaves what the umask gives.
        mode: Option<u32>,
    },
}

/// An open listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
}

impl Listener {
    /// Opens, binds and listens. `backlog` is the queue of connections not yet accepted.
    ///
    /// A taken TCP port is tried again for 50 ms: the kernel frees the port of an io_uring
    /// server that was just killed with a delay of some milliseconds.
    pub fn open(address: &ListenAddress, backlog: i32) -> Result<Listener, ListenError> {
        let socket = match address {
            ListenAddress::Tcp(address) => open_tcp(*address)?,
            ListenAddress::Unix { path, mode } => open_unix(path, *mode)?,
        };
        socket.listen(backlog).map_err(ListenError::Bind)?;
        Ok(Listener { socket: socket.into() })
    }

    /// As [`Listener::open`], on a port that another listener of this process may hold, if both
    /// have it shared ([`Listener::share_port`]).
    pub fn open_sharing(address: &ListenAddress, backlog: i32) -> Result<Listener, ListenError> {
        let ListenAddress::Tcp(address) = address else { return Listener::open(address, backlog) };
        let socket = new_tcp(*address)?;
        socket.set_reuse_port(true).map_err(ListenError::Socket)?;
        socket.bind(&SockAddr::from(*address)).map_err(ListenError::Bind)?;
        socket.listen(backlog).map_err(ListenError::Bind)?;
        Ok(Listener { socket: socket.into() })
    }

    /// Whether further sockets of this user may be bound to its port.
    pub fn share_port(&self, shared: bool) {
        // Where the kernel refuses, binding the other socket will fail and say so.
        let _ = socket2::SockRef::from(&self.socket).set_reuse_port(shared);
    }

    /// Takes no further connections, at once and through every handle of the socket. Those that
    /// nobody has accepted yet are reset.
    pub fn stop(&self) {
        // It fails for a socket that does not listen any more, as is wanted.
        let _ = socket2::SockRef::from(&self.socket).shutdown(Shutdown::Both);
    }

    /// A second handle of the same socket; the port stays taken until both are closed. `None` if
    /// descriptors have run out.
    pub fn duplicate(&self) -> Option<Listener> {
        Some(Listener { socket: self.socket.try_clone().ok()? })
    }

    /// The address it is bound to, with the port the kernel chose; `None` for a unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        socket2::SockRef::from(&self.socket).local_addr().ok()?.as_socket()
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn new_tcp(address: SocketAddr) -> Result<Socket, ListenError> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP));
    let socket = socket.map_err(ListenError::Socket)?;
    socket.set_reuse_address(true).map_err(ListenError::Socket)?;
    if address.is_ipv6() {
        socket.set_only_v6(true).map_err(ListenError::Socket)?;
    }
    Ok(socket)
}

fn open_tcp(address: SocketAddr) -> Result<Socket, ListenError> {
    let socket = new_tcp(address)?;
    let address = SockAddr::from(address);
    for _ in 0..BIND_TRIES {
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(BIND_PAUSE),
            result => return result.map(|()| socket).map_err(ListenError::Bind),
        }
    }
    socket.bind(&address).map(|()| socket).map_err(ListenError::Bind)
}

fn open_unix(path: &Path, mode: Option<u32>) -> Result<Socket, ListenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ListenError::Path(error));
        }
        _ => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(ListenError::Socket)?;
    let address = SockAddr::unix(path).map_err(ListenError::Path)?;
    socket.bind(&address).map_err(ListenError::Bind)?;
    if let Some(mode) = mode {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(path, permissions).map_err(ListenError::Path)?;
    }
    Ok(socket)
}

/// 10 × 5 ms; 5 to 10 ms were measured.
const BIND_TRIES: u32 = 10;
const BIND_PAUSE: Duration = Duration::from_millis(5);
