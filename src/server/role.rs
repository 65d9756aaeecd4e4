//! Which role, when: REPLICAOF, promotion, another master in mid-life, the role at start. Orders
//! come to shard 0 and are carried out one after the other; a change takes effect with every
//! keyspace in hand, so that no command runs half in one role.

use super::controller::Leased;
use super::core::Core;
use super::failover;
use super::mail::Mail;
use super::process::Process;
use super::start::oom;
use super::waits::UNBLOCKED;
use crate::base::ids::{DbIndex, ReplId, ReplOffset, ShardId};
use crate::base::{lazy_free, log, number};
use crate::command::error::CommandError;
use crate::command::gate::{Gate, Role};
use crate::command::spaces::Spaces;
use crate::command::spec::Scope;
use crate::config::settings_groups::MasterAddress;
use crate::resp::request::Args;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What is done with every keyspace in hand.
pub enum RoleChange {
    /// A master becomes a replica; answers the order.
    Follow(MasterAddress, Box<Batch>),
    /// A replica becomes a master.
    Promote(Promoter),
    /// A master becomes the replica of a failover's target.
    HandOver,
    /// A replica's old data goes before the new is loaded from the file of this attempt.
    Empty(u64),
}

/// Who makes a replica a master, and is answered.
pub enum Promoter {
    /// `REPLICAOF NO ONE`.
    Order(Box<Batch>),
    /// The master itself, with `PSYNC id offset FAILOVER`.
    Master(Box<Batch>),
    /// The end of a failover that had begun.
    Abort,
}

/// What REPLICAOF asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Follow(MasterAddress),
    NoOne,
}

impl Wish {
    fn master(&self) -> Option<&MasterAddress> {
        match self {
            Wish::Follow(master) => Some(master),
            Wish::NoOne => None,
        }
    }
}

/// The gate that every keyspace begins with.
pub fn gate_at_start(process: &Process) -> Gate {
    let environment = &process.shared.environment;
    let replica = environment.config.load().replication.replicaof.is_some();
    environment.status.is_replica.store(replica, Ordering::Relaxed);
    environment.status.link_down.store(replica, Ordering::Relaxed);
    Gate { role: if replica { Role::Replica } else { Role::Master }, ..Gate::default() }
}

/// Checks a REPLICAOF and makes it the directive's value, so that a CONFIG REWRITE behind it in the
/// same transaction stores it. The change itself follows as an order.
///
/// # Errors
/// What is wrong with the arguments.
pub fn announce(process: &Process, args: Args<'_>) -> Result<(), CommandError> {
    let wish = parse(args)?;
    failover::allows_replicaof(process)?;
    store(process, wish.master());
    Ok(())
}

impl Core {
    /// Follows the configured master from the start on. On shard 0, once, before the first turn.
    pub(super) fn follow_at_start(&mut self) {
        if self.id() != ShardId(0) {
            return;
        }
        let master = self.shard.tools.settings.replication.replicaof.clone();
        if let Some(master) = master {
            log::set_role(b'S');
            self.link.writer = self.shard.tools.shared.stream.take_writer();
            self.follow(master);
        }
    }

    /// REPLICAOF. On shard 0.
    pub(super) fn replicaof(&mut self, mut batch: Box<Batch>) {
        if self.link.role_changes {
            self.link.orders.push_back(batch);
            return;
        }
        let wish = parse(batch.args(0));
        let wish = wish.and_then(|wish| failover::allows_replicaof(&self.process).map(|()| wish));
        let wish = match wish {
            Ok(wish) => wish,
            Err(error) => return self.fail_order(batch, &error),
        };
        store(&self.process, wish.master());
        let reply = &mut batch.reply;
        match wish {
            Wish::NoOne if self.link.master.is_none() => {
                reply.ok();
                self.answer(batch);
            }
            Wish::NoOne => self.promote(Promoter::Order(batch)),
            Wish::Follow(master)
                if self.link.master.as_ref().is_some_and(|it| same(it, &master)) =>
            {
                crate::notice!(
                    "REPLICAOF would result into synchronization with the master we are already \
                     connected with. No operation performed."
                );
                reply.simple("OK Already connected to specified master");
                self.answer(batch);
            }
            Wish::Follow(master) if self.link.master.is_some() => {
                reply.ok();
                self.drop_link();
                log_following(&self.process, &master, &batch);
                self.follow(master);
                self.answer(batch);
            }
            Wish::Follow(master) => {
                self.link.role_changes = true;
                self.lease_all(Leased::Role(RoleChange::Follow(master, batch)));
            }
        }
    }

