use super::*;
use crate::base::stock::{Answer, SERVERS, Stock};
use crate::rdb::record::{StringRef, StringValue};

fn footed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend_from_slice(&version.to_le_bytes());
    payload.extend_from_slice(&crc64(&payload).to_le_bytes());
    payload
}

/// Strings of at most 100 bytes.
fn short() -> DecodeOptions {
    DecodeOptions { string_max: 100, ..DecodeOptions::default() }
}

/// Recorded from valkey-server 8.0.1: SET d hello, DUMP d.
#[test]
fn a_recorded_payload_is_read_and_written() {
    let payload = b"\x00\x05hello\x0b\x00\n\xadb\x05\x98\xab\xc9\x83";
    let hello = Value::String(StringValue::Bytes(bytes::Bytes::from_static(b"hello")));
    assert_eq!(decode(payload, &short()).as_ref(), Ok(&hello));
    let options = EncodeOptions { version: 11, ..EncodeOptions::default() };
    assert_eq!(encode(hello.borrowed(), &options), payload);
}

#[test]
fn a_wrong_footer_is_refused_before_the_value() {
    let payload = footed(b"\x00\x05hello", 11);
    for index in 0..payload.len() {
        let mut wrong = payload.clone();
        wrong[index] ^= 1;
        assert_eq!(decode(&wrong, &short()), Err(DumpError::Footer), "byte {index}");
        assert_eq!(decode(&payload[..index], &short()), Err(DumpError::Footer), "length {index}");
    }
    for version in [13, 79, 81, u16::MAX] {
        assert_eq!(decode(&footed(b"\x00\x05hello", version), &short()), Err(DumpError::Footer));
    }
    for version in [0, 9, 10, 11, 12, 80] {
        assert!(decode(&footed(b"\x00\x05hello", version), &short()).is_ok());
    }
    assert_eq!(DumpError::Footer.to_string(), "DUMP payload version or checksum are wrong");
}

#[test]
fn a_wrong_value_is_refused() {
    let value = |body: &[u8]| match decode(&footed(body, 10), &short()) {
        Err(DumpError::Value(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(value(b""), RdbError::Truncated { offset: 0 });
    assert_eq!(value(b"\x00"), RdbError::Truncated { offset: 1 });
    assert_eq!(value(b"\x00\x05hell"), RdbError::Truncated { offset: 6 });
    assert!(matches!(value(b"\x00\x05hello!"), RdbError::Corrupt { offset: 7, .. }));
    assert!(matches!(value(b"\x06\x01a"), RdbError::UnsupportedType { code: 6, offset: 0, .. }));
    assert!(matches!(value(b"\x00\x40\x65"), RdbError::StringTooLong { declared: 101, .. }));
}

#[test]
fn stock_servers_restore_ours_and_we_theirs() {
    for program in SERVERS {
        let Some(mut stock) = Stock::start(program, &[]) else { continue };
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let length = random.usize(0..600);
            let text: Vec<u8> = match seed % 3 {
                0 => (random.i64(..) >> random.u32(0..64)).to_string().into_bytes(),
                1 => (0..length).map(|_| random.u8(b'a'..b'd')).collect(),
                _ => (0..length).map(|_| random.u8(..)).collect(),
            };
            stock.call(&[&b"SET"[..], b"theirs", &text[..]]);
            let Answer::Text(payload) = stock.call(&["DUMP", "theirs"]) else { panic!("a dump") };
            let read = decode(&payload, &DecodeOptions::default()).expect("a good payload");
            let Value::String(read) = read else { panic!("a string") };
            assert_eq!(read.into_bytes(), text, "{program}, seed {seed}");
            let ours = encode(ValueRef::String(StringRef::Bytes(&text)), &EncodeOptions::default());
            let ok = Answer::Text(b"OK".to_vec());
            assert_eq!(stock.call(&[&b"RESTORE"[..], b"ours", b"0", &ours[..], b"REPLACE"]), ok);
            let restored = stock.call(&["GET", "ours"]);
            assert_eq!(restored, Answer::Text(text), "{program}, seed {seed}");
        }
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    for seed in 0..3000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let length = random.usize(0..60);
        let mut body: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
        if let [first, second, ..] = &mut body[..] {
            *first = 0;
            *second = [0xc3, 0xc0, 0xc1, 0xc2, 0x05, *second][random.usize(..6)];
        }
        fuzz_dump(&body);
    }
}
