//! Clients with caches of their own, where commands execute: what they read is registered with the
//! keyspaces in hand, and what changed there is gathered for them, in order, to leave when the run
//! is sealed.

use super::state::{Shard, Tools};
use crate::base::ids::{ClientId, ShardId};
use crate::command::flags::Flags;
use crate::command::spaces::Spaces;
use crate::command::table::Command;
use crate::keyspace::key::slot_of;
use crate::keyspace::tracked::Noted;
use crate::resp::request::Args;
use std::sync::Arc;

impl Tools {
    /// A client's command begins to change the keyspaces in hand.
    pub(super) fn begin_tracked(&self, spaces: &mut Spaces<'_>, client: ClientId) {
        for space in spaces.each() {
            space.keys.tracked().set_writer(client);
        }
    }

    /// A command is over: what the client read is registered if it `tracks`, and those who read
    /// what was changed are told.
    #[cold]
    pub(super) fn end_tracked(
        &mut self,
        spaces: &mut Spaces<'_>,
        (command, args): (&Command, Args<'_>),
        reader: Option<ClientId>,
    ) {
        if let Some(reader) = reader.filter(|_| command.spec.flags.has(Flags::READONLY)) {
            let shards = usize::from(self.shared.placement.shards());
            let max = match self.settings.clients.tracking_table_max_keys {
                0 => usize::MAX,
                max => usize::try_from(max).unwrap_or(usize::MAX).div_ceil(shards),
            };
            for spec in command.spec.keys {
                spec.for_each(args, |index, _| {
                    let key = args.get(index);
                    let slot = slot_of(key);
                    if spaces.holds(slot) {
                        spaces.of(slot).keys.tracked().track(key, reader, max);
                    }
                });
            }
        }
        self.gather_changes(spaces);
        for space in spaces.each() {
            space.keys.tracked().set_writer(ClientId(0));
        }
    }

    /// Gathers what the keyspaces in hand have noted.
    pub(super) fn gather_changes(&mut self, spaces: &mut Spaces<'_>) {
        let environment = &self.shared.environment;
        let mut noted: Vec<Noted> = Vec::new();
        for space in spaces.each() {
            let ShardId(shard) = space.keys.shard();
            let tracked = space.keys.tracked();
            noted.append(&mut tracked.take_noted());
            let (keys, items) = tracked.counts();
            let metrics = &environment.metrics[usize::from(shard)];
            metrics.tracking_total_keys.set(keys);
            metrics.tracking_total_items.set(items);
        }
        if noted.is_empty() {
            return;
        }
        noted.sort_unstable_by_key(|noted| noted.number);
        let changes = noted.into_iter().map(|noted| noted.what).collect();
        let told = environment.tracking.told(&environment.clients, changes, &mut self.changed);
        self.published.extend(told.map(Arc::new));
    }

    /// Tells those who track by prefix what changed in the run.
    fn tell_by_prefix(&mut self) {
        let environment = &self.shared.environment;
        let told = environment.tracking.told_by_prefix(&environment.clients, &self.changed);
        self.published.extend(told.map(Arc::new));
        self.changed.clear();
    }
}

impl Shard {
    /// Gathers what is left of the run's changes: those that no command made.
    pub(super) fn end_of_changes(&mut self) {
        if let Some(home) = self.home.as_deref_mut()
            && home.keys.tracked().has_noted()
        {
            let mut spaces = Spaces::one(home, self.tools.shared.placement);
            self.tools.gather_changes(&mut spaces);
        }
        if !self.tools.changed.is_empty() {
            self.tools.tell_by_prefix();
        }
    }
}