    /// `PSYNC id offset FAILOVER` from the master: this server takes over. On shard 0.
    pub(super) fn promote_for(&mut self, batch: Box<Batch>) {
        if self.link.role_changes {
            self.link.orders.push_back(batch);
            return;
        }
        match self.replica_check(batch.args(0)) {
            Ok(()) => {
                store(&self.process, None);
                self.promote(Promoter::Master(batch));
            }
            Err(error) => self.fail_order(batch, &error),
        }
    }

    /// Makes a replica a master. From here on nothing more is taken from the master; what was
    /// dispatched before stands before the lease in the one order.
    pub(super) fn promote(&mut self, promoter: Promoter) {
        self.drop_link();
        self.link.master = None;
        self.link.role_changes = true;
        self.lease_all(Leased::Role(RoleChange::Promote(promoter)));
    }

    /// Every keyspace is in hand.
    pub(super) fn change_role(&mut self, change: RoleChange, hand: &mut Hand) {
        self.shard.seal_run();
        match change {
            RoleChange::Follow(master, batch) => self.become_replica(master, Some(batch), hand),
            RoleChange::Promote(promoter) => self.become_master(promoter, hand),
            RoleChange::HandOver => self.hand_over(hand),
            RoleChange::Empty(attempt) => return self.empty_for_load(attempt, hand),
        }
        self.link.role_changes = false;
        while !self.link.role_changes
            && let Some(order) = self.link.orders.pop_front()
        {
            match order.command(0).spec.scope {
                Scope::Server(_) => self.order(order),
                _ => self.promote_for(order),
            }
        }
    }

    /// With every keyspace in hand. `order` asked for it and is answered.
    pub(super) fn become_replica(
        &mut self,
        master: MasterAddress,
        order: Option<Box<Batch>>,
        hand: &mut Hand,
    ) {
        let shared = &self.shard.tools.shared;
        let (was_streaming, placement) = (shared.stream.active(), shared.placement);
        let writer = shared.stream.take_writer().expect("no link has it on a master");
        let end = writer.end();
        shared.progress.begin(end);
        self.shard.tools.end_waits(&mut Spaces::many(hand.spaces(), placement), UNBLOCKED);
        let shared = &self.shard.tools.shared;
        for space in hand.spaces().iter_mut().flatten() {
            space.gate.role = Role::Replica;
            space.gate.streaming = false;
        }
        let status = &shared.environment.status;
        status.is_replica.store(true, Ordering::SeqCst);
        self.link.resume = None;
        if was_streaming {
            self.link.resume = Some((shared.stream.history().id, end));
            crate::notice!(
                "Before turning into a replica, using my own master parameters to synthesize a \
                 cached master: I may be able to synchronize with the new master with just a \
                 partial transfer."
            );
        }
        self.link.writer = Some(writer);
        log::set_role(b'S');
        self.adjust_oom_score(true);
        if let Some(batch) = &order {
            log_following(&self.process, &master, batch);
        }
        self.follow(master);
        if let Some(mut batch) = order {
            batch.reply.ok();
            self.answer(batch);
        }
    }

    fn adjust_oom_score(&self, replica: bool) {
        // Logged there; the role changes all the same.
        let _ = oom::adjust(&self.shard.tools.settings, replica);
    }

