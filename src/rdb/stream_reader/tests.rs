use crate::base::stock::{Answer, SERVERS, Stock};
use crate::keyspace::value::Object;
use crate::rdb::decode::DecodeOptions;
use crate::rdb::dump;
use crate::rdb::encode::EncodeOptions;
use crate::rdb::format::{TYPE_STREAM_1, TYPE_STREAM_2, TYPE_STREAM_3};
use crate::rdb::reader::Reader;
use crate::rdb::record::Value;
use crate::rdb::value::ValueReader;

/// Makes streams of all sorts; their keys.
fn fill(stock: &mut Stock) -> Vec<&'static str> {
    let mut run = |line: &str| {
        let reply = stock.call(&line.split(' ').collect::<Vec<_>>());
        assert!(!matches!(reply, Answer::Error(_)), "{line}: {reply:?}");
    };
    run("CONFIG SET stream-node-max-entries 5");
    for index in 1..40 {
        run(&format!("XADD full {index}-{index} a {index} b value"));
        run(&format!("XADD mixed {index}-1 f{} {index} b{} x", index % 3, index % 2));
    }
    for line in [
        "XADD one 1-1 a 1",
        "XADD emptied 1-1 a 1",
        "XDEL emptied 1-1",
        "XGROUP CREATE none g $ MKSTREAM",
        "XDEL mixed 7-1 8-1 20-1 39-1",
        "XTRIM mixed MINID 3-1",
        "XGROUP CREATE full g 0",
        "XGROUP CREATE full h 7-7 ENTRIESREAD 7",
        "XGROUP CREATE full idle $",
        "XGROUP CREATECONSUMER full g waits",
        "XREADGROUP GROUP g c COUNT 9 STREAMS full >",
        "XREADGROUP GROUP g d COUNT 4 STREAMS full >",
        "XREADGROUP GROUP g d STREAMS full 0",
        "XREADGROUP GROUP h c STREAMS full >",
        "XACK full g 2-2 11-11",
        "XDEL full 3-3",
    ] {
        run(line);
    }
    vec!["full", "mixed", "one", "emptied", "none"]
}

fn dumped(stock: &mut Stock, key: &str) -> Vec<u8> {
    let Answer::Text(payload) = stock.call(&["DUMP", key]) else { panic!("{key} is there") };
    payload
}

fn shown(value: &Value) -> String {
    let Value::Object(object) = value else { panic!("a string") };
    assert!(matches!(**object, Object::Stream(_)));
    format!("{object:?}")
}

#[test]
fn streams_of_stock_servers_are_read_and_written_alike() {
    for (program, version) in SERVERS.into_iter().zip([11, 10]) {
        let Some(mut stock) = Stock::start(program, &["--rdbcompression", "no"]) else { continue };
        for key in fill(&mut stock) {
            let theirs = dumped(&mut stock, key);
            let options = DecodeOptions::default();
            let value = dump::decode(&theirs, &options).expect("a good payload");
            let plain = EncodeOptions { version, compress: false, checksum: true };
            let ours = dump::encode(value.borrowed(), &plain);
            assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{key}");
            for compress in [false, true] {
                for version in 9..=version {
                    let options = EncodeOptions { version, compress, checksum: true };
                    let written = dump::encode(value.borrowed(), &options);
                    let codes = [TYPE_STREAM_1, TYPE_STREAM_2, TYPE_STREAM_3];
                    assert_eq!(written[0], codes[usize::from(version) - 9]);
                    let restored =
                        stock.call(&[b"RESTORE", &b"copy"[..], b"0", &written, b"REPLACE"]);
                    assert_eq!(restored, Answer::Text(b"OK".to_vec()), "{key}, version {version}");
                    let [a, b] =
                        [key, "copy"].map(|key| stock.call(&["DEBUG", "DIGEST-VALUE", key]));
                    assert_eq!(a, b, "{key}, version {version}");
                    if version > 9 {
                        let again = dump::decode(&written, &DecodeOptions::default());
                        assert_eq!(shown(&again.expect("ours")), shown(&value), "{key}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_stream_may_arrive_in_any_parts() {
    let Some(mut stock) = Stock::start(SERVERS[0], &[]) else { return };
    for key in fill(&mut stock) {
        let payload = dumped(&mut stock, key);
        let whole = dump::decode(&payload, &DecodeOptions::default()).expect("a good payload");
        let body = &payload[1..payload.len() - 10];
        for part in [1, 2, 7, 100] {
            let encoding = DecodeOptions::default().encoding;
            let mut value = ValueReader::begin(payload[0], false, encoding).expect("a stream");
            let mut reader = Reader::new(u64::MAX);
            let mut read = None;
            for mut input in body.chunks(part) {
                assert!(read.is_none(), "nothing is left behind the value");
                read = value.step(&mut reader, &mut input).expect("a good value");
            }
            assert_eq!(shown(&read.expect("the value is whole")), shown(&whole), "{key}");
        }
    }
}

/// Whatever byte is wrong, and whatever is missing, it is refused or it is a sound stream.
#[test]
fn a_stream_that_is_damaged_anywhere_does_no_harm() {
    for compression in ["yes", "no"] {
        let options = ["--rdbcompression", compression];
        let Some(mut stock) = Stock::start(SERVERS[0], &options) else { return };
        for key in fill(&mut stock) {
            let payload = dumped(&mut stock, key);
            let body = &payload[..payload.len() - 10];
            for length in 0..body.len() {
                dump::fuzz_dump(&body[..length]);
            }
            let mut random = fastrand::Rng::with_seed(7);
            for index in 0..body.len() {
                for flip in [1, 2, 4, 0x80, 0xff, random.u8(1..)] {
                    let mut wrong = body.to_vec();
                    wrong[index] ^= flip;
                    dump::fuzz_dump(&wrong);
                }
            }
        }
    }
}
