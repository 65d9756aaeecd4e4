//! Loading an RDB: bytes in, batches of keys for the shards out. A state machine without I/O and
//! without a clock, driven by the shard that conducts the load: from a file at start, from a file
//! or a socket at a full resynchronization, on the spot for DEBUG RELOAD.
//!
//! What always holds: every key goes to the shard that owns its slot; what is decoded and not yet
//! in a staging keyspace is bounded by the batches in flight and one feed, if the driver stops
//! feeding while [`Loader::is_congested`].

use crate::base::ids::{DbIndex, ReplId, ReplOffset, ShardId};
use crate::base::number;
use crate::command::spaces::Space;
use crate::config::settings_groups::Encoding;
use crate::keyspace::key::slot_of;
use crate::keyspace::keyspace::TakenDb;
use crate::keyspace::placement::Placement;
use crate::rdb::decode::{DecodeOptions, Decoder, Step};
use crate::rdb::error::{RdbError, printable};
use crate::rdb::record::{KeyRecord, Record, StringValue, Value};
use crate::shard::load::{LoadBatch, Loaded, empty_like};
use crate::snapshot::job::Label;
use crate::snapshot::writer::delay_after;
use bytes::Bytes;
use std::time::Duration;
use thiserror::Error;

/// How a file is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The number of this load, higher than that of any before.
    pub load: u64,
    /// The shard that conducts it.
    pub conductor: ShardId,
    /// Which shard owns which slot.
    pub placement: Placement,
    /// Databases of this server.
    pub databases: u16,
    /// `rdbchecksum`
    pub checksum: bool,
    /// Where the compact encodings of what is loaded end.
    pub encoding: Encoding,
    /// Keys whose time is over at this moment, Unix ms, are dropped; none are on a replica, which
    /// waits for its master's word. Nor are they if the file names a place in a history: replicas
    /// that continue from there have them still, so they must expire here, in the stream.
    pub drop_expired_at_ms: Option<u64>,
    /// `key-load-delay`
    pub key_delay: i32,
}

/// Why a data set was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The bytes.
    #[error(transparent)]
    Rdb(#[from] RdbError),
    /// A database that this server does not have.
    #[error(
        "FATAL: Data file was created with a server configured to handle more than {databases} \
         databases"
    )]
    Databases {
        /// Databases of this server.
        databases: u16,
    },
    /// A key that stands in the file twice.
    #[error("Internal error in RDB reading: RDB has duplicated key '{key}'")]
    Duplicate {
        /// The key, escaped and cut.
        key: String,
    },
    /// Data of a module.
    #[error("The RDB file contains module data I can't load: no matching module '{name}'")]
    Module {
        /// The module type's name.
        name: String,
    },
}

/// What a file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AboutFile {
    /// `redis-ver` or `valkey-ver`, with the server's name.
    pub writer: Option<String>,
    /// `ctime`, Unix seconds.
    pub created_s: Option<u64>,
    /// `used-mem`, bytes.
    pub used_bytes: Option<u64>,
    /// `repl-id`
    pub repl_id: Option<ReplId>,
    /// `repl-offset`
    pub repl_offset: Option<ReplOffset>,
    /// `repl-stream-db`
    pub stream_db: Option<DbIndex>,
    /// The sources of its function libraries.
    pub functions: Vec<Bytes>,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// All were taken; the file goes on.
    More,
    /// The file is complete. So many bytes at the end of those fed are not its.
    End {
        /// Bytes that follow the file.
        unused: usize,
    },
}

/// A load under way.
pub struct Loader {
    options: LoadOptions,
    decoder: Decoder,
    open: Vec<Open>,
    in_flight: Vec<u32>,
    about: AboutFile,
    loaded: u64,
    expired: u64,
    debt: Duration,
}

/// A batch that is being filled.
#[derive(Default)]
struct Open {
    records: Vec<KeyRecord>,
    bytes: usize,
}

/// Batches that are ready, with the shards they are for.
pub type Batches = Vec<(ShardId, Box<LoadBatch>)>;

