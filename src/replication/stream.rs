//! The replication stream as all shards share it: publishing, merging, the backlog, the history and
//! who may append. One for the whole process; every method may be called from any core.
//!
//! ```text
//! shard 0: run -> EntryBuilder -> publish: ticket, local stream 0 \
//! shard 1: run -> EntryBuilder -> publish: ticket, local stream 1  > merge -> backlog -> readers
//! link from a master (on a replica): BacklogWriter::append_raw ---------------^
//! ```
//!
//! Always: `merged_through <= last_ticket`; the end offset moves only by the holder of the
//! `BacklogWriter`; locks are taken in the order merger, history, local stream or backlog.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::base::ids::{DbIndex, ReplId, ReplOffset, SHARDS_MAX, ShardId, Ticket};
use crate::replication::backlog::{Backlog, BacklogInfo, BacklogReader, BacklogWriter, OutOfRange};
use crate::replication::entry::EntryBuilder;
use crate::replication::history::History;
use crate::replication::local_stream::LocalStream;
use crate::replication::merger::Merger;
use crate::replication::psync::{self, Decision, Reason, Request};
use crate::replication::retained::Follows;

/// Everything about the stream, behind one `Arc`.
#[derive(Debug)]
pub struct Stream {
    mode: AtomicU8,
    locals: Box<[LocalStream]>,
    /// The last ticket taken. Every run of every shard that wrote touches it once.
    tickets: Line<AtomicU64>,
    /// The last ticket merged.
    merged: Line<AtomicU64>,
    /// The offsets behind the last tickets, by ticket modulo the length.
    ends: Box<[AtomicU64]>,
    selected: AtomicU32,
    /// Set when entries were left to merge, or the end moved and nobody was told; see
    /// `needs_merge`.
    owed: AtomicBool,
    merger: Mutex<Core>,
    history: Mutex<History>,
    backlog: Arc<Backlog>,
    links: Box<[Line<AtomicU32>]>,
}

/// Who makes the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nobody: no effects are built, no tickets taken, the offset stands still.
    Off,
    /// The shards, through the merger.
    Master,
    /// The link from a master, which holds the `BacklogWriter`.
    Replica,
}

/// The answer to a replica's PSYNC.
#[derive(Debug)]
pub enum Resync {
    /// Partial: the reader stands where the replica does. `id` is the present replication id, which
    /// the replica asked under another name for if `id_changed`.
    Partial { reader: BacklogReader, id: ReplId, id_changed: bool },
    /// Full, and why.
    Full(Reason),
}

/// What only the holder of the merging lock may touch.
#[derive(Debug)]
struct Core {
    merger: Merger,
    /// The writer while the stream is off.
    resting: Option<BacklogWriter>,
}

/// A value alone on its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

impl Stream {
    /// A stream of `shards` shards that is off, at offset 0, under `id`; its backlog will keep
    /// `backlog_bytes`.
    pub fn new(shards: u16, backlog_bytes: u64, id: ReplId) -> Arc<Stream> {
        assert!((1..=SHARDS_MAX).contains(&shards), "a server has 1 to {SHARDS_MAX} shards");
        let (backlog, writer) = Backlog::new(backlog_bytes);
        let core = Core { merger: Merger::new(usize::from(shards)), resting: Some(writer) };
        Arc::new(Stream {
            mode: AtomicU8::new(Mode::Off as u8),
            locals: (0..shards).map(|shard| LocalStream::new(ShardId(shard))).collect(),
            tickets: Line::default(),
            merged: Line::default(),
            ends: (0..TICKETS_REMEMBERED).map(|_| AtomicU64::new(UNKNOWN)).collect(),
            selected: AtomicU32::new(NOT_SELECTED),
            owed: AtomicBool::new(false),
            merger: Mutex::new(core),
            history: Mutex::new(History::new(id)),
            backlog,
            links: (0..shards).map(|_| Line::default()).collect(),
        })
    }

    // ---- Publishing and merging: every run.

    /// Whether shards build entries. Changes only while no run is open: under a lease of all
    /// shards, or by `stop`, after which an open run's effects are dropped.
    pub fn active(&self) -> bool {
        self.mode() == Mode::Master
    }

    /// Who makes the stream.
    pub fn mode(&self) -> Mode {
        match self.mode.load(Ordering::Acquire) {
            mode if mode == Mode::Master as u8 => Mode::Master,
            mode if mode == Mode::Replica as u8 => Mode::Replica,
            _ => Mode::Off,
        }
    }

