//! The controller: what the server does as a whole, one thing after the other, on shard 0's loop.
//! Snapshots, roles, shutdown. Other shards send it orders by mail; work that needs keyspaces is
//! done when the desk has brought them all.

use super::core::Core;
use super::failover::Failover;
use super::loading::Loading;
use super::role::RoleChange;
use super::shutdown::Shutdown;
use super::snapshots::SnapshotDesk;
use crate::command::spec::{Scope, ServerVerb};
use crate::router::lease::{Hand, Work};
use crate::router::route::ShardSet;
use crate::shard::batch::Batch;

/// Work for which the controller wants every keyspace in hand.
pub enum Leased {
    /// Nothing but an instant without commands; answers the order that asked for it.
    Answer(Box<Batch>),
    /// Make the gates follow the pauses; answers the order that asked for it.
    Pause(Option<Box<Batch>>),
    /// A change of role, or another data set.
    Role(RoleChange),
    /// The backlog has had no replica for long: it ends.
    EndBacklog,
    /// The cut of a snapshot.
    Cut,
    /// SAVE.
    Save(Box<Batch>),
    /// The last save before the process ends.
    LastSave,
    /// A load's data takes the place of what was served.
    InstallLoad,
    /// DEBUG RELOAD.
    Reload(Box<Batch>),
    /// DEBUG with a subcommand that looks at keys or stops them.
    Debug(Box<Batch>),
}

/// What the controller is in the middle of. On shard 0 only.
#[derive(Default)]
pub struct Controller {
    /// Work that waits for all keyspaces, by its number.
    leased: Vec<(u64, Leased)>,
    last_lease: u64,
    /// The pauses in effect.
    pub(super) pauses: super::pause::Pauses,
    /// Snapshots.
    pub(super) snapshots: SnapshotDesk,
    /// The load under way.
    pub(super) loading: Option<Loading>,
    pub(super) last_load: u64,
    /// A failover under way.
    pub(super) failover: Option<Failover>,
    /// The process is to end.
    pub(super) shutdown: Option<Shutdown>,
}

impl Core {
    /// Carries out an order for the server. On shard 0.
    pub(super) fn order(&mut self, batch: Box<Batch>) {
        let Scope::Server(verb) = batch.command(0).spec.scope else {
            unreachable!("orders are commands of the server")
        };
        match verb {
            ServerVerb::ReplicaOf => self.replicaof(batch),
            ServerVerb::Save => self.save_order(batch),
            ServerVerb::BgSave => self.bgsave_order(batch),
            ServerVerb::Shutdown => self.shutdown_order(batch),
            ServerVerb::Debug => self.debug_order(batch),
            ServerVerb::Failover => self.failover_order(batch),
            ServerVerb::Acl
            | ServerVerb::Config
            | ServerVerb::DbSize
            | ServerVerb::Info
            | ServerVerb::LastSave
            | ServerVerb::Latency
            | ServerVerb::MemoryServer
            | ServerVerb::Module
            | ServerVerb::Role
            | ServerVerb::Slowlog => unreachable!("{verb:?} is answered at once"),
        }
    }

    /// Asks for every keyspace on behalf of `work`. On shard 0.
    pub fn lease_all(&mut self, work: Leased) {
        let controller = &mut self.controller;
        controller.last_lease += 1;
        let key = controller.last_lease;
        controller.leased.push((key, work));
        let all = ShardSet::all(self.shard.tools.shared.placement);
        self.desk.ask(all, Work::Server(key));
    }

    /// Every keyspace is in hand for the work of this number.
    pub(super) fn leased(&mut self, key: u64, mut hand: Hand) {
        let found = self.controller.leased.iter().position(|(known, _)| *known == key);
        let index = found.expect("a lease is granted for work that waits");
        let (_, work) = self.controller.leased.swap_remove(index);
        match work {
            Leased::Answer(batch) => self.answer(batch),
            Leased::Pause(asker) => self.pause_leased(asker, &mut hand),
            Leased::Role(change) => self.change_role(change, &mut hand),
            Leased::EndBacklog => self.end_backlog(&mut hand),
            Leased::Cut => self.cut(&mut hand),
            Leased::Save(batch) => self.save_now(&mut hand, batch),
            Leased::LastSave => return self.last_save(hand),
            Leased::InstallLoad => self.install_load(&mut hand),
            Leased::Reload(batch) => self.reload(&mut hand, batch),
            Leased::Debug(batch) => self.debug_leased(&mut hand, batch),
        }
        crate::router::lease::give_back(hand, &mut self.shard);
    }
}
