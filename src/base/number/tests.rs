use super::*;
use crate::base::stock::{Answer, Stock};

#[test]
fn integers_have_one_spelling() {
    for integer in [0, 1, -1, 9, 10, -10, i64::MAX, i64::MIN, i64::from(i32::MAX)] {
        let mut text = Vec::new();
        append_i64(&mut text, integer);
        assert_eq!(parse_i64(&text), Some(integer));
        assert_eq!(i64_length(integer), text.len());
    }
    for text in [
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1a",
        "0x1",
        "1.0",
        "--1",
        "1\0",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse_u64(b"18446744073709551616"), None);
    assert_eq!(parse_u64(b"-1"), None);
    assert_eq!(parse_usize(b"17"), Some(17));
}

#[test]
fn floats_are_read_as_arguments() {
    for (text, number) in [
        ("1", 1.0),
        ("-1.5", -1.5),
        ("+5", 5.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e+5", 1e5),
        ("1E5", 1e5),
        ("00012", 12.0),
        ("0x10", 16.0),
        ("0X1P3", 8.0),
        ("0x.8", 0.5),
        ("-0x1.8p-2", -0.375),
        ("INF", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("5e-324", 5e-324),
        ("0e99999999999999999999", 0.0),
        ("1.7976931348623157e308", f64::MAX),
    ] {
        assert_eq!(parse_f64(text.as_bytes()), Some(number), "{text:?}");
    }
    for text in REFUSED {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
    }
}

/// Recorded from valkey-server 8.0.1: ZADD, then ZSCORE with zset-max-listpack-entries 0.
#[test]
fn floats_are_printed_as_replies() {
    for (number, text) in [
        (0.1, "0.1"),
        (3.0, "3"),
        (-0.0, "-0"),
        (1e16, "10000000000000000"),
        (1e20, "1e+20"),
        (1e21, "1e+21"),
        (1.5e25, "1.5e+25"),
        (123_456_789_012_345_678.0, "123456789012345680"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (4_611_686_018_427_387_904.0, "4611686018427387904"),
        (4_611_686_018_427_388_928.0, "4611686018427389000"),
        (-9_223_372_036_854_775_808.0, "-9223372036854776000"),
        (1e-5, "0.00001"),
        (1.5e-5, "0.000015"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.234e-10, "1.234e-10"),
        (0.00012345, "1.2345e-4"),
        (5e-324, "5e-324"),
        (2.225_073_858_507_201_4e-308, "2.2250738585072014e-308"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(f64_text(number), text);
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same_double() {
    let mut random = fastrand::Rng::with_seed(21);
    for _ in 0..20_000 {
        let number = f64::from_bits(random.u64(..));
        if !number.is_nan() {
            assert_eq!(parse_f64(f64_text(number).as_bytes()), Some(number), "{number:e}");
        }
    }
}

/// A stock server prints random scores of every size with the same digits.
#[test]
fn a_stock_server_agrees() {
    let options = ["--zset-max-listpack-entries", "0"];
    let Some(mut stock) = Stock::start("valkey-server", &options) else { return };
    let mut random = fastrand::Rng::with_seed(22);
    for index in 0..10_000 {
        let number = match index % 4 {
            0 => f64::from_bits(random.u64(..)),
            1 => (random.f64() - 0.5) * 10_f64.powi(random.i32(-12..26)),
            2 => random.i64(..) as f64 / 2_f64.powi(random.i32(0..64)),
            _ => f64::from(random.i32(..)) / 10_f64.powi(random.i32(-16..16)),
        };
        if number.is_nan() {
            continue;
        }
        stock.call(&["ZADD", "z", &format!("{number:e}"), "a"]);
        let Answer::Text(theirs) = stock.call(&["ZSCORE", "z", "a"]) else { panic!("a score") };
        let ours = f64_text(number);
        assert_eq!(theirs.escape_ascii().to_string(), ours, "{number:e}");
    }
    for text in REFUSED {
        let refused = stock.call(&["ZADD", "z", text, "a"]);
        assert_eq!(refused, Answer::Error("ERR value is not a valid float".to_owned()), "{text:?}");
    }
}

const REFUSED: &[&str] = &[
    "",
    " ",
    " 1",
    "1 ",
    "\t1",
    "1\0",
    "nan",
    "-nan",
    "nan(1)",
    "1_0",
    "1e",
    "1e+",
    "1d",
    "infx",
    "inf ",
    "--1",
    "+-1",
    "0x",
    "0x.p1",
    "0x1p",
    "0x1p+",
    "0xg",
    ".",
    ".e1",
    "e1",
    "1e400",
    "1e-400",
    "-1e400",
    "0x1p1024",
    "0x1p-2000",
    "1e99999999999999999999",
    "1.2.3",
    "é",
];

/// Recorded from C's `strtod` through ZCOUNT of valkey-server 8.0.1.
#[test]
fn bounds_are_read_leniently() {
    let check = |text: &[u8], expected: Option<f64>| {
        assert_eq!(parse_lenient_f64(text), expected, "{}", text.escape_ascii());
    };
    check(b"", Some(0.0));
    check(b" 1", Some(1.0));
    check(b"\t\r\n-1.5e1", Some(-15.0));
    check(b"1\0junk", Some(1.0));
    check(b"1e400", Some(f64::INFINITY));
    check(b"-1e400", Some(f64::NEG_INFINITY));
    check(b"5e-400", Some(0.0));
    check(b"0x10", Some(16.0));
    check(b"+inf", Some(f64::INFINITY));
    for text in [&b" "[..], b"1 ", b"nan", b"1x", b"(1", b"0x", b"- 1"] {
        check(text, None);
    }
}

/// The expected texts are those of C's `printf`.
#[test]
fn seventeen_digits_as_c_prints_them() {
    let check = |number: f64, expected: &str| {
        let mut out = Vec::new();
        append_f64_17(&mut out, number);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    };
    check(0.0, "0");
    check(-0.0, "-0");
    check(1.0, "1");
    check(-1.5, "-1.5");
    check(0.1, "0.10000000000000001");
    check(0.0001, "0.0001");
    check(0.00001, "1.0000000000000001e-05");
    check(1e16, "10000000000000000");
    check(1e17, "1e+17");
    check(123456789.123, "123456789.123");
    check(1.7976931348623157e308, "1.7976931348623157e+308");
    check(5e-324, "4.9406564584124654e-324");
    check(f64::INFINITY, "inf");
    check(f64::NEG_INFINITY, "-inf");
    check(12.5, "12.5");
    check(1e-7, "9.9999999999999995e-08");
}
