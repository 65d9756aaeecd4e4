use std::collections::{BTreeSet, HashMap, HashSet};

use super::*;
use crate::keyspace::digest::Digest;
use crate::keyspace::evict::EvictionPolicy;
use crate::keyspace::value::ValueRef;

const DB: DbIndex = DbIndex(0);

fn keyspace(slots: RangeInclusive<u16>) -> Keyspace {
    Keyspace::new(ShardId(0), slots, Arc::new(Gauges::new(16)), 1)
}

fn whole() -> Keyspace {
    keyspace(0..=16383)
}

fn set(keyspace: &mut Keyspace, key: &[u8], value: &[u8]) -> bool {
    keyspace.insert(DB, &Key::new(key), Value::text(value), None)
}

fn text(entry: EntryRef<'_>) -> Vec<u8> {
    entry.value().as_text(&mut itoa::Buffer::new()).expect("a string").to_vec()
}

/// All keys by whole scans of `count` a call; `between` runs after each call.
fn scan_all(
    keyspace: &mut Keyspace,
    count: usize,
    mut between: impl FnMut(&mut Keyspace),
) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut cursor = Cursor(0);
    loop {
        cursor = keyspace.scan(DB, cursor, count, &mut |entry| keys.push(entry.key().to_vec()));
        if cursor == Cursor(0) {
            return keys;
        }
        between(keyspace);
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Modelled {
    value: Vec<u8>,
    expire: Option<u64>,
}

/// One random operation on both; keys from a small set, so that they meet often.
fn step(keyspace: &mut Keyspace, model: &mut HashMap<Vec<u8>, Modelled>, rng: &mut Rng, hot: bool) {
    let number = rng.u32(..3000);
    let name = if hot { format!("{{hot}}{number}") } else { format!("key:{number}") };
    let name = name.into_bytes();
    let key = Key::new(&name);
    let expire = rng.bool().then(|| rng.u64(1000..2000));
    match rng.u32(..10) {
        0..4 => {
            let len = *rng.choice(&[0, 1, 5, 20, 44, 45, 300, 1024, 1025, 4000]).expect("some");
            let value: Vec<u8> = (0..len).map(|_| rng.u8(..)).collect();
            let replaced = keyspace.insert(DB, &key, Value::text(&value), expire);
            assert_eq!(replaced, model.insert(name, Modelled { value, expire }).is_some());
        }
        4..6 => {
            let removed = keyspace.remove(DB, &key);
            let removed = removed.map(|removed| text(removed.read()));
            assert_eq!(removed, model.remove(&name).map(|old| old.value));
        }
        6 => {
            let found = keyspace.set_expire(DB, &key, expire);
            let modelled = model.get_mut(&name);
            assert_eq!(found, modelled.is_some());
            if let Some(modelled) = modelled {
                modelled.expire = expire;
            }
        }
        7 => {
            let Some(mut entry) = keyspace.entry_mut(DB, &key) else {
                assert!(!model.contains_key(&name));
                return;
            };
            entry.append(b"tail");
            model.get_mut(&name).expect("there").value.extend_from_slice(b"tail");
        }
        8 => {
            let Some(mut entry) = keyspace.entry_mut(DB, &key) else { return };
            entry.set_int(i64::from(number));
            model.get_mut(&name).expect("there").value = number.to_string().into_bytes();
        }
        _ => {
            let now_ms = rng.u64(1000..2000);
            let found = keyspace.find(DB, &key, now_ms).map(text);
            let modelled = model.get(&name).filter(|old| old.expire.is_none_or(|at| at >= now_ms));
            assert_eq!(found, modelled.map(|old| old.value.clone()));
        }
    }
}

#[test]
fn behaves_like_a_plain_map_under_random_operations() {
    for seed in 0..4 {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let (mut keyspace, mut model) = (whole(), HashMap::new());
        for round in 0..8 {
            for _ in 0..3000 {
                step(&mut keyspace, &mut model, &mut rng, seed % 2 == 0);
            }
            keyspace.invariants();
            assert_eq!(keyspace.db_len(DB), model.len() as u64);
            let mut seen = HashMap::new();
            keyspace.for_each(DB, &mut |entry| {
                let modelled = Modelled { value: text(entry), expire: entry.expire() };
                assert!(seen.insert(entry.key().to_vec(), modelled).is_none());
            });
            assert_eq!(seen, model);
            // Whatever is over is found, and nothing else.
            let now_ms = 1000 + 50 * round;
            let mut due = BTreeSet::new();
            while keyspace.may_be_due(now_ms) {
                for (db, key) in keyspace.due(now_ms, 1 + rng.usize(..40)) {
                    assert!(keyspace.is_expired(db, &Key::new(&key), now_ms));
                    keyspace.remove(db, &Key::new(&key)).expect("there");
                    due.insert(key.to_vec());
                }
            }
            let over = |old: &Modelled| old.expire.is_some_and(|at| at < now_ms);
            let expected: BTreeSet<_> =
                model.iter().filter(|(_, old)| over(old)).map(|(key, _)| key.clone()).collect();
            assert_eq!(due, expected);
            model.retain(|_, old| !over(old));
            keyspace.invariants();
        }
        for name in model.keys() {
            keyspace.remove(DB, &Key::new(name)).expect("there");
        }
        keyspace.invariants();
        keyspace.clear(DB);
        assert_eq!((keyspace.bytes(), keyspace.gauges.bytes()), (0, 0));
    }
}

#[test]
fn a_hot_tag_splits_and_every_key_stays_findable() {
    let mut keyspace = whole();
    for number in 0..50_000 {
        assert!(!set(&mut keyspace, format!("{{tag}}{number}").as_bytes(), b"v"));
    }
    keyspace.invariants();
    assert_eq!(keyspace.slot_len(DB, Key::new(b"tag").slot), 50_000);
    for number in 0..50_000 {
        let name = format!("{{tag}}{number}");
        assert!(keyspace.find(DB, &Key::new(name.as_bytes()), 0).is_some());
    }
    let keys = scan_all(&mut keyspace, 10, |_| {});
    assert_eq!(keys.len(), 50_000);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 50_000, "no change, no duplicates");
    for number in 0..50_000 {
        keyspace.remove(DB, &Key::new(format!("{{tag}}{number}").as_bytes())).expect("there");
    }
    keyspace.invariants();
}

