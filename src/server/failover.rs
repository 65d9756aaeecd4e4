//! FAILOVER: a master hands its role to one of its replicas without losing a write. On shard 0's
//! loop.
//!
//! ```text
//! Pausing -> Paused -> Waiting -> Switching -> HandedOver -> (none)
//! master, writes held back ------------------> replica that asks its target with PSYNC FAILOVER
//! ```
//!
//! Always: from `Pausing` to the end writes are held back; the role changes only when the target
//! has acknowledged every write there was, or when time is over and force was asked for.

use super::controller::Leased;
use super::core::Core;
use super::pause::{Change, Purpose};
use super::process::Process;
use super::role::{self, RoleChange};
use super::waits::GETACK;
use crate::base::ids::{ReplOffset, ShardId};
use crate::base::number;
use crate::command::error::CommandError;
use crate::command::gate::Pause;
use crate::config::settings_groups::MasterAddress;
use crate::master::registry::{ReplicaInfo, Stage as Synchronized};
use crate::replication::follow_state::Failover as State;
use crate::resp::request::Args;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A failover under way.
pub struct Failover {
    wish: Wish,
    deadline: Option<Instant>,
    stage: Stage,
    /// The target was asked to take over and the connection broke before its answer: it may be the
    /// master already.
    pub(super) asked: bool,
}

/// What FAILOVER asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wish {
    /// Who takes over; the first that has everything if none.
    target: Option<MasterAddress>,
    /// When time is over the target takes over with what it has.
    force: bool,
    timeout: Option<Duration>,
}

/// What FAILOVER's arguments say.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Begin(Wish),
    Abort,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The pause of writes is not in effect on every shard.
    Pausing,
    /// It is; the replicas are not asked yet.
    Paused,
    /// The replicas were asked how far they are.
    Waiting(Question),
    /// Every keyspace is awaited for the change of role.
    Switching { target: MasterAddress, end: Option<ReplOffset> },
    /// This server is a replica and tells its target to take over.
    HandedOver,
}

/// A question to all replicas in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question {
    /// The offset before it, behind every write.
    wanted: ReplOffset,
    /// The offset behind it. A stream that went on must be asked about anew.
    end: ReplOffset,
}

/// Checks a FAILOVER that is part of a transaction and carried out behind it.
///
/// # Errors
/// What is wrong with it.
pub fn announce(process: &Process, args: Args<'_>) -> Result<(), CommandError> {
    match parse(args)? {
        Asked::Begin(wish) => check(process, &wish),
        Asked::Abort if process.follow.failover() == State::None => Err(NOT_IN_PROGRESS),
        Asked::Abort => Ok(()),
    }
}

/// While a failover is under way nobody else changes the role.
///
/// # Errors
/// What REPLICAOF answers then.
pub fn allows_replicaof(process: &Process) -> Result<(), CommandError> {
    match process.follow.failover() {
        State::None => Ok(()),
        _ => Err(NO_REPLICAOF),
    }
}

impl Core {
    /// FAILOVER. On shard 0.
    pub(super) fn failover_order(&mut self, batch: Box<Batch>) {
        if self.link.role_changes {
            self.link.orders.push_back(batch);
            return;
        }
        let asked = parse(batch.args(0)).and_then(|asked| match asked {
            Asked::Begin(wish) => check(&self.process, &wish).map(|()| Asked::Begin(wish)),
            Asked::Abort if self.controller.failover.is_none() => Err(NOT_IN_PROGRESS),
            Asked::Abort => Ok(Asked::Abort),
        });
        match asked {
            Ok(Asked::Begin(wish)) => self.begin_failover(wish, batch),
            Ok(Asked::Abort) => self.abort_failover("Failover manually aborted", Some(batch)),
            Err(error) => self.fail_order(batch, &error),
        }
    }

