//! The parts of DEBUG that look at keys: every keyspace is in hand. On shard 0's loop.

use super::core::Core;
use crate::base::ids::DbIndex;
use crate::base::number;
use crate::command::gate::Role;
use crate::command::spaces::{Space, Spaces};
use crate::keyspace::digest::Digest;
use crate::keyspace::evict::AccessClock;
use crate::keyspace::handle::EntryRef;
use crate::keyspace::key::Key;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::value::Value;
use crate::rdb::convert::to_record;
use crate::rdb::dump;
use crate::rdb::encode::EncodeOptions;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use std::time::Instant;

impl Core {
    /// DEBUG with every keyspace in hand.
    pub(super) fn debug_leased(&mut self, hand: &mut Hand, mut batch: Box<Batch>) {
        let word = batch.args(0).get(1).to_ascii_lowercase();
        // The time before was spent waiting for keyspaces, not in the command.
        self.shard.tools.clock = Instant::now();
        let failed = match word.as_slice() {
            b"sleep" => {
                self.debug_sleep(&mut batch);
                None
            }
            b"change-repl-id" => {
                self.debug_change_id(&mut batch);
                None
            }
            b"digest" => {
                let views: Vec<&Keyspace> =
                    hand.spaces().iter().flatten().map(|space| &space.keys).collect();
                batch.reply.simple(&Digest::of_data(&views).to_hex());
                None
            }
            b"replicate" => {
                self.replicate(hand, &mut batch);
                None
            }
            _ => {
                let placement = self.shard.tools.shared.placement;
                let spaces = Spaces::many(hand.spaces(), placement);
                keys_of(&word, spaces, &mut batch)
            }
        };
        match failed {
            Some(text) => self.refuse_order(batch, text),
            None => {
                self.count_order(&batch);
                self.answer(batch);
            }
        }
    }

    /// DEBUG REPLICATE: a command for the replicas alone.
    fn replicate(&mut self, hand: &mut Hand, batch: &mut Batch) {
        let gate = hand.spaces().iter().flatten().map(|space| space.gate).next();
        let streams = gate.is_some_and(|gate| gate.streaming && gate.role == Role::Master);
        let db = batch.view.db;
        let (args, reply) = batch.args_and_reply(0);
        if streams {
            let entry = &mut self.shard.tools.entry;
            let words = args.slice_from(2);
            entry.begin_unit();
            entry.effect_from(db, words.len(), words.iter());
            entry.end_unit();
        }
        reply.ok();
    }
}

/// The subcommands that name keys or a database; the error, if there is one.
fn keys_of(word: &[u8], mut spaces: Spaces<'_>, batch: &mut Batch) -> Option<&'static str> {
    let db = batch.view.db;
    let (args, reply) = batch.args_and_reply(0);
    match word {
        b"digest-value" => {
            reply.array(args.len() - 2);
            for key in args.iter().skip(2) {
                let digest = peek(&mut spaces, db, key).map(Digest::of_value);
                reply.simple(&digest.unwrap_or_default().to_hex());
            }
        }
        b"populate" => {
            let number = |index: usize| {
                (args.len() > index).then(|| number::parse_i64(args.get(index))).flatten()
            };
            let count = number(2).unwrap_or(0);
            let prefix = if args.len() > 3 { args.get(3) } else { b"key" };
            let size = number(4).and_then(|size| usize::try_from(size).ok());
            populate(&mut spaces, db, count, &Pattern { prefix, size });
            reply.ok();
        }
        b"object" => {
            let key = Key::new(args.get(2));
            let keys = &spaces.of(key.slot).keys;
            match keys.peek(db, &key) {
                Some(entry) => reply.simple(&describe(entry, keys.clock())),
                None => return Some("ERR no such key"),
            }
        }
        b"htstats" => {
            let Some(db) = number::parse_i64(args.get(2)).and_then(|db| u16::try_from(db).ok())
            else {
                return Some("ERR Out of range database");
            };
            let Some((keys, expires)) = table_sizes(&mut spaces, DbIndex(db)) else {
                return Some("ERR Out of range database");
            };
            let text = format!(
                "[Dictionary HT]\nHash table 0 stats (main hash table):\n number of elements: \
                 {keys}\n[Expires HT]\nHash table 0 stats (main hash table):\n number of \
                 elements: {expires}\n"
            );
            reply.verbatim("txt", text.as_bytes());
        }
        _ => match peek(&mut spaces, db, args.get(2)) {
            Some(_) => return Some(NO_TABLE),
            None => return Some("ERR no such key"),
        },
    }
    None
}

/// The entry at a key, its time over or not.
fn peek<'a>(spaces: &'a mut Spaces<'_>, db: DbIndex, key: &[u8]) -> Option<EntryRef<'a>> {
    let key = Key::new(key);
    spaces.of(key.slot).keys.peek(db, &key)
}

struct Pattern<'a> {
    prefix: &'a [u8],
    size: Option<usize>,
}

/// Makes keys that are not there yet; they are not streamed.
fn populate(spaces: &mut Spaces<'_>, db: DbIndex, count: i64, pattern: &Pattern<'_>) {
    for number in 0..count {
        let mut name = pattern.prefix.to_vec();
        name.extend_from_slice(format!(":{number}").as_bytes());
        let key = Key::new(&name);
        let space: &mut Space = spaces.of(key.slot);
        if space.keys.peek(db, &key).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = pattern.size {
            value.resize(size, 0);
        }
        space.keys.insert(db, &key, Value::text(&value), None);
    }
}

/// Keys and expiries of a database over all shards; `None` if there is no such database.
fn table_sizes(spaces: &mut Spaces<'_>, db: DbIndex) -> Option<(u64, u64)> {
    let mut sizes = (0, 0);
    for space in spaces.each() {
        if db.0 >= space.keys.databases() {
            return None;
        }
        sizes.0 += space.keys.db_len(db);
        sizes.1 += space.keys.expires_len(db);
    }
    Some(sizes)
}

fn describe(entry: EntryRef<'_>, clock: &AccessClock) -> String {
    let payload = dump::encode(to_record(entry.value()), &EncodeOptions::default());
    format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        entry.encoding(),
        payload.len() - PAYLOAD_FRAME_BYTES,
        entry.access(),
        clock.idle_ms(entry.access()) / 1000,
    )
}

/// What DUMP puts around a value: its type, the version, the sum.
const PAYLOAD_FRAME_BYTES: usize = 1 + 2 + 8;
const NO_TABLE: &str =
    "ERR The value stored at the specified key is not represented using an hash table";