impl Loader {
    /// A load before the first byte.
    pub fn new(options: LoadOptions) -> Loader {
        let decode = DecodeOptions {
            checksum: options.checksum,
            encoding: options.encoding,
            ..DecodeOptions::default()
        };
        let shards = usize::from(options.placement.shards());
        Loader {
            decoder: Decoder::new(decode),
            open: (0..shards).map(|_| Open::default()).collect(),
            in_flight: vec![0; shards],
            about: AboutFile::default(),
            loaded: 0,
            expired: 0,
            debt: Duration::ZERO,
            options,
        }
    }

    /// The number of this load.
    pub fn load(&self) -> u64 {
        self.options.load
    }

    /// Takes the next bytes and appends the batches that became full. At the end of the file all
    /// batches are appended.
    ///
    /// # Errors
    /// The first thing that is wrong; the load is of no use after it.
    pub fn feed(&mut self, bytes: &[u8], batches: &mut Batches) -> Result<Fed, LoadError> {
        let mut input = bytes;
        loop {
            match self.decoder.next(&mut input)? {
                Step::Incomplete => return Ok(Fed::More),
                Step::Record(record) => self.record(record, batches)?,
                Step::End => {
                    for shard in 0..self.open.len() {
                        self.close(shard, batches);
                    }
                    return Ok(Fed::End { unused: input.len() });
                }
            }
        }
    }

    /// To be called when no more bytes will come.
    ///
    /// # Errors
    /// [`RdbError::Truncated`] unless the end of the file was read.
    pub fn finish(&self) -> Result<(), LoadError> {
        Ok(self.decoder.finish()?)
    }

    /// A batch is in its staging keyspace.
    ///
    /// # Errors
    /// [`LoadError::Duplicate`].
    pub fn applied(&mut self, loaded: Loaded) -> Result<(), LoadError> {
        assert_eq!(loaded.load, self.options.load, "an answer to another load");
        let in_flight = &mut self.in_flight[usize::from(loaded.shard.0)];
        *in_flight = in_flight.checked_sub(1).expect("each batch is answered once");
        match loaded.duplicate {
            Some(key) => Err(LoadError::Duplicate { key: printable(&key) }),
            None => Ok(()),
        }
    }

    /// Whether a shard has so many batches before it that feeding should stop until some are in.
    pub fn is_congested(&self) -> bool {
        self.in_flight.iter().any(|count| *count >= IN_FLIGHT_MAX)
    }

    /// Whether every batch handed out is in.
    pub fn is_settled(&self) -> bool {
        self.in_flight.iter().all(|count| *count == 0)
    }

    /// How long the driver should wait before it feeds on (`key-load-delay`); asked once.
    pub fn take_debt(&mut self) -> Duration {
        std::mem::take(&mut self.debt)
    }

    /// Bytes of the file taken so far.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// Keys loaded so far.
    pub fn keys_loaded(&self) -> u64 {
        self.loaded
    }

    /// Keys dropped because their time was over.
    pub fn keys_expired(&self) -> u64 {
        self.expired
    }

    /// Fields of hashes loaded so far whose own expiry is not kept.
    pub fn expiring_fields(&self) -> u64 {
        self.decoder.expiring_fields()
    }

    /// What the file has said about itself so far.
    pub fn about(&self) -> &AboutFile {
        &self.about
    }

    fn record(&mut self, record: Record, batches: &mut Batches) -> Result<(), LoadError> {
        match record {
            Record::Key(record) => self.key(record, batches),
            Record::Aux { key, value } => {
                self.about.note(&key, &value);
                Ok(())
            }
            Record::SelectDb(db) if db.0 >= self.options.databases => {
                Err(LoadError::Databases { databases: self.options.databases })
            }
            Record::SelectDb(_) | Record::ResizeDb { .. } | Record::SlotInfo { .. } => Ok(()),
            Record::Function(source) => {
                self.about.functions.push(source);
                Ok(())
            }
            Record::ModuleAux { name } => Err(LoadError::Module { name }),
        }
    }