    /// Takes a ticket for a finished run and publishes its effects, before anything that tells of
    /// them leaves the shard (M2). The builder is empty afterwards; an empty one takes a ticket as
    /// well. While not active nothing is published and the last ticket is returned. `merge`
    /// follows.
    pub fn publish(&self, shard: ShardId, builder: &mut EntryBuilder) -> Ticket {
        if !self.active() {
            builder.clear();
            return self.last_ticket();
        }
        if self.unmerged() > OUTSTANDING_MAX {
            // The merging core cannot keep up: whoever makes more work waits for it and helps.
            self.with_core(|core| self.merge_round(core));
        }
        self.locals[usize::from(shard.0)].publish(builder, &self.tickets.0)
    }

    /// Merges what is published, unless another core is at it, which then merges ours too. Returns
    /// the new end if it moved and nobody was told yet: then whoever reads the backlog is to be
    /// woken (`shards_with_links`). Called at the end of each turn of a shard's loop.
    pub fn merge(&self) -> Option<ReplOffset> {
        let untold = self.owed.load(Ordering::SeqCst) && self.owed.swap(false, Ordering::SeqCst);
        let mut moved = untold.then(|| self.end());
        for _ in 0..ROUNDS_MAX {
            if self.unmerged() == 0 {
                return moved;
            }
            // Orders our ticket before the failing lock, and the last unlock before this look at
            // the counter: either the lock is found free, or its holder sees our ticket.
            fence(Ordering::SeqCst);
            let mut core = match self.merger.try_lock() {
                Ok(core) => core,
                // Its holder looks at the ticket counter once more after unlocking.
                Err(TryLockError::WouldBlock) => return moved,
                Err(TryLockError::Poisoned(_)) => panic!("{POISONED}"),
            };
            let before = self.end();
            self.merge_round(&mut core);
            let end = self.end();
            drop(core);
            if end != before {
                moved = Some(end);
            }
            fence(Ordering::SeqCst);
        }
        // Others publish faster than one core should merge for them: the work passes on.
        if self.unmerged() > 0 {
            self.owed.store(true, Ordering::SeqCst);
        }
        moved
    }

    /// True if a core stopped merging with work left, so as to serve its own clients, or if the end
    /// moved by anything but `merge`. A shard asks before it parks, and merges if so.
    pub fn needs_merge(&self) -> bool {
        self.owed.load(Ordering::SeqCst)
    }

    /// The last ticket taken.
    pub fn last_ticket(&self) -> Ticket {
        Ticket(self.tickets.0.load(Ordering::SeqCst))
    }

    /// The last ticket whose effects are in the backlog.
    pub fn merged_through(&self) -> Ticket {
        Ticket(self.merged.0.load(Ordering::SeqCst))
    }

    /// The offset behind a ticket's effects, or a little later. None if it is not merged yet, was
    /// long ago (the last 16384 are remembered), or stood in another history: for the latter two
    /// `end` is a safe answer once `merged_through` has passed it.
    pub fn offset_after(&self, ticket: Ticket) -> Option<ReplOffset> {
        let merged = self.merged_through();
        if ticket > merged || merged.0 - ticket.0 >= TICKETS_REMEMBERED as u64 {
            return None;
        }
        let end = self.ends[ticket.0 as usize % TICKETS_REMEMBERED].load(Ordering::SeqCst);
        (end != UNKNOWN).then_some(ReplOffset(end))
    }

    // ---- Reading.

    /// The offset of the last byte in the backlog: `master_repl_offset`.
    pub fn end(&self) -> ReplOffset {
        self.backlog.end()
    }

    /// The ids in force.
    pub fn history(&self) -> History {
        *self.lock_history()
    }

    /// The backlog's numbers for INFO.
    pub fn backlog_info(&self) -> BacklogInfo {
        self.backlog.info()
    }

    /// Changes `repl-backlog-size`, bytes.
    pub fn resize_backlog(&self, bytes: u64) {
        self.backlog.resize(bytes);
    }

    /// How many readers keep bytes in the backlog.
    pub fn connected_readers(&self) -> usize {
        self.backlog.connected_readers()
    }

    /// A reader of everything behind `from`, whatever its id: for the append-only file. It ends
    /// only when the bytes begin anew (`start`, `stop`, `adopt`), not with a promotion.
    pub fn reader_at(&self, from: ReplOffset) -> Result<BacklogReader, OutOfRange> {
        self.backlog.reader_at(from, Follows::Bytes)
    }

    /// Answers a PSYNC; in the partial case the bytes are kept from this instant on.
    pub fn resync(&self, request: Request<'_>) -> Resync {
        // A change of history waits for this lock, so the reader belongs to the ids looked at.
        let history = self.lock_history();
        loop {
            match psync::decide(request, &history, self.backlog.range()) {
                Decision::Full(reason) => return Resync::Full(reason),
                Decision::Continue { from, id_changed } => {
                    // Between the decision and here the bytes may have been trimmed: decide again.
                    if let Ok(reader) = self.backlog.reader_at(from, Follows::Id) {
                        return Resync::Partial { reader, id: history.id, id_changed };
                    }
                }
            }
        }
    }