    fn begin_failover(&mut self, wish: Wish, batch: Box<Batch>) {
        crate::notice!("FAILOVER requested to {}.", Target(wish.target.as_ref()));
        let deadline = wish.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.process.follow.set_failover(State::WaitForReplica);
        // The offset must stand still, and acknowledgements end this shard's sleep.
        self.process.replicas.pings_held.store(true, Ordering::Relaxed);
        self.process.replicas.wait_began(ShardId(0));
        self.controller.failover =
            Some(Failover { wish, deadline, stage: Stage::Pausing, asked: false });
        self.change_pause(Change {
            purpose: Purpose::Failover,
            pause: Some((Pause::Writes, WITHOUT_END_MS)),
            asker: Some(batch),
        });
    }

    /// The pause is in effect; with every keyspace in hand.
    pub(super) fn failover_paused(&mut self) {
        if let Some(failover) = &mut self.controller.failover
            && failover.stage == Stage::Pausing
        {
            failover.stage = Stage::Paused;
            self.ask_replicas();
        }
    }

    /// Asks all replicas how far they are, behind the last write. Nothing while no stream flows:
    /// then no replica has its first snapshot.
    fn ask_replicas(&mut self) {
        let asked = self.shard.tools.shared.stream.append_control(GETACK);
        if let (Some(failover), Some(end)) = (&mut self.controller.failover, asked) {
            let wanted = ReplOffset(end.0 - GETACK.len() as u64);
            failover.stage = Stage::Waiting(Question { wanted, end });
        }
    }

    /// Goes on if the target has everything or time is over. On shard 0, each turn.
    pub(super) fn failover_turn(&mut self) {
        let Some(failover) = &self.controller.failover else { return };
        let overdue = failover.deadline.is_some_and(|deadline| deadline <= Instant::now());
        match &failover.stage {
            Stage::Switching { .. } | Stage::HandedOver => return,
            Stage::Pausing => {}
            Stage::Paused => self.ask_replicas(),
            Stage::Waiting(question) => {
                let question = *question;
                if self.shard.tools.shared.stream.end() != question.end {
                    self.ask_replicas();
                } else if let Some(target) = self.synchronized_target(question.wanted) {
                    crate::notice!(
                        "Failover target {} is synced, failing over.",
                        Target(Some(&target))
                    );
                    return self.switch_over(target, Some(question.end));
                }
            }
        }
        if overdue {
            self.failover_overdue();
        }
    }

    fn failover_overdue(&mut self) {
        let Some(failover) = &self.controller.failover else { return };
        let Wish { target, force, .. } = &failover.wish;
        match target {
            Some(target) if *force && failover.stage != Stage::Pausing => {
                crate::notice!(
                    "FAILOVER to {} time out exceeded, failing over.",
                    Target(Some(target))
                );
                let target = target.clone();
                self.switch_over(target, None);
            }
            // The pause is in effect in a moment.
            Some(_) if *force => {}
            _ => self.abort_failover("Replica never caught up before timeout", None),
        }
    }

    /// The replica that takes over: one that has everything through `wanted`.
    fn synchronized_target(&self, wanted: ReplOffset) -> Option<MasterAddress> {
        let target = self.controller.failover.as_ref()?.wish.target.as_ref();
        let has_all = |it: &Arc<ReplicaInfo>| {
            it.stage() == Synchronized::Online && it.confirmed().is_some_and(|has| has >= wanted)
        };
        let fits = |it: &Arc<ReplicaInfo>| target.is_none_or(|target| is_at(it, target));
        let replicas = self.process.replicas.list();
        replicas.iter().filter(|it| has_all(it) && fits(it)).find_map(address_of)
    }

    fn switch_over(&mut self, target: MasterAddress, end: Option<ReplOffset>) {
        if let Some(failover) = &mut self.controller.failover {
            failover.stage = Stage::Switching { target, end };
            self.link.role_changes = true;
            self.lease_all(Leased::Role(RoleChange::HandOver));
        }
    }

