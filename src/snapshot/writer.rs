//! Keyspaces to an RDB's bytes. Runs in a snapshot's child, or on the core that holds all keyspaces
//! for SAVE; reads only, and needs neither clock nor stream.

use crate::base::ids::DbIndex;
use crate::keyspace::handle::EntryRef;
use crate::keyspace::keyspace::Keyspace;
use crate::rdb::convert;
use crate::rdb::encode::Encoder;
use crate::snapshot::job::Content;
use crate::snapshot::wanted::Parts;
use std::time::Duration;

/// Where an RDB's bytes go.
pub trait Sink {
    /// Why nothing more can be written.
    type Error;

    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// So many keys are written so far. Called after each key.
    fn progress(&mut self, keys: u64);
}

/// Writes what `content` wants of the data set that `keyspaces` hold together, header to checksum.
/// Returns the keys written.
///
/// # Errors
/// The sink's.
pub fn write<S: Sink>(
    content: &Content,
    keyspaces: &[&Keyspace],
    sink: &mut S,
) -> Result<u64, S::Error> {
    let mut run = Run { content, encoder: Encoder::new(content.encode), sink, keys: 0 };
    run.encoder.header();
    run.aux();
    if content.encode.version >= FUNCTIONS_SINCE && content.parts != Parts::Nothing {
        content.functions.iter().for_each(|source| run.encoder.function(source));
    }
    if content.parts == Parts::All {
        let databases = keyspaces.iter().map(|keyspace| keyspace.databases()).max().unwrap_or(0);
        for db in (0..databases).map(DbIndex) {
            run.database(db, keyspaces)?;
        }
    }
    run.encoder.end();
    run.flush()?;
    Ok(run.keys)
}

/// Keys that `keyspaces` hold, over all databases.
pub fn count(keyspaces: &[&Keyspace]) -> u64 {
    let of = |keyspace: &&Keyspace| -> u64 {
        (0..keyspace.databases()).map(|db| keyspace.db_len(DbIndex(db))).sum()
    };
    keyspaces.iter().map(of).sum()
}

struct Run<'a, S: Sink> {
    content: &'a Content,
    encoder: Encoder,
    sink: &'a mut S,
    keys: u64,
}

impl<S: Sink> Run<'_, S> {
    fn aux(&mut self) {
        let content = self.content;
        let mut field = |key: &str, value: &str| {
            self.encoder.aux(key.as_bytes(), value.as_bytes());
        };
        field("redis-ver", REDIS_VERSION);
        field("redis-bits", "64");
        field("ctime", &content.created_s.to_string());
        field("used-mem", &content.used_bytes.to_string());
        if let Some(label) = content.label {
            field("repl-stream-db", &label.selected.unwrap_or_default().0.to_string());
            field("repl-id", label.id.as_str());
            field("repl-offset", &label.offset.0.to_string());
        }
        field("aof-base", "0");
    }

    fn database(&mut self, db: DbIndex, keyspaces: &[&Keyspace]) -> Result<(), S::Error> {
        let sum = |of: fn(&Keyspace, DbIndex) -> u64| -> u64 {
            keyspaces.iter().map(|keyspace| of(keyspace, db)).sum()
        };
        let keys = sum(Keyspace::db_len);
        if keys == 0 {
            return Ok(());
        }
        self.encoder.select_db(db);
        self.encoder.resize_db(keys, sum(Keyspace::expires_len));
        for keyspace in keyspaces {
            let mut result = Ok(());
            keyspace.for_each(db, &mut |entry| {
                if result.is_ok() {
                    result = self.key(keyspace, entry);
                }
            });
            result?;
        }
        Ok(())
    }

    fn key(&mut self, keyspace: &Keyspace, entry: EntryRef<'_>) -> Result<(), S::Error> {
        let meta = convert::meta_of(entry, keyspace.clock(), self.content.policy);
        self.encoder.key(entry.key(), &meta, convert::to_record(entry.value()));
        self.keys += 1;
        if self.content.key_delay != 0 {
            self.delay()?;
        }
        if self.encoder.pending() >= PIECE_BYTES {
            self.flush()?;
        }
        self.sink.progress(self.keys);
        Ok(())
    }

    /// What is written should be seen by whoever asked for the delay.
    fn delay(&mut self) -> Result<(), S::Error> {
        let pause = delay_after(self.content.key_delay, self.keys);
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), S::Error> {
        let bytes = self.encoder.take();
        self.sink.write(&bytes)
    }
}

