//! Finding the keys whose time is over. Runs on the core that holds the keyspace, in small steps.
//!
//! Every table, chunk of slots and database knows a lower bound of its next expiry, so a step
//! visits only tables that may have something due. Nothing is deleted here: the caller deletes and
//! streams.

use crate::base::ids::DbIndex;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::totals::DueWalk;

/// A key whose time is over.
pub type DueKey = (DbIndex, Box<[u8]>);

impl Keyspace {
    /// Up to `keys_max` keys whose time is over. The work is bounded too: with nothing found, a
    /// call looks at `VISITS_A_KEY` × `keys_max` entries and one table. An empty answer therefore
    /// means "none" only if `may_be_due` says so as well.
    pub fn due(&mut self, now_ms: u64, keys_max: usize) -> Vec<DueKey> {
        let mut keys = Vec::new();
        let mut left = keys_max;
        let mut visits_left = keys_max.saturating_mul(VISITS_A_KEY);
        for (index, db) in self.dbs.iter_mut().enumerate() {
            let Some(db) = db else { continue };
            let id = DbIndex(u16::try_from(index).expect("databases are counted in u16"));
            let mut found = |key: &[u8]| keys.push((id, Box::from(key)));
            let mut walk = DueWalk { now_ms, left, visits_left, found: &mut found };
            if !walk.is_over() {
                db.due(&mut walk);
            }
            (left, visits_left) = (walk.left, walk.visits_left);
        }
        keys
    }

    /// Whether some key's time may be over. Constant time; false means that none is.
    pub fn may_be_due(&self, now_ms: u64) -> bool {
        self.dbs.iter().flatten().any(|db| db.totals().next_expiry < now_ms)
    }
}

/// Entries looked at for one key found at most: a table of 512 is paid for by 16 keys.
const VISITS_A_KEY: usize = 32;
