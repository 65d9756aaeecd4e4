use super::*;
use crate::base::crc64::crc64;
use crate::base::stock::{Answer, Stock};
use crate::keyspace::digest::Digest;
use crate::rdb::decode::DecodeOptions;
use crate::rdb::dump;
use crate::rdb::encode::EncodeOptions;
use crate::rdb::record::{Value, ValueRef};
use crate::rdb::ziplist::tests::payload;

/// Flips every bit of a payload, whose sum is made right again: it must be refused, or read and
/// written without harm.
pub fn damage(payload: &[u8]) {
    let options = DecodeOptions::default();
    let body = payload.len() - 8;
    for at in 0..body {
        for bit in 0..8 {
            let mut damaged = payload[..body].to_vec();
            damaged[at] ^= 1 << bit;
            damaged.extend_from_slice(&crc64(&damaged).to_le_bytes());
            if let Ok(value) = dump::decode(&damaged, &options) {
                let again = dump::encode(value.borrowed(), &EncodeOptions::default());
                assert!(dump::decode(&again, &options).is_ok());
            }
        }
    }
}

fn decode(payload: &[u8]) -> Result<Set, dump::DumpError> {
    match dump::decode(payload, &DecodeOptions::default())? {
        Value::Object(object) => match *object {
            Object::Set(set) => Ok(set),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Integers only, or texts too.
fn sample(members: usize, texts: bool) -> Set {
    let (mut set, limits) = (Set::default(), DecodeOptions::default().encoding);
    for index in 0..members {
        let text = texts && index % 2 == 0;
        let member = if text { format!("member {index}") } else { (index * 7).to_string() };
        set.add(member.as_bytes(), &limits);
    }
    set
}

fn samples() -> [(Set, &'static str); 4] {
    [
        (sample(100, false), "intset"),
        (sample(1000, false), "hashtable"),
        (sample(100, true), "listpack"),
        (sample(1000, true), "hashtable"),
    ]
}

#[test]
fn sets_come_back_in_every_version() {
    for version in format::WRITTEN_MIN..=format::WRITTEN_MAX {
        for (set, encoding) in samples() {
            assert_eq!(set.encoding(), encoding);
            let object = Object::Set(set);
            let options = EncodeOptions { version, ..EncodeOptions::default() };
            let payload = dump::encode(ValueRef::Object(&object), &options);
            let code = match encoding {
                "intset" => 11,
                "listpack" if version >= 11 => 20,
                _ => 2,
            };
            assert_eq!(payload[0], code, "{encoding} in version {version}");
            let read = decode(&payload).expect("it was written here");
            assert_eq!(read.encoding(), encoding);
            assert_eq!(Object::Set(read), object);
        }
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let pack = |members: &[&str]| -> Vec<u8> {
        let pack: ListPack = members.iter().map(|member| member.as_bytes()).collect();
        payload(20, pack.as_bytes())
    };
    assert_eq!(decode(&pack(&["a", "1"])).map(|set| set.len()), Ok(2));
    for payload in [
        pack(&[]),
        pack(&["a", "a"]),
        pack(&["1", "b", "1"]),
        payload(11, &[2, 0, 0, 0, 0, 0, 0, 0]),
        payload(11, &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0]),
        payload(20, b"junk"),
    ] {
        assert!(decode(&payload).is_err());
    }
}

#[test]
fn a_stock_server_reads_what_is_written_and_the_other_way_round() {
    let Some(mut stock) = Stock::start("valkey-server", &["--enable-debug-command", "yes"]) else {
        return;
    };
    for (set, _) in samples() {
        let members: Vec<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
        stock.call(&[vec![b"SADD".to_vec(), b"theirs".to_vec()], members].concat());
        let Answer::Text(theirs) = stock.call(&["DUMP", "theirs"]) else { panic!("a payload") };
        let read = decode(&theirs).expect("it is whole");
        let object = Object::Set(set);
        let mut digest = Digest::default();
        digest.mix(&2_u32.to_be_bytes());
        object.digest(&mut digest);
        let digest = Answer::Text(digest.to_hex().into_bytes());
        for version in format::WRITTEN_MIN..=format::WRITTEN_MAX {
            let options = EncodeOptions { version, ..EncodeOptions::default() };
            let ours = dump::encode(ValueRef::Object(&object), &options);
            let restored = stock.call(&[b"RESTORE", &b"ours"[..], b"0", &ours, b"REPLACE"]);
            assert_eq!(restored, Answer::Text(b"OK".to_vec()));
            let digests = stock.call(&["DEBUG", "DIGEST-VALUE", "theirs", "ours"]);
            assert_eq!(digests, Answer::Array(vec![digest.clone(), digest.clone()]));
        }
        assert_eq!(Object::Set(read), object);
        stock.call(&["DEL", "theirs", "ours"]);
    }
}

#[test]
fn every_damage_is_refused_or_harmless() {
    let (ints, texts) = (sample(12, false), sample(12, true));
    for set in [ints, texts] {
        let object = Object::Set(set);
        for version in [10, 11] {
            let options = EncodeOptions { version, ..EncodeOptions::default() };
            damage(&dump::encode(ValueRef::Object(&object), &options));
        }
    }
}