    fn key(&mut self, record: KeyRecord, batches: &mut Batches) -> Result<(), LoadError> {
        let over = |now_ms: u64| record.meta.expire_ms.is_some_and(|at| at < now_ms);
        if self.options.drop_expired_at_ms.is_some_and(over) && self.about.label().is_none() {
            self.expired += 1;
            return Ok(());
        }
        if record.db.0 >= self.options.databases {
            return Err(LoadError::Databases { databases: self.options.databases });
        }
        self.loaded += 1;
        if self.options.key_delay != 0 {
            self.debt += delay_after(self.options.key_delay, self.loaded);
        }
        let shard = usize::from(self.options.placement.shard_of(slot_of(&record.key)).0);
        let open = &mut self.open[shard];
        open.bytes += size_of::<KeyRecord>() + record.key.len() + length_of(&record.value);
        open.records.push(record);
        if open.records.len() >= RECORDS_MAX || open.bytes >= BYTES_MAX {
            self.close(shard, batches);
        }
        Ok(())
    }

    fn close(&mut self, shard: usize, batches: &mut Batches) {
        let open = std::mem::take(&mut self.open[shard]);
        if open.records.is_empty() {
            return;
        }
        self.in_flight[shard] += 1;
        let LoadOptions { load, conductor, .. } = self.options;
        let batch = LoadBatch { load, conductor, records: open.records };
        batches.push((ShardId(shard as u16), Box::new(batch)));
    }
}

impl AboutFile {
    fn note(&mut self, key: &[u8], value: &Bytes) {
        let text = || String::from_utf8_lossy(&value[..value.len().min(TEXT_MAX)]).into_owned();
        match key {
            b"redis-ver" => self.writer = Some(format!("Redis version {}", text())),
            b"valkey-ver" => self.writer = Some(format!("Valkey version {}", text())),
            b"ctime" => self.created_s = number::parse_u64(value),
            b"used-mem" => self.used_bytes = number::parse_u64(value),
            b"repl-id" => self.repl_id = ReplId::parse(value),
            b"repl-offset" => self.repl_offset = number::parse_u64(value).map(ReplOffset),
            b"repl-stream-db" => {
                let number = number::parse_u64(value).and_then(|db| u16::try_from(db).ok());
                self.stream_db = number.map(DbIndex);
            }
            _ => {}
        }
    }

    /// Where the writer's stream was; none if the file does not say.
    pub fn label(&self) -> Option<Label> {
        let (id, offset) = (self.repl_id?, self.repl_offset?);
        Some(Label { id, offset, selected: self.stream_db })
    }
}

/// Puts the staging data of a complete load in the place of what was served; shards without any
/// become empty. With every keyspace in hand. What was served is returned for dropping elsewhere.
pub fn install(load: u64, spaces: &mut [Option<Box<Space>>]) -> Vec<TakenDb> {
    let mut taken = Vec::new();
    for space in spaces.iter_mut().flatten() {
        let staged = space.staging.take().filter(|staging| staging.load == load);
        let loaded = match staged {
            Some(staging) => *staging.keys,
            None => empty_like(&space.keys),
        };
        taken.extend(space.keys.adopt(loaded));
    }
    taken
}

fn length_of(value: &Value) -> usize {
    match value {
        Value::String(StringValue::Bytes(bytes)) => bytes.len(),
        Value::String(StringValue::Int(_)) => size_of::<i64>(),
        Value::Object(object) => object.memory(),
    }
}

