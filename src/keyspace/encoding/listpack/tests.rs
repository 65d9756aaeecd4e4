use super::*;
use crate::base::stock::{Answer, Stock};

/// Elements around every border of every form.
fn border_elements() -> Vec<Vec<u8>> {
    let mut elements: Vec<Vec<u8>> = Vec::new();
    for edge in [0, 127, 128, 4095, 4096, 32767, 32768, 8_388_607, 8_388_608, 2_147_483_647] {
        for number in [edge, -edge, -edge - 1, edge + 1] {
            elements.push(i64::to_string(&number).into_bytes());
        }
    }
    for number in [i64::MAX, i64::MIN, i64::MAX - 1] {
        elements.push(number.to_string().into_bytes());
    }
    for text in ["", "-", "-0", "007", "+1", "1.5", "9223372036854775808", "x"] {
        elements.push(text.as_bytes().to_vec());
    }
    for length in [1, 62, 63, 64, 126, 127, 128, 4090, 4095, 4096, 16_377, 16_378, 16_379, 20_000] {
        elements.push((0..length).map(|index| b'a' + (index % 23) as u8).collect());
    }
    elements
}

fn check(pack: &ListPack, expected: &[Vec<u8>]) {
    assert_eq!(pack.len(), expected.len());
    assert_eq!(pack.is_empty(), expected.is_empty());
    let forward: Vec<Vec<u8>> = pack.iter().map(|element| element.to_vec()).collect();
    assert_eq!(forward, expected);
    let mut backward: Vec<Vec<u8>> = pack.iter().rev().map(|element| element.to_vec()).collect();
    backward.reverse();
    assert_eq!(backward, expected);
    let again = ListPack::from_bytes_checked(pack.as_bytes().to_vec());
    assert_eq!(again.as_ref(), Ok(pack));
}

#[test]
fn elements_of_every_form_come_back() {
    let elements = border_elements();
    let pack: ListPack = elements.iter().collect();
    check(&pack, &elements);
    for (index, text) in elements.iter().enumerate() {
        let pos = pack.seek(index as i64).expect("the element is there");
        assert!(pack.at(pos).eq_text(text));
        assert_eq!(pack.at(pos).text_len(), text.len());
        let back = index as i64 - elements.len() as i64;
        assert_eq!(pack.seek(back), Some(pos));
        let first = elements.iter().position(|other| other == text);
        assert_eq!(pack.find(text, 0), pack.seek(first.expect("it is itself") as i64));
    }
    assert_eq!(pack.seek(elements.len() as i64), None);
    assert_eq!(pack.seek(-1 - elements.len() as i64), None);
    assert_eq!(pack.seek(i64::MIN), None);
    assert_eq!(pack.find(b"absent", 0), None);
}

#[test]
fn every_border_costs_what_is_said() {
    for text in border_elements() {
        let mut pack = ListPack::new();
        let before = pack.byte_len();
        pack.push_back(&text);
        assert_eq!(pack.byte_len() - before, ListPack::cost_of(&text));
    }
}

#[test]
fn random_changes_leave_what_a_model_holds() {
    let mut rng = fastrand::Rng::with_seed(5);
    let pool = border_elements();
    let (mut pack, mut model) = (ListPack::new(), Vec::<Vec<u8>>::new());
    for round in 0..3000 {
        let text = pool[rng.usize(..pool.len() - 1)].clone();
        let index = rng.usize(..model.len().max(1));
        match (rng.u8(..9), pack.seek(index as i64)) {
            (0, _) => {
                pack.push_front(&text);
                model.insert(0, text);
            }
            (1 | 2, _) | (_, None) => {
                pack.push_back(&text);
                model.push(text);
            }
            (3, Some(pos)) => {
                pack.insert_before(pos, &text);
                assert!(pack.at(pos).eq_text(&text));
                model.insert(index, text);
            }
            (4, Some(pos)) => {
                let new = pack.insert_after(pos, &text);
                assert!(pack.at(new).eq_text(&text));
                model.insert(index + 1, text);
            }
            (5 | 6, Some(pos)) => {
                pack.replace(pos, &text);
                model[index] = text;
            }
            (7, Some(pos)) => {
                let count = rng.usize(..4);
                let next = pack.remove(pos, count);
                model.drain(index..(index + count).min(model.len()));
                assert_eq!(next, pack.seek(index as i64));
            }
            (_, Some(_)) => {
                let count = rng.usize(..3);
                pack.delete_range(index, count);
                model.drain(index..(index + count).min(model.len()));
            }
        }
        if round % 40 == 0 {
            check(&pack, &model);
        }
    }
}