#[test]
fn a_scan_returns_what_stays_whatever_comes_and_goes() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let tag = if seed % 3 == 0 { "" } else { "{hot}" };
        let mut keyspace = whole();
        let stays: Vec<String> = (0..800).map(|number| format!("{tag}stay{number}")).collect();
        let passing = |number: u32| format!("{tag}pass{number}").into_bytes();
        stays.iter().for_each(|key| {
            set(&mut keyspace, key.as_bytes(), b"v");
        });
        let full = seed % 2 == 0;
        for number in (0..20_000).filter(|_| full) {
            set(&mut keyspace, &passing(number), b"v");
        }
        // Growth from one table to a tree, or the other way round, while the scan is under way.
        let mut next = 0;
        let count = 1 + rng.usize(..60);
        let seen = scan_all(&mut keyspace, count, |keyspace| {
            for number in next..next + 400 {
                if full {
                    keyspace.remove(DB, &Key::new(&passing(number)));
                } else if number < 20_000 {
                    set(keyspace, &passing(number), b"v");
                }
            }
            next += 400;
        });
        let seen: HashSet<Vec<u8>> = seen.into_iter().collect();
        assert!(stays.iter().all(|key| seen.contains(key.as_bytes())));
        keyspace.invariants();
    }
}

#[test]
fn a_scan_goes_on_over_the_shards() {
    let ranges = [0..=5000u16, 5001..=11_111, 11_112..=16_383];
    let mut shards: Vec<Keyspace> = ranges.iter().map(|range| keyspace(range.clone())).collect();
    for number in 0..2000 {
        let name = format!("k{number}");
        let key = Key::new(name.as_bytes());
        let home = ranges.iter().position(|range| range.contains(&key.slot.0)).expect("covered");
        set(&mut shards[home], name.as_bytes(), b"v");
    }
    let (mut cursor, mut seen, mut calls) = (Cursor(0), HashSet::new(), 0);
    loop {
        let slot = cursor.slot().expect("ours").0;
        let home = ranges.iter().position(|range| range.contains(&slot)).expect("covered");
        cursor = shards[home].scan(DB, cursor, 7, &mut |entry| {
            assert!(seen.insert(entry.key().to_vec()));
        });
        calls += 1;
        if cursor == Cursor(0) {
            break;
        }
    }
    assert_eq!(seen.len(), 2000);
    assert!(calls <= 2000 / 7 + 4, "{calls}");
    assert_eq!(shards[0].scan(DB, Cursor(u64::MAX), 7, &mut |_| panic!("nothing")), Cursor(0));
}

