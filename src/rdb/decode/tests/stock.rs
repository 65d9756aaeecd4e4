//! Files of the stock servers are read here, and ours are read by them and by their checkers.

use super::*;
use crate::base::stock::{Answer, SERVERS, Stock};
use crate::rdb::record::{StringRef, ValueRef};

/// Keys and texts: strings of every form a stock server writes.
fn strings() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut strings: Vec<Vec<u8>> = Vec::new();
    for edge in [0_i64, 1, 127, 128, 32_767, 32_768, 2_147_483_647, 2_147_483_648, i64::MAX] {
        strings.push(edge.to_string().into_bytes());
        strings.push((-edge).to_string().into_bytes());
        strings.push((-edge - 1).to_string().into_bytes());
    }
    for text in ["", "007", "-0", "+1", "1.5", "a\r\n\0b"] {
        strings.push(text.as_bytes().to_vec());
    }
    let mut random = fastrand::Rng::with_seed(41);
    for length in [19, 20, 21, 44, 45, 63, 64, 300, 16_383, 16_384, 70_000, 1_000_000] {
        strings.push(vec![b'a'; length]);
        strings.push((0..length).map(|_| random.u8(b'a'..b'e')).collect());
        strings.push((0..length).map(|_| random.u8(..)).collect());
    }
    let keyed = |(index, string): (usize, Vec<u8>)| match index % 3 {
        0 => (index.to_string().into_bytes(), string),
        1 => (format!("{:a>1$}", index, 10 * index).into_bytes(), string),
        _ => (format!("key\0{index}").into_bytes(), string),
    };
    strings.into_iter().enumerate().map(keyed).collect()
}

fn expire_of(index: usize) -> Option<u64> {
    index.is_multiple_of(4).then_some(4_000_000_000_000 + index as u64)
}

fn text_of(record: &KeyRecord) -> Bytes {
    let Value::String(string) = record.value.clone() else { panic!("a string") };
    string.into_bytes()
}

fn saved_file(stock: &mut Stock) -> Vec<u8> {
    assert_eq!(stock.call(&["SAVE"]), Answer::Text(b"OK".to_vec()));
    std::fs::read(stock.folder().join("dump.rdb")).expect("SAVE wrote it")
}

#[test]
fn files_of_stock_servers_are_read() {
    for program in SERVERS {
        for compression in ["yes", "no"] {
            let options = ["--rdbcompression", compression, "--maxmemory-policy", "allkeys-lfu"];
            let Some(mut stock) = Stock::start(program, &options) else { continue };
            let strings = strings();
            for (index, (key, value)) in strings.iter().enumerate() {
                if index == strings.len() / 2 {
                    stock.call(&["SELECT", "9"]);
                }
                stock.call(&[b"SET", &key[..], value]);
                if let Some(expire_ms) = expire_of(index) {
                    stock.call(&[b"PEXPIREAT", &key[..], expire_ms.to_string().as_bytes()]);
                }
            }
            let file = saved_file(&mut stock);
            let records = decode_all(&file, DecodeOptions::default()).expect("a good file");
            check_records(&records, &strings);
            for part in [1, 3, 1000, 4096] {
                assert_eq!(decode_in_parts(&file, part).as_ref(), Ok(&records));
            }
        }
    }
}

fn check_records(records: &[Record], strings: &[(Vec<u8>, Vec<u8>)]) {
    let keys: Vec<&KeyRecord> = records
        .iter()
        .filter_map(|record| match record {
            Record::Key(key) => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), strings.len());
    for (index, (key, value)) in strings.iter().enumerate() {
        let db = DbIndex(if index < strings.len() / 2 { 0 } else { 9 });
        let same = |record: &&&KeyRecord| record.key == key && record.db == db;
        let record = keys.iter().find(same).expect("every key is in the file");
        assert!(text_of(record) == value, "key {}", key.escape_ascii());
        assert_eq!(record.meta.expire_ms, expire_of(index));
        assert!(record.meta.freq.is_some());
    }
    let aux = |name: &[u8]| {
        let found = |record: &Record| matches!(record, Record::Aux { key, .. } if key == name);
        records.iter().any(found)
    };
    assert!(aux(b"redis-bits") && aux(b"ctime") && aux(b"used-mem"));
    assert!(records.iter().any(|record| matches!(record, Record::ResizeDb { .. })));
}

