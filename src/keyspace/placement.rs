//! Which shard owns which slot: contiguous ranges, as even as can be. Pure; fixed at start.

use crate::base::ids::{SLOTS, ShardId, Slot};
use std::ops::Range;

/// The division of the 16384 slots over a number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    shards: u32,
}

impl Placement {
    /// Divides the slots over `shards` shards, `1..=SHARDS_MAX`.
    pub fn new(shards: u16) -> Placement {
        assert!((1..=crate::base::ids::SHARDS_MAX).contains(&shards), "shards out of range");
        Placement { shards: u32::from(shards) }
    }

    /// The number of shards.
    pub fn shards(&self) -> u16 {
        self.shards as u16
    }

    /// The shard that owns `slot`.
    pub fn shard_of(&self, slot: Slot) -> ShardId {
        ShardId((u32::from(slot.0) * self.shards / u32::from(SLOTS)) as u16)
    }

    /// The slots that `shard` owns.
    pub fn slots_of(&self, shard: ShardId) -> Range<u16> {
        let first = |shard: u32| (shard * u32::from(SLOTS)).div_ceil(self.shards) as u16;
        first(u32::from(shard.0))..first(u32::from(shard.0) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_lies_in_the_range_of_its_shard() {
        for shards in 1..=crate::base::ids::SHARDS_MAX {
            let placement = Placement::new(shards);
            let mut next = 0;
            for shard in 0..shards {
                let slots = placement.slots_of(ShardId(shard));
                assert_eq!(slots.start, next);
                next = slots.end;
                for slot in slots {
                    assert_eq!(placement.shard_of(Slot(slot)), ShardId(shard), "{shards} shards");
                }
            }
            assert_eq!(next, SLOTS);
        }
    }
}
