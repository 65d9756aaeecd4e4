//! The doors of the server: opening the sockets it listens on, at start and when CONFIG SET changes
//! `port` or `bind`. Any thread opens; shard 0 accepts.
//!
//! At a change the new sockets are opened beside the old ones, which share their port for that
//! moment, so that an address that cannot be had leaves everything as it was.

use super::core::Core;
use super::mail::Mail;
use super::process::Process;
use crate::base::ids::ShardId;
use crate::config::settings::Settings;
use crate::config::settings_groups::{BindAddress, Network};
use crate::net::error::ListenError;
use crate::net::listener::{ListenAddress, Listener};
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use thiserror::Error;

/// A listening socket with what it is.
pub struct Door {
    /// The socket.
    pub listener: Listener,
    /// Whether it is a unix socket.
    pub unix: bool,
}

/// Why the server cannot listen.
#[derive(Debug, Error)]
pub enum DoorError {
    /// An address of `bind` cannot be had.
    #[error("Could not create server TCP listening socket {address}:{port}: {reason}")]
    Tcp {
        /// As it stands in `bind`.
        address: String,
        /// The port.
        port: u16,
        /// Why.
        reason: String,
    },
    /// The unix socket cannot be opened.
    #[error("Failed opening Unix socket: {0}")]
    Unix(ListenError),
}

/// What the server listens on now.
#[derive(Debug, Default)]
pub struct Listeners(Mutex<Vec<Listener>>);

/// A group of listeners as INFO shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    name: &'static str,
    bind: Vec<String>,
    port: Option<u16>,
}

impl fmt::Display for Described {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "name={}", self.name)?;
        self.bind.iter().try_for_each(|address| write!(out, ",bind={address}"))?;
        self.port.map_or(Ok(()), |port| write!(out, ",port={port}"))
    }
}

/// The listeners of a configuration as INFO shows them.
pub fn described(network: &Network) -> Vec<Described> {
    let spelled = |bind: &BindAddress| {
        let dash = if bind.optional { "-" } else { "" };
        format!("{dash}{}", bind.address)
    };
    let tcp = (network.port != 0).then(|| Described {
        name: "tcp",
        bind: network.bind.iter().map(spelled).collect(),
        port: Some(network.port),
    });
    let unix = (!network.unixsocket.is_empty()).then(|| Described {
        name: "unix",
        bind: vec![network.unixsocket.clone()],
        port: None,
    });
    tcp.into_iter().chain(unix).collect()
}

/// Opens everything that a configuration names.
///
/// # Errors
/// The first address that cannot be had and is not optional.
pub fn open(settings: &Settings) -> Result<Vec<Door>, DoorError> {
    let network = &settings.network;
    let mut doors = open_tcp(network, Listener::open)?;
    if !network.unixsocket.is_empty() {
        let path = PathBuf::from(&network.unixsocket);
        let mode = (network.unixsocketperm != 0).then_some(network.unixsocketperm);
        let address = ListenAddress::Unix { path, mode };
        let opened = Listener::open(&address, network.tcp_backlog);
        doors.push(Door { listener: opened.map_err(DoorError::Unix)?, unix: true });
    }
    Ok(doors)
}

type Open = fn(&ListenAddress, i32) -> Result<Listener, ListenError>;

fn open_tcp(network: &Network, open: Open) -> Result<Vec<Door>, DoorError> {
    let mut doors = Vec::new();
    if network.port == 0 {
        return Ok(doors);
    }
    for bind in &network.bind {
        match open_bind(bind, network, open) {
            Ok(opened) => doors.extend(opened),
            Err(_) if bind.optional => {}
            Err(reason) => {
                let (address, port) = (bind.address.clone(), network.port);
                return Err(DoorError::Tcp { address, port, reason });
            }
        }
    }
    Ok(doors)
}

fn open_bind(bind: &BindAddress, network: &Network, open: Open) -> Result<Vec<Door>, String> {
    let addresses = resolve(&bind.address, network.port)?;
    let door = |address: SocketAddr| {
        let opened = open(&ListenAddress::Tcp(address), network.tcp_backlog);
        opened.map(|listener| Door { listener, unix: false }).map_err(text)
    };
    addresses.into_iter().map(door).collect()
}

/// What went wrong, without the number of the error, which people do not need.
fn text(error: ListenError) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn resolve(address: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let address = match address {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    let resolved = (address, port).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok(resolved.collect())
}

impl Listeners {
    /// Remembers the sockets listened on over TCP; the ones so far.
    pub fn remember(&self, doors: &[Door]) -> Vec<Listener> {
        let tcp = doors.iter().filter(|door| !door.unix);
        let handles = tcp.filter_map(|door| door.listener.duplicate()).collect();
        std::mem::replace(&mut *self.lock(), handles)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Listens as `network` says instead of as before. Unix sockets stay.
    ///
    /// # Errors
    /// The address that cannot be had; then everything is as before.
    pub fn relisten(&self, network: &Network) -> Result<(), DoorError> {
        let known = &self.listeners;
        let share = |on: bool| known.lock().iter().for_each(|listener| listener.share_port(on));
        share(true);
        let opened = open_tcp(network, Listener::open_sharing);
        let doors = opened.inspect_err(|_| share(false))?;
        doors.iter().for_each(|door| door.listener.share_port(false));
        // Before the answer, not when shard 0 closes them: who has the answer is never reset. They
        // go on sharing the port, which yet another change may want before they are closed.
        known.remember(&doors).iter().for_each(Listener::stop);
        self.post(ShardId(0), Mail::Relisten(doors));
        Ok(())
    }
}

impl Core {
    /// Takes connections from these sockets instead of the TCP sockets so far. On shard 0.
    pub(super) fn relisten(&mut self, doors: Vec<Door>) {
        let old = std::mem::take(&mut self.listeners);
        for (listener, unix) in old {
            match unix {
                true => self.listeners.push((listener, true)),
                false => self.net.close_listener(listener),
            }
        }
        self.listen(doors);
    }

    /// Takes connections from these sockets too.
    pub(super) fn listen(&mut self, doors: Vec<Door>) {
        for door in doors {
            let listener = self.net.listen(door.listener);
            self.listeners.push((listener, door.unix));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_described_as_they_are_configured() {
        let mut network = Settings::default().network;
        network.port = 7000;
        network.unixsocket = "/tmp/s".to_owned();
        let lines: Vec<String> = described(&network).iter().map(Described::to_string).collect();
        assert_eq!(lines, ["name=tcp,bind=*,bind=-::*,port=7000", "name=unix,bind=/tmp/s"]);
    }
}
