//! What one run of a shard adds to the replication stream. The shard that runs owns its builder;
//! a finished entry is owned by its local stream, then by the merger.
//!
//! ```text
//! entry bytes:  [MULTI] effect [SELECT n] effect ... [EXEC]  effect  [SELECT n] effect ...
//!               ^ or, with the MULTI, behind it: the place of the SELECT the merger may add
//! ```
//!
//! Always: the bytes are whole RESP arrays and whole units (one effect, or MULTI … EXEC); every
//! effect but the first stands behind a SELECT of its database if the one before it differs.

use crate::base::ids::{DbIndex, ShardId, ShardSeq, Ticket};

/// A run's open entry. Reused from run to run.
#[derive(Debug, Default)]
pub struct EntryBuilder {
    bytes: Vec<u8>,
    dbs: Option<DbSpan>,
    /// Where the SELECT of the first effect belongs: 0, or behind the MULTI it is in.
    select_at: usize,
    unit: Option<Unit>,
}

/// The databases of an entry's first and last effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DbSpan {
    /// The stream must have this database selected before the entry's first effect.
    pub first: DbIndex,
    /// The stream has this database selected behind the entry.
    pub last: DbIndex,
}

/// One run's effects with their place in the order of all shards.
#[derive(Debug)]
pub struct Entry {
    /// The place in the order of all shards.
    pub ticket: Ticket,
    /// Whose local stream it stands in: the shard that ran, whosever keys it changed.
    pub shard: ShardId,
    /// The place in that local stream.
    pub seq: ShardSeq,
    /// None for an entry without effects, which only takes its place.
    pub dbs: Option<DbSpan>,
    /// The index in `bytes` where a SELECT of `dbs.first` goes if the stream needs one.
    pub select_at: usize,
    /// Whole units, as they go into the backlog.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Unit {
    start: usize,
    effects: usize,
}

impl EntryBuilder {
    /// A builder with nothing in it and nothing allocated.
    pub fn new() -> EntryBuilder {
        EntryBuilder::default()
    }

    /// Opens a unit: everything until `end_unit` is applied at once everywhere (M3).
    pub fn begin_unit(&mut self) {
        assert!(self.unit.is_none(), "units do not nest: the outermost one decides");
        self.unit = Some(Unit { start: self.bytes.len(), effects: 0 });
    }

    /// Closes the unit. With two effects or more it stands between MULTI and EXEC.
    pub fn end_unit(&mut self) {
        let unit = self.unit.take().expect("end_unit is called once for each begin_unit");
        if unit.effects > 1 {
            self.bytes.extend_from_slice(EXEC);
        }
    }

    /// True between `begin_unit` and `end_unit`.
    pub fn in_unit(&self) -> bool {
        self.unit.is_some()
    }

    /// Adds one effect: a command and its arguments, at least the command's name. Outside of a unit
    /// it is a unit of its own.
    pub fn effect(&mut self, db: DbIndex, args: &[&[u8]]) {
        self.effect_from(db, args.len(), args.iter().copied());
    }

    /// As `effect`, with the `count` arguments drawn from an iterator, for a request whose
    /// arguments are slices of a query buffer.
    pub fn effect_from<'a>(
        &mut self,
        db: DbIndex,
        count: usize,
        args: impl Iterator<Item = &'a [u8]>,
    ) {
        assert!(count > 0, "an effect has at least a command's name");
        self.open_effect(db);
        push_header(&mut self.bytes, b'*', count);
        let mut written = 0;
        for arg in args {
            push_header(&mut self.bytes, b'$', arg.len());
            self.bytes.extend_from_slice(arg);
            self.bytes.extend_from_slice(b"\r\n");
            written += 1;
        }
        assert!(written == count, "an array with a wrong count would corrupt the stream");
    }

    /// As `effect`, for bytes that are already one whole RESP array of bulks.
    pub fn effect_encoded(&mut self, db: DbIndex, array: &[u8]) {
        debug_assert!(array.first() == Some(&b'*') && array.ends_with(b"\r\n"));
        self.open_effect(db);
        self.bytes.extend_from_slice(array);
    }

    /// True if there is nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes so far; the stream may add a SELECT.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// What was built so far, for tests of those who write effects.
    #[cfg(test)]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was built and keeps the memory, unless one large run made it large.
    pub fn clear(&mut self) {
        self.unit = None;
        self.reset();
    }

    /// Takes what was built as an entry, leaving `spare` as the memory of the next one. Neither
    /// allocates nor fails: it is called after the ticket was taken.
    pub(super) fn seal(&mut self, at: Place, spare: Vec<u8>) -> Entry {
        let dbs = self.dbs;
        let select_at = self.select_at;
        let bytes = std::mem::replace(&mut self.bytes, spare);
        self.reset();
        Entry { ticket: at.ticket, shard: at.shard, seq: at.seq, dbs, select_at, bytes }
    }

    fn reset(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > RECYCLED_BYTES_MAX {
            self.bytes = Vec::new();
        }
        self.dbs = None;
        self.select_at = 0;
    }

    /// Writes what must stand before an effect on `db`: MULTI before a unit's first effect when its
    /// second one arrives, and SELECT where the database changes.
    fn open_effect(&mut self, db: DbIndex) {
        if let Some(unit) = &mut self.unit {
            unit.effects += 1;
            if unit.effects == 2 {
                // Most units have one effect, so the MULTI is inserted late, not removed often.
                self.bytes.splice(unit.start..unit.start, MULTI.iter().copied());
                if unit.start == 0 {
                    self.select_at = MULTI.len();
                }
            }
        }
        match &mut self.dbs {
            None => self.dbs = Some(DbSpan { first: db, last: db }),
            Some(dbs) if dbs.last != db => {
                dbs.last = db;
                push_select(&mut self.bytes, db);
            }
            Some(_) => {}
        }
    }
}