/// A batch holds at most so many keys: a few hundred microseconds of its shard's time.
const RECORDS_MAX: usize = 1024;
/// Or about so many bytes.
const BYTES_MAX: usize = 1 << 20;
/// Batches that one shard may have before it: enough that it never waits for the decoder.
const IN_FLIGHT_MAX: u32 = 4;
/// Characters of a version that are kept.
const TEXT_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::encode::{EncodeOptions, Encoder};
    use crate::rdb::record::{KeyMeta, StringRef, ValueRef};

    fn options(databases: u16) -> LoadOptions {
        LoadOptions {
            load: 1,
            conductor: ShardId(0),
            placement: Placement::new(3),
            databases,
            checksum: true,
            encoding: Encoding::default(),
            drop_expired_at_ms: Some(5000),
            key_delay: 0,
        }
    }

    fn file(keys: u32) -> Vec<u8> {
        file_with(keys, &[(b"redis-ver", b"7.2.4"), (b"used-mem", b"77")])
    }

    fn file_with(keys: u32, about: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut encoder = Encoder::new(EncodeOptions::default());
        encoder.header();
        about.iter().for_each(|(key, value)| encoder.aux(key, value));
        encoder.select_db(DbIndex(3));
        for number in 0..keys {
            let expire_ms = number.is_multiple_of(10).then_some(4000);
            let meta = KeyMeta { expire_ms, ..KeyMeta::default() };
            let value = ValueRef::String(StringRef::Bytes(b"some value"));
            encoder.key(number.to_string().as_bytes(), &meta, value);
        }
        encoder.end();
        encoder.take()
    }

    #[test]
    fn every_key_reaches_its_shard_in_any_parts() {
        let bytes = file(10_000);
        for part in [7, 4096, bytes.len()] {
            let (mut loader, mut batches) = (Loader::new(options(16)), Vec::new());
            let mut last = Fed::More;
            for piece in bytes.chunks(part) {
                assert_eq!(last, Fed::More);
                last = loader.feed(piece, &mut batches).unwrap();
            }
            assert_eq!(last, Fed::End { unused: 0 });
            loader.finish().unwrap();
            assert_eq!((loader.keys_loaded(), loader.keys_expired()), (9000, 1000));
            assert_eq!(loader.about().used_bytes, Some(77));
            assert_eq!(loader.about().label(), None);
            let mut keys = 0;
            for (shard, batch) in batches {
                assert!(batch.records.len() <= RECORDS_MAX);
                keys += batch.records.len();
                for record in &batch.records {
                    assert_eq!(loader.options.placement.shard_of(slot_of(&record.key)), shard);
                }
                assert!(!loader.is_settled());
                loader.applied(Loaded { load: 1, shard, duplicate: None }).unwrap();
            }
            assert_eq!(keys, 9000);
            assert!(loader.is_settled() && !loader.is_congested());
        }
    }

    #[test]
    fn a_file_with_a_place_in_a_history_keeps_its_expired_keys() {
        let id = [b'f'; 40];
        let bytes = file_with(100, &[(b"repl-id", &id), (b"repl-offset", b"1234")]);
        let mut loader = Loader::new(options(16));
        loader.feed(&bytes, &mut Vec::new()).unwrap();
        let label = loader.about().label().unwrap();
        assert_eq!((label.id, label.offset), (ReplId(id), ReplOffset(1234)));
        assert_eq!((loader.keys_loaded(), loader.keys_expired()), (100, 0));
    }

    #[test]
    fn what_follows_the_file_is_left() {
        let mut bytes = file(1);
        bytes.extend_from_slice(b"tail");
        let mut loader = Loader::new(options(16));
        assert_eq!(loader.feed(&bytes, &mut Vec::new()), Ok(Fed::End { unused: 4 }));
    }

    #[test]
    fn bad_files_are_refused_with_a_reason() {
        let mut loader = Loader::new(options(3));
        let refused = loader.feed(&file(1), &mut Vec::new());
        assert_eq!(refused, Err(LoadError::Databases { databases: 3 }));
        let mut loader = Loader::new(options(16));
        let bytes = file(100);
        loader.feed(&bytes[..200], &mut Vec::new()).unwrap();
        assert!(matches!(loader.finish(), Err(LoadError::Rdb(RdbError::Truncated { .. }))));
        let duplicate = Some(b"k".to_vec().into_boxed_slice());
        let mut loader = Loader::new(options(16));
        loader.in_flight[0] = 1;
        let refused = loader.applied(Loaded { load: 1, shard: ShardId(0), duplicate });
        assert_eq!(refused, Err(LoadError::Duplicate { key: "k".to_owned() }));
    }
}
