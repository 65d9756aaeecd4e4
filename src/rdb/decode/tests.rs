use super::*;
use crate::rdb::encode::{EncodeOptions, Encoder};
use crate::rdb::record::{StringValue, Value};

mod stock;

fn bytes(text: &[u8]) -> Bytes {
    Bytes::copy_from_slice(text)
}

/// Reads `file` in parts of `part` bytes.
fn decode_in_parts(file: &[u8], part: usize) -> Result<Vec<Record>, RdbError> {
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut records = Vec::new();
    for mut input in file.chunks(part) {
        loop {
            match decoder.next(&mut input)? {
                Step::Record(record) => records.push(record),
                Step::Incomplete => break,
                Step::End => return Ok(records),
            }
        }
        assert!(input.is_empty(), "Incomplete leaves nothing");
        assert!(decoder.needs() >= 1);
    }
    decoder.finish().map(|()| records)
}

/// Records as a file of `seed` holds them, and the file.
fn random_file(seed: u64, keys: usize, options: EncodeOptions) -> (Vec<Record>, Vec<u8>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut encoder = Encoder::new(options);
    let mut file = Vec::new();
    let mut records = vec![Record::Aux { key: bytes(b"redis-ver"), value: bytes(b"7.2.4") }];
    encoder.header();
    encoder.aux(b"redis-ver", b"7.2.4");
    for db in 0..random.u16(1..4) {
        encoder.select_db(DbIndex(db * 7));
        encoder.resize_db(keys as u64, 1);
        records.push(Record::SelectDb(DbIndex(db * 7)));
        records.push(Record::ResizeDb { keys: keys as u64, expires: 1 });
        for index in 0..keys {
            let record = random_key(&mut random, DbIndex(db * 7), index);
            encoder.key(&record.key, &record.meta, record.value.borrowed());
            records.push(Record::Key(record));
            if random.u8(..) < 20 {
                file.extend_from_slice(&encoder.take());
            }
        }
    }
    encoder.function(b"#!lua name=one\n");
    records.push(Record::Function(bytes(b"#!lua name=one\n")));
    encoder.end();
    file.extend_from_slice(&encoder.take());
    (records, file)
}

fn random_key(random: &mut fastrand::Rng, db: DbIndex, index: usize) -> KeyRecord {
    let key = match random.bool() {
        true => index.to_string(),
        false => format!("key:{index}:{}", "x".repeat(random.usize(0..90))),
    };
    let value = match random.u8(0..4) {
        0 => StringValue::Int(i64::from(random.i32(..) >> random.u32(0..32))),
        1 => StringValue::Bytes(bytes((i64::MAX - random.i64(0..99)).to_string().as_bytes())),
        2 => {
            let length = random.usize(0..300);
            StringValue::Bytes((0..length).map(|_| random.u8(b'a'..b'd')).collect())
        }
        _ => {
            let length = random.usize(0..100);
            StringValue::Bytes((0..length).map(|_| random.u8(128..)).collect())
        }
    };
    let meta = KeyMeta {
        expire_ms: random.bool().then(|| random.u64(0..1 << 50)),
        idle_seconds: random.bool().then(|| random.u64(0..1 << 33)),
        freq: random.bool().then(|| random.u8(..)),
    };
    KeyRecord { db, key: bytes(key.as_bytes()), meta, value: Value::String(value) }
}