/// Where a sealed entry stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub ticket: Ticket,
    pub shard: ShardId,
    pub seq: ShardSeq,
}

/// Appends `SELECT db` as a RESP array.
pub fn push_select(bytes: &mut Vec<u8>, db: DbIndex) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(db.0);
    bytes.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n");
    push_header(bytes, b'$', digits.len());
    bytes.extend_from_slice(digits.as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

fn push_header(bytes: &mut Vec<u8>, kind: u8, count: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

/// A unit with several effects opens with it. The SELECT of the first effect stands behind it, as
/// Redis 7 sends it: `MULTI, SELECT n, effect, ...`.
pub(super) const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// An entry's memory is used again up to this capacity in bytes: 64 KiB holds a run of 500 effects
/// of 128 bytes, and a few spare ones a shard cost nothing worth counting.
pub(super) const RECYCLED_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(builder: &mut EntryBuilder) -> Entry {
        let at = Place { ticket: Ticket(1), shard: ShardId(0), seq: ShardSeq(1) };
        builder.seal(at, Vec::new())
    }

    fn text(entry: &Entry) -> String {
        let words: Vec<&str> = std::str::from_utf8(&entry.bytes)
            .expect("tests write text")
            .split("\r\n")
            .filter(|word| !word.starts_with(['*', '$']) && !word.is_empty())
            .collect();
        words.join(" ")
    }

    #[test]
    fn an_effect_is_one_resp_array() {
        let mut builder = EntryBuilder::new();
        builder.effect(DbIndex(0), &[b"SET", b"k", b"a value that has 26 bytes."]);
        let entry = seal(&mut builder);
        assert_eq!(
            entry.bytes,
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$26\r\na value that has 26 bytes.\r\n"
        );
        assert_eq!(entry.dbs, Some(DbSpan { first: DbIndex(0), last: DbIndex(0) }));
        assert!(builder.is_empty());
    }

    #[test]
    fn a_unit_of_one_effect_stands_alone() {
        let mut builder = EntryBuilder::new();
        builder.begin_unit();
        builder.effect(DbIndex(0), &[b"DEL", b"k"]);
        builder.end_unit();
        let entry = seal(&mut builder);
        assert_eq!((text(&entry).as_str(), entry.select_at), ("DEL k", 0));
    }

    #[test]
    fn a_unit_of_several_effects_is_wrapped_and_selects_inside() {
        let mut builder = EntryBuilder::new();
        builder.begin_unit();
        builder.effect(DbIndex(3), &[b"DEL", b"k"]);
        builder.effect(DbIndex(4), &[b"DEL", b"l"]);
        builder.effect(DbIndex(4), &[b"DEL", b"m"]);
        builder.end_unit();
        builder.effect(DbIndex(3), &[b"DEL", b"n"]);
        let entry = seal(&mut builder);
        assert_eq!(text(&entry), "MULTI DEL k SELECT 4 DEL l DEL m EXEC SELECT 3 DEL n");
        assert_eq!(entry.select_at, MULTI.len());
        assert_eq!(entry.dbs, Some(DbSpan { first: DbIndex(3), last: DbIndex(3) }));
    }

    #[test]
    fn a_later_units_multi_stands_behind_what_was_there() {
        let mut builder = EntryBuilder::new();
        builder.effect(DbIndex(0), &[b"DEL", b"a"]);
        builder.begin_unit();
        builder.effect(DbIndex(1), &[b"DEL", b"b"]);
        builder.effect(DbIndex(1), &[b"DEL", b"c"]);
        builder.end_unit();
        builder.begin_unit();
        builder.end_unit();
        let entry = seal(&mut builder);
        assert_eq!(text(&entry), "DEL a MULTI SELECT 1 DEL b DEL c EXEC");
        assert_eq!(entry.select_at, 0);
    }

    #[test]
    fn all_three_forms_of_an_effect_write_the_same() {
        let mut plain = EntryBuilder::new();
        plain.effect(DbIndex(0), &[b"SET", b"", b"v"]);
        let mut encoded = EntryBuilder::new();
        encoded.effect_encoded(DbIndex(0), b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$1\r\nv\r\n");
        assert_eq!(seal(&mut plain).bytes, seal(&mut encoded).bytes);
    }

    #[test]
    fn memory_is_kept_unless_a_run_was_large() {
        let mut builder = EntryBuilder::new();
        builder.effect(DbIndex(0), &[b"SET", b"k", &[b'v'; 1000]]);
        builder.clear();
        assert!(builder.is_empty() && builder.bytes.capacity() >= 1000);
        builder.effect(DbIndex(0), &[b"SET", b"k", &vec![b'v'; 2 * RECYCLED_BYTES_MAX]]);
        builder.clear();
        assert_eq!(builder.bytes.capacity(), 0);
    }
}