    /// At a cut: merges everything published and pins the backlog behind it, for the replicas that
    /// wait for the snapshot. On a master the next effect brings a SELECT. None while there is no
    /// backlog.
    pub fn pin_at_end(&self) -> Option<(ReplOffset, BacklogReader)> {
        self.with_core(|core| {
            self.merge_all(core);
            let end = self.end();
            let reader = self.backlog.reader_at(end, Follows::Id).ok()?;
            if self.active() {
                self.forget_selected(core);
            }
            Some((end, reader))
        })
    }

    /// The database selected at the end of the stream, for `repl-stream-db`; none if a SELECT comes
    /// next.
    pub fn selected_db(&self) -> Option<DbIndex> {
        u16::try_from(self.selected.load(Ordering::Acquire)).ok().map(DbIndex)
    }

    // ---- Links to be woken when the end moves.

    /// A link to a replica, or another reader, now lives on `shard`.
    pub fn link_added(&self, shard: ShardId) {
        self.links[usize::from(shard.0)].0.fetch_add(1, Ordering::AcqRel);
    }

    /// A link on `shard` has ended or moved away.
    pub fn link_removed(&self, shard: ShardId) {
        let before = self.links[usize::from(shard.0)].0.fetch_sub(1, Ordering::AcqRel);
        assert!(before > 0, "a link is removed once");
    }

