//! The stream from the master: whole units go unchanged into the backlog and, under the same lock
//! that orders leases, to the shards of their keys. On shard 0's loop.
//!
//! Always: the backlog's end is the count of bytes handed on; a unit reaches the backlog and its
//! shards, or neither.

use super::core::Core;
use super::master_link::Phase;
use crate::base::ids::{DbIndex, ReplId, ReplOffset, ShardId};
use crate::replica::dispatch::{Dispatcher, Heed, Rejected};
use crate::replica::units::UnitReader;
use crate::replication::follow_state::LinkState;
use crate::router::lease::Work;
use crate::router::route::ShardSet;
use crate::shard::message::Sequenced;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The stream on its way.
pub struct Streaming {
    /// What was received.
    pub units: UnitReader,
    /// False towards a master that knows only SYNC: it has no use for acknowledgements, and no
    /// history that could be resumed.
    pub acknowledges: bool,
    dispatcher: Dispatcher,
}

impl Core {
    /// The master goes on where this server is.
    pub(super) fn continue_stream(&mut self, id: Option<ReplId>, rest: &[u8]) {
        let stream = Arc::clone(&self.shard.tools.shared.stream);
        if let Some(id) = id
            && id != stream.history().id
        {
            crate::notice!("Master replication ID changed to {id}");
            let writer = self.link.writer.as_mut().expect("a replica's link has it");
            stream.switch_id(writer, id);
            self.wake_links();
        }
        let db = stream.selected_db().unwrap_or_default();
        crate::notice!("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
        self.begin_stream(db, true, rest);
    }

    /// The stream flows, beginning with `rest`.
    pub(super) fn begin_stream(&mut self, db: DbIndex, acknowledges: bool, rest: &[u8]) {
        let tools = &self.shard.tools;
        let (placement, databases) = (tools.shared.placement, tools.settings.server.databases);
        let dispatcher = Dispatcher::new(placement, databases, db);
        let mut units = UnitReader::new();
        units.feed(rest);
        self.link.phase = Phase::Streaming(Box::new(Streaming { units, acknowledges, dispatcher }));
        self.link.resume = None;
        tools.shared.environment.status.link_down.store(false, Ordering::SeqCst);
        self.process.follow.set_state(LinkState::Connected);
        self.process.follow.down_since_ms.store(0, Ordering::Relaxed);
        self.resume_link();
        self.acknowledge_mark();
        self.stream_units();
    }

    /// Hands on the units that are whole.
    pub(super) fn stream_units(&mut self) {
        let Phase::Streaming(streaming) = &mut self.link.phase else { return };
        let writer = self.link.writer.as_ref().expect("a replica's link has it");
        let Streaming { units, dispatcher, .. } = &mut **streaming;
        let start = writer.end();
        let (mut end, mut selected, mut rejected) = (start, None, Vec::new());
        let broken = loop {
            match units.next_unit() {
                Ok(Some(unit)) => {
                    let begin = end;
                    end.0 += unit.len as u64;
                    match dispatcher.add(&unit, end, &mut rejected) {
                        Heed::Nothing => {}
                        Heed::Selected(db) => selected = Some(db),
                        Heed::GetAck => self.link.getacks.push_back(begin),
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let read = end.0 + units.unfinished_len() as u64;
        self.process.follow.read_offset.store(read, Ordering::Relaxed);
        if end > start {
            self.hand_on(end, selected);
        }
        self.log_rejected(&rejected);
        if let Some(error) = broken {
            crate::warning!("Protocol error ({error}) from the master");
            self.link_lost();
        } else if !self.link.getacks.is_empty() || self.lag() > LAG_BYTES_MAX {
            self.shard.tools.shared.progress.set_awaited(true);
            if self.lag() > LAG_BYTES_MAX {
                self.pause_link();
            }
        }
    }

    /// Appends the finished units, which end at `end`, to the backlog and sends them to their
    /// shards. `selected`: the database that the bytes end in, if they choose one.
    fn hand_on(&mut self, end: ReplOffset, selected: Option<DbIndex>) {
        let Phase::Streaming(streaming) = &mut self.link.phase else { return };
        let writer = self.link.writer.as_mut().expect("a replica's link has it");
        let Streaming { units, dispatcher, .. } = &mut **streaming;
        let shared = Arc::clone(&self.shard.tools.shared);
        let marks = &shared.progress.marks;
        let mut touched = ShardSet::default();
        {
            let sequencer = shared.sequencer();
            let appended = writer.append_raw(units.finished());
            assert_eq!(appended, end, "the backlog holds what was dispatched");
            if let Some(db) = selected {
                shared.stream.note_selected(writer, db);
            }
            marks.raise();
            dispatcher.restock(&shared.progress);
            let (own, several) = dispatcher.take();
            for (shard, gathered) in own {
                touched.insert(shard);
                marks.dispatch(shard, gathered.through);
                let (batch, through) = (gathered.batch, gathered.through);
                sequencer.push(shard, Sequenced::Apply { batch, through });
            }
            if let Some((set, gathered)) = several {
                touched.add(set);
                set.iter().for_each(|shard| marks.dispatch(shard, gathered.through));
                let work = Work::Apply(gathered.batch, gathered.through);
                self.desk.start_now(&self.shard, &sequencer, set, work);
            }
            marks.dispatched_through(end);
        }
        units.discard_finished();
        self.wake_shards(touched);
        self.wake_links();
    }

    /// Looks at how far the shards are.
    pub(super) fn follow_marks(&mut self) {
        let progress = &self.shard.tools.shared.progress;
        let mark = progress.marks.raise();
        let mut reached = None;
        while self.link.getacks.front().is_some_and(|at| *at <= mark) {
            reached = self.link.getacks.pop_front();
        }
        if self.link.getacks.is_empty() && !self.link.paused && progress.is_awaited() {
            progress.set_awaited(false);
        }
        if let Some(at) = reached {
            // As stock: what came before the question, not the question.
            self.acknowledge(at);
        }
        if self.link.paused && self.lag() <= LAG_BYTES_MAX / 2 {
            self.resume_link();
        }
    }

    /// Units were applied: the link on shard 0 may be waiting for that.
    pub(super) fn wake_master_link(&mut self) {
        let shared = &self.shard.tools.shared;
        if shared.progress.is_awaited() && self.id() != ShardId(0) {
            shared.inbox(ShardId(0)).rouse(|waker| self.net.wake(waker));
        }
    }

    /// Bytes handed to shards that are not known to be applied.
    fn lag(&self) -> u64 {
        let marks = &self.shard.tools.shared.progress.marks;
        let ReplOffset(dispatched) = marks.dispatched();
        dispatched.saturating_sub(marks.mark().0)
    }

    fn wake_shards(&mut self, shards: ShardSet) {
        let own = self.id();
        for shard in shards.iter().filter(|shard| *shard != own) {
            if let Some(waker) = self.shard.tools.shared.inbox(shard).waker() {
                self.net.wake(waker);
            }
        }
    }

    /// Tells the shards with links to replicas that the backlog's end moved or a history ended.
    pub(super) fn wake_links(&mut self) {
        let own = self.id();
        let shared = Arc::clone(&self.shard.tools.shared);
        for shard in shared.stream.shards_with_links().filter(|shard| *shard != own) {
            if let Some(waker) = shared.inbox(shard).waker() {
                self.net.wake(waker);
            }
        }
    }

    fn log_rejected(&self, rejected: &[Rejected]) {
        for Rejected { name, error } in rejected {
            self.shard.tools.apply_failed(&error.to_string(), name);
        }
    }
}

/// The link stops reading while so many bytes wait to be applied: half a second of a fast stream.
const LAG_BYTES_MAX: u64 = 64 << 20;