/// The pause after the key of this number under `rdb-key-save-delay` or `key-load-delay`.
pub fn delay_after(delay: i32, keys: u64) -> Duration {
    match u64::try_from(delay) {
        Ok(microseconds) => Duration::from_micros(microseconds),
        Err(_) if keys.is_multiple_of(u64::from(delay.unsigned_abs())) => Duration::from_micros(1),
        Err(_) => Duration::ZERO,
    }
}

/// The version of Redis whose format and commands these are.
const REDIS_VERSION: &str = "7.2.4";
/// The first version that holds functions in the form that is read.
const FUNCTIONS_SINCE: u16 = 10;
/// How many bytes are handed on together.
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ReplId, ReplOffset, ShardId};
    use crate::config::settings::Settings;
    use crate::keyspace::gauges::Gauges;
    use crate::keyspace::key::Key;
    use crate::keyspace::value::Value;
    use crate::rdb::decode::{DecodeOptions, Decoder, Step};
    use crate::rdb::record::Record;
    use crate::snapshot::job::Label;
    use std::sync::Arc;

    #[derive(Default)]
    struct Kept(Vec<u8>);

    impl Sink for Kept {
        type Error = ();
        fn write(&mut self, bytes: &[u8]) -> Result<(), ()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn progress(&mut self, _keys: u64) {}
    }

    fn records(bytes: &[u8]) -> Vec<Record> {
        let mut decoder = Decoder::new(DecodeOptions::default());
        let (mut input, mut records) = (bytes, Vec::new());
        while let Step::Record(record) = decoder.next(&mut input).expect("it was written here") {
            records.push(record);
        }
        decoder.finish().expect("it is complete");
        records
    }

    #[test]
    fn several_keyspaces_become_one_file() {
        let make =
            |shard: u16, slots| Keyspace::new(ShardId(shard), slots, Arc::new(Gauges::new(16)), 1);
        let mut parts = [make(0, 0..=8191), make(1, 8192..=16383)];
        for number in 0..5000u32 {
            let name = number.to_string();
            let key = Key::new(name.as_bytes());
            let part = &mut parts[usize::from(key.slot.0 >= 8192)];
            let expire = number.is_multiple_of(3).then_some(9_000_000_000_000);
            part.insert(DbIndex(number as u16 % 2 * 5), &key, Value::Bytes(b"value"), expire);
        }
        let id = ReplId([b'a'; 40]);
        let label = Label { id, offset: ReplOffset(77), selected: Some(DbIndex(5)) };
        let content = Content::new(&Settings::default(), 1000, Some(label));
        let mut kept = Kept::default();
        let views: Vec<&Keyspace> = parts.iter().collect();
        assert_eq!(write(&content, &views, &mut kept), Ok(5000));
        let records = records(&kept.0);
        let text = |name: &str| {
            records.iter().find_map(|record| match record {
                Record::Aux { key, value } if key == name => Some(value.clone()),
                _ => None,
            })
        };
        assert_eq!(text("repl-id").as_deref(), Some(&id.0[..]));
        assert_eq!(text("repl-offset").as_deref(), Some(&b"77"[..]));
        assert_eq!(text("repl-stream-db").as_deref(), Some(&b"5"[..]));
        let databases: Vec<u16> = records
            .iter()
            .filter_map(|record| match record {
                Record::SelectDb(db) => Some(db.0),
                _ => None,
            })
            .collect();
        assert_eq!(databases, [0, 5], "each database stands once, whatever the shards");
        let keys = records.iter().filter(|record| matches!(record, Record::Key(_))).count();
        assert_eq!(keys, 5000);
    }

    #[test]
    fn delays_are_as_the_knobs_say() {
        assert_eq!(delay_after(250, 1), Duration::from_micros(250));
        assert_eq!(delay_after(-10, 9), Duration::ZERO);
        assert_eq!(delay_after(-10, 20), Duration::from_micros(1));
        assert_eq!(delay_after(0, 1), Duration::ZERO);
    }
}
