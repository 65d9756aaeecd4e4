//! What has been applied, and what acknowledgements say. `ApplyMarks` is shared between the link
//! from a master and the shards that apply; the rest is plain values of whoever serves replicas.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::ids::{ReplOffset, ShardId};

/// How far one replica has acknowledged. Rises only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acked {
    offset: ReplOffset,
}

/// An acknowledgement of bytes that were never sent: the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("acknowledges offset {acked}, but only {sent} was sent")]
pub struct BeyondSent {
    /// What the peer claims to have.
    pub acked: ReplOffset,
    /// What it can have at most.
    pub sent: ReplOffset,
}

impl Acked {
    /// A replica that has acknowledged everything through `offset`.
    pub fn at(offset: ReplOffset) -> Acked {
        Acked { offset }
    }

    /// What is acknowledged.
    pub fn offset(self) -> ReplOffset {
        self.offset
    }

    /// Takes in an acknowledgement from a replica that was sent everything through `sent`. Returns
    /// whether it says something new.
    pub fn advance(&mut self, acked: ReplOffset, sent: ReplOffset) -> Result<bool, BeyondSent> {
        if acked > sent {
            return Err(BeyondSent { acked, sent });
        }
        let news = acked > self.offset;
        self.offset = self.offset.max(acked);
        Ok(news)
    }
}

/// How many of the replicas have acknowledged `wanted`: the answer of WAIT.
pub fn covering(acks: impl IntoIterator<Item = Acked>, wanted: ReplOffset) -> usize {
    acks.into_iter().filter(|acked| acked.offset >= wanted).count()
}

/// How far a replica's shards have applied the stream. The link dispatches units to shards, each of
/// which applies its own in order; the mark is what `REPLCONF ACK` may say (M7).
///
/// Always: `applied <= dispatched` of each shard, and the mark never falls within one history.
#[derive(Debug)]
pub struct ApplyMarks {
    /// Everything through here has been handed to its shards, or concerned none.
    dispatched: AtomicU64,
    /// The highest offset known to be applied on every shard.
    mark: AtomicU64,
    shards: Box<[ShardMarks]>,
}

#[derive(Debug)]
#[repr(align(128))] // written by its shard at every unit; the neighbours must not notice
struct ShardMarks {
    dispatched: AtomicU64,
    applied: AtomicU64,
}

impl ApplyMarks {
    /// Marks of `shards` shards on which everything through `offset` is applied.
    pub fn new(shards: usize, offset: ReplOffset) -> ApplyMarks {
        let at = |_| ShardMarks {
            dispatched: AtomicU64::new(offset.0),
            applied: AtomicU64::new(offset.0),
        };
        ApplyMarks {
            dispatched: AtomicU64::new(offset.0),
            mark: AtomicU64::new(offset.0),
            shards: (0..shards).map(at).collect(),
        }
    }

    /// Begins another history at `offset`, after a full resynchronization or with no unit on its
    /// way. The link's call, while no shard applies.
    pub fn reset(&self, offset: ReplOffset) {
        for shard in &self.shards {
            shard.dispatched.store(offset.0, Ordering::SeqCst);
            shard.applied.store(offset.0, Ordering::SeqCst);
        }
        self.dispatched.store(offset.0, Ordering::SeqCst);
        self.mark.store(offset.0, Ordering::SeqCst);
    }

    /// The link hands a unit that ends at `end` to a shard: called before the unit can be applied,
    /// once for each shard of a unit over several.
    pub fn dispatch(&self, shard: ShardId, end: ReplOffset) {
        let last = self.of(shard).dispatched.swap(end.0, Ordering::SeqCst);
        assert!(last < end.0, "units reach a shard in the stream's order");
    }

    /// The link has handed out every unit through `end`; those that concern no shard count here
    /// only. Published after the shards' inboxes have them (M4).
    pub fn dispatched_through(&self, end: ReplOffset) {
        let last = self.dispatched.swap(end.0, Ordering::SeqCst);
        assert!(last <= end.0, "the link reads forward");
    }

    /// The offset through which every unit was handed out.
    pub fn dispatched(&self) -> ReplOffset {
        ReplOffset(self.dispatched.load(Ordering::SeqCst))
    }

    /// A shard has applied its unit that ends at `end`, and all its units before.
    pub fn applied(&self, shard: ShardId, end: ReplOffset) {
        let marks = self.of(shard);
        let last = marks.applied.swap(end.0, Ordering::SeqCst);
        assert!(last < end.0, "a shard applies in the stream's order");
        assert!(
            end.0 <= marks.dispatched.load(Ordering::SeqCst),
            "only what was handed out is applied"
        );
    }

    /// The end of the last unit that a shard has applied.
    pub fn applied_on(&self, shard: ShardId) -> ReplOffset {
        ReplOffset(self.of(shard).applied.load(Ordering::SeqCst))
    }

    /// Raises the mark as far as the shards allow and returns it. The link's call, at least before
    /// each `dispatch`: what others were told then stays true. Nobody else may raise it, who might
    /// have looked at the marks before a `reset` and would raise it after.
    pub fn raise(&self) -> ReplOffset {
        let mark = self.mark();
        self.mark.store(mark.0, Ordering::SeqCst);
        mark
    }

    /// The mark: the offset below which all is applied on every shard. Any core, any time.
    pub fn mark(&self) -> ReplOffset {
        // Read first: every unit through here is already in its shard's `dispatched`.
        let handed_out = self.dispatched().0;
        let reached = self.shards.iter().map(|shard| shard.reached(handed_out)).min();
        let reached = reached.unwrap_or(handed_out);
        ReplOffset(self.mark.load(Ordering::SeqCst).max(reached))
    }

    /// Whether a shard may serve a connection that has seen `seen` on another one: everything
    /// through it was handed out, and this shard has applied its part (M4).
    pub fn may_read(&self, shard: ShardId, seen: ReplOffset) -> bool {
        let handed_out = self.dispatched().0;
        handed_out >= seen.0 && self.of(shard).reached(handed_out) >= seen.0
    }

    fn of(&self, shard: ShardId) -> &ShardMarks {
        &self.shards[usize::from(shard.0)]
    }
}

impl ShardMarks {
    /// How far this shard holds nothing back, given what was handed out before the call.
    fn reached(&self, handed_out: u64) -> u64 {
        let dispatched = self.dispatched.load(Ordering::SeqCst);
        let applied = self.applied.load(Ordering::SeqCst);
        // A shard without open units holds nothing back, even if its last one was long ago.
        if applied >= dispatched { applied.max(handed_out) } else { applied }
    }
}

#[cfg(test)]
mod tests;
