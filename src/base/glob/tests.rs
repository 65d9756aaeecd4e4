use super::*;
use crate::base::stock::{Answer, SERVERS, Stock};

fn check(pattern: &str, text: &str, expected: bool) {
    let found = matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive);
    assert_eq!(found, expected, "{pattern:?} on {text:?}");
}

#[test]
fn the_documented_forms_match() {
    for (pattern, text) in [
        ("h?llo", "hallo"),
        ("h*llo", "hllo"),
        ("h*llo", "heeeello"),
        ("h[ae]llo", "hello"),
        ("h[^e]llo", "hallo"),
        ("h[a-b]llo", "hbllo"),
        ("h\\?llo", "h?llo"),
        ("", ""),
        ("*", ""),
        ("a**", "a"),
        ("**a**", "a"),
    ] {
        check(pattern, text, true);
    }
    for (pattern, text) in [
        ("h?llo", "hllo"),
        ("h[ae]llo", "hillo"),
        ("h[^e]llo", "hello"),
        ("h\\?llo", "hallo"),
        ("", "a"),
        ("a", ""),
        ("?", ""),
        ("**", ""),
        ("A", "a"),
    ] {
        check(pattern, text, false);
    }
}

#[test]
fn case_can_be_ignored() {
    let check = |pattern: &str, text: &str, expected: bool| {
        let found = matches(pattern.as_bytes(), text.as_bytes(), Case::Ignored);
        assert_eq!(found, expected, "{pattern:?} on {text:?}");
    };
    check("MAX*", "maxmemory", true);
    check("[A-C]x", "bX", true);
    check("[^A]", "a", false);
    check("\\A", "a", true);
    check("a", "b", false);
}

#[test]
fn many_stars_take_no_exponential_time() {
    let pattern = "a*".repeat(200) + "b";
    let text = "a".repeat(20_000);
    check(&pattern, &text, false);
}

#[test]
fn every_byte_that_means_something_is_known() {
    assert!(is_literal(b"user:1^]-"));
    for byte in b"*?[\\" {
        assert!(!is_literal(&[b'a', *byte]));
    }
}

/// KEYS of a stock server finds exactly the keys that match here, for random patterns of the bytes
/// that mean something.
#[test]
fn a_stock_server_agrees() {
    for program in SERVERS {
        let Some(mut stock) = Stock::start(program, &[]) else { continue };
        let mut random = fastrand::Rng::with_seed(11);
        let mut text = |letters: &[u8], longest: usize| -> Vec<u8> {
            let length = random.usize(0..=longest);
            (0..length).map(|_| letters[random.usize(..letters.len())]).collect()
        };
        let mut keys: Vec<Vec<u8>> = (0..400).map(|_| text(b"abcd-]^[\\*?", 4)).collect();
        keys.sort();
        keys.dedup();
        for key in &keys {
            stock.call(&[b"SET", &key[..], b"1"]);
        }
        for _ in 0..2000 {
            let pattern = text(b"abcd-[]]^^[\\*?--", 7);
            let Answer::Array(found) = stock.call(&[b"KEYS", &pattern[..]]) else {
                panic!("KEYS gives an array")
            };
            for key in &keys {
                let theirs = found.contains(&Answer::Text(key.clone()));
                let ours = matches(&pattern, key, Case::Sensitive);
                let (pattern, key) = (pattern.escape_ascii(), key.escape_ascii());
                assert_eq!(ours, theirs, "{program}: pattern {pattern} on key {key}");
            }
        }
    }
}
