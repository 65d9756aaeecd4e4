use super::*;
use crate::base::stock::{Answer, SERVERS, Stock};

fn sum(one: &str, other: &str) -> Option<String> {
    let sum = LongDouble::parse(one.as_bytes())?.plus(LongDouble::parse(other.as_bytes())?)?;
    Some(String::from_utf8(sum.text()).expect("only ASCII is written"))
}

/// Recorded from valkey-server 8.0.1 and redis-server 7.0.15: SET, then INCRBYFLOAT.
#[test]
fn recorded_sums_come_out() {
    for (one, other, expected) in [
        ("0", "0.1", "0.1"),
        ("3.0", "0", "3"),
        ("123456.789", "0", "123456.78900000000000148"),
        ("10.50", "0.1", "10.6"),
        ("0", "1e21", "1000000000000000000000"),
        ("0", "-1e-17", "-0.00000000000000001"),
        ("0", "5e-18", "0"),
        ("0", "1.5e-17", "0.00000000000000002"),
        ("0", "2.5e-17", "0.00000000000000002"),
        ("0", "-1e-30", "0"),
        ("-0.0", "-0.0", "0"),
        ("1", "-1e-30", "1"),
        ("0", "9007199254740993", "9007199254740993"),
        ("0", "12345678901234567890", "12345678901234567890"),
        ("0", "0X1P3", "8"),
        ("0", "1e-4940", "0"),
    ] {
        assert_eq!(sum(one, other).as_deref(), Some(expected), "{one} + {other}");
    }
}

#[test]
fn what_is_no_number_or_overflows_is_refused() {
    for text in ["", " 1", "1 ", "nan", "1e5000", "1e-5000", "0x1p16384", "0x1p-20000", "1e+"] {
        assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
    }
    let longest = format!("{:0>1$}", 1, TEXT_MAX);
    assert_eq!(sum(&longest, "0").as_deref(), Some("1"));
    assert_eq!(sum(&format!("0{longest}"), "0"), None);
    assert_eq!(sum("1e4932", "1e4932"), None);
    assert_eq!(sum("inf", "1"), None);
    assert_eq!(sum("inf", "-inf"), None);
    assert_eq!(LongDouble::from_i64(i64::MIN).text(), i64::MIN.to_string().as_bytes());
}

/// Both stock servers give the same digits for random numbers of every size.
#[test]
fn stock_servers_agree() {
    for program in SERVERS {
        let Some(mut stock) = Stock::start(program, &[]) else { continue };
        let mut random = fastrand::Rng::with_seed(31);
        let mut number = |widest: i32| {
            let mantissa = random.u64(..) >> random.u32(0..64);
            let sign = if random.bool() { "-" } else { "" };
            let point = random.usize(0..4);
            let fraction = random.u64(..) >> random.u32(0..64);
            match point {
                0 => format!("{sign}{mantissa}"),
                1 => format!("{sign}{mantissa}.{fraction}"),
                2 => format!("{sign}0.{fraction:020}"),
                _ => format!("{sign}{mantissa}.{fraction}e{}", random.i32(-widest..widest)),
            }
        };
        for index in 0..3000 {
            let widest = if index % 10 == 0 { 4960 } else { 25 };
            let (one, other) = (number(widest), number(widest));
            stock.call(&["SET", "f", &one]);
            let theirs = match stock.call(&["INCRBYFLOAT", "f", &other]) {
                Answer::Text(text) => Some(String::from_utf8(text).expect("only ASCII")),
                Answer::Error(_) => None,
                answer => panic!("{answer:?}"),
            };
            assert_eq!(sum(&one, &other), theirs, "{program}: {one} + {other}");
        }
    }
}
