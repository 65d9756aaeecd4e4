//! Serializes all local streams into the one replication stream. Runs on whichever core finds work
//! and gets the lock; owns the order, the selected database and, on a master, the right to append.
//!
//! Always: entries reach the backlog in ticket order, whole; the entries of one shard in the order
//! of their places, none missing; every effect stands behind a SELECT of its database.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::ids::{DbIndex, ReplOffset, Ticket};
use crate::replication::backlog::{BacklogWriter, Batch};
use crate::replication::entry::{Entry, MULTI, push_select};
use crate::replication::local_stream::{LocalStream, recycle};
use crate::replication::order::Order;
use crate::replication::retained::SHARED_BYTES_MIN;

/// The state of merging.
#[derive(Debug)]
pub struct Merger {
    order: Order<Entry>,
    /// The last place seen of each shard's local stream.
    seqs: Box<[u64]>,
    selected: Option<DbIndex>,
    /// Present while the stream is made here and the backlog is open.
    pub(super) writer: Option<BacklogWriter>,
    drained: VecDeque<Entry>,
    ready: Vec<Entry>,
    /// The memory of merged entries on its way back to each shard.
    used: Box<[Vec<Vec<u8>>]>,
    select: Vec<u8>,
}

impl Merger {
    /// A merger of `shards` local streams, none of which has published yet.
    pub fn new(shards: usize) -> Merger {
        Merger {
            order: Order::after(Ticket(0)),
            seqs: vec![0; shards].into(),
            selected: None,
            writer: None,
            drained: VecDeque::new(),
            ready: Vec::new(),
            used: (0..shards).map(|_| Vec::new()).collect(),
            select: Vec::new(),
        }
    }

    /// Merges every entry that is ready, once around. Without a writer their bytes go nowhere: a
    /// writable replica's effects, or a run that was open when the stream stopped. `merged` is told
    /// each ticket with the offset behind it.
    pub fn merge(
        &mut self,
        locals: &[LocalStream],
        merged: impl FnMut(Ticket, Option<ReplOffset>),
    ) {
        for (local, used) in locals.iter().zip(&mut self.used) {
            if local.drain(&mut self.drained, used) {
                for entry in self.drained.drain(..) {
                    let ticket = entry.ticket;
                    if let Some(entry) = self.order.offer(ticket, entry) {
                        self.ready.push(entry);
                    }
                }
            }
            while let Some(entry) = self.order.pop() {
                self.ready.push(entry);
            }
        }
        if !self.ready.is_empty() {
            self.append_ready(merged);
        }
    }

    /// Appends bytes that are no shard's effect, between two entries. Returns the end behind them;
    /// none if the stream is not made here.
    pub fn append_control(&mut self, bytes: &[u8]) -> Option<ReplOffset> {
        Some(self.writer.as_mut()?.append_raw(bytes))
    }

    /// The last ticket merged.
    pub fn merged_through(&self) -> Ticket {
        Ticket(self.order.next_ticket().0 - 1)
    }

    /// The database a reader at the end has selected; none if the next effect brings a SELECT.
    pub fn selected(&self) -> Option<DbIndex> {
        self.selected
    }

    /// Forgets the selected database.
    pub fn reset_select(&mut self) {
        self.selected = None;
    }

    fn append_ready(&mut self, mut merged: impl FnMut(Ticket, Option<ReplOffset>)) {
        let mut ready = std::mem::take(&mut self.ready);
        let mut writer = self.writer.take();
        let mut entries = ready.drain(..).peekable();
        while entries.peek().is_some() {
            let mut batch = writer.as_mut().map(BacklogWriter::batch);
            let batch_start = batch.as_ref().map_or(0, |batch| batch.end().0);
            for entry in entries.by_ref() {
                self.check_place(&entry);
                let ticket = entry.ticket;
                let end = batch.as_mut().map(|batch| self.append(batch, entry));
                merged(ticket, end);
                if end.is_some_and(|end| end.0 - batch_start > BATCH_BYTES) {
                    break;
                }
            }
        }
        drop(entries);
        self.ready = ready;
        self.writer = writer;
    }

    fn append(&mut self, batch: &mut Batch<'_>, entry: Entry) -> ReplOffset {
        let mut at = 0;
        if let Some(dbs) = entry.dbs {
            if self.selected != Some(dbs.first) {
                at = entry.select_at;
                batch.append(&entry.bytes[..at]);
                self.select.clear();
                push_select(&mut self.select, dbs.first);
                batch.append(&self.select);
            }
            self.selected = Some(dbs.last);
        }
        let used = &mut self.used[usize::from(entry.shard.0)];
        if entry.bytes.len() < OWNED_BYTES_MIN {
            batch.append(&entry.bytes[at..]);
            recycle(entry.bytes, used);
        } else {
            let mut bytes = entry.bytes;
            bytes.shrink_to_fit();
            batch.append_shared(Bytes::from(bytes).slice(at..));
        }
        batch.end()
    }

    fn check_place(&mut self, entry: &Entry) {
        let seen = &mut self.seqs[usize::from(entry.shard.0)];
        assert!(
            entry.seq.0 == *seen + 1,
            "shard {:?}: place {:?} follows place {seen}",
            entry.shard,
            entry.seq
        );
        *seen = entry.seq.0;
    }
}

/// Readers get at the backlog at least this often, in bytes appended: 64 KiB are copied in about
/// ten microseconds.
const BATCH_BYTES: u64 = 64 * 1024;

/// From this size on an entry's memory becomes the backlog's instead of being copied. So much more
/// than the backlog's own bound that what stands behind a SELECT is shared as well.
const OWNED_BYTES_MIN: usize = SHARED_BYTES_MIN + 64;
const _: () = assert!(OWNED_BYTES_MIN >= SHARED_BYTES_MIN + MULTI.len());
