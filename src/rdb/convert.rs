//! Between the keyspace's values and what RDB bytes say: used by DUMP and RESTORE, by snapshots and
//! by loading alike. Pure, any core. Collections are the keyspace's own on both sides.

use crate::config::choices::MaxmemoryPolicy;
use crate::keyspace::evict::AccessClock;
use crate::keyspace::handle::EntryRef;
use crate::keyspace::key::Key;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::value::{self as held, canonical_int};
use crate::rdb::record::{KeyMeta, KeyRecord, StringRef, StringValue, Value, ValueRef};

/// A value of the keyspace, to be written.
pub fn to_record(value: held::ValueRef<'_>) -> ValueRef<'_> {
    match value {
        held::ValueRef::Int(number) => ValueRef::String(StringRef::Int(number)),
        held::ValueRef::Str(text) => ValueRef::String(StringRef::Bytes(text)),
        held::ValueRef::Shared(text) => ValueRef::String(StringRef::Bytes(text)),
        held::ValueRef::Object(object) => ValueRef::Object(object),
    }
}

/// A value that was read, for the keyspace. Text that spells an integer becomes one, however it
/// was written.
pub fn from_record(value: Value) -> held::Value<'static> {
    match value {
        Value::String(StringValue::Int(number)) => held::Value::Int(number),
        Value::String(StringValue::Bytes(text)) => match canonical_int(&text) {
            Some(number) => held::Value::Int(number),
            None => held::Value::Shared(text),
        },
        Value::Object(object) => held::Value::Object(object),
    }
}

/// What a file says of a key beside its value: the idle time or the frequency, if `policy` goes by
/// it.
pub fn meta_of(entry: EntryRef<'_>, clock: &AccessClock, policy: MaxmemoryPolicy) -> KeyMeta {
    use MaxmemoryPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
    let access = entry.access();
    let by_idle = matches!(policy, AllkeysLru | VolatileLru);
    let by_frequency = matches!(policy, AllkeysLfu | VolatileLfu);
    KeyMeta {
        expire_ms: entry.expire(),
        idle_seconds: by_idle.then(|| clock.idle_ms(access) / 1000),
        freq: by_frequency.then(|| clock.frequency(access)),
    }
}

/// The access data that a file's words stand for under the clock in force; `None` if the file says
/// nothing that matters to it.
pub fn access_of(meta: &KeyMeta, clock: &AccessClock) -> Option<u32> {
    match clock {
        AccessClock::Lru { .. } => {
            let idle_ms = meta.idle_seconds?.saturating_mul(1000);
            Some(clock.access_of_idle(idle_ms))
        }
        AccessClock::Lfu { .. } => Some(clock.access_of_frequency(meta.freq?)),
    }
}

/// Puts a key that was read into the keyspace of its slot. Whether it replaced one.
pub fn insert(keys: &mut Keyspace, record: KeyRecord) -> bool {
    let key = Key::new(&record.key);
    let replaced = keys.insert(record.db, &key, from_record(record.value), record.meta.expire_ms);
    if let Some(access) = access_of(&record.meta, keys.clock())
        && let Some(entry) = keys.peek(record.db, &key)
    {
        entry.set_access(access);
    }
    replaced
}