#[test]
fn finding_passes_over_what_is_not_to_be_compared() {
    let pack: ListPack = ["a", "b", "b", "a", "7", "b"].iter().map(|it| it.as_bytes()).collect();
    assert_eq!(pack.find(b"b", 1), pack.seek(2));
    assert_eq!(pack.find(b"a", 1), pack.seek(0));
    assert_eq!(pack.find(b"7", 1), pack.seek(4));
    assert_eq!(pack.find(b"x", 1), None);
    let second = pack.seek(1).expect("it is there");
    assert_eq!(pack.find_from(second, b"a", 0), pack.seek(3));
    assert!(pack.iter_from(second).eq(pack.iter().skip(1)));
    assert!(pack.iter_before(second).eq(pack.iter().take(1)));
}

#[test]
fn more_elements_than_the_header_can_tell_are_counted() {
    let mut pack = ListPack::new();
    for _ in 0..65_534 {
        pack.push_back(1);
    }
    assert_eq!(pack.as_bytes()[4..6], [0xfe, 0xff]);
    pack.push_back(1);
    assert_eq!(pack.as_bytes()[4..6], [0xff, 0xff]);
    pack.push_front(1);
    assert_eq!(pack.len(), 65_536);
    let half = ListPack::from_bytes_checked(pack.as_bytes().to_vec()).expect("it is valid");
    assert_eq!(half.seek(-1), half.last());
    pack.delete_range(0, 3);
    assert_eq!(pack.len(), 65_533);
    assert_eq!(pack.as_bytes()[4..6], [0xfd, 0xff]);
    pack.append(&half);
    assert_eq!(pack.len(), 65_533 + 65_536);
}

#[test]
fn memory_follows_the_elements() {
    let mut pack = ListPack::new();
    assert_eq!(pack.memory(), 16);
    (0..1000).for_each(|number| pack.push_back(number));
    assert!(pack.memory() >= pack.byte_len() && pack.memory() <= pack.byte_len() * 5 / 4 + 16);
    pack.delete_range(0, 990);
    assert!(pack.memory() < 200, "{}", pack.memory());
    assert!(!pack.fits(BYTES_MAX) && pack.fits(BYTES_MAX / 2) && !pack.fits(usize::MAX));
}

#[test]
fn foreign_bytes_are_checked_everywhere() {
    let pack: ListPack = border_elements().iter().filter(|text| text.len() < 200).collect();
    let good = pack.as_bytes();
    for at in 0..good.len() {
        assert!(ListPack::from_bytes_checked(good[..at].to_vec()).is_err());
        for bit in 0..8 {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << bit;
            // What passes all checks must be readable without a panic.
            if let Ok(pack) = ListPack::from_bytes_checked(bytes) {
                assert_eq!(pack.iter().rev().count(), pack.iter().count());
                assert_eq!(pack.find(b"\xfe\xfe", 0), None);
            }
        }
    }
    for bytes in [
        &[][..],
        &[0xff],
        &[7, 0, 0, 0, 0, 0, 0],
        &[8, 0, 0, 0, 0, 0, 0xff],
        &[7, 0, 0, 0, 1, 0, 0xff],
        &[8, 0, 0, 0, 0, 0, 0xff, 0xff],
        &[9, 0, 0, 0, 1, 0, 1, 2, 0xff],
        &[9, 0, 0, 0, 1, 0, 0xf5, 1, 0xff],
        &[9, 0, 0, 0, 1, 0, 0xf0, 1, 0xff],
        &[12, 0, 0, 0, 1, 0, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(ListPack::from_bytes_checked(bytes.to_vec()).is_err(), "{bytes:?}");
    }
    let ok = ListPack::from_bytes_checked(vec![9, 0, 0, 0, 1, 0, 1, 1, 0xff]);
    assert_eq!(ok, Ok([1].into_iter().collect()));
}

/// The listpack inside the DUMP of a small hash is the payload's one string.
#[test]
fn the_bytes_are_those_of_a_stock_server() {
    let options = ["--rdbcompression", "no", "--hash-max-listpack-value", "100000"];
    let Some(mut stock) = Stock::start("valkey-server", &options) else { return };
    let mut pack = ListPack::new();
    for (index, text) in border_elements().into_iter().enumerate() {
        let field = format!("field{index}").into_bytes();
        pack.push_back(&field);
        pack.push_back(&text);
        stock.call(&[b"HSET".to_vec(), b"h".to_vec(), field, text]);
    }
    let Answer::Text(dump) = stock.call(&["DUMP", "h"]) else { panic!("a payload") };
    // type 16, a length of 32 bits, the pack, version and sum.
    assert_eq!(dump[0], 16);
    assert!(dump[6..dump.len() - 10] == *pack.as_bytes());
    let first = pack.first().expect("it is not empty");
    stock.call(&["HDEL", "h", "field0"]);
    pack.remove(first, 2);
    let value = pack.find(b"field9", 1).and_then(|field| pack.next(field)).expect("it is there");
    stock.call(&["HSET", "h", "field9", "a longer text than before"]);
    pack.replace(value, b"a longer text than before");
    let Answer::Text(dump) = stock.call(&["DUMP", "h"]) else { panic!("a payload") };
    assert!(dump[6..dump.len() - 10] == *pack.as_bytes());
}
