//! Who may come in: the limit of connections, protected mode, and the limit of descriptors that
//! stands behind the first. On the shard that accepts.

use super::core::Core;
use super::mail::Mail;
use crate::base::ids::ShardId;
use crate::config::settings::Settings;
use crate::net::socket_options::{self, Address};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockRef;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl Core {
    /// A connection was accepted here: it goes to the shard whose turn it is.
    pub(super) fn accepted(&mut self, fd: OwnedFd, unix: bool) {
        let text = self.refusal(&fd, unix);
        if text == Some(MAX_CLIENTS) && self.clients.at_limit.len() < AT_LIMIT_MAX {
            // A place may be free already on a shard that has not told yet: asked again soon.
            self.clients.at_limit.push((fd, unix));
            return;
        }
        match text {
            None => self.admit(fd, unix),
            Some(text) => self.turn_away(&fd, text),
        }
    }

    /// Decides on those who came while there was no place. Called by the cron.
    pub(super) fn decide_at_limit(&mut self) {
        for (fd, unix) in std::mem::take(&mut self.clients.at_limit) {
            match self.refusal(&fd, unix) {
                None => self.admit(fd, unix),
                Some(text) => self.turn_away(&fd, text),
            }
        }
    }

    /// Says why and lets the connection go.
    fn turn_away(&self, fd: &OwnedFd, text: &[u8]) {
        // The buffer of a fresh connection has room; who does not get it is refused all the same.
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let _ = SockRef::from(fd).send_with_flags(text, flags);
        self.metrics().rejected_connections.bump();
    }

    fn admit(&mut self, fd: OwnedFd, unix: bool) {
        // Counted here and not where it is served, so that a burst cannot pass the limit.
        self.process.clients.fetch_add(1, Ordering::Relaxed);
        let shard = ShardId(self.process.next_shard());
        if shard == self.id() {
            self.adopt(fd, unix);
        } else {
            self.process.post(shard, Mail::Adopt { fd, unix });
        }
    }

    /// Accepting failed; the listener tries again ten times a second, the log hears of it once.
    pub(super) fn accept_failed(&mut self, error: &io::Error) {
        let now = self.shard.tools.clock;
        let told = &mut self.clients.accept_failure_told;
        if told.is_none_or(|told| now.duration_since(told) >= FAILURE_LOG_PERIOD) {
            *told = Some(now);
            crate::warning!("Accepting client connection: accept: {error}");
        }
    }

    fn refusal(&self, fd: &OwnedFd, unix: bool) -> Option<&'static [u8]> {
        let settings = &self.shard.tools.settings;
        let connected = self.process.clients.load(Ordering::Relaxed);
        if connected >= u64::from(settings.clients.maxclients) {
            return Some(MAX_CLIENTS);
        }
        let nopass = self.process.shared.environment.acl.users().default_user().nopass;
        let open = settings.network.protected_mode && nopass;
        if open && !unix && !is_loopback(fd) { Some(DENIED) } else { None }
    }
}

/// Makes room for `maxclients` descriptors, or lowers `maxclients` to what there is room for. At
/// start, before the first connection.
///
/// # Errors
/// The text for the operator if not even one client has room.
pub fn make_room(settings: &mut Settings) -> Result<(), String> {
    let reserved = reserved_descriptors(settings);
    let wanted = u64::from(settings.clients.maxclients) + reserved;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    if soft >= wanted {
        return Ok(());
    }
    // A process that may not raise the hard limit takes what it may.
    let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted.max(hard));
    let Err(error) = raised else { return Ok(()) };
    let target = wanted.min(hard);
    if target > soft && setrlimit(Resource::RLIMIT_NOFILE, target, hard).is_ok() && target >= wanted
    {
        return Ok(());
    }
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(soft, |(soft, _)| soft);
    if limit <= reserved {
        return Err(format!(
            "Your current 'ulimit -n' of {limit} is not enough for the server to start. Please \
             increase your open file limit to at least {wanted}. Exiting."
        ));
    }
    let asked = settings.clients.maxclients;
    settings.clients.maxclients = u32::try_from(limit - reserved).unwrap_or(asked);
    crate::warning!(
        "You requested maxclients of {asked} requiring at least {wanted} max file descriptors."
    );
    crate::warning!(
        "Server can't set maximum open files to {wanted} because of OS error: {}.",
        error.desc()
    );
    crate::warning!(
        "Current maximum open files is {limit}. maxclients has been reduced to {} to compensate \
         for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
        settings.clients.maxclients
    );
    Ok(())
}

/// Makes room for a `maxclients` set while the server runs.
///
/// # Errors
/// The number of clients there is room for, if that is less.
pub fn make_room_for(maxclients: u32, settings: &Settings) -> Result<(), u64> {
    let reserved = reserved_descriptors(settings);
    let wanted = u64::from(maxclients) + reserved;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    let fits =
        soft >= wanted || setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted.max(hard)).is_ok();
    if fits { Ok(()) } else { Err(soft.max(hard).saturating_sub(reserved)) }
}

/// Descriptors kept for everything but clients: files and listeners, and each shard's rings and
/// eventfds.
fn reserved_descriptors(settings: &Settings) -> u64 {
    RESERVED_DESCRIPTORS + SHARD_DESCRIPTORS * settings.shard_count() as u64
}

fn is_loopback(fd: &OwnedFd) -> bool {
    match socket_options::peer_address(fd) {
        Ok(Address::Ip(address)) => address.ip().to_canonical().is_loopback(),
        // A peer that is gone already learns nothing.
        Ok(Address::Unix(_)) | Err(_) => true,
    }
}

const MAX_CLIENTS: &[u8] = b"-ERR max number of clients reached\r\n";

const DENIED: &[u8] =
    b"-DENIED Running in protected mode because protected mode is enabled and no \
password is set for the default user. In this mode connections are only accepted from the loopback \
interface. If you want to connect from external computers, you may adopt one of the following \
solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from \
the loopback interface by connecting from the same host the server is running, however MAKE SURE \
it's not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change \
permanent. 2) Alternatively you can just disable the protected mode by editing the configuration \
file, and setting the protected mode option to 'no', and then restarting the server. 3) If you \
started the server manually just for testing, restart it with the '--protected-mode no' option. 4) \
Set up an authentication password for the default user. NOTE: You only need to do one of the above \
things in order for the server to start accepting connections from the outside.\r\n";

/// As stock: log, RDB, AOF, listeners, links.
const RESERVED_DESCRIPTORS: u64 = 32;
/// Two rings of a shard's executor and one of ours, their eventfds, and a margin.
const SHARD_DESCRIPTORS: u64 = 12;
/// Connections beyond the limit that wait for a decision; further ones are refused at once.
const AT_LIMIT_MAX: usize = 16;
const FAILURE_LOG_PERIOD: Duration = Duration::from_secs(1);

/// When the log last heard of a failed accept.
pub type FailureTold = Option<Instant>;