    /// The shards that want to know that the end moved.
    pub fn shards_with_links(&self) -> impl Iterator<Item = ShardId> + '_ {
        let counted = (0..).map(ShardId).zip(&self.links);
        counted.filter(|(_, links)| links.0.load(Ordering::Acquire) > 0).map(|(shard, _)| shard)
    }

    // ---- A master's stream.

    /// Begins a history under a new id where the offset stands. Under a cut: no run is open, and
    /// what was written before is in the snapshot only. The stream must be off.
    pub fn start(&self, id: ReplId) {
        self.open(History::new(id), self.end());
    }

    /// Goes on, under `id`, with the history of a loaded RDB file (`repl-id`, `repl-offset`), as a
    /// restarted master does: replicas that were at `offset` may continue. The stream must be off.
    pub fn restore(&self, previous: ReplId, offset: ReplOffset, id: ReplId) {
        self.open(History::new(previous).shift(id, offset), offset);
    }

    /// Ends the history: nothing is built from now on, all readers end, and the id changes since
    /// writes go uncounted. Does nothing on a replica.
    pub fn stop(&self, id: ReplId) {
        self.with_core(|core| {
            if self.mode() != Mode::Master {
                return;
            }
            self.merge_all(core);
            self.set_mode(Mode::Off);
            let mut history = self.lock_history();
            let mut writer = core.merger.writer.take().expect("a master's merger has the writer");
            *history = History::new(id);
            writer.close();
            core.resting = Some(writer);
        });
    }

    /// Appends a command that is no shard's effect (PING, `REPLCONF GETACK *`) behind everything
    /// published so far. Returns the end behind it; none unless active.
    pub fn append_control(&self, array: &[u8]) -> Option<ReplOffset> {
        self.with_core(|core| {
            self.merge_round(core);
            core.merger.append_control(array)
        })
    }

    /// The next effect brings a SELECT, whatever was selected.
    pub fn select_reset(&self) {
        self.with_core(|core| self.forget_selected(core));
    }

    /// Gives up the id and its second one, so that every replica must ask for everything
    /// (`DEBUG CHANGE-REPL-ID`).
    pub fn change_id(&self, id: ReplId) {
        *self.lock_history() = History::new(id);
    }

    // ---- A replica's stream.

    /// Hands the right to append to the link from a master, after merging everything published.
    /// Under a lease of all shards. None if a link has it already.
    pub fn take_writer(&self) -> Option<BacklogWriter> {
        self.with_core(|core| {
            self.merge_all(core);
            let writer = core.merger.writer.take().or_else(|| core.resting.take())?;
            self.set_mode(Mode::Replica);
            Some(writer)
        })
    }

    /// A full resynchronization: this server's history is now the master's, from `offset` on. The
    /// backlog is empty there, and every reader ends.
    pub fn adopt(&self, writer: &mut BacklogWriter, id: ReplId, offset: ReplOffset) {
        assert!(writer.is_of(&self.backlog), "this stream's writer");
        self.with_core(|core| {
            let mut history = self.lock_history();
            *history = History::new(id);
            writer.restart(offset);
            self.forget_selected(core);
            self.forget_ends();
        });
    }

    /// The master continues under another id (`+CONTINUE id`): the old one stays valid up to here,
    /// and the readers that follow an id end, so that sub-replicas learn of it. Nothing if the id
    /// is the same.
    pub fn switch_id(&self, writer: &mut BacklogWriter, id: ReplId) {
        assert!(writer.is_of(&self.backlog), "this stream's writer");
        let mut history = self.lock_history();
        if history.id != id {
            *history = history.shift(id, writer.end());
            writer.end_id();
        }
    }

    /// Records which database the master's bytes have selected, for `selected_db`.
    pub fn note_selected(&self, _writer: &BacklogWriter, db: DbIndex) {
        self.selected.store(u32::from(db.0), Ordering::Release);
    }

    /// A replica becomes a master, once everything in the backlog is applied: the shards write on
    /// from here under a new id, beginning with a SELECT. Readers that
    /// follow an id end. If no history was ever
    /// received the stream is off. Under a lease of all shards.
    pub fn promote(&self, mut writer: BacklogWriter, id: ReplId) {
        assert!(writer.is_of(&self.backlog), "this stream's writer");
        self.with_core(|core| {
            self.merge_all(core);
            let mut history = self.lock_history();
            self.forget_selected(core);
            self.forget_ends();
            if self.backlog.is_open() {
                *history = history.shift(id, writer.end());
                writer.end_id();
                core.merger.writer = Some(writer);
                self.set_mode(Mode::Master);
            } else {
                *history = History::new(id);
                core.resting = Some(writer);
                self.set_mode(Mode::Off);
            }
        });
    }

    // ---- Within.

    fn open(&self, new: History, offset: ReplOffset) {
        self.with_core(|core| {
            assert!(self.mode() == Mode::Off, "a history begins where none is");
            // What is left was built before the last stop, and belongs to no history.
            self.merge_all(core);
            let mut history = self.lock_history();
            let mut writer = core.resting.take().expect("the writer rests while the stream is off");
            *history = new;
            writer.restart(offset);
            core.merger.writer = Some(writer);
            self.forget_selected(core);
            self.forget_ends();
            self.set_mode(Mode::Master);
        });
    }

    /// Does something under the merging lock. Meanwhile publishers that found it taken have left
    /// their entries to its holder, so those are merged before this returns.
    fn with_core<T>(&self, act: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.merger.lock().expect(POISONED);
        let before = self.end();
        let result = act(&mut core);
        let moved = self.end() != before;
        drop(core);
        fence(Ordering::SeqCst);
        if self.merge().is_some() || moved {
            self.owed.store(true, Ordering::SeqCst);
        }
        result
    }

    /// How many tickets were taken and are not merged.
    fn unmerged(&self) -> u64 {
        // In this order: the counter only rises, so it is not below a mark read before it.
        let merged = self.merged_through();
        self.last_ticket().0 - merged.0
    }

    fn merge_round(&self, core: &mut Core) {
        core.merger.merge(&self.locals, |ticket, end| {
            let end = end.map_or(UNKNOWN, |end| end.0);
            self.ends[ticket.0 as usize % TICKETS_REMEMBERED].store(end, Ordering::Relaxed);
        });
        let selected = core.merger.selected().map_or(NOT_SELECTED, |db| u32::from(db.0));
        if self.mode() != Mode::Replica {
            self.selected.store(selected, Ordering::Release);
        }
        self.merged.0.store(core.merger.merged_through().0, Ordering::SeqCst);
    }

    /// Merges through the last ticket taken before the call. A publisher between its ticket and its
    /// entry holds its queue's lock, so this waits only for the few instructions in between.
    fn merge_all(&self, core: &mut Core) {
        let last = self.last_ticket();
        self.merge_round(core);
        while self.merged_through() < last {
            std::thread::yield_now();
            self.merge_round(core);
        }
    }

    fn forget_selected(&self, core: &mut Core) {
        core.merger.reset_select();
        self.selected.store(NOT_SELECTED, Ordering::Release);
    }

    fn forget_ends(&self) {
        for end in &self.ends {
            end.store(UNKNOWN, Ordering::SeqCst);
        }
    }

    fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    fn lock_history(&self) -> MutexGuard<'_, History> {
        self.history.lock().expect(POISONED)
    }
}

const POISONED: &str = "a panic ends the process, so no lock stays poisoned";

/// WAIT asks about a client's last write, mostly a moment after it. At a million runs a second this
/// is the last 16 ms; who asks later gets the present end, which is not wrong, only stricter.
const TICKETS_REMEMBERED: usize = 16 * 1024;

/// A publisher waits and helps beyond this many unmerged entries. 64 Ki entries of 100 bytes are
/// 12 MiB with their bookkeeping; only a merging core that does not get to run lets it come so far.
const OUTSTANDING_MAX: u64 = 64 * 1024;

/// How often one core goes around for the others before it serves its own clients again.
const ROUNDS_MAX: usize = 4;

/// No offset: behind a ticket whose effects are in no history of ours.
const UNKNOWN: u64 = u64::MAX;

const NOT_SELECTED: u32 = u32::MAX;

#[cfg(test)]
mod tests;
