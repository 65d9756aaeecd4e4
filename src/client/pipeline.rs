//! A pipeline whose commands live on several shards: gathered here, sent as one batch a shard under
//! one baton, and put together again in the order sent. Belongs to one connection.

use crate::base::ids::ShardId;
use crate::command::table::Command;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::shard::apply::Seen;
use crate::shard::batch::Batch;
use crate::shard::baton::Baton;
use std::sync::Arc;

/// Commands of a connection gathered for several shards.
#[derive(Default)]
pub struct Gathering {
    parts: Vec<(ShardId, Box<Batch>)>,
    /// The part of each command, in the order sent.
    order: Vec<u16>,
    /// The shard of each stretch.
    stretches: Vec<ShardId>,
    bytes: usize,
    writes: bool,
}

/// A pipeline under way.
pub struct Pipeline {
    parts: Vec<Option<Box<Batch>>>,
    order: Vec<u16>,
    stretches: Box<[ShardId]>,
    missing: usize,
    baton: Arc<Baton>,
}

/// How a pipeline came back.
pub enum Assembled {
    /// The replies are in place.
    Complete,
    /// The reads saw different moments: to be run once more, in order.
    Repeat(Pipeline, Vec<(ShardId, Box<Batch>)>),
}

impl Gathering {
    /// Adds a command for `shard`; `fresh` makes an empty batch of the connection.
    pub fn push(
        &mut self,
        shard: ShardId,
        command: &'static Command,
        args: Args<'_>,
        fresh: impl FnOnce() -> Box<Batch>,
    ) {
        if self.stretches.last() != Some(&shard) {
            self.stretches.push(shard);
        }
        let stretch = self.stretches.len() as u32 - 1;
        let known = self.parts.iter().position(|(target, _)| *target == shard);
        let part = known.unwrap_or_else(|| {
            self.parts.push((shard, fresh()));
            self.parts.len() - 1
        });
        self.parts[part].1.push_in_stretch(command, args, stretch);
        self.order.push(part as u16);
        self.bytes += args.bytes_len();
        self.writes |= command.may_write();
    }

    /// Whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes of arguments gathered.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the only batch, when all commands are for one shard.
    pub fn take_single(&mut self) -> Option<(ShardId, Box<Batch>)> {
        if self.parts.len() == 1 { self.parts.pop() } else { None }
    }

    /// Makes the baton and the batches to be sent. Reads run at once if `reads_at_once`.
    pub fn start(self, reads_at_once: bool) -> (Pipeline, Vec<(ShardId, Box<Batch>)>) {
        let stretches = self.stretches.into_boxed_slice();
        let baton = if reads_at_once && !self.writes {
            Baton::reads()
        } else {
            Baton::ordered(stretches.clone())
        };
        Pipeline::start(self.parts, self.order, stretches, baton)
    }
}

impl Pipeline {
    fn start(
        mut parts: Vec<(ShardId, Box<Batch>)>,
        order: Vec<u16>,
        stretches: Box<[ShardId]>,
        baton: Baton,
    ) -> (Pipeline, Vec<(ShardId, Box<Batch>)>) {
        let baton = Arc::new(baton);
        for (index, (_, batch)) in parts.iter_mut().enumerate() {
            batch.join(Arc::clone(&baton), index as u16);
        }
        let missing = parts.len();
        let empty = parts.iter().map(|_| None).collect();
        (Pipeline { parts: empty, order, stretches, missing, baton }, parts)
    }

    /// Takes a part that came back; whether all are there.
    pub fn part_done(&mut self, batch: Box<Batch>) -> bool {
        let slot = &mut self.parts[usize::from(batch.part)];
        assert!(slot.is_none(), "a part of a pipeline came back twice");
        *slot = Some(batch);
        self.missing -= 1;
        self.missing == 0
    }

    /// What it has seen of the master's stream; on a replica.
    pub fn seen(&self) -> Seen {
        self.baton.seen()
    }

    /// Puts the replies together in the order sent. `keep` takes the emptied batches.
    pub fn assemble(self, reply: &mut Reply, mut keep: impl FnMut(Box<Batch>)) -> Assembled {
        let mut parts: Vec<Box<Batch>> = self.parts.into_iter().flatten().collect();
        if self.baton.is_reads() && !self.baton.reads_agree() {
            return repeat_in_order(parts, self.order, self.stretches);
        }
        let mut next = vec![0; parts.len()];
        for part in self.order {
            let part = usize::from(part);
            parts[part].copy_reply(next[part], reply);
            next[part] += 1;
        }
        parts.drain(..).for_each(&mut keep);
        Assembled::Complete
    }
}

/// The same commands once more, each stretch after the one before it.
#[expect(clippy::vec_box, reason = "batches travel as boxes, which are kept whole")]
fn repeat_in_order(
    parts: Vec<Box<Batch>>,
    order: Vec<u16>,
    stretches: Box<[ShardId]>,
) -> Assembled {
    let mut shards = vec![ShardId(0); parts.len()];
    let mut seen = vec![0; parts.len()];
    for part in order.iter().map(|part| usize::from(*part)) {
        let stretch = parts[part].stretch(seen[part]);
        shards[part] = stretches[stretch as usize];
        seen[part] += 1;
    }
    let mut again: Vec<(ShardId, Box<Batch>)> = shards.into_iter().zip(parts).collect();
    again.iter_mut().for_each(|(_, batch)| batch.rewind());
    let baton = Baton::ordered(stretches.clone());
    let (pipeline, parts) = Pipeline::start(again, order, stretches, baton);
    Assembled::Repeat(pipeline, parts)
}