    fn become_master(&mut self, promoter: Promoter, hand: &mut Hand) {
        let shared = &self.shard.tools.shared;
        let writer = self.link.writer.take().expect("a replica's link has it");
        assert_eq!(shared.progress.marks.mark(), writer.end(), "promoted with all applied");
        if self.link.resume.is_some() {
            crate::notice!("Discarding previously cached master state.");
            self.link.resume = None;
        }
        shared.stream.promote(writer, new_id());
        let streaming = shared.stream.active();
        for space in hand.spaces().iter_mut().flatten() {
            space.gate.role = Role::Master;
            space.gate.streaming = streaming;
        }
        let status = &shared.environment.status;
        status.is_replica.store(false, Ordering::SeqCst);
        status.link_down.store(false, Ordering::SeqCst);
        self.process.follow.set_master(None);
        log::set_role(b'M');
        self.adjust_oom_score(false);
        let history = shared.stream.history();
        if let Some(previous) = history.previous {
            crate::notice!(
                "Setting secondary replication ID to {}, valid up to offset: {}. New replication \
                 ID is {}",
                previous.id,
                previous.second_offset,
                history.id
            );
        }
        let enabled = |kind: &str, batch: &Batch| {
            let who = who(&self.process, batch);
            crate::notice!("MASTER MODE enabled ({kind} request from '{who}')");
        };
        match promoter {
            Promoter::Order(mut batch) => {
                enabled("user", &batch);
                batch.reply.ok();
                self.answer(batch);
            }
            Promoter::Master(batch) => {
                enabled("failover", &batch);
                self.process.post(batch.origin, Mail::Promoted(batch));
            }
            Promoter::Abort => {}
        }
    }

    /// Begins to follow a master; the keyspaces' gates and the writer are a replica's already.
    fn follow(&mut self, master: MasterAddress) {
        self.process.follow.set_master(Some((master.host.clone(), master.port)));
        self.shard.tools.shared.environment.status.link_down.store(true, Ordering::SeqCst);
        self.link.master = Some(master);
        self.link.next_try = Instant::now();
    }

    /// The old data and the history it belonged to are gone before the new is loaded.
    fn empty_for_load(&mut self, attempt: u64, hand: &mut Hand) {
        if !self.is_loading_attempt(attempt) {
            return;
        }
        crate::notice!("MASTER <-> REPLICA sync: Flushing old data");
        let lazily = self.shard.tools.settings.replication.replica_lazy_flush;
        for space in hand.spaces().iter_mut().flatten() {
            for db in (0..space.keys.databases()).map(DbIndex) {
                let keys = space.keys.db_len(db);
                match space.keys.take_db(db) {
                    Some(gone) if lazily => lazy_free::free(gone, keys),
                    gone => drop(gone),
                }
            }
        }
        self.load_received_file();
    }

    /// This server's history is another one from here on; the data set in hand is its state there.
    pub(super) fn adopt_history(&mut self, id: ReplId, offset: ReplOffset) {
        let shared = &self.shard.tools.shared;
        let writer = self.link.writer.as_mut().expect("a replica's link has it");
        shared.stream.adopt(writer, id, offset);
        shared.progress.begin(offset);
    }
}

/// A replication id that no other history bears.
pub(super) fn new_id() -> ReplId {
    let mut random = [0; 20];
    fastrand::fill(&mut random);
    ReplId::from_random(random)
}

fn parse(args: Args<'_>) -> Result<Wish, CommandError> {
    let (host, port) = (args.get(1), args.get(2));
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Wish::NoOne);
    }
    let port = number::parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else { return Err(INVALID_PORT) };
    let Ok(host) = std::str::from_utf8(host) else { return Err(INVALID_HOST) };
    Ok(Wish::Follow(MasterAddress { host: host.to_owned(), port }))
}

/// Makes whom this server follows the directive's value.
pub(super) fn store(process: &Process, master: Option<&MasterAddress>) {
    let master = master.cloned();
    process.shared.environment.config.update(|settings| settings.replication.replicaof = master);
}

fn same(one: &MasterAddress, other: &MasterAddress) -> bool {
    one.port == other.port && one.host.eq_ignore_ascii_case(&other.host)
}

fn log_following(process: &Process, master: &MasterAddress, batch: &Batch) {
    let (host, port) = (&master.host, master.port);
    crate::notice!("REPLICAOF {host}:{port} enabled (user request from '{}')", who(process, batch));
}

/// The client that gave an order, as `CLIENT LIST` shows it; nothing if it is gone.
fn who(process: &Process, batch: &Batch) -> String {
    let info = process.shared.environment.clients.find(batch.view.id);
    let line = info.map(|info| info.line(crate::base::clock::wall_ms())).unwrap_or_default();
    String::from_utf8_lossy(&line).into_owned()
}

const INVALID_PORT: CommandError = CommandError::text("ERR Invalid master port");
const INVALID_HOST: CommandError = CommandError::text("ERR Invalid master host");
