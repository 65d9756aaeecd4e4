//! What a connection says about the cache that it keeps: `CLIENT TRACKING` and its kin. Whom it
//! concerns beyond the connection reads the directory of all who track. Runs on the connection's
//! shard, which it does not leave while it tracks.

use super::connection::{Connection, State};
use super::session::Session;
use crate::base::ids::ClientId;
use crate::base::number;
use crate::command::client_info::{ClientFlags, ClientInfo};
use crate::command::environment::Environment;
use crate::command::error::CommandError;
use crate::command::tracking::{Mode, Tracker};
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The words of `CLIENT TRACKING`.
#[derive(Default)]
struct Wanted<'a> {
    redirect: Option<Arc<ClientInfo>>,
    prefixes: Vec<&'a [u8]>,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
}

/// `CLIENT TRACKING on|off …`.
///
/// # Errors
/// Words and modes that do not go together, and with what is on already.
pub fn turn(
    connection: &mut Connection,
    args: Args<'_>,
    environment: &Environment,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, environment)?;
    match args.get(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            let old = connection.session.tracking.as_deref();
            let mode = wanted.mode(old)?;
            if let Some(to) = &wanted.redirect {
                to.set_flag(ClientFlags::REDIRECTED_TO, true);
            }
            let tracker = Arc::new(Tracker {
                client: Arc::clone(&connection.info),
                redirect: wanted.redirect.map(|to| to.id),
                mode,
                no_loop: wanted.no_loop,
            });
            environment.tracking.begin(Arc::clone(&tracker), &environment.gauges);
            connection.session.tracking = Some(tracker);
            connection.session.follow_tracking();
        }
        b"off" => end(connection, environment),
        _ => return Err(CommandError::Syntax),
    }
    reply.ok();
    Ok(())
}

/// It tracks no more: it said so, begins anew, or is gone.
pub fn end(connection: &mut Connection, environment: &Environment) {
    let session = &mut connection.session;
    if session.tracking.take().is_some() {
        environment.tracking.end(&connection.info, &environment.gauges);
        session.caching = false;
        session.follow_tracking();
    }
}

/// `CLIENT CACHING yes|no`.
///
/// # Errors
/// Without tracking, in another mode, other words.
pub fn caching(
    session: &mut Session,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mode = &session.tracking.as_deref().ok_or(CACHING_WITHOUT_TRACKING)?.mode;
    match args.get(2).to_ascii_lowercase().as_slice() {
        b"yes" if *mode != Mode::OptIn => return Err(CACHING_YES),
        b"no" if *mode != Mode::OptOut => return Err(CACHING_NO),
        b"yes" | b"no" => {}
        _ => return Err(CommandError::Syntax),
    }
    session.caching = true;
    session.follow_tracking();
    reply.ok();
    Ok(())
}

/// `CLIENT TRACKINGINFO`.
pub fn describe(connection: &Connection, reply: &mut Reply) {
    let session = &connection.session;
    let mut flags = Vec::new();
    match session.tracking.as_deref() {
        None => flags.push("off"),
        Some(tracker) => {
            flags.push("on");
            let caching: &[&str] = match (&tracker.mode, session.caching) {
                (Mode::Read, _) => &[],
                (Mode::Broadcast(_), _) => &["bcast"],
                (Mode::OptIn, false) => &["optin"],
                (Mode::OptIn, true) => &["optin", "caching-yes"],
                (Mode::OptOut, false) => &["optout"],
                (Mode::OptOut, true) => &["optout", "caching-no"],
            };
            flags.extend(caching);
            flags.extend(tracker.no_loop.then_some("noloop"));
            let broken = connection.info.flags().any(ClientFlags::BROKEN_REDIRECT);
            flags.extend(broken.then_some("broken_redirect"));
        }
    }
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(connection.info.redirect());
    reply.bulk(b"prefixes");
    let prefixes = session.tracking.as_deref().and_then(Tracker::prefixes);
    reply.array(prefixes.map_or(0, BTreeSet::len));
    prefixes.into_iter().flatten().for_each(|prefix| reply.bulk(prefix));
}