#[test]
fn the_last_millisecond_still_belongs_to_the_key() {
    let mut keyspace = whole();
    let key = Key::new(b"k");
    keyspace.insert(DB, &key, Value::Int(1), Some(1000));
    assert!(keyspace.find(DB, &key, 1000).is_some());
    assert!(keyspace.due(1000, 10).is_empty());
    assert!(keyspace.find(DB, &key, 1001).is_none());
    assert!(keyspace.peek(DB, &key).is_some());
    assert_eq!(keyspace.due(1001, 10), [(DB, Box::from(&b"k"[..]))]);
    assert_eq!(keyspace.avg_ttl_ms(DB, 400), 600);
    // Overwriting without an expiry takes it away.
    keyspace.insert(DB, &key, Value::Int(2), None);
    assert!(!keyspace.may_be_due(u64::MAX));
    assert_eq!((keyspace.expires_len(DB), keyspace.avg_ttl_ms(DB, 0)), (0, 0));
    keyspace.invariants();
}

#[test]
fn every_change_of_a_watched_key_shows() {
    let mut keyspace = whole();
    let (key, other) = (Key::new(b"k"), Key::new(b"other"));
    let mut version = keyspace.watch(DB, &key);
    let mut changed = |keyspace: &Keyspace| {
        let now = keyspace.watch_version(DB, &key).expect("watched");
        now != std::mem::replace(&mut version, now)
    };
    keyspace.insert(DB, &other, Value::Int(1), None);
    assert!(!changed(&keyspace));
    keyspace.insert(DB, &key, Value::Int(1), None);
    assert!(changed(&keyspace));
    drop(keyspace.entry_mut(DB, &key));
    assert!(!changed(&keyspace), "opened, not changed");
    keyspace.entry_mut(DB, &key).expect("there").set_int(2);
    assert!(changed(&keyspace));
    keyspace.set_expire(DB, &key, Some(5));
    assert!(changed(&keyspace));
    keyspace.swap(DB, DbIndex(1));
    assert!(changed(&keyspace));
    keyspace.swap(DbIndex(3), DbIndex(2));
    assert!(!changed(&keyspace));
    keyspace.swap(DB, DbIndex(1));
    assert!(changed(&keyspace));
    let removed = keyspace.remove(DB, &key).expect("there");
    assert!(changed(&keyspace));
    keyspace.clear(DB);
    assert!(!changed(&keyspace), "it was not there");
    assert!(keyspace.insert_removed(DB, &key, removed).is_none());
    assert!(changed(&keyspace));
    keyspace.clear(DB);
    assert!(changed(&keyspace));
    keyspace.unwatch(DB, &key);
    assert_eq!(keyspace.watch_version(DB, &key), None);
    keyspace.invariants();
}

#[test]
fn what_is_removed_can_stand_under_another_key() {
    let mut keyspace = whole();
    let (from, to) = (Key::new(b"from"), Key::new(b"to"));
    keyspace.insert(DB, &from, Value::Bytes(b"x"), Some(99));
    keyspace.entry_mut(DB, &from).expect("there").append(b"y");
    keyspace.insert(DB, &to, Value::Int(1), None);
    let removed = keyspace.remove(DB, &from).expect("there");
    let replaced = keyspace.insert_removed(DB, &to, removed).expect("replaced");
    assert!(matches!(replaced.value(), ValueRef::Int(1)));
    let moved = keyspace.peek(DB, &to).expect("there");
    assert_eq!((text(moved), moved.expire(), moved.encoding()), (b"xy".to_vec(), Some(99), "raw"));
    let copy = moved.duplicate();
    keyspace.insert_removed(DbIndex(5), &from, copy);
    assert_eq!((keyspace.db_len(DbIndex(5)), keyspace.expires_len(DbIndex(5))), (1, 1));
    keyspace.invariants();
}

