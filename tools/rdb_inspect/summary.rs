//! What a file holds, in numbers. Pure; time arrives as an argument.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write;

use tributary::rdb::record::{KeyRecord, Record, StringValue, Value};

use super::scan::Item;
use super::shared::escape;
use super::shared::progress::size;

/// Keys and their bytes in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub keys: u64,
    /// Bytes in the file.
    pub bytes: u64,
}

/// A large key, ordered by size: bytes in the file, database, key, encoding.
type Large = (u64, u16, Vec<u8>, &'static str);

/// Numbers over all records so far.
#[derive(Debug)]
pub struct Summary {
    now_ms: u64,
    top: usize,
    fields: Vec<(String, String)>,
    by_db: BTreeMap<u16, Count>,
    by_type: BTreeMap<&'static str, Count>,
    by_encoding: BTreeMap<&'static str, Count>,
    largest: BinaryHeap<Reverse<Large>>,
    /// Of the keys that expire: how many within each of [`SPANS`], the last beyond all.
    expiring: [u64; SPANS.len() + 2],
    functions: u64,
    modules: u64,
}

impl Summary {
    /// Of nothing yet; expiry is told from `now_ms`, Unix time.
    pub fn new(now_ms: u64, top: usize) -> Summary {
        Summary {
            now_ms,
            top,
            fields: Vec::new(),
            by_db: BTreeMap::new(),
            by_type: BTreeMap::new(),
            by_encoding: BTreeMap::new(),
            largest: BinaryHeap::new(),
            expiring: [0; SPANS.len() + 2],
            functions: 0,
            modules: 0,
        }
    }

    /// Takes a record into account.
    pub fn add(&mut self, item: &Item) {
        match &item.record {
            Record::Aux { key, value } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                self.fields.push((text(key), text(value)));
            }
            Record::Key(key) => self.add_key(key, item),
            Record::Function(_) => self.functions += 1,
            Record::ModuleAux { .. } => self.modules += 1,
            _ => {}
        }
    }

    fn add_key(&mut self, key: &KeyRecord, item: &Item) {
        let encoding = encoding(key, item);
        for count in [
            self.by_db.entry(key.db.0).or_default(),
            self.by_type.entry(kind(item.encoding)).or_default(),
            self.by_encoding.entry(encoding).or_default(),
        ] {
            count.keys += 1;
            count.bytes += item.bytes;
        }
        let full = self.largest.len() >= self.top;
        if !full || self.largest.peek().is_some_and(|Reverse(least)| least.0 < item.bytes) {
            let entry = (item.bytes, key.db.0, key.key.to_vec(), encoding);
            self.largest.push(Reverse(entry));
            if self.largest.len() > self.top {
                self.largest.pop();
            }
        }
        if let Some(at) = key.meta.expire_ms {
            let span = match at.checked_sub(self.now_ms) {
                None | Some(0) => 0,
                Some(left) => 1 + SPANS.iter().take_while(|(limit_ms, _)| left > *limit_ms).count(),
            };
            self.expiring[span] += 1;
        }
    }

    /// Everything, for people.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            writeln!(out, "{text}").expect("a String takes everything");
        };
        for (name, value) in &self.fields {
            line(format!("field        {name} = {}", value.escape_debug()));
        }
        let row = |name: &str, count: &Count| {
            format!("{name:<24} {:>12} keys  {:>12}", count.keys, size(count.bytes))
        };
        line("\nby database".to_owned());
        self.by_db.iter().for_each(|(db, count)| line(row(&format!("  db{db}"), count)));
        line("\nby type".to_owned());
        self.by_type.iter().for_each(|(name, count)| line(row(&format!("  {name}"), count)));
        line("\nby encoding in the file".to_owned());
        self.by_encoding.iter().for_each(|(name, count)| line(row(&format!("  {name}"), count)));
        if self.functions + self.modules > 0 {
            line(format!("\n{} function libraries, {} modules", self.functions, self.modules));
        }
        line("\nexpiry".to_owned());
        let all: u64 = self.by_db.values().map(|count| count.keys).sum();
        let expiring: u64 = self.expiring.iter().sum();
        line(format!("  {:<22} {:>12} keys", "never", all - expiring));
        let names = ["already over"].into_iter().chain(SPANS.map(|(_, name)| name));
        for (name, count) in names.chain(["later"]).zip(&self.expiring) {
            line(format!("  {name:<22} {count:>12} keys"));
        }
        line("\nlargest keys, by bytes in the file".to_owned());
        let mut largest: Vec<_> = self.largest.iter().map(|Reverse(entry)| entry).collect();
        largest.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.2.cmp(&other.2)));
        for (bytes, db, key, encoding) in largest {
            let key = escape::quoted_cut(key, KEY_SHOWN_MAX);
            line(format!("  {:>12}  db{db} {encoding} {key}", size(*bytes)));
        }
        out
    }

    /// Keys so far.
    pub fn keys(&self) -> u64 {
        self.by_db.values().map(|count| count.keys).sum()
    }
}

