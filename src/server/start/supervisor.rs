//! Telling a supervisor that the server is ready: systemd by a datagram to the socket that
//! `NOTIFY_SOCKET` names (the protocol of sd_notify(3)), upstart by stopping once.

use crate::config::choices::Supervised;
use nix::sys::signal::{Signal, raise};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells that the server serves.
pub fn ready(supervised: Supervised) {
    let says = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let by_systemd = matches!(supervised, Supervised::Systemd | Supervised::Auto);
    let by_upstart = matches!(supervised, Supervised::Upstart | Supervised::Auto);
    match (says("NOTIFY_SOCKET"), says("UPSTART_JOB")) {
        (Some(socket), _) if by_systemd => {
            if let Err(error) = notify(&socket, READY) {
                crate::warning!("Can't send to systemd socket {socket}: {error}");
            }
        }
        (_, Some(_)) if by_upstart => {
            crate::notice!("supervised by upstart, will stop to signal readiness");
            if let Err(error) = raise(Signal::SIGSTOP) {
                crate::warning!("Stopping for upstart failed: {error}");
            }
        }
        _ if supervised == Supervised::Systemd => {
            crate::warning!("systemd supervision requested, but NOTIFY_SOCKET not found!");
        }
        _ if supervised == Supervised::Upstart => {
            crate::warning!("upstart supervision requested, but UPSTART_JOB not found!");
        }
        _ => {}
    }
}

fn notify(socket: &str, message: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

const READY: &str = "STATUS=Ready to accept connections\nREADY=1\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_is_told_on_either_kind_of_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let named = UnixDatagram::bind(&path).unwrap();
        notify(path.to_str().unwrap(), READY).unwrap();
        let abstract_name = format!("tributary-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let hidden = UnixDatagram::bind_addr(&address).unwrap();
        notify(&format!("@{abstract_name}"), READY).unwrap();
        for socket in [named, hidden] {
            let mut buffer = [0; 100];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], READY.as_bytes());
        }
    }
}
