//! Lines to the system's log: datagrams to `/dev/log` in the form of RFC 3164. Any core; sending
//! never blocks, and what cannot be sent is dropped, as with the log itself.

use super::log::Level;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;

struct Syslog {
    socket: UnixDatagram,
    ident: String,
    facility: u8,
}

static SYSLOG: OnceLock<Option<Syslog>> = OnceLock::new();

/// Sends every line of the log there too, under a name and a facility (its number in RFC 3164).
pub fn enable(ident: &str, facility: u8) {
    let open = || {
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Syslog { socket, ident: ident.to_owned(), facility })
    };
    SYSLOG.get_or_init(open);
}

/// Sends one line if that is enabled.
pub fn send(level: Level, message: &str) {
    let Some(Some(syslog)) = SYSLOG.get() else { return };
    let line = format!(
        "<{}>{} {}[{}]: {message}",
        syslog.facility * 8 + severity(level),
        chrono::Local::now().format("%b %e %H:%M:%S"),
        syslog.ident,
        std::process::id()
    );
    let _ = syslog.socket.send_to(line.as_bytes(), PATH);
}

/// The severity's number in RFC 3164.
fn severity(level: Level) -> u8 {
    match level {
        Level::Debug => 7,
        Level::Verbose => 6,
        Level::Notice => 5,
        Level::Warning | Level::Nothing => 4,
    }
}

const PATH: &str = "/dev/log";