#[test]
fn a_new_database_costs_little() {
    let mut keyspace = whole();
    for db in 0..16 {
        keyspace.insert(DbIndex(db), &Key::new(b"k"), Value::Int(1), None);
    }
    assert!(keyspace.bytes() < 16 * 8192, "{}", keyspace.bytes());
}

#[test]
fn random_choice_reaches_every_key() {
    let mut keyspace = whole();
    let mut rng = Rng::with_seed(5);
    assert!(keyspace.random(DB, &mut rng).is_none());
    for number in 0..50i64 {
        let (name, tagged) = (format!("k{number}"), format!("{{t}}{number}"));
        let expire = (number % 5 == 0).then_some(7);
        keyspace.insert(DB, &Key::new(name.as_bytes()), Value::Int(number), None);
        keyspace.insert(DB, &Key::new(tagged.as_bytes()), Value::Int(number), expire);
    }
    let chosen: HashSet<Vec<u8>> =
        (0..3000).map(|_| keyspace.random(DB, &mut rng).expect("some").key().to_vec()).collect();
    assert_eq!(chosen.len(), 100);
    let mut volatile = Vec::new();
    keyspace.sample(DB, EvictionPolicy::VolatileTtl, 500, &mut rng, &mut volatile);
    assert_eq!(volatile.len(), 500);
    let volatile: HashSet<Box<[u8]>> = volatile.into_iter().map(|found| found.key).collect();
    assert_eq!(volatile.len(), 10);
}

#[test]
fn the_longest_idle_scores_highest() {
    let mut keyspace = whole();
    let mut rng = Rng::with_seed(5);
    for second in 0..20u64 {
        keyspace.set_clock(AccessClock::lru(second * 1000));
        set(&mut keyspace, format!("k{second}").as_bytes(), b"v");
    }
    keyspace.find_touched(DB, &Key::new(b"k0"), 0).expect("there");
    let mut found = Vec::new();
    keyspace.sample(DB, EvictionPolicy::AllKeysLru, 400, &mut rng, &mut found);
    let worst = found.iter().max_by_key(|found| found.score).expect("some");
    assert_eq!((&*worst.key, worst.score), (&b"k1"[..], 18_000));
}

#[test]
fn digests_are_those_of_a_stock_server() {
    // SET a b; SET q 12 EX, SET zz 13 in 3; SET k "" in 9: recorded from DEBUG DIGEST.
    let (mut left, mut right) = (keyspace(0..=8191), keyspace(8192..=16_383));
    let digest = |left: &Keyspace, right: &Keyspace| Digest::of_data(&[left, right]).to_hex();
    assert_eq!(digest(&left, &right), "0".repeat(40));
    let mut put = |db: u16, key: &[u8], value: &[u8], expire| {
        let key = Key::new(key);
        let home = if key.slot.0 < 8192 { &mut left } else { &mut right };
        home.insert(DbIndex(db), &key, Value::text(value), expire);
        Digest::of_data(&[&left, &right]).to_hex()
    };
    assert_eq!(put(0, b"a", b"b", None), "479783d7290f02957dfbe3408a858ba13eea1709");
    assert_eq!(put(3, b"q", b"12", None), "dd4bfa37eec025aa418c7044d3352987ffc311e9");
    assert_eq!(put(3, b"q", b"12", Some(5)), "072d57f714635e04ad5447adba52db21a7f19c50");
    put(3, b"zz", b"13", None);
    assert_eq!(put(9, b"k", b"", None), "38b7b43cdf2001b5a1bd21f61b50cae2fc2de01a");
    let q = right.peek(DbIndex(3), &Key::new(b"q")).or(left.peek(DbIndex(3), &Key::new(b"q")));
    let value = Digest::of_value(q.expect("there")).to_hex();
    assert_eq!(value, "83df3a94c43338a2db2a05ddb5dbb794b842c619");
}