    /// With every keyspace in hand: this server follows its target from now on, unless the failover
    /// was aborted, or the stream went on behind what the target has.
    pub(super) fn hand_over(&mut self, hand: &mut Hand) {
        let Some(failover) = &mut self.controller.failover else { return };
        let Stage::Switching { target, end } = &failover.stage else { return };
        let target = target.clone();
        if end.is_some_and(|end| end != self.shard.tools.shared.stream.end()) {
            return self.ask_replicas();
        }
        failover.stage = Stage::HandedOver;
        self.process.follow.set_failover(State::InProgress);
        role::store(&self.process, Some(&target));
        self.become_replica(target, None, hand);
        self.connect_link();
    }

    /// The target has taken over.
    pub(super) fn failover_done(&mut self) {
        if self.controller.failover.is_some() {
            self.end_failover(None);
        }
    }

    /// Whether the link asks its master to take over.
    pub(super) fn hands_over(&self) -> bool {
        matches!(&self.controller.failover, Some(it) if it.stage == Stage::HandedOver)
    }

    /// Gives up: this server is the master, again or still. `asker` is answered when it takes
    /// writes.
    pub(super) fn abort_failover(&mut self, why: &str, asker: Option<Box<Batch>>) {
        let Some(failover) = &self.controller.failover else { return };
        crate::notice!("FAILOVER to {} aborted: {why}", Target(failover.wish.target.as_ref()));
        if failover.stage == Stage::HandedOver {
            role::store(&self.process, None);
            self.promote(role::Promoter::Abort);
        }
        self.end_failover(asker);
    }

    fn end_failover(&mut self, asker: Option<Box<Batch>>) {
        self.controller.failover = None;
        self.process.follow.set_failover(State::None);
        self.process.replicas.pings_held.store(false, Ordering::Relaxed);
        self.process.replicas.wait_ended(ShardId(0));
        self.change_pause(Change { purpose: Purpose::Failover, pause: None, asker });
    }
}

fn parse(args: Args<'_>) -> Result<Asked, CommandError> {
    if args.len() == 2 && args.get(1).eq_ignore_ascii_case(b"abort") {
        return Ok(Asked::Abort);
    }
    let mut wish = Wish::default();
    let mut index = 1;
    while index < args.len() {
        let (word, left) = (args.get(index), args.len() - index - 1);
        if word.eq_ignore_ascii_case(b"timeout") && left >= 1 && wish.timeout.is_none() {
            let ms = number::parse_i64(args.get(index + 1)).ok_or(CommandError::NotInteger)?;
            let ms = u64::try_from(ms).ok().filter(|ms| *ms > 0).ok_or(NO_TIMEOUT)?;
            wish.timeout = Some(Duration::from_millis(ms));
            index += 2;
        } else if word.eq_ignore_ascii_case(b"to") && left >= 2 && wish.target.is_none() {
            let port = number::parse_i64(args.get(index + 2)).ok_or(CommandError::NotInteger)?;
            // Nobody is found at a port that is none.
            let port = u16::try_from(port).unwrap_or(0);
            let host = String::from_utf8_lossy(args.get(index + 1)).into_owned();
            wish.target = Some(MasterAddress { host, port });
            index += 3;
        } else if word.eq_ignore_ascii_case(b"force") && !wish.force {
            wish.force = true;
            index += 1;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok(Asked::Begin(wish))
}

/// What forbids to begin, in the order in which stock servers look.
fn check(process: &Process, wish: &Wish) -> Result<(), CommandError> {
    if process.follow.failover() != State::None {
        return Err(IN_PROGRESS);
    }
    if process.shared.environment.status.is_replica.load(Ordering::Relaxed) {
        return Err(ON_REPLICA);
    }
    if process.replicas.is_empty() {
        return Err(NO_REPLICAS);
    }
    if wish.force && (wish.timeout.is_none() || wish.target.is_none()) {
        return Err(FORCE_WITHOUT);
    }
    let Some(target) = &wish.target else { return Ok(()) };
    let replicas = process.replicas.list();
    match replicas.iter().find(|it| is_at(it, target)) {
        None => Err(NO_TARGET),
        Some(it) if it.stage() != Synchronized::Online => Err(NOT_ONLINE),
        Some(_) => Ok(()),
    }
}

fn is_at(replica: &ReplicaInfo, target: &MasterAddress) -> bool {
    let port = u16::try_from(replica.port).unwrap_or(0);
    port != 0 && port == target.port && replica.ip.eq_ignore_ascii_case(&target.host)
}

/// Where it listens. None for what only reads the stream and could be nobody's master.
fn address_of(replica: &Arc<ReplicaInfo>) -> Option<MasterAddress> {
    let port = u16::try_from(replica.port).ok().filter(|port| *port != 0)?;
    Some(MasterAddress { host: replica.ip.clone(), port })
}

/// Who takes over, for the log.
struct Target<'a>(Option<&'a MasterAddress>);

impl fmt::Display for Target<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => out.write_str("any replica"),
            Some(MasterAddress { host, port }) => write!(out, "{host}:{port}"),
        }
    }
}