#[test]
fn our_file_is_read_by_stock_servers_and_their_checkers() {
    let checkers = ["valkey-check-rdb", "redis-check-rdb"];
    for (program, checker) in SERVERS.into_iter().zip(checkers) {
        for version in [9, 10] {
            for (compress, checksum) in [(true, true), (false, false)] {
                let options = EncodeOptions { version, compress, checksum };
                check_our_file(program, checker, options);
            }
        }
    }
    let options = EncodeOptions { version: 11, ..EncodeOptions::default() };
    check_our_file("valkey-server", "valkey-check-rdb", options);
}

/// Database 0 is named twice and holds half of the keys each time, as parallel writers do it.
fn our_file(strings: &[(Vec<u8>, Vec<u8>)], options: EncodeOptions) -> Vec<u8> {
    let mut encoder = Encoder::new(options);
    encoder.header();
    encoder.aux(b"redis-ver", b"7.2.4");
    encoder.aux(b"redis-bits", b"64");
    for (round, db) in [DbIndex(0), DbIndex(3), DbIndex(0)].into_iter().enumerate() {
        encoder.select_db(db);
        encoder.resize_db(strings.len() as u64, 1);
        for (index, (key, value)) in strings.iter().enumerate() {
            if round != 1 && index % 2 != round / 2 {
                continue;
            }
            let freq = (index % 3 == 0).then_some(9);
            let idle_seconds = (index % 3 == 1).then_some(1000);
            let meta = KeyMeta { expire_ms: expire_of(index), freq, idle_seconds };
            encoder.key(key, &meta, ValueRef::String(StringRef::Bytes(value)));
        }
    }
    encoder.end();
    encoder.take()
}

fn check_our_file(program: &str, checker: &str, options: EncodeOptions) {
    let strings = strings();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("dump.rdb");
    std::fs::write(&path, our_file(&strings, options)).expect("the folder is writable");
    match std::process::Command::new(checker).arg(&path).output() {
        Err(_) => eprintln!("SKIPPED: {checker} is not installed"),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{checker}: {text}");
            assert!(text.contains("RDB looks OK"), "{checker}: {text}");
        }
    }
    let Some(mut stock) = Stock::start_in(program, &[], folder) else { return };
    for db in ["0", "3"] {
        stock.call(&["SELECT", db]);
        for (index, (key, value)) in strings.iter().enumerate() {
            let Answer::Text(found) = stock.call(&[b"GET", &key[..]]) else { panic!("no key") };
            assert!(found == *value, "{program}: key {}", key.escape_ascii());
            let expire_ms = expire_of(index).map_or(-1, |time| time as i64);
            let theirs = stock.call(&[b"PEXPIRETIME", &key[..]]);
            assert_eq!(theirs, Answer::Integer(expire_ms));
        }
    }
}

#[test]
fn a_stock_file_that_is_cut_or_changed_anywhere_is_refused() {
    for program in SERVERS {
        let Some(mut stock) = Stock::start(program, &[]) else { continue };
        stock.call(&["SET", "key", "value"]);
        stock.call(&["SET", "packed", &"abcd".repeat(30), "PX", "100000000"]);
        let file = saved_file(&mut stock);
        for length in 0..file.len() {
            let short = decode_all(&file[..length], DecodeOptions::default());
            assert_eq!(short, Err(RdbError::Truncated { offset: length as u64 }));
        }
        for index in 0..file.len() {
            let mut wrong = file.clone();
            wrong[index] ^= 0x55;
            fuzz_decode(&wrong);
            assert!(decode_all(&wrong, DecodeOptions::default()).is_err(), "byte {index}");
        }
    }
}