#[test]
fn what_was_written_is_read_in_parts_of_any_size() {
    for seed in 0..20 {
        for compress in [false, true] {
            let version = 9 + (seed % 3) as u16;
            let options = EncodeOptions { version, compress, checksum: seed % 2 == 0 };
            let (records, file) = random_file(seed, 12, options);
            assert_eq!(decode_all(&file, DecodeOptions::default()).as_ref(), Ok(&records));
            for part in (1..40).chain([100, 1000, file.len() - 1]) {
                let read = decode_in_parts(&file, part);
                assert_eq!(read.as_ref(), Ok(&records), "seed {seed}, part {part}");
            }
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_is_short() {
    let (_, file) = random_file(1, 5, EncodeOptions::default());
    for length in 0..file.len() {
        let error = decode_all(&file[..length], DecodeOptions::default()).unwrap_err();
        assert_eq!(error, RdbError::Truncated { offset: length as u64 });
        assert!(error.to_string().contains("Short read or OOM loading DB"));
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed_or_harmless_to_memory() {
    let (_, file) = random_file(2, 6, EncodeOptions::default());
    for index in 0..file.len() {
        for change in [1, 0x80, 0xff, 0x40] {
            let mut wrong = file.clone();
            wrong[index] ^= change;
            fuzz_decode(&wrong);
            let read = decode_all(&wrong, DecodeOptions::default());
            // A changed version digit may give another version that can be read, and the header
            // is under the sum too; so only the sum's absence may let a change pass.
            assert!(read.is_err(), "byte {index} ^ {change:#x}");
        }
    }
}

#[test]
fn the_sum_is_compared_if_it_is_there_and_wanted() {
    let (records, mut file) = random_file(3, 4, EncodeOptions::default());
    let sum_at = file.len() - format::CHECKSUM_LENGTH;
    file[sum_at] ^= 1;
    let error = decode_all(&file, DecodeOptions::default()).unwrap_err();
    assert!(matches!(error, RdbError::Checksum { offset, .. } if offset == sum_at as u64));
    let text = error.to_string();
    assert!(text.contains("Wrong RDB checksum") && text.contains("CRC error"), "{text}");
    let unchecked = DecodeOptions { checksum: false, ..DecodeOptions::default() };
    assert_eq!(decode_all(&file, unchecked).as_ref(), Ok(&records));
    file[sum_at..].fill(0);
    assert_eq!(decode_all(&file, DecodeOptions::default()), Ok(records));
}

#[test]
fn what_follows_the_end_is_left() {
    let (_, mut file) = random_file(4, 2, EncodeOptions::default());
    let length = file.len();
    file.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut input = &file[..];
    while decoder.next(&mut input).expect("a good file") != Step::End {}
    assert_eq!(input, &file[length..]);
    assert_eq!(decoder.offset(), length as u64);
    assert_eq!(decoder.next(&mut input), Ok(Step::End));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn versions_and_magics_are_told_apart() {
    let read = |text: &str| decode_all(text.as_bytes(), DecodeOptions::default());
    for version in 1..=4 {
        assert!(read(&format!("REDIS{version:04}\u{0}\u{1}k\u{1}v")).is_err());
    }
    let end = |header: &[u8]| [header, b"\xff", &[0; 8]].concat();
    for header in ["REDIS0005", "REDIS0012", "VALKEY080"] {
        let records = decode_all(&end(header.as_bytes()), DecodeOptions::default());
        assert_eq!(records, Ok(vec![]), "{header}");
    }
    assert_eq!(decode_all(b"REDIS0004\xff", DecodeOptions::default()), Ok(vec![]));
    for (header, version) in [("REDIS0000", 0), ("REDIS0013", 13), ("VALKEY081", 81)] {
        assert_eq!(read(header), Err(RdbError::Version { version }));
    }
    for header in ["RADIS0010", "REDIS00x0", "VALKEY08x", "SQLite fo"] {
        assert_eq!(read(header), Err(RdbError::Magic { found: header.to_owned() }));
    }
}

#[test]
fn old_and_new_opcodes_are_read() {
    let mut file = b"REDIS0003".to_vec();
    file.extend_from_slice(&[format::EXPIRE_SECONDS, 0x10, 0, 0, 0, 0, 1, b'k', 1, b'v']);
    file.extend_from_slice(&[format::EXPIRE_MS]);
    file.extend_from_slice(&(-5_i64).to_le_bytes());
    file.extend_from_slice(&[0, 1, b'l', 0xc0, 0xff]);
    file.extend_from_slice(&[format::SLOT_INFO, 5, 0x40, 99, 7]);
    file.extend_from_slice(&[format::MODULE_AUX, 0, 2, 1, 0, format::EOF]);
    let key = |name, expire_ms, value| {
        let meta = KeyMeta { expire_ms: Some(expire_ms), ..KeyMeta::default() };
        let value = Value::String(value);
        Record::Key(KeyRecord { db: DbIndex(0), key: bytes(name), meta, value })
    };
    let expected = vec![
        key(b"k", 16_000, StringValue::Bytes(bytes(b"v"))),
        key(b"l", 0, StringValue::Int(-1)),
        Record::SlotInfo { slot: 5, keys: 99, expires: 7 },
        Record::ModuleAux { name: "AAAAAAAAA".to_owned() },
    ];
    assert_eq!(decode_all(&file, DecodeOptions::default()), Ok(expected));
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let read = |body: &[u8]| {
        let file = [b"REDIS0011", body].concat();
        decode_all(&file, DecodeOptions::default()).unwrap_err()
    };
    let error = read(b"\x06\x03foo\x00");
    let text = "type module-pre-release (6) of key 'foo' is not supported yet, at byte 14";
    assert_eq!(error.to_string(), text);
    assert_eq!(read(&[100]), RdbError::UnknownOpcode { code: 100, offset: 9 });
    assert_eq!(read(&[8]), RdbError::UnknownOpcode { code: 8, offset: 9 });
    let far = RdbError::Database { number: 70_000, offset: 15 };
    assert_eq!(read(&[format::SELECT_DB, 0x80, 0, 1, 0x11, 0x70]), far);
    let long = [&[6, 0x40, 200][..], &[b'\n'; 200]].concat();
    assert!(read(&long).to_string().len() < 300);
}

#[test]
fn a_declared_length_takes_no_memory() {
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut input = &b"REDIS0010\x00\x01k\x80\xf0\x00\x00\x00some bytes"[..];
    assert_eq!(decoder.next(&mut input), Ok(Step::Incomplete));
    assert!(decoder.memory() < 100, "{}", decoder.memory());
    assert_eq!(decoder.needs(), 0xf000_0000 - 10);
    let mut decoder = Decoder::new(DecodeOptions::default());
    let refused = decoder.next(&mut &b"REDIS0010\x00\x01k\x81\xff\x00\x00\x00\x00\x00\x00\x00"[..]);
    assert!(matches!(refused, Err(RdbError::StringTooLong { .. })), "{refused:?}");
}

#[test]
fn arbitrary_bytes_never_panic() {
    for seed in 0..3000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut file = b"REDIS0011".to_vec();
        let length = random.usize(0..120);
        let opcodes = [0, 250, 251, 252, 253, 254, 247, 248, 249, 244, 245, 0xc3, 1, 2, 3];
        file.extend((0..length).map(|_| match random.bool() {
            true => opcodes[random.usize(..opcodes.len())],
            false => random.u8(..),
        }));
        fuzz_decode(&file);
    }
}