/// The pause of a failover ends with it. In the range of stock's times, which are signed.
const WITHOUT_END_MS: u64 = i64::MAX as u64;

const NOT_IN_PROGRESS: CommandError = CommandError::text("ERR No failover in progress.");
const IN_PROGRESS: CommandError = CommandError::text("ERR FAILOVER already in progress.");
const ON_REPLICA: CommandError =
    CommandError::text("ERR FAILOVER is not valid when server is a replica.");
const NO_REPLICAS: CommandError = CommandError::text("ERR FAILOVER requires connected replicas.");
const FORCE_WITHOUT: CommandError = CommandError::text(
    "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
);
const NO_TARGET: CommandError =
    CommandError::text("ERR FAILOVER target HOST and PORT is not a replica.");
const NOT_ONLINE: CommandError = CommandError::text("ERR FAILOVER target replica is not online.");
const NO_TIMEOUT: CommandError = CommandError::text("ERR FAILOVER timeout must be greater than 0");
const NO_REPLICAOF: CommandError =
    CommandError::text("ERR REPLICAOF not allowed while failing over.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::encode;
    use crate::resp::parser::{Limits, RequestParser};

    fn read(line: &str) -> Result<Asked, String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut bytes = Vec::new();
        encode::command(&mut bytes, &words);
        let mut parser = RequestParser::new();
        parser.step(&bytes, &Limits::default()).expect("it is a request");
        parse(parser.args(&bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_come_in_any_order_and_once() {
        let target = Some(MasterAddress { host: "10.0.0.1".to_owned(), port: 6379 });
        let timeout = Some(Duration::from_millis(50));
        let whole = Wish { target, force: true, timeout };
        assert_eq!(read("failover timeout 50 force to 10.0.0.1 6379"), Ok(Asked::Begin(whole)));
        assert_eq!(read("FAILOVER"), Ok(Asked::Begin(Wish::default())));
        assert_eq!(read("FAILOVER abort"), Ok(Asked::Abort));
        for (line, text) in [
            ("failover to a", "ERR syntax error"),
            ("failover abort x", "ERR syntax error"),
            ("failover to a 1 to b 2", "ERR syntax error"),
            ("failover timeout 1 timeout 2", "ERR syntax error"),
            ("failover to a b", "ERR value is not an integer or out of range"),
            ("failover timeout x", "ERR value is not an integer or out of range"),
            ("failover timeout 0", "ERR FAILOVER timeout must be greater than 0"),
            ("failover timeout -1", "ERR FAILOVER timeout must be greater than 0"),
        ] {
            assert_eq!(read(line), Err(text.to_owned()), "{line}");
        }
    }
}
