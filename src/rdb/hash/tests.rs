use super::*;
use crate::base::stock::{Answer, Stock};
use crate::keyspace::digest::Digest;
use crate::rdb::decode::DecodeOptions;
use crate::rdb::dump;
use crate::rdb::encode::EncodeOptions;
use crate::rdb::record::{Value, ValueRef};
use crate::rdb::ziplist;
use crate::rdb::zipmap;

fn decode(payload: &[u8]) -> Result<Hash, dump::DumpError> {
    match dump::decode(payload, &DecodeOptions::default())? {
        Value::Object(object) => match *object {
            Object::Hash(hash) => Ok(hash),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn sample(fields: usize) -> Hash {
    let (mut hash, limits) = (Hash::default(), DecodeOptions::default().encoding);
    for index in 0..fields {
        let value = if index % 2 == 0 { index.to_string() } else { format!("value {index}") };
        hash.set(format!("field {index}").as_bytes(), Stored::Bytes(value.as_bytes()), &limits);
    }
    hash
}

#[test]
fn hashes_come_back_in_every_version() {
    for version in format::WRITTEN_MIN..=format::WRITTEN_MAX {
        for fields in [1, 100, 1000] {
            let object = Object::Hash(sample(fields));
            let options = EncodeOptions { version, ..EncodeOptions::default() };
            let payload = dump::encode(ValueRef::Object(&object), &options);
            let flat = fields <= 100 && version >= 10;
            assert_eq!(payload[0], if flat { 16 } else { 4 });
            let read = decode(&payload).expect("it was written here");
            assert_eq!(read.encoding(), if fields <= 100 { "listpack" } else { "hashtable" });
            assert_eq!(Object::Hash(read), object);
        }
    }
}

#[test]
fn old_flat_forms_are_read() {
    let list = ziplist::tests::write(&[b"a", b"1", b"b", b"two"]);
    let hash = decode(&ziplist::tests::payload(13, &list)).expect("it is whole");
    assert_eq!((hash.len(), hash.encoding()), (2, "listpack"));
    let map = zipmap::tests::write(&[(b"a", b"1"), (b"b", b"two")], 1);
    let same = decode(&ziplist::tests::payload(9, &map)).expect("it is whole");
    assert_eq!(Object::Hash(hash), Object::Hash(same));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let list = |texts: &[&[u8]]| ziplist::tests::payload(13, &ziplist::tests::write(texts));
    for payload in [
        list(&[]),
        list(&[b"a"]),
        list(&[b"a", b"1", b"a", b"2"]),
        list(&[b"1", b"1", b"1", b"2"]),
        ziplist::tests::payload(16, &[7, 0, 0, 0, 0, 0, 0xff]),
        ziplist::tests::payload(9, &[0, 0xff]),
        ziplist::tests::payload(16, b"junk"),
    ] {
        assert!(decode(&payload).is_err());
    }
}

/// Digests and bytes of a stock server's own, and ours there.
#[test]
fn a_stock_server_reads_what_is_written_and_the_other_way_round() {
    let Some(mut stock) = Stock::start("valkey-server", &["--enable-debug-command", "yes"]) else {
        return;
    };
    for fields in [1, 20, 1000] {
        let hash = sample(fields);
        let mut digits = itoa::Buffer::new();
        for (field, value) in hash.iter() {
            let field = field.to_vec();
            let value = value.as_text(&mut digits).expect("a string");
            stock.call(&[b"HSET", &b"theirs"[..], &field, value]);
        }
        let Answer::Text(theirs) = stock.call(&["DUMP", "theirs"]) else { panic!("a payload") };
        let read = decode(&theirs).expect("it is whole");
        let object = Object::Hash(hash);
        let ours = dump::encode(ValueRef::Object(&object), &EncodeOptions::default());
        let restored = stock.call(&[b"RESTORE", &b"ours"[..], b"0", &ours]);
        assert_eq!(restored, Answer::Text(b"OK".to_vec()));
        let Answer::Array(digests) = stock.call(&["DEBUG", "DIGEST-VALUE", "theirs", "ours"])
        else {
            panic!("digests")
        };
        let digest = digest_of(&object);
        assert_eq!(digests, vec![Answer::Text(digest.into_bytes()); 2]);
        assert_eq!(Object::Hash(read), object);
        stock.call(&["DEL", "theirs", "ours"]);
    }
}

fn digest_of(object: &Object) -> String {
    let mut digest = Digest::default();
    digest.mix(&4_u32.to_be_bytes());
    object.digest(&mut digest);
    digest.to_hex()
}

#[test]
fn every_damage_is_refused_or_harmless() {
    for payload in [
        dump::encode(ValueRef::Object(&Object::Hash(sample(12))), &EncodeOptions::default()),
        ziplist::tests::payload(13, &ziplist::tests::write(&[b"a", b"1", b"b", b"two"])),
    ] {
        crate::rdb::set::tests::damage(&payload);
    }
}
