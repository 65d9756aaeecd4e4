use super::{count_ones, first_bit};
use crate::command::fixture::Fixture;
use crate::command::mirror::beside_stock;
use crate::command::strings::tests::{key, list, number, one_of, value};
use fastrand::Rng;

#[test]
fn a_bit_is_streamed_only_if_it_changed_something() {
    let mut fixture = Fixture::new();
    fixture.check("SETBIT b 7 1", ":0\r\n", &["SETBIT b 7 1"]);
    fixture.check("SETBIT b 7 1", ":1\r\n", &[]);
    fixture.check("SETBIT b 8 0", ":0\r\n", &["SETBIT b 8 0"]);
    fixture.check("GET b", "$2\r\n\u{1}\0\r\n", &[]);
    fixture.check("GETBIT b 7", ":1\r\n", &[]);
    fixture.check("GETBIT b 4294967295", ":0\r\n", &[]);
    let offset = "-ERR bit offset is not an integer or out of range\r\n";
    fixture.check("SETBIT b 4294967296 2", offset, &[]);
    fixture.check("SETBIT b -1 1", offset, &[]);
    fixture.check("SETBIT b 0 2", "-ERR bit is not an integer or out of range\r\n", &[]);
}

#[test]
fn what_might_have_changed_is_raw() {
    let mut fixture = Fixture::new();
    fixture.run_line("MSET a 5 b 5 c abc");
    fixture.check("SETBIT a 0 0", ":0\r\n", &[]);
    fixture.check("OBJECT ENCODING a", "$3\r\nraw\r\n", &[]);
    fixture.check("BITFIELD b GET u8 0", "*1\r\n:53\r\n", &[]);
    fixture.check("OBJECT ENCODING b", "$3\r\nint\r\n", &[]);
    fixture.check("BITFIELD b SET u8 0 53", "*1\r\n:53\r\n", &[]);
    fixture.check("OBJECT ENCODING b", "$3\r\nraw\r\n", &[]);
    fixture.check("BITOP NOT c c", ":3\r\n", &["BITOP NOT c c"]);
    fixture.check("OBJECT ENCODING c", "$3\r\nraw\r\n", &[]);
}

#[test]
fn an_operation_replaces_or_removes_its_target() {
    let mut fixture = Fixture::new();
    fixture.run_line("MSET a abc b aB d x");
    fixture.check("BITOP AND d a b none", ":3\r\n", &["BITOP AND d a b none"]);
    fixture.check("BITCOUNT d", ":0\r\n", &[]);
    fixture.check("BITOP or d a b", ":3\r\n", &["BITOP or d a b"]);
    fixture.check("GET d", "$3\r\nabc\r\n", &[]);
    fixture.check("BITOP XOR d a b", ":3\r\n", &["BITOP XOR d a b"]);
    fixture.check("GET d", "$3\r\n\0 c\r\n", &[]);
    fixture.check("BITOP NOT d none", ":0\r\n", &["BITOP NOT d none"]);
    fixture.check("BITOP NOT d none", ":0\r\n", &[]);
    let single = "-ERR BITOP NOT must be called with a single source key.\r\n";
    fixture.check("BITOP NOT d a b", single, &[]);
    fixture.check("BITOP NEVER d a b", "-ERR syntax error\r\n", &[]);
}

#[test]
fn bits_are_counted_and_found_anywhere() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..2000 {
        let fill = [0x00, 0xff][random.usize(..2)];
        let mut text = vec![fill; random.usize(1..60)];
        for _ in 0..random.usize(..3) {
            let index = random.usize(..text.len());
            text[index] = random.u8(..);
        }
        let len = text.len() as u64 * 8;
        let start = random.u64(..len);
        let bits = start..random.u64(start + 1..=len);
        let ones: Vec<u64> = bits.clone().filter(|bit| super::bit_at(&text, *bit)).collect();
        let told = format!("seed {seed}: {bits:?} of {text:?}");
        assert_eq!(count_ones(&text, bits.clone()), ones.len() as u64, "{told}");
        assert_eq!(first_bit(&text, true, bits.clone()), ones.first().copied(), "{told}");
        let zero = bits.clone().find(|bit| !ones.contains(bit));
        assert_eq!(first_bit(&text, false, bits), zero, "{told}");
    }
}

beside_stock!(command, &["GET", "KEY"], 0..40);

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if let Some(words) = list(random) {
        return words;
    }
    let names = ["SET", "SETBIT", "GETBIT", "BITCOUNT", "BITPOS", "BITPOS", "BITOP", "GET"];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "SET" if random.bool() => words.push(vec![0xff; random.usize(..20)]),
        "SET" => words.push(value(random)),
        "SETBIT" => words.extend([number(random), one_of(random, &["0", "1", "1", "2", "x"])]),
        "GETBIT" => words.push(number(random)),
        "BITCOUNT" => part(random, &mut words),
        "BITPOS" => {
            words.push(one_of(random, &["0", "1", "0", "1", "2", "x"]));
            part(random, &mut words);
        }
        "BITOP" => {
            words.insert(1, one_of(random, &["AND", "or", "XOR", "not", "bad"]));
            words.extend((0..random.usize(1..4)).map(|_| key(random)));
        }
        _ => {}
    }
    words
}

fn part(random: &mut Rng, words: &mut Vec<Vec<u8>>) {
    words.extend((0..random.usize(..3)).map(|_| number(random)));
    if random.bool() {
        words.push(one_of(random, &["BIT", "byte", "bad"]));
    }
}
