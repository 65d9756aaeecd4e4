use crate::command::fixture::Fixture;
use crate::command::mirror::beside_stock;
use crate::command::strings::tests::{key, list, number, one_of, value};
use fastrand::Rng;

#[test]
fn integers_are_counted_and_streamed_as_they_came() {
    let mut fixture = Fixture::new();
    fixture.check("INCR n", ":1\r\n", &["INCR n"]);
    fixture.check("INCRBY n 5", ":6\r\n", &["INCRBY n 5"]);
    fixture.check("DECR n", ":5\r\n", &["DECR n"]);
    fixture.check("DECRBY n -3", ":8\r\n", &["DECRBY n -3"]);
    fixture.check("GET n", "$1\r\n8\r\n", &[]);
    fixture.check("DECRBY m 3", ":-3\r\n", &["DECRBY m 3"]);
}

#[test]
fn overflows_change_nothing() {
    let mut fixture = Fixture::new();
    let overflow = "-ERR increment or decrement would overflow\r\n";
    fixture.run_line("SET n 9223372036854775807");
    fixture.check("INCR n", overflow, &[]);
    fixture.check("DECRBY n -1", overflow, &[]);
    fixture.check("DECRBY n -9223372036854775808", "-ERR decrement would overflow\r\n", &[]);
    fixture.check("GET n", "$19\r\n9223372036854775807\r\n", &[]);
}

#[test]
fn the_expiry_of_a_number_stays() {
    let mut fixture = Fixture::new();
    fixture.run_line("SET n 1 PX 1000");
    fixture.run_line("INCR n");
    fixture.check("INCRBYFLOAT n 0.5", "$3\r\n2.5\r\n", &["SET n 2.5 KEEPTTL"]);
    fixture.now_ms += 1001;
    fixture.check("GET n", "$-1\r\n", &["DEL n"]);
}

#[test]
fn a_float_sum_is_streamed_as_its_result() {
    let mut fixture = Fixture::new();
    fixture.check("INCRBYFLOAT f 10.5", "$4\r\n10.5\r\n", &["SET f 10.5 KEEPTTL"]);
    fixture.check("INCRBYFLOAT f 0.1", "$4\r\n10.6\r\n", &["SET f 10.6 KEEPTTL"]);
    fixture.check("INCRBYFLOAT f -10.6", "$1\r\n0\r\n", &["SET f 0 KEEPTTL"]);
    let infinite = "-ERR increment would produce NaN or Infinity\r\n";
    fixture.check("INCRBYFLOAT f inf", infinite, &[]);
    fixture.check("INCRBYFLOAT f nan", "-ERR value is not a valid float\r\n", &[]);
    fixture.check("INCRBYFLOAT f ' 1'", "-ERR value is not a valid float\r\n", &[]);
}

beside_stock!(command, &["GET", "KEY"], 0..30);

fn command(random: &mut Rng) -> Vec<Vec<u8>> {
    if let Some(words) = list(random) {
        return words;
    }
    let names = ["SET", "INCR", "DECR", "INCRBY", "DECRBY", "INCRBYFLOAT", "INCRBYFLOAT"];
    let name = names[random.usize(..names.len())];
    let mut words = vec![name.as_bytes().to_vec(), key(random)];
    match name {
        "SET" => words.push(value(random)),
        "INCRBY" | "DECRBY" => words.push(number(random)),
        "INCRBYFLOAT" if random.bool() => words.push(one_of(
            random,
            &["0.1", "1e20", "-1e-20", "1e300", "-1e300", "inf", "nan", "0x1p3", "1e", "-0"],
        )),
        "INCRBYFLOAT" => words.push((random.f64() * 1e6).to_string().into_bytes()),
        _ => {}
    }
    words
}