impl<'a> Wanted<'a> {
    fn parse(args: Args<'a>, environment: &Environment) -> Result<Wanted<'a>, CommandError> {
        let mut wanted = Wanted::default();
        let mut index = 3;
        while index < args.len() {
            let more = index + 1 < args.len();
            match args.get(index).to_ascii_lowercase().as_slice() {
                b"redirect" if more => {
                    index += 1;
                    if wanted.redirect.is_some() {
                        return Err(ONE_REDIRECT);
                    }
                    let id = number::parse_i64(args.get(index)).ok_or(CommandError::NotInteger)?;
                    let id = u64::try_from(id).ok().map(ClientId);
                    let found = id.and_then(|id| environment.clients.find(id));
                    wanted.redirect = Some(found.ok_or(NO_REDIRECT)?);
                }
                b"prefix" if more => {
                    index += 1;
                    wanted.prefixes.push(args.get(index));
                }
                b"bcast" => wanted.broadcast = true,
                b"optin" => wanted.opt_in = true,
                b"optout" => wanted.opt_out = true,
                b"noloop" => wanted.no_loop = true,
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(wanted)
    }

    /// The mode wanted, if it can follow on `old`.
    fn mode(&self, old: Option<&Tracker>) -> Result<Mode, CommandError> {
        if !self.prefixes.is_empty() && !self.broadcast {
            return Err(PREFIX_ALONE);
        }
        if old.is_some_and(|old| old.mode.is_broadcast() != self.broadcast) {
            return Err(SWITCH_BROADCAST);
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err(OPT_BROADCAST);
        }
        if self.opt_in && self.opt_out {
            return Err(OPT_BOTH);
        }
        let was = |mode: Mode| old.is_some_and(|old| old.mode == mode);
        if (self.opt_in && was(Mode::OptOut)) || (self.opt_out && was(Mode::OptIn)) {
            return Err(SWITCH_OPT);
        }
        Ok(match (self.broadcast, self.opt_in, self.opt_out) {
            (true, ..) => Mode::Broadcast(self.prefixes(old.and_then(Tracker::prefixes))?),
            (false, true, _) => Mode::OptIn,
            (false, false, true) => Mode::OptOut,
            (false, false, false) => Mode::Read,
        })
    }

    /// The prefixes there are with those wanted besides: every key, if none is named.
    fn prefixes(&self, old: Option<&BTreeSet<Vec<u8>>>) -> Result<BTreeSet<Vec<u8>>, CommandError> {
        let mut all = old.cloned().unwrap_or_default();
        let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        for (index, prefix) in self.prefixes.iter().enumerate() {
            let existing = old.into_iter().flatten().find(|other| overlap(prefix, other));
            if let Some(other) = existing {
                return Err(overlapping(prefix, "an existing", other));
            }
            let rest = &self.prefixes[index + 1..];
            if let Some(other) = rest.iter().find(|other| overlap(prefix, other)) {
                return Err(overlapping(prefix, "another provided", other));
            }
        }
        all.extend(self.prefixes.iter().map(|prefix| prefix.to_vec()));
        if self.prefixes.is_empty() {
            all.insert(Vec::new());
        }
        Ok(all)
    }
}

fn overlapping(prefix: &[u8], which: &str, other: &[u8]) -> CommandError {
    let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
    CommandError::owned(format!(
        "ERR Prefix '{prefix}' overlaps with {which} prefix '{other}'. Prefixes for a single \
         client must not overlap."
    ))
}

impl Session {
    /// Whether the keys of the next reads are registered, from what it said so far.
    pub fn follow_tracking(&mut self) {
        self.view.tracks = match self.tracking.as_deref().map(|tracker| &tracker.mode) {
            None | Some(Mode::Broadcast(_)) => false,
            Some(Mode::Read) => true,
            Some(Mode::OptIn) => self.caching,
            Some(Mode::OptOut) => !self.caching,
        };
    }

    /// What `CLIENT CACHING` said counts for one command or transaction.
    #[cold]
    pub(super) fn end_caching(&mut self) {
        if !std::mem::take(&mut self.keeps_caching) && self.transaction.is_none() {
            self.caching = false;
            self.follow_tracking();
        }
    }
}

impl Connection {
    /// Where news of changed keys goes: behind every reply that may tell of a key as it was before,
    /// so also behind those of a batch under way.
    pub fn invalidation_target(&mut self) -> &mut Reply {
        if self.state != State::Submitted {
            return self.push_target();
        }
        self.pushes.version = self.reply.version;
        &mut self.pushes
    }
}

const CACHING_WITHOUT_TRACKING: CommandError = CommandError::text(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
     OPTOUT mode enabled",
);
const CACHING_YES: CommandError = CommandError::text(
    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
);
const CACHING_NO: CommandError = CommandError::text(
    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
);
const ONE_REDIRECT: CommandError =
    CommandError::text("ERR A client can only redirect to a single other client");
const NO_REDIRECT: CommandError =
    CommandError::text("ERR The client ID you want redirect to does not exist");
const PREFIX_ALONE: CommandError =
    CommandError::text("ERR PREFIX option requires BCAST mode to be enabled");
const SWITCH_BROADCAST: CommandError = CommandError::text(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
     re-enabling it with a different mode.",
);
const SWITCH_OPT: CommandError = CommandError::text(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
     re-enabling it with a different mode.",
);
const OPT_BROADCAST: CommandError =
    CommandError::text("ERR OPTIN and OPTOUT are not compatible with BCAST");
const OPT_BOTH: CommandError =
    CommandError::text("ERR You can't specify both OPTIN mode and OPTOUT mode");