/// One line of the list of keys.
pub fn key_line(key: &KeyRecord, item: &Item) -> String {
    let expiry = key.meta.expire_ms.map_or("-".to_owned(), |at| at.to_string());
    let (kind, encoding) = (kind(item.encoding), encoding(key, item));
    let name = escape::quoted(&key.key);
    format!("{} {kind} {encoding} {} {expiry} {name}", key.db.0, item.bytes)
}

/// The name of how a value is written: for strings more than the file's one type says.
fn encoding(key: &KeyRecord, item: &Item) -> &'static str {
    match &key.value {
        Value::String(StringValue::Int(_)) => "string-int",
        // Shorter in the file than it is: it was compressed.
        Value::String(StringValue::Bytes(value))
            if item.bytes < (key.key.len() + value.len()) as u64 =>
        {
            "string-compressed"
        }
        Value::String(StringValue::Bytes(_)) => "string-bytes",
        Value::Object(_) => item.encoding,
    }
}

/// The type of data behind the name of an encoding.
fn kind(encoding: &'static str) -> &'static str {
    match encoding.split('-').next() {
        Some("quicklist") => "list",
        Some(kind) => kind,
        None => encoding,
    }
}

/// Times until expiry, each with its name.
const SPANS: [(u64, &str); 4] = [
    (60_000, "within a minute"),
    (3_600_000, "within an hour"),
    (86_400_000, "within a day"),
    (30 * 86_400_000, "within 30 days"),
];

/// Bytes of a key that the summary shows.
const KEY_SHOWN_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use tributary::base::ids::DbIndex;
    use tributary::rdb::record::KeyMeta;

    fn item(key: &str, value: StringValue, bytes: u64, expire_ms: Option<u64>) -> Item {
        let record = Record::Key(KeyRecord {
            db: DbIndex(1),
            key: key.to_owned().into(),
            meta: KeyMeta { expire_ms, ..KeyMeta::default() },
            value: Value::String(value),
        });
        Item { record, bytes, encoding: "string" }
    }

    #[test]
    fn keys_are_counted() {
        let mut summary = Summary::new(1_000_000, 2);
        summary.add(&item("a", StringValue::Int(1), 5, None));
        summary.add(&item("b", StringValue::Bytes("value".into()), 9, Some(1_000_000)));
        summary.add(&item("c", StringValue::Bytes("v".repeat(100).into()), 20, Some(1_060_000)));
        summary.add(&item("d", StringValue::Int(1), 6, Some(u64::MAX)));
        assert_eq!(summary.keys(), 4);
        assert_eq!(summary.expiring, [1, 1, 0, 0, 0, 1]);
        let encodings: Vec<_> = summary.by_encoding.iter().map(|(n, c)| (*n, c.keys)).collect();
        let expected = [("string-bytes", 1), ("string-compressed", 1), ("string-int", 2)];
        assert_eq!(encodings, expected);
        let text = summary.render();
        let large: Vec<_> = text.lines().rev().take(2).collect();
        assert!(large[1].ends_with(r#"db1 string-compressed "c""#), "{text}");
        assert!(large[0].ends_with(r#"db1 string-bytes "b""#), "{text}");
    }

    #[test]
    fn encodings_belong_to_types() {
        let cases = [("quicklist-v2", "list"), ("list-ziplist", "list"), ("string", "string")];
        for (encoding, expected) in cases {
            assert_eq!(kind(encoding), expected);
        }
    }

    #[test]
    fn a_key_has_a_line() {
        let item = item("k \n", StringValue::Int(1), 5, Some(7));
        let Record::Key(key) = &item.record else { panic!("a key") };
        assert_eq!(key_line(key, &item), r#"1 string string-int 5 7 "k \n""#);
    }
}
