use super::*;
use crate::base::stock::{Answer, SERVERS, Stock};
use crate::config::settings::Settings;
use crate::keyspace::value::Object;
use crate::rdb::decode::DecodeOptions;
use crate::rdb::dump;
use crate::rdb::encode::EncodeOptions;
use crate::rdb::record::{Value, ValueRef};

fn limits(entries: usize) -> Encoding {
    Encoding { zset_max_listpack_entries: entries, ..Settings::defaults().encoding }
}

fn read(code: u8, bytes: &[u8]) -> Result<SortedSet, RdbError> {
    for part in [1, 3, bytes.len().max(1)] {
        let mut value = SortedSetReader::begin(code, limits(128)).expect("a type of these");
        let (mut reader, mut done) = (Reader::new(u64::MAX), None);
        for mut input in bytes.chunks(part) {
            done = value.step(&mut reader, &mut input)?;
        }
        if part == bytes.len().max(1) {
            return done.ok_or(RdbError::Truncated { offset: bytes.len() as u64 });
        }
    }
    unreachable!("the last part is the whole")
}

fn pairs(set: &SortedSet) -> Vec<(Vec<u8>, f64)> {
    let mut pairs = Vec::new();
    set.for_each(&mut |member, score| pairs.push((member.to_vec(), score)));
    pairs
}

fn set_of(pairs: &[(&[u8], f64)], limits: &Encoding) -> SortedSet {
    let mut set = SortedSet::for_members(limits, pairs.len(), 0);
    for (member, score) in pairs {
        set.add(member, *score, limits);
    }
    set
}

#[test]
fn scores_are_read_as_texts_and_as_doubles() {
    let old = b"\x04\x01a\x031.5\x01b\xfe\x01c\xff\x02dd\x0718.0e-1";
    let set = read(format::TYPE_SORTED_SET, old).expect("well formed");
    let expected: Vec<(Vec<u8>, f64)> = vec![
        (b"c".to_vec(), f64::NEG_INFINITY),
        (b"a".to_vec(), 1.5),
        (b"dd".to_vec(), 1.8),
        (b"b".to_vec(), f64::INFINITY),
    ];
    assert_eq!(pairs(&set), expected);
    let mut new = vec![2];
    for (member, score) in [(b"x", 2.5_f64), (b"y", -1.0)] {
        new.extend_from_slice(&[1, member[0]]);
        new.extend_from_slice(&score.to_le_bytes());
    }
    let set = read(format::TYPE_SORTED_SET_2, &new).expect("well formed");
    assert_eq!(pairs(&set), [(b"y".to_vec(), -1.0), (b"x".to_vec(), 2.5)]);
}

#[test]
fn what_is_no_sorted_set_is_refused() {
    let corrupt = |code: u8, bytes: &[u8]| {
        let error = read(code, bytes).expect_err("not well formed");
        assert!(matches!(error, RdbError::Corrupt { .. }), "{error:?}");
    };
    corrupt(format::TYPE_SORTED_SET, b"\x00");
    corrupt(format::TYPE_SORTED_SET, b"\x01\x01a\xfd");
    corrupt(format::TYPE_SORTED_SET, b"\x01\x01a\x01x");
    corrupt(format::TYPE_SORTED_SET, b"\x02\x01a\x011\x01a\x012");
    let nan = [&b"\x01\x01a"[..], &f64::NAN.to_le_bytes()].concat();
    corrupt(format::TYPE_SORTED_SET_2, &nan);
    corrupt(format::TYPE_SORTED_SET_LISTPACK, b"\x07\x07\0\0\0\0\0\xff");
    corrupt(format::TYPE_SORTED_SET_LISTPACK, b"\x03abc");
    corrupt(format::TYPE_SORTED_SET_ZIPLIST, b"\x03abc");
}

/// Every byte of small payloads is flipped, under a right sum.
#[test]
fn flipped_bytes_are_refused_or_read() {
    for entries in [0, 128] {
        let limits = limits(entries);
        let set = set_of(&[(b"one", 1.0), (b"two", 2.5), (b"three", f64::INFINITY)], &limits);
        let object = Object::SortedSet(set);
        let options = EncodeOptions { version: 11, ..EncodeOptions::default() };
        let payload = dump::encode(ValueRef::Object(&object), &options);
        for index in 0..payload.len() - 10 {
            for bit in 0..8 {
                let mut wrong = payload.clone();
                wrong[index] ^= 1 << bit;
                dump::fuzz_dump(&wrong[..payload.len() - 10]);
            }
        }
    }
}

#[test]
fn stock_servers_restore_ours_and_we_theirs() {
    let long = [b'x'; 100];
    let sets: [&[(&[u8], f64)]; 4] = [
        &[(b"a", 1.0)],
        &[(b"a", 0.1), (b"b", f64::INFINITY), (b"c", f64::NEG_INFINITY), (b"12", 1e300)],
        &[(&long, 5e-324), (b"short", -7.0)],
        &[(b"", 3.0), (b"\xff\0", 3.0), (b"-5", 12345.0)],
    ];
    for (program, version) in SERVERS.into_iter().zip([11, 10]) {
        let Some(mut stock) = Stock::start(program, &["--enable-debug-command", "yes"]) else {
            continue;
        };
        for (set, entries) in sets.iter().flat_map(|set| [(set, 128), (set, 0)]) {
            for version in [9, version] {
                let object = Object::SortedSet(set_of(set, &limits(entries)));
                let options = EncodeOptions { version, ..EncodeOptions::default() };
                let ours = dump::encode(ValueRef::Object(&object), &options);
                stock.call(&["DEL", "k"]);
                let restored = stock.call(&[b"RESTORE", &b"k"[..], b"0", &ours]);
                assert_eq!(restored, Answer::Text(b"OK".to_vec()), "{program} {version}");
                let Answer::Text(theirs) = stock.call(&["DUMP", "k"]) else { panic!("a payload") };
                let read = dump::decode(&theirs, &DecodeOptions::default());
                assert_eq!(read, Ok(Value::Object(Box::new(object))), "{program} {version}");
            }
        }
    }
}
