//! The snapshot desk, on shard 0: who wants a snapshot, when one starts, what its child says. At
//! most one child runs at a time.

use super::core::Core;
use crate::snapshot::wanted::{LinkAddress, Wanted};

impl Core {
    /// A link wants a snapshot. On shard 0.
    pub(super) fn snapshot_wanted(&mut self, _wanted: Wanted) {}

    /// A link that wanted one is gone. On shard 0.
    pub(super) fn snapshot_unwanted(&mut self, _link: LinkAddress) {}
}
