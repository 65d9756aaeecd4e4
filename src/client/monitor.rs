//! Lines for MONITOR: one a command, as stock servers write them. Pure; made on the shard of the
//! connection that sent the command, in the order in which it sent them.

use crate::base::clock;
use crate::base::ids::DbIndex;
use crate::command::flags::Flags;
use crate::command::redact::redacted;
use crate::command::table::Command;
use crate::resp::request::Args;

/// Who sent a command.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The database it is in.
    pub db: DbIndex,
    /// Its address.
    pub addr: &'a str,
    /// It came over a unix socket.
    pub unix: bool,
}

/// Appends the line of a command, unless monitors are not to see it.
pub fn feed(lines: &mut Vec<u8>, sender: &Sender<'_>, command: &Command, args: Args<'_>) {
    if !command.spec.flags.any(Flags::SKIP_MONITOR.with(Flags::ADMIN)) {
        line(lines, clock::wall_us(), sender, redacted(command, args));
    }
}

fn line<'a>(
    out: &mut Vec<u8>,
    now_us: u64,
    sender: &Sender<'_>,
    args: impl Iterator<Item = &'a [u8]>,
) {
    let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
    let db = sender.db.0;
    let from = if sender.unix {
        // The address of a unix socket ends with a port that it does not have.
        format!("unix:{}", sender.addr.strip_suffix(":0").unwrap_or(sender.addr))
    } else {
        sender.addr.to_owned()
    };
    out.extend_from_slice(format!("+{seconds}.{micros:06} [{db} {from}]").as_bytes());
    for arg in args {
        out.push(b' ');
        quote(out, arg);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes bytes between quotes, those that do not print escaped.
fn quote(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in bytes {
        let short = match byte {
            b'\\' | b'"' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            7 => b'a',
            8 => b'b',
            b' '..=b'~' => {
                out.push(byte);
                continue;
            }
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'x', HEX[high], HEX[low]]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_that_of_the_stock_server() {
        let check = |unix: bool, addr: &str, args: &[&[u8]], expected: &str| {
            let mut out = Vec::new();
            let sender = Sender { db: DbIndex(2), addr, unix };
            line(&mut out, 1_795_186_781_004_236, &sender, args.iter().copied());
            assert_eq!(out, format!("+1795186781.004236 [2 {expected}\r\n").as_bytes());
        };
        // Recorded from Valkey 8.0.1.
        check(
            false,
            "127.0.0.1:43258",
            &[b"GET", b"\"a\r\n\x01\xc3\xa9"],
            r#"127.0.0.1:43258] "GET" "\"a\r\n\x01\xc3\xa9""#,
        );
        check(true, "/tmp/s:0", &[b"PING"], r#"unix:/tmp/s] "PING""#);
    }
}
