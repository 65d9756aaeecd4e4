//! Loading, as a shard sees it: batches of keys for the staging keyspace, which stands beside the
//! served one until the whole data set is there. On the core that holds the keyspace.

use crate::base::ids::ShardId;
use crate::command::spaces::{Space, Staging};
use crate::keyspace::gauges::Gauges;
use crate::keyspace::key::Key;
use crate::keyspace::keyspace::Keyspace;
use crate::rdb::convert;
use crate::rdb::record::KeyRecord;
use std::sync::Arc;

/// Keys of one shard.
#[derive(Debug)]
pub struct LoadBatch {
    /// Which load; counted by the shard that conducts it.
    pub load: u64,
    /// The shard that conducts it.
    pub conductor: ShardId,
    /// The keys.
    pub records: Vec<KeyRecord>,
}

/// A batch is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Which load.
    pub load: u64,
    /// The shard of the batch.
    pub shard: ShardId,
    /// A key that stood in the file twice: the file is not to be trusted.
    pub duplicate: Option<Box<[u8]>>,
}

impl Space {
    /// Puts a batch into the staging keyspace, which is made if this is the first batch of a load.
    /// A batch of a load that a later one has replaced is dropped.
    pub fn load(&mut self, batch: LoadBatch) -> Loaded {
        let (load, shard) = (batch.load, self.keys.shard());
        let mut duplicate = None;
        if let Some(staging) = self.staging_of(load) {
            for record in batch.records {
                let key = Key::new(&record.key);
                if duplicate.is_none() && staging.peek(record.db, &key).is_some() {
                    duplicate = Some(record.key.to_vec().into_boxed_slice());
                }
                convert::insert(staging, record);
            }
        }
        Loaded { load, shard, duplicate }
    }

    fn staging_of(&mut self, load: u64) -> Option<&mut Keyspace> {
        let newest = self.staging.as_ref().map(|staging| staging.load);
        if newest.is_some_and(|newest| newest > load) {
            return None;
        }
        if newest != Some(load) {
            self.staging = Some(Staging { load, keys: Box::new(empty_like(&self.keys)) });
        }
        self.staging.as_mut().map(|staging| &mut *staging.keys)
    }
}

/// A keyspace for the same shard without keys, whose numbers nobody sees.
pub fn empty_like(keys: &Keyspace) -> Keyspace {
    let gauges = Arc::new(Gauges::new(keys.databases()));
    let mut empty = Keyspace::new(keys.shard(), keys.slots().clone(), gauges, fastrand::u64(..));
    empty.set_clock(*keys.clock());
    empty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::DbIndex;
    use crate::rdb::record::{KeyMeta, StringValue, Value};
    use bytes::Bytes;

    fn space() -> Space {
        Space::new(Keyspace::new(ShardId(0), 0..=16383, Arc::new(Gauges::new(4)), 1))
    }

    fn batch(load: u64, keys: &[&'static str]) -> LoadBatch {
        let record = |key: &&'static str| KeyRecord {
            db: DbIndex(1),
            key: Bytes::from_static(key.as_bytes()),
            meta: KeyMeta::default(),
            value: Value::String(StringValue::Int(7)),
        };
        LoadBatch { load, conductor: ShardId(0), records: keys.iter().map(record).collect() }
    }

    #[test]
    fn what_is_served_stays_until_the_staging_data_takes_its_place() {
        let mut space = space();
        assert_eq!(space.load(batch(1, &["a", "b"])).duplicate, None);
        assert_eq!(space.load(batch(1, &["c"])).duplicate, None);
        assert_eq!(space.keys.db_len(DbIndex(1)), 0);
        let staging = space.staging.take().unwrap();
        space.keys.adopt(*staging.keys);
        assert_eq!(space.keys.db_len(DbIndex(1)), 3);
        space.keys.invariants();
    }

    #[test]
    fn a_later_load_replaces_an_earlier_one() {
        let mut space = space();
        space.load(batch(2, &["old"]));
        space.load(batch(3, &["new"]));
        space.load(batch(2, &["late"]));
        let staging = space.staging.take().unwrap();
        assert_eq!((staging.load, staging.keys.db_len(DbIndex(1))), (3, 1));
    }

    #[test]
    fn a_key_twice_is_noticed() {
        let mut space = space();
        let loaded = space.load(batch(1, &["a", "b", "a"]));
        assert_eq!(loaded.duplicate.as_deref(), Some(&b"a"[..]));
    }
}
